"""The compare screens as their user meets them: a real session, real simulated servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.compare.report import history
from anyclaude_tui.compare.report.saved import from_json
from anyclaude_tui.config.settings import BackendSettings, ClaudeSettings, Settings
from anyclaude_tui.screens.compare.history import CompareHistoryScreen
from anyclaude_tui.screens.compare.result_screen import CompareResultScreen
from anyclaude_tui.screens.compare.run_screen import CompareRunScreen
from anyclaude_tui.screens.compare.setup import Setup, What
from anyclaude_tui.screens.compare.setup_screen import CompareScreen
from anyclaude_tui.session.session import Session
from anyclaude_tui.session.thread import SessionThread
from anyclaude_tui.widgets.lines import plain
from anyclaude_tui.widgets.panel import LinesView
from anyclaude_tui.widgets.scroller import Scroller
from tests.screens import comparing, fakes
from tests.screens.dashboard.test_screen import LEADER
from tests.support.waiting import children_of_module, until_shown

BODY = {
    "model": "claude",
    "max_tokens": 40,
    "system": [{"type": "text", "text": "You are careful."}],
    "tools": [{"name": "Bash", "input_schema": {"type": "object", "properties": {}}}],
    "messages": [{"role": "user", "content": "list the files"}],
}
READY = BackendState.READY
FAST = BackendSettings(kind="simulator", profile="fast,speed=30,load_s=0")
SLOW = BackendSettings(kind="simulator", profile="slow,speed=30,load_s=0")
LOADING = BackendSettings(kind="simulator", profile="slow,load_s=60")
ENDLESS = BackendSettings(kind="simulator", profile="slow,prefill_tokens_per_s=20,load_s=0")


@asynccontextmanager
async def compared(
    home: Path, *, first: str = "fast", **backends: BackendSettings
) -> AsyncIterator[tuple[DashboardApp, SessionThread, Pilot[Any]]]:
    """The app with the compare screen on it, over a session that is ready."""
    settings = Settings(
        backend=first,
        backends={"fast": FAST, **(backends or {"slow": SLOW})},
        claude=ClaudeSettings(command="/bin/cat"),
    )
    client = SessionThread(lambda: Session(settings, home=home, port=0))
    await asyncio.to_thread(client.start)
    try:
        app = DashboardApp(client, settings)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await until_shown(pilot, lambda: first != "fast" or states(client)[first] is READY)
            await pilot.press(LEADER, "v")
            await until_shown(pilot, lambda: isinstance(app.screen, CompareScreen))
            await pilot.pause()
            yield app, client, pilot
    finally:
        await asyncio.to_thread(client.stop)


def states(client: SessionThread) -> dict[str, BackendState]:
    return {status.name: status.state for status in client.snapshot.backends}


def on_top(app: DashboardApp) -> Screen[Any]:
    return app.screen


def text(app: DashboardApp, name: str) -> str:
    """The text of one of the screen's parts; nothing while the screen is being made."""
    for view in app.screen.query(f"#{name}"):
        if isinstance(view, Scroller):
            return "\n".join(plain(view._draw(n)) for n in range(view.count))
        if isinstance(view, LinesView):
            return "\n".join(plain(line) for line in view.lines)
    return ""


def setup(app: DashboardApp) -> Setup:
    """The choices on the screen."""
    screen = app.screen
    assert isinstance(screen, CompareScreen)
    return screen.setup


def servers() -> int:
    """Simulated servers that run."""
    return len(children_of_module("anyclaude_tui.backends.simulator.server"))


