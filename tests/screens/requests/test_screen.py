"""The requests screen and the screen about one of them, as their user meets them."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.config.settings import DashboardSettings, Settings
from anyclaude_tui.figures import reported
from anyclaude_tui.prefix.divergence import Cause, Comparison
from anyclaude_tui.screens.compare.setup_screen import CompareScreen
from anyclaude_tui.screens.requests import prompt_tabs, tabs
from anyclaude_tui.screens.requests.details import RequestDetailsScreen
from anyclaude_tui.screens.requests.screen import RequestsScreen
from anyclaude_tui.telemetry import journal
from anyclaude_tui.telemetry.events import Outcome, Phase
from anyclaude_tui.telemetry.traces import message_of, trace_path
from anyclaude_tui.widgets.lines import plain
from anyclaude_tui.widgets.panel import LinesView
from anyclaude_tui.widgets.rows import Rows
from anyclaude_tui.widgets.scroller import Scroller
from tests.proxy.conversations import changed
from tests.screens import fakes, kept
from tests.screens.dashboard.test_screen import LEADER
from tests.support.waiting import until, until_shown


@asynccontextmanager
async def screen(
    session: kept.Kept, size: tuple[int, int] = (120, 40), *keys: str
) -> AsyncIterator[tuple[kept.Client, Pilot[Any]]]:
    """The requests screen over a session, after some keys."""
    client = kept.Client(session)
    app = DashboardApp(client, Settings(dashboard=DashboardSettings(theme="anyclaude")))
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press(LEADER, "i", *keys)
        await pilot.pause()
        yield client, pilot


def on_top(pilot: Pilot[Any]) -> Screen[Any]:
    return pilot.app.screen


def words(pilot: Pilot[Any], name: str) -> str:
    """The text of a widget of lines."""
    view = on_top(pilot).query_one(f"#{name}", LinesView)
    return "\n".join(plain(line) for line in view.lines)


def body(pilot: Pilot[Any]) -> str:
    """All lines of the tab, those out of view too."""
    scroller = on_top(pilot).query_one("#body", Scroller)
    return "\n".join(plain(scroller._draw(number)) for number in range(scroller.count))


def rows(pilot: Pilot[Any]) -> list[str]:
    """The table's rows, those out of view too."""
    table = on_top(pilot).query_one("#rows", Rows)
    return [plain(table._draw(number)) for number in range(table.count)]


def show(pilot: Pilot[Any], client: kept.Client) -> None:
    """What the timer does."""
    client.again()
    shown = on_top(pilot)
    assert isinstance(shown, RequestsScreen)
    shown._show()


async def opened(pilot: Pilot[Any]) -> None:
    """Wait until the session has answered."""
    shown = on_top(pilot)
    assert isinstance(shown, RequestDetailsScreen)
    await until(lambda: shown._asked)
    await pilot.pause()


# --- the table ----------------------------------------------------------------------------------


async def test_the_newest_is_on_top_and_those_that_run_count_up(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path)) as (_, pilot):
        table = rows(pilot)
        assert len(table) == 30
        assert "prefill" in table[0]
        assert "~18.5k" in table[0]
        assert "30 requests · following" in words(pilot, "title")
        assert "1 running" in words(pilot, "title")


async def test_a_new_one_comes_in_on_top_and_the_cursor_goes_with_it(tmp_path: Path) -> None:
    session = kept.usual(tmp_path)
    async with screen(session) as (client, pilot):
        table = on_top(pilot).query_one(Rows)
        assert table.key == "req_0000"
        session.add(fakes.record(77, accepted_wall=fakes.WALL + 5), kept.FIRST)
        show(pilot, client)
        assert table.key == "req_0077"


async def test_off_the_top_the_cursor_stays_on_its_request(tmp_path: Path) -> None:
    session = kept.usual(tmp_path)
    async with screen(session, (120, 24)) as (client, pilot):
        await pilot.press("down", "down")
        table = on_top(pilot).query_one(Rows)
        assert table.key == "req_0002"
        assert "not following" in words(pilot, "title")
        for number in range(70, 75):
            session.add(fakes.record(number, accepted_wall=fakes.WALL + number), kept.FIRST)
        show(pilot, client)
        assert (table.key, table.cursor) == ("req_0002", 7)
        await pilot.press("f")
        assert (table.key, table.scroll_offset.y) == ("req_0074", 0)
        assert " following" in words(pilot, "title")


