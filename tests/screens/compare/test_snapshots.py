"""The compare screens on file, in three sizes and both themes; and whether they can be read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.compare.report import history
from anyclaude_tui.screens.compare.history import CompareHistoryScreen
from anyclaude_tui.screens.compare.result_screen import CompareResultScreen
from anyclaude_tui.screens.compare.run_screen import CompareRunScreen
from anyclaude_tui.screens.compare.setup_screen import CompareScreen
from anyclaude_tui.telemetry.events import Phase
from tests.screens import comparing, fakes, found, pictures
from tests.screens.dashboard.test_screen import dashboard

STATES = ("setup", "running", "prefill", "finished", "figures", "runs", "failed", "then", "history")
HOME = Path("/")


@asynccontextmanager
async def shown(
    home: Path, state: str, size: tuple[int, int], theme: str = "anyclaude"
) -> AsyncIterator[tuple[DashboardApp, Pilot[Any]]]:
    """The app with the screen in that state on it."""
    async with dashboard(HOME, fakes.snapshot(), size, theme=theme) as (app, client, pilot):
        saved = comparing.saved(failed=state == "failed")
        if state == "setup":
            screen = CompareScreen(client)
            app.push_screen(screen)
            await pilot.pause(0.1)
            screen._found, screen._message = found.FOUND, ()
        elif state in ("running", "prefill"):
            phase = Phase.PREFILL if state == "prefill" else Phase.DECODE
            job = comparing.Held(comparing.live(*comparing.told(upto=14, phase=phase)))
            clock = comparing.STARTED + 33.0
            app.push_screen(CompareRunScreen(client, job.order, job, lambda: clock))
        elif state == "history":
            history.keep(home, saved)
            history.keep(home, comparing.saved(failed=True))
            app.push_screen(CompareHistoryScreen(fakes.FakeClient(home, fakes.snapshot()), "Kept"))
        else:
            result = CompareResultScreen(client, saved, None, just_run=True)
            result._older = saved if state == "then" else None
            app.push_screen(result)
        await pilot.pause(0.6 if state == "setup" else 0.3)
        keys = {"then": "2", "figures": "3", "runs": "4"}
        await pilot.press(*([keys[state]] if state in keys else []))
        await pilot.pause()
        yield app, pilot


@pytest.mark.parametrize("size", pictures.SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", STATES)
async def test_screen(tmp_path: Path, state: str, size: tuple[int, int]) -> None:
    async with shown(tmp_path, state, size) as (app, pilot):
        await pictures.compare(app, pilot, f"compare-{state}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("theme", ["anyclaude", "anyclaude-light"])
@pytest.mark.parametrize("state", STATES)
async def test_everything_can_be_read(tmp_path: Path, state: str, theme: str) -> None:
    async with shown(tmp_path, state, (160, 48), theme) as (app, _):
        pictures.assert_readable(app)
