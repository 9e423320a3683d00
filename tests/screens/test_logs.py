"""The logs screen, over real files that grow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.backends.supervision.serverlog import ServerLog
from anyclaude_tui.config.settings import DashboardSettings, Settings
from anyclaude_tui.screens.logs import LogsScreen
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets.lines import plain
from anyclaude_tui.widgets.panel import LinesView
from anyclaude_tui.widgets.scroller import Scroller
from tests.screens import fakes
from tests.screens.dashboard.test_screen import LEADER
from tests.support.waiting import until

TRACEBACK = """2026-11-21 03:16:40,911 - ERROR - generation failed
Traceback (most recent call last):
  File "/opt/mlx_lm/server.py", line 912, in handle_completion
    for response in stream_generate(model):
RuntimeError: [metal::malloc] Attempting to allocate 18,253,611,008 bytes
"""


def log_file(home: Path, name: str = "fast", lines: int = 60) -> Path:
    """A server's log with an error at its end."""
    path = home / "server-logs" / f"{name}.log"
    path.parent.mkdir(exist_ok=True)
    written = "".join(
        f'INFO: 127.0.0.1:{n} - "POST /v1/chat/completions HTTP/1.1" 200 OK\n' for n in range(lines)
    )
    path.write_text("2026-11-21 03:15:01 WARNING not for production\n" + written + TRACEBACK)
    return path


@asynccontextmanager
async def screen(
    home: Path, size: tuple[int, int] = (80, 24), *keys: str, shown: Snapshot | None = None
) -> AsyncIterator[Pilot[Any]]:
    """The logs screen, after some keys."""
    client = fakes.FakeClient(home, shown or fakes.snapshot())
    app = DashboardApp(client, Settings(dashboard=DashboardSettings(theme="anyclaude")))
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press(LEADER, "l", *keys)
        await pilot.pause()
        yield pilot


def view(pilot: Pilot[Any]) -> Scroller:
    return pilot.app.screen.query_one("#body", Scroller)


def body(pilot: Pilot[Any]) -> str:
    """All lines, those out of view too."""
    scroller = view(pilot)
    return "\n".join(plain(scroller._draw(number)) for number in range(scroller.count))


def words(pilot: Pilot[Any], name: str) -> str:
    shown = pilot.app.screen.query_one(f"#{name}", LinesView)
    return "\n".join(plain(line) for line in shown.lines)


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


async def test_what_another_session_writes_is_not_shown(tmp_path: Path) -> None:
    folder = tmp_path / "server-logs"
    theirs, ours = ServerLog(folder / "fast.log"), ServerLog(folder / "fast.log")
    theirs.feed(b"secret of another dashboard\n")
    ours.feed(b"line of this one\n")
    status = replace(fakes.FAST, log_path=str(ours.path))
    shown = fakes.snapshot(backends=(status, fakes.QWEN))
    async with screen(tmp_path, (120, 30), shown=shown) as pilot:
        await until(lambda: "line of this one" in body(pilot))
        assert "another dashboard" not in body(pilot)
        assert words(pilot, "tabs").split("\n")[0].split() == [
            "1",
            "fast-2",
            "2",
            "proxy",
            "3",
            "notices",
        ]
    theirs.close()
    ours.close()


async def test_the_log_in_use_comes_first_and_its_end_is_shown(tmp_path: Path) -> None:
    log_file(tmp_path, "another")
    log_file(tmp_path)
    async with screen(tmp_path) as pilot:
        await until(lambda: "metal::malloc" in body(pilot))
        assert "1 fast   2 another   3 proxy   4 notices" in words(pilot, "tabs")
        assert view(pilot).at_end
        assert "following" in words(pilot, "title")


async def test_new_lines_are_followed_until_the_user_looks_back(tmp_path: Path) -> None:
    path = log_file(tmp_path)
    async with screen(tmp_path) as pilot:
        await until(lambda: "metal::malloc" in body(pilot))
        append(path, "INFO: one more\n")
        await until(lambda: "one more" in body(pilot))
        assert view(pilot).at_end
        await pilot.press("f")
        top = view(pilot).scroll_offset.y
        assert "paused" in words(pilot, "title")
        append(path, "INFO: another one\n")
        await until(lambda: "another one" in body(pilot))
        assert view(pilot).scroll_offset.y == top
        await pilot.press("f")
        assert view(pilot).at_end
        assert "following" in words(pilot, "title")


