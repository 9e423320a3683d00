"""Whole screens compared with those on file (`pictures`); and their colours, which must be
readable.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets.lines import plain
from anyclaude_tui.widgets.panel import LinesView
from tests.screens import fakes, found, pictures
from tests.screens.dashboard.test_screen import LEADER, dashboard, pane_text
from tests.support.waiting import until, until_shown

SCRIPT = r"""printf '\033]0;a story\007> tell me a story\r\n\r\nOnce upon a time\r\n'; cat"""
FAILED = replace(
    fakes.FAST,
    state=BackendState.FAILED,
    reason="port 8080 is taken by PID 812 (python): end that process, or set another port",
    pid=None,
)
STATES: dict[str, tuple[Snapshot, tuple[str, ...]]] = {
    "prefill": (fakes.snapshot(fakes.prefilling()), ()),
    "decode": (fakes.snapshot(fakes.decoding()), ()),
    "empty": (fakes.snapshot(history=()), ()),
    "menu": (fakes.snapshot(), (LEADER,)),
    "help": (fakes.snapshot(), (LEADER, "h")),
    "backends": (fakes.snapshot(), (LEADER, "b")),
    "failed": (fakes.snapshot(history=(), backends=(FAILED, fakes.QWEN)), ()),
}


@asynccontextmanager
async def opened(
    state: str, size: tuple[int, int], theme: str = "anyclaude"
) -> AsyncIterator[tuple[DashboardApp, Pilot[Any]]]:
    """The app in that state, with what a search of the machine finds."""
    shown, keys = STATES[state]
    client = found.FoundClient(Path("/"), shown)
    try:
        async with dashboard(Path("/"), shown, size, script=SCRIPT, theme=theme, found=client) as (
            app,
            _,
            pilot,
        ):
            await until(lambda: "Once upon a time" in pane_text(app))
            await pilot.press(*keys)
            if state == "backends":
                title = app.screen.query_one("#title", LinesView)
                await until_shown(pilot, lambda: "2 more" in plain(title.lines[0]))
            await pilot.pause()
            yield app, pilot
    finally:
        client.close()


@pytest.mark.parametrize("size", pictures.DASHBOARD_SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", STATES)
async def test_screen(tmp_path: Path, state: str, size: tuple[int, int]) -> None:
    async with opened(state, size) as (app, pilot):
        await pictures.compare(app, pilot, f"{state}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("theme", ["anyclaude", "anyclaude-light"])
@pytest.mark.parametrize("state", ["prefill", "menu", "help", "backends", "failed"])
async def test_everything_can_be_read(tmp_path: Path, state: str, theme: str) -> None:
    """Contrast of text to its ground as WCAG counts it; faint things are faint on purpose."""
    async with opened(state, (160, 48), theme) as (app, pilot):
        if state == "backends":  # each row with the cursor on it
            for _ in range(8):
                pictures.assert_readable(app)
                await pilot.press("down")
                await pilot.pause()
        pictures.assert_readable(app)