async def test_the_filter_works_while_it_is_typed(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path)) as (_, pilot):
        await pilot.press("slash", *"outcome:error")
        assert len(rows(pilot)) == 1
        assert "1 of 30 requests" in words(pilot, "title")
        await pilot.press("enter", "slash", "space", *"x:1")
        assert "there is no field 'x'" in words(pilot, "why")
        await pilot.press("escape")
        assert len(rows(pilot)) == 30
        assert isinstance(on_top(pilot), RequestsScreen)
        await pilot.press("escape")
        assert not isinstance(on_top(pilot), RequestsScreen)


async def test_tab_takes_what_is_offered(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path)) as (_, pilot):
        await pilot.press("slash", *"rol")
        assert "Tab takes role:" in words(pilot, "why")
        await pilot.press("tab", *"sub", "tab", "enter")
        assert len(rows(pilot)) == 1
        assert "subagent" in rows(pilot)[0]


async def test_requests_of_earlier_days_are_shown_and_filtered(tmp_path: Path) -> None:
    folder = tmp_path / journal.FOLDER
    folder.mkdir()
    old = fakes.ended(1, id="req_old", backend="older", accepted_wall=fakes.WALL - 90_000)
    line = json.dumps(journal.entry(old), default=str)
    (folder / "2025-11-11.jsonl").write_text(f"{line}\n")
    async with screen(kept.usual(tmp_path)) as (_, pilot):
        assert len(rows(pilot)) == 30
        await pilot.press("e")
        await until(lambda: len(rows(pilot)) == 31)
        assert "earlier days too" in words(pilot, "title")
        await pilot.press("slash", *"backend:older", "enter")
        await until(lambda: len(rows(pilot)) == 1)
        await pilot.press("enter")
        await opened(pilot)
        assert "TTFT" in body(pilot)
        await pilot.press("escape", "escape", "e")
        await until(lambda: len(rows(pilot)) == 30)


async def test_the_response_is_put_together_and_raw_on_a_key(tmp_path: Path) -> None:
    session = kept.usual(tmp_path)
    session.add(fakes.ended(0, id="req_9999"), kept.FIRST, kept.reply("Hello.\nWorld."))
    async with screen(session, (120, 40), "slash", *"9999", "enter", "enter", "6") as (_, pilot):
        await opened(pilot)
        await until(lambda: "World." in body(pilot))
        assert body(pilot).split() == ["Hello.", "World.", "end_turn", "·", "9", "tokens", "out"]
        await pilot.press("v")
        await until(lambda: "content_block_delta" in body(pilot))
        await pilot.press("v")
        await until(lambda: "content_block_delta" not in body(pilot))


def test_a_reply_that_was_begun_early_is_put_together_too() -> None:
    """Its start went out before the backend answered, and is not among what is kept."""
    events = kept.reply("Hello.").partition(b"event: content_block_start")
    message = message_of(events[1] + events[2])
    assert message is not None
    assert message["content"] == [{"type": "text", "text": "Hello."}]
    assert message["stop_reason"] == "end_turn"
    assert message_of(b"event: ping\ndata: {}\n\n") is None


def test_thinking_and_calls_are_told_apart() -> None:
    content = [
        {"type": "thinking", "thinking": "first I look"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "name": "Bash", "input": {"command": "ls -l"}},
        {"type": "odd", "of": "a newer API"},
    ]
    lines = [
        plain(line) for line in tabs.response({"response": {"message": {"content": content}}}, 60)
    ]
    assert lines[:6] == ["thinking", "  first I look", "", "I look.", "", "call Bash"]
    assert '  command: "ls -l"' in lines
    assert '  of: "a newer API"' in lines


async def test_a_request_is_copied_as_curl_that_a_shell_takes(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path), (120, 40), "down", "enter") as (_, pilot):
        await opened(pilot)
        await pilot.press("u")
        await until(lambda: "copied as curl" in words(pilot, "keys"))
        command = pilot.app.clipboard
    assert kept.TOKEN not in command
    script = command.replace("curl -sN", "cat_arguments", 1)
    script = f'cat_arguments() {{ printf "%s\\n" "$@" >&2; cat; }}\n{script}'
    env = {"PATH": "/usr/bin:/bin", "ANTHROPIC_AUTH_TOKEN": "the token"}
    run = partial(subprocess.run, capture_output=True, env=env, check=True, text=True)
    done = await asyncio.to_thread(run, ["sh", "-c", script])
    assert json.loads(done.stdout) == kept.SECOND
    assert "http://127.0.0.1:41810/v1/messages" in done.stderr
    assert "Authorization: Bearer the token" in done.stderr