async def test_a_smaller_window_goes_on_following(tmp_path: Path) -> None:
    log_file(tmp_path)
    async with screen(tmp_path, (120, 40)) as pilot:
        await until(lambda: "metal::malloc" in body(pilot))
        await pilot.resize_terminal(60, 12)
        await pilot.pause()
        assert view(pilot).at_end
        assert max(len(line) for line in body(pilot).splitlines()) < 60


async def test_levels_hide_what_matters_less_and_keep_tracebacks_whole(tmp_path: Path) -> None:
    log_file(tmp_path)
    async with screen(tmp_path) as pilot:
        await until(lambda: "metal::malloc" in body(pilot))
        await pilot.press("l", "l")
        assert "only warnings" in words(pilot, "title")
        assert "not for production" in body(pilot)
        assert "POST" not in body(pilot)
        assert "stream_generate" in body(pilot)
        await pilot.press("l")
        assert "not for production" not in body(pilot)
        assert "stream_generate" in body(pilot)
        await pilot.press("l")
        assert "POST" in body(pilot)


async def test_search_goes_from_match_to_match(tmp_path: Path) -> None:
    log_file(tmp_path)
    async with screen(tmp_path) as pilot:
        await until(lambda: "metal::malloc" in body(pilot))
        await pilot.press("slash", *"127.0.0.1:4", "enter")
        assert "match 11 of 11" in words(pilot, "title")
        assert view(pilot).hit == 50
        await pilot.press("N")
        assert view(pilot).hit == 49
        await pilot.press("n", "n")
        assert view(pilot).hit == 5
        assert view(pilot).scroll_offset.y <= 5
        await pilot.press("slash", *"nowhere")
        assert "no match" in words(pilot, "title")
        await pilot.press("escape")
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, LogsScreen)


async def test_a_log_that_is_rotated_goes_on(tmp_path: Path) -> None:
    path = log_file(tmp_path)
    async with screen(tmp_path) as pilot:
        await until(lambda: "metal::malloc" in body(pilot))
        append(path, "INFO: the last of the old\n")
        path.replace(path.with_name("fast.log.1"))
        path.write_text("INFO: the first of the new\n")
        await until(lambda: "first of the new" in body(pilot))
        assert "last of the old" in body(pilot)
        assert "rotated" in body(pilot)


async def test_a_flood_is_bounded(tmp_path: Path) -> None:
    log_file(tmp_path, lines=200_000)
    async with screen(tmp_path) as pilot:
        await until(lambda: "metal::malloc" in body(pilot))
        assert view(pilot).count <= 5_000
        assert view(pilot).at_end


async def test_old_lines_leave_and_the_view_stays_where_it_is(tmp_path: Path) -> None:
    path = log_file(tmp_path, lines=4_990)
    async with screen(tmp_path) as pilot:
        await until(lambda: "metal::malloc" in body(pilot))
        await pilot.press("pageup", "pageup")
        scroller = view(pilot)
        await until(lambda: scroller.scroll_offset.y == scroller.scroll_target_y)
        before = plain(scroller._draw(scroller.scroll_offset.y))
        append(path, "".join(f"INFO: more {n}\n" for n in range(100)))
        await until(lambda: "more 99" in body(pilot))
        assert scroller.count <= 5_000
        assert plain(scroller._draw(scroller.scroll_offset.y)) == before


async def test_without_a_log_it_says_how_to_get_one(tmp_path: Path) -> None:
    async with screen(tmp_path) as pilot:
        assert "1 proxy   2 notices" in words(pilot, "tabs")
        await until(lambda: "ANYCLAUDE_DEBUG=1" in body(pilot))


async def test_a_log_that_appears_gets_a_tab(tmp_path: Path) -> None:
    async with screen(tmp_path) as pilot:
        log_file(tmp_path)
        await pilot.press("tab")
        assert "fast" in words(pilot, "tabs")
        await pilot.press("1")
        await until(lambda: "metal::malloc" in body(pilot))


async def test_notices_are_a_log_too(tmp_path: Path) -> None:
    shown = replace(
        fakes.snapshot(), notices=(fakes.notice("error", "the disk is full: free some space"),)
    )
    async with screen(tmp_path, (80, 24), "2", shown=shown) as pilot:
        await until(lambda: "the disk is full" in body(pilot))


async def test_what_is_shown_is_copied(tmp_path: Path) -> None:
    log_file(tmp_path)
    async with screen(tmp_path) as pilot:
        await until(lambda: "metal::malloc" in body(pilot))
        await pilot.press("l", "l", "l", "y")
        assert pilot.app.clipboard == TRACEBACK
        assert "copied 5 lines" in words(pilot, "keys")