async def test_two_backends_from_the_choice_to_the_verdict(tmp_path: Path) -> None:
    async with compared(tmp_path) as (app, client, pilot):
        assert "fast is in use" in text(app, "effects")
        assert "stopped afterwards: slow" in text(app, "effects")
        assert "2 targets · 32 runs" in text(app, "title")
        await pilot.press("minus", "minus", "enter")
        assert isinstance(on_top(app), CompareRunScreen)
        await until_shown(pilot, lambda: "of 12 runs" in text(app, "progress"))
        await until_shown(pilot, lambda: isinstance(app.screen, CompareResultScreen))
        await until_shown(pilot, lambda: "slow is" in text(app, "body"))
        shown = text(app, "body")
        assert "in the model server, not in the proxy" in shown
        assert "What to do" in shown
        assert states(client)["fast"] is READY
        assert servers() == 1
        assert len(history.entries(tmp_path)) == 1
        await pilot.press("escape")
        assert isinstance(on_top(app), CompareScreen)
        await pilot.press("escape")
        assert on_top(app) is app.dashboard
    assert servers() == 0


async def test_escape_stops_and_keeps_what_there_is(tmp_path: Path) -> None:
    async with compared(tmp_path, endless=ENDLESS) as (app, _, pilot):
        await pilot.press("enter")
        await until_shown(pilot, lambda: "prefill" in text(app, "columns").lower())
        await until_shown(pilot, lambda: "measuring endless" in text(app, "title"))
        await pilot.press("escape", "escape")
        await until_shown(pilot, lambda: isinstance(app.screen, CompareResultScreen))
        await until_shown(pilot, lambda: "stopped before the end" in text(app, "body"))
        assert servers() == 1
        (entry,) = history.entries(tmp_path)
        assert history.load(entry.path).comparison.stopped


@pytest.mark.parametrize("room", [False, True])
async def test_the_app_is_left_while_it_runs(tmp_path: Path, room: bool) -> None:
    async with compared(tmp_path, endless=ENDLESS) as (app, _, pilot):
        await pilot.press(*(["s"] if room else []), "enter")
        await until_shown(pilot, lambda: "measuring endless" in text(app, "title"))
        app.exit(0)
        await pilot.pause()
    assert servers() == 0


async def test_a_target_that_does_not_start_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    gone = BackendSettings(kind="openai", url="http://127.0.0.1:9/v1")
    async with compared(tmp_path, gone=gone) as (app, _, pilot):
        assert "goes on running: gone" in text(app, "effects")
        await pilot.press("minus", "minus", "d", "enter")
        await until_shown(pilot, lambda: isinstance(app.screen, CompareResultScreen))
        await until_shown(pilot, lambda: "gone could not be measured" in text(app, "body"))
        assert "gone was left out" in text(app, "body")


async def test_a_backend_that_was_taken_in_place_of_the_first_one_is_measured(
    tmp_path: Path,
) -> None:
    async with compared(tmp_path, first="endless", endless=LOADING) as (app, client, pilot):
        await pilot.press("escape")
        await asyncio.wrap_future(client.switch("fast"))
        await until_shown(pilot, lambda: client.snapshot.active == "fast")
        await pilot.press(LEADER, "v", "2")
        assert setup(app).targets == ("fast",)
        await pilot.press("minus", "minus", "enter")
        await until_shown(pilot, lambda: isinstance(app.screen, CompareResultScreen))
        (entry,) = history.entries(tmp_path)
        (target,) = history.load(entry.path).comparison.targets
        assert not target.error


async def test_the_backend_in_use_makes_room_and_comes_back(tmp_path: Path) -> None:
    async with compared(tmp_path) as (app, client, pilot):
        await pilot.press("s")
        assert "fast is stopped until all is over" in text(app, "effects")
        await pilot.press("minus", "minus", "enter")
        await until_shown(pilot, lambda: "makes room" in client.snapshot.switching)
        await until_shown(pilot, lambda: isinstance(app.screen, CompareResultScreen))
        await until_shown(pilot, lambda: "slow is" in text(app, "body"))
        await until_shown(pilot, lambda: not client.snapshot.switching)
        await until_shown(pilot, lambda: states(client)["fast"] is READY)
        assert servers() == 1
        assert client.snapshot.totals.requests == 0  # its runs were on a server of their own


