"""Whole screens compared with those on file (`pictures`); and their colours, which must be
readable.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from anyclaude_tui.telemetry.hub import Snapshot
from tests.screens import fakes, pictures
from tests.screens.test_dashboard import LEADER, dashboard, pane_text
from tests.support.waiting import until

SCRIPT = r"""printf '\033]0;a story\007> tell me a story\r\n\r\nOnce upon a time\r\n'; cat"""
STATES: dict[str, tuple[Snapshot, tuple[str, ...]]] = {
    "prefill": (fakes.snapshot(fakes.prefilling()), ()),
    "decode": (fakes.snapshot(fakes.decoding()), ()),
    "empty": (fakes.snapshot(history=()), ()),
    "menu": (fakes.snapshot(), (LEADER,)),
    "help": (fakes.snapshot(), (LEADER, "h")),
    "backends": (fakes.snapshot(), (LEADER, "b")),
}


@pytest.mark.parametrize("size", pictures.SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", STATES)
async def test_screen(tmp_path: Path, state: str, size: tuple[int, int]) -> None:
    shown, keys = STATES[state]
    async with dashboard(Path("/"), shown, size, script=SCRIPT) as (app, _, pilot):
        await until(lambda: "Once upon a time" in pane_text(app))
        await pilot.press(*keys)
        await pilot.pause()
        await pictures.compare(app, pilot, f"{state}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("theme", ["anyclaude", "anyclaude-light"])
@pytest.mark.parametrize("state", ["prefill", "menu", "help", "backends"])
async def test_everything_can_be_read(tmp_path: Path, state: str, theme: str) -> None:
    """Contrast of text to its ground as WCAG counts it; faint things are faint on purpose."""
    shown, keys = STATES[state]
    async with dashboard(Path("/"), shown, (160, 48), theme=theme) as (app, _, pilot):
        await pilot.press(*keys)
        await pilot.pause()
        pictures.assert_readable(app)