async def test_the_editor_gets_the_tab_and_its_file_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", f"cp -t {tmp_path}/into")
    (tmp_path / "into").mkdir()
    monkeypatch.delenv("VISUAL", raising=False)
    async with screen(kept.usual(tmp_path), (120, 40), "down", "enter", "4") as (_, pilot):
        await opened(pilot)
        monkeypatch.setattr(pilot.app, "suspend", nullcontext)
        await pilot.press("e")
        await until(lambda: list((tmp_path / "into").glob("req_0001-request.json")))
        (path,) = (tmp_path / "into").iterdir()
        assert json.loads(path.read_bytes()) == kept.SECOND
        monkeypatch.setenv("EDITOR", "/nowhere/editor")
        await pilot.press("e")
        await until(lambda: "could not be run" in words(pilot, "keys"))
        monkeypatch.setenv("EDITOR", "")
        await pilot.press("e")
        await until(lambda: "set EDITOR" in words(pilot, "keys"))


async def test_nothing_that_fits_is_said(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path), (80, 24), "slash", *"backend:none") as (_, pilot):
        assert rows(pilot) == []
        assert "No request fits the filter" in words(pilot, "why")


async def test_without_requests_it_says_so(tmp_path: Path) -> None:
    async with screen(kept.Kept(tmp_path)) as (_, pilot):
        assert "No request yet" in words(pilot, "why")
        await pilot.press("enter", "down", "s", "f")
        assert isinstance(on_top(pilot), RequestsScreen)


async def test_sorting_by_each_column_and_back(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path)) as (_, pilot):
        seen = []
        for _ in range(20):
            await pilot.press("s")
            head = words(pilot, "head")
            seen.append(next(word for word in head.split() if word.endswith("↓"))[:-1])
            if seen[-1] == "time":
                break
        assert seen[-1] == "time"
        assert {"in", "reused", "out", "TTFT", "tok/s", "total", "end"} < set(seen)


async def test_reversed_the_least_is_on_top_and_what_is_not_known_at_the_end(
    tmp_path: Path,
) -> None:
    async with screen(kept.usual(tmp_path), (80, 24), *"ssss", "r") as (_, pilot):
        assert "TTFT↑" in words(pilot, "head")
        table = rows(pilot)
        assert "1.00 s" in table[0]
        assert "–" in table[-1]


async def test_a_click_on_a_head_sorts_and_a_double_click_opens(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path)) as (_, pilot):
        x = words(pilot, "head").index("total") + 2
        await pilot.click("#head", offset=(x, 0))
        assert "total↓" in words(pilot, "head")
        await pilot.click("#head", offset=(x, 0))
        assert "total↑" in words(pilot, "head")
        await pilot.click("#rows", offset=(4, 3), times=2)
        await pilot.pause()
        assert isinstance(on_top(pilot), RequestDetailsScreen)


# --- one request --------------------------------------------------------------------------------


async def test_the_overview_has_phases_numbers_notes_and_events(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path), (120, 40), "down", "enter") as (_, pilot):
        await opened(pilot)
        shown = body(pilot)
        for part in ("queue", "load", "prefill", "thinking", "decode", "━", "TTFT", "gap p99"):
            assert part in shown
        assert "thinking budget of 31,999 tokens left out" in shown
        assert "first visible text" in shown
        assert "tool_use" in words(pilot, "tabs")
        assert "simulated" in words(pilot, "tabs")


async def test_sizes_name_every_piece_and_what_is_read_again(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path), (120, 60), "down", "enter", "2") as (_, pilot):
        await opened(pilot)
        shown = body(pilot)
        lines = shown.splitlines()
        assert "System text 2" in shown
        assert "Tools 3" in shown
        assert "changed" in next(line for line in lines if "system block 2" in line)
        assert "again" in next(line for line in lines if "tool Bash" in line)
        assert "new" in next(line for line in lines if "message 9" in line)
        shares = [line.split()[-2] for line in lines if line.startswith("   ") and "%" in line]
        assert 98 <= sum(map(float, shares)) <= 102
        await pilot.press("s")
        await until(lambda: "largest first" in body(pilot))
        tools = [line.split()[1] for line in body(pilot).splitlines() if " tool " in line]
        assert sorted(tools) == ["Bash", "Edit", "Read"]