async def test_a_captured_request_is_sent_to_each(tmp_path: Path) -> None:
    async with compared(tmp_path) as (app, client, pilot):
        await pilot.press("escape")
        app.push_screen(CompareScreen(client, body=BODY))
        await pilot.pause()
        assert "a captured turn: 1 messages, 1 tools" in text(app, "choices")
        await pilot.press("minus", "minus", "enter")
        await until_shown(pilot, lambda: isinstance(app.screen, CompareResultScreen))
        (entry,) = history.entries(tmp_path)
        comparison = history.load(entry.path).comparison
        assert comparison.workloads == ("turn",)
        views = [sample.view for sample in comparison.samples if sample.run]
        assert all(view.tool_count == 1 for view in views)
        assert all((view.output_tokens.value or 0) <= 40 for view in views)


async def test_a_prompt_is_typed_on_the_screen(tmp_path: Path) -> None:
    async with compared(tmp_path) as (app, _, pilot):
        await pilot.press("p", *"why d", "enter")
        await pilot.pause()
        assert "your prompt: “why d”" in text(app, "choices")
        assert setup(app).what is What.PROMPT
        assert setup(app).direct  # its letters are no commands
        await pilot.press("p", "escape", "w")
        assert setup(app).what is What.QUICK


async def test_the_choice_is_made_with_keys(tmp_path: Path) -> None:
    async with compared(tmp_path) as (app, _, pilot):
        await pilot.press("space", "2")
        assert setup(app).targets == ()
        await pilot.press("enter")
        assert "choose what to compare first" in text(app, "keys")
        await pilot.press("2", "1", "l", "plus", "w")
        assert setup(app).targets == ("slow", "fast")
        assert (setup(app).logged, setup(app).runs) == (True, 4)
        assert "the whole suite" in text(app, "choices")


@asynccontextmanager
async def finished(
    home: Path, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[DashboardApp, Pilot[Any]]]:
    """The app with a result on it."""
    saved = comparing.saved()
    path = history.keep(home, saved)
    app = DashboardApp(fakes.FakeClient(home, fakes.snapshot()), Settings())
    async with app.run_test(size=size, notifications=True) as pilot:
        client = app.client
        app.push_screen(CompareResultScreen(client, saved, path, just_run=True))
        await until_shown(pilot, lambda: "slow is" in text(app, "body"))
        yield app, pilot


@pytest.mark.parametrize(("key", "ending"), [("w", "json"), ("m", "md"), ("v", "svg")])
async def test_it_is_saved_and_the_path_is_shown(tmp_path: Path, key: str, ending: str) -> None:
    async with finished(tmp_path, (200, 40)) as (app, pilot):
        await pilot.press(key)
        await until_shown(pilot, lambda: "saved /" in text(app, "keys"))
        (path,) = (tmp_path / "saved").glob(f"*.{ending}")
        assert str(path) in text(app, "keys")
        assert path.stat().st_mode & 0o777 == 0o600
        data = path.read_bytes()
        if ending == "json":
            assert from_json(data) == comparing.saved()
        elif ending == "md":
            assert b"## Report your findings" in data
        else:
            assert data.startswith(b"<svg")
            assert b"Runs" in data


async def test_sections_are_jumped_to(tmp_path: Path) -> None:
    async with finished(tmp_path, (80, 24)) as (app, pilot):
        body = app.screen.query_one("#body", Scroller)

        def top() -> str:
            return plain(body._draw(int(body.scroll_offset.y))).strip()

        await pilot.press("3")
        await until_shown(pilot, lambda: top() == "Figures")
        await pilot.press("tab")
        await until_shown(pilot, lambda: top().startswith("Runs"))
        await pilot.press("tab")
        await until_shown(pilot, lambda: body.scroll_offset.y == 0)


