"""Whole screens compared with those on file (`pictures`); and their colours, which must be
readable.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.style import Style
from textual.color import Color

from anyclaude_tui.telemetry.hub import Snapshot
from tests.screens import fakes, pictures
from tests.screens.test_dashboard import LEADER, dashboard, pane_text, until

SCRIPT = r"""printf '\033]0;a story\007> tell me a story\r\n\r\nOnce upon a time\r\n'; cat"""
STATES: dict[str, tuple[Snapshot, tuple[str, ...]]] = {
    "prefill": (fakes.snapshot(fakes.prefilling()), ()),
    "decode": (fakes.snapshot(fakes.decoding()), ()),
    "empty": (fakes.snapshot(history=()), ()),
    "menu": (fakes.snapshot(), (LEADER,)),
    "help": (fakes.snapshot(), (LEADER, "h")),
    "backends": (fakes.snapshot(), (LEADER, "b")),
}


@pytest.fixture(autouse=True)
def _same_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The screens show local times."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


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
        variables = app.get_css_variables()
        faint = {Color.parse(variables[f"dash-{name}"]) for name in ("faint", "rule")}
        for row in pictures.rows(app):
            for segment in row:
                if segment.style is None or not segment.text.strip():
                    continue
                colors = _colors(segment.style)
                if colors is None:
                    continue
                front, ground = colors
                least = 1.4 if front in faint or not _is_text(segment.text) else 4.5
                ratio = _contrast(front, ground)
                assert ratio >= least, (segment.text, front.hex, ground.hex, ratio)


def _colors(style: Style) -> tuple[Color, Color] | None:
    """Front and ground, where both are the theme's."""
    if style.color is None or style.bgcolor is None or style.reverse:
        return None
    if style.color.triplet is None or style.bgcolor.triplet is None:
        return None
    return Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)


def _contrast(one: Color, other: Color) -> float:
    """WCAG 2.2: (L1 + 0.05) / (L2 + 0.05)."""

    def luminance(color: Color) -> float:
        parts = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _is_text(words: str) -> bool:
    return any(char.isalnum() for char in words)