async def test_the_prefix_says_where_what_and_how_much(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path), (120, 40), "down", "enter", "3") as (_, pilot):
        await opened(pilot)
        shown = body(pilot)
        assert "! git status" in shown
        assert "system block 2, " in shown
        assert "+ M b.py" in shown
        assert "read again" in shown


def test_a_cold_prompt_costs_what_was_read() -> None:
    """24,409 tokens read anew were said to cost nothing, and 0 B to be read again."""
    made = fakes.ended(1)
    made.attempt.prompt_tokens = reported(24_409)
    made.attempt.cached_tokens = reported(0)
    first = Comparison(Cause.FIRST, size_bytes=98_000)
    shown = "\n".join(plain(line) for line in prompt_tabs.prefix(fakes.seen(made), first, 100))
    assert "read again" not in shown
    assert "nothing" not in shown
    assert re.search(r"read +24,409 tokens", shown)
    assert re.search(r"prefill +\d", shown)


async def test_bodies_are_shown_without_secrets(tmp_path: Path) -> None:
    session = kept.usual(tmp_path)
    request = changed("what does a.py do?", f"my token is {kept.TOKEN}", kept.FIRST)
    session.add(fakes.ended(0, id="req_9999"), request, kept.reply("Hello.\nWorld."))
    async with screen(session, (120, 40), "slash", *"9999", "enter", "enter") as (_, pilot):
        await opened(pilot)
        for key, part in (
            ("4", "my token is [redacted]"),
            ("5", "messages"),
            ("6", "World."),
            ("7", "timeline"),
        ):
            await pilot.press(key)
            await until(lambda part=part: part in body(pilot))  # type: ignore[misc]
            assert kept.TOKEN not in body(pilot)


async def test_a_huge_body_is_shown_and_searched(tmp_path: Path) -> None:
    session = kept.usual(tmp_path)
    output = "\n".join(f"row {n} of a long tool result" for n in range(6000))
    request = changed("print('one')\n", output, kept.FIRST)
    session.add(fakes.ended(0, id="req_9999"), request, kept.reply())
    async with screen(session, (80, 24), "slash", *"9999", "enter", "enter", "4") as (_, pilot):
        await opened(pilot)
        await until(lambda: "row 5999 of" in body(pilot))
        await pilot.press("slash", *"row 4321", "enter")
        await pilot.press("slash", *["backspace"] * 8, *"row 17", "enter")
        assert "match 1 of 111" in words(pilot, "title")
        await pilot.press("slash", *["backspace"] * 6, *"row 4321", "enter")
        scroller = on_top(pilot).query_one("#body", Scroller)
        assert scroller.hit is not None
        assert "row 4321" in plain(scroller._draw(scroller.hit))
        top = scroller.scroll_offset.y
        assert top <= scroller.hit < top + scroller.size.height
        assert "match 1 of 1" in words(pilot, "title")
        await pilot.press("escape")
        assert scroller.hit is None
        assert isinstance(on_top(pilot), RequestDetailsScreen)


async def test_copy_gives_the_exact_json(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path), (120, 40), "down", "enter", "4") as (_, pilot):
        await opened(pilot)
        await pilot.press("y")
        await until(lambda: "copied request" in words(pilot, "keys"))
        assert json.loads(pilot.app.clipboard) == kept.SECOND
        await pilot.press("1", "y")
        await until(lambda: "prefill" in pilot.app.clipboard)


async def test_save_writes_for_the_user_alone_and_says_where(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path), (160, 40), "down", "enter") as (_, pilot):
        await opened(pilot)
        await pilot.press("w")
        path = tmp_path / "saved" / "req_0001-trace.json"
        await until(lambda: str(path) in words(pilot, "keys"))
        assert path.stat().st_mode & 0o777 == 0o600
        assert json.loads(path.read_bytes())["request"]["body"] == kept.SECOND
        await pilot.press("6", "w")
        saved = tmp_path / "saved" / "req_0001-response.json"
        await until(saved.exists)