async def test_it_is_held_against_an_older_one(tmp_path: Path) -> None:
    past = history.keep(tmp_path, comparing.saved(failed=True))
    async with finished(tmp_path) as (app, pilot):
        await pilot.press("o")
        await until_shown(pilot, lambda: isinstance(app.screen, CompareHistoryScreen))
        await until_shown(pilot, lambda: "1 kept" in text(app, "title"))
        assert "could not be measured" in text(app, "why")
        await pilot.press("enter")
        await until_shown(pilot, lambda: "Then and now" in text(app, "body"))
        assert "as fast as then" in text(app, "body")
        await pilot.press("o")
        await until_shown(pilot, lambda: "Then and now" not in text(app, "body"))
        past.write_text("{}")
        await pilot.press("o")
        await until_shown(pilot, lambda: isinstance(app.screen, CompareHistoryScreen))
        await until_shown(pilot, lambda: "0 kept" in text(app, "title"))
        await pilot.press("enter", "escape")
        assert isinstance(on_top(app), CompareResultScreen)


async def test_the_history_opens_one(tmp_path: Path) -> None:
    history.keep(tmp_path, comparing.saved(failed=True))
    async with finished(tmp_path) as (app, pilot):
        await pilot.press("h")
        await until_shown(pilot, lambda: isinstance(app.screen, CompareHistoryScreen))
        await until_shown(pilot, lambda: "2 kept" in text(app, "title"))
        await pilot.press("enter")
        await until_shown(pilot, lambda: isinstance(app.screen, CompareResultScreen))
        await until_shown(pilot, lambda: "Verdict" in text(app, "tabs"))
        assert "r again" not in text(app, "keys")
        await pilot.press("r")
        assert "from the history" in text(app, "keys")


@pytest.mark.parametrize("theme", ["anyclaude", "ansi-dark"])
@pytest.mark.parametrize("size", [(20, 5), (40, 10), (300, 80)])
async def test_any_window(tmp_path: Path, size: tuple[int, int], theme: str) -> None:
    history.keep(tmp_path, comparing.saved())
    app = DashboardApp(fakes.FakeClient(tmp_path, fakes.snapshot()), Settings())
    async with app.run_test(size=size) as pilot:
        app.theme = theme
        job = comparing.Held(comparing.live(*comparing.told()))
        for screen in (
            CompareScreen(app.client),
            CompareRunScreen(app.client, job.order, job),
            CompareResultScreen(app.client, comparing.saved(), None),
            CompareHistoryScreen(app.client, "Comparisons"),
        ):
            app.push_screen(screen)
            await pilot.pause(0.15)
            assert app.screen is screen


async def test_a_run_that_cannot_begin_says_why(tmp_path: Path) -> None:
    app = DashboardApp(fakes.FakeClient(tmp_path, fakes.snapshot()), Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        job = comparing.Held(comparing.live())
        app.push_screen(CompareRunScreen(app.client, job.order, job))
        await pilot.pause()
        job.future.set_exception(ValueError("no backend is called nonsense"))
        await until_shown(pilot, lambda: "no backend is called nonsense" in text(app, "columns"))
        await pilot.press("escape")
        assert on_top(app) is app.dashboard


async def test_the_screen_is_painted_at_most_ten_times_a_second(tmp_path: Path) -> None:
    app = DashboardApp(fakes.FakeClient(tmp_path, fakes.snapshot()), Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        job = comparing.Held(comparing.live(*comparing.told()))
        app.push_screen(CompareRunScreen(app.client, job.order, job, lambda: comparing.STARTED))
        await until_shown(pilot, lambda: "8 of 22" in text(app, "progress"))
        view = app.screen.query_one("#columns", LinesView)
        before = view.lines
        values = [comparing.live(*comparing.told(upto=n)) for n in (3, 5, 7)]
        for n in range(1_000):  # news come as fast as they like: nothing is sent to the screen
            job.live = values[n % 3]
        assert view.lines is before
        await pilot.press("escape", "escape")
        assert job.stopped == 1
        assert "stopping…" in text(app, "progress")