async def test_a_file_that_cannot_be_written_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "saved").write_text("in the way")
    async with screen(kept.usual(tmp_path), (120, 40), "down", "enter", "w") as (_, pilot):
        await until(lambda: "could not be saved" in words(pilot, "keys"))


async def test_a_request_that_runs_is_followed_to_its_end(tmp_path: Path) -> None:
    session = kept.usual(tmp_path)
    async with screen(session, (120, 40), "enter") as (client, pilot):
        await opened(pilot)
        assert "first delta" not in body(pilot)
        assert "prefill" in words(pilot, "tabs")
        running = session.hub.in_flight["req_0000"]
        running.attempt.headers_at = fakes.NOW - 3
        await until(lambda: "headers" in body(pilot))
        running.phase, running.outcome = Phase.ENDED, Outcome.COMPLETE
        running.attempt.first_delta_at, running.attempt.last_delta_at = fakes.NOW - 2, fakes.NOW - 1
        running.ended_at, running.stop_reason = fakes.NOW, "end_turn"
        session.observers.ended(running)
        session.hub.end(running)
        client.again()
        await until(lambda: "end_turn" in words(pilot, "tabs"))
        await until(lambda: "ended" in body(pilot))


async def test_what_is_not_kept_any_more_says_why(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path), (120, 40), *["down"] * 5, "enter") as (_, pilot):
        await opened(pilot)
        assert "load" in body(pilot)  # the figures are there all the same
        await pilot.press("4")
        await until(lambda: "ANYCLAUDE_DEBUG=3" in body(pilot))
        await pilot.press("r")
        await until(lambda: "cannot be sent again" in words(pilot, "keys"))


async def test_an_older_one_comes_from_its_trace_file(tmp_path: Path) -> None:
    session = kept.usual(tmp_path)
    capture = session.observers.captures.get("req_0001")
    assert capture is not None
    path = trace_path(tmp_path / "traces", capture, "2026-11-21T03:15:02.123Z")
    path = path.with_name(path.name.replace("req_0001", "req_0009"))
    path.parent.mkdir(parents=True)
    trace = {
        "request": {"body": kept.FIRST, "upstream": {"messages": []}},
        "response": {"message": {"content": "from the file"}},
        "timeline": [{"atMs": 1.0, "event": "from the file", "detail": ""}],
    }
    path.write_text(json.dumps(trace))
    async with screen(session, (120, 40), "slash", *"0009", "enter", "enter") as (_, pilot):
        await opened(pilot)
        assert "from the file" in body(pilot)


async def test_the_title_is_about_the_tab_that_is_shown(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path), (120, 40), "down", "enter") as (_, pilot):
        await opened(pilot)
        await pilot.press("4", "G")
        await until_shown(pilot, lambda: "100 %" in words(pilot, "title"))
        await pilot.press("3")
        await until_shown(pilot, lambda: "lines" not in words(pilot, "title"))


async def test_tabs_by_key_and_by_mouse(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path), (120, 40), "down", "enter") as (_, pilot):
        await opened(pilot)
        await pilot.press("tab")
        await until(lambda: "System text" in body(pilot))
        await pilot.press("shift+tab", "shift+tab")
        await until(lambda: "requestId" in body(pilot))
        x = words(pilot, "tabs").splitlines()[1].index("Prefix") + 1
        await pilot.click("#tabs", offset=(x, 1))
        await until(lambda: "git status" in body(pilot))
        await pilot.press("right")
        await until(lambda: "claude-local" in body(pilot))


async def test_a_session_that_does_not_answer_is_said(tmp_path: Path) -> None:
    session = kept.usual(tmp_path)
    async with screen(session, (120, 40), "down") as (_, pilot):
        session.observers.explainer = None  # type: ignore[assignment]
        await pilot.press("enter")
        await until(lambda: "could not be read" in words(pilot, "keys"))


async def test_compare_gets_the_very_request(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path), (120, 40), "down", "enter", "c") as (_, pilot):
        await until(lambda: isinstance(on_top(pilot), CompareScreen))
        shown = on_top(pilot)
        assert isinstance(shown, CompareScreen)
        assert shown.setup.turn is not None
        assert shown.setup.turn.body == kept.SECOND
