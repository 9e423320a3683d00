"""Screens compared with those on file: their text, and in both of our themes their styles.

To accept what is shown now: `UPDATE_SNAPSHOTS=1 pytest tests/screens`, then look at the
difference. A style file has one line per row of the screen, `LETTER` × cells, and says at
its end which style each letter stands for.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.pilot import Pilot
from textual.strip import Strip

from anyclaude_tui.widgets import themes

FOLDER = Path(__file__).parent / "snapshots"
SIZES = [(80, 24), (120, 40), (200, 60)]
DASHBOARD_SIZES = sorted([*SIZES, (140, 44), (160, 48)])
"""The dashboard is arranged otherwise at each of them."""
LATE_S = 5.0
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def rows(app: App[Any]) -> list[Strip]:
    """What is on the screen."""
    return app.screen._compositor.render_strips()


async def compare(app: App[Any], pilot: Pilot[Any], name: str) -> None:
    """The screen is as on file, in our dark and our light theme."""
    for theme in themes.OWN:
        app.theme = theme.name
        await pilot.pause()
        text = FOLDER / f"{name}.txt"
        styles = FOLDER / "styles" / f"{name}-{'dark' if theme.dark else 'light'}.txt"
        shown = rows(app)
        if not os.environ.get("UPDATE_SNAPSHOTS"):
            shown = await _settled(app, pilot, text, styles)
        _same(text, _text(shown))
        _same(styles, _styles(shown))


async def _settled(app: App[Any], pilot: Pilot[Any], text: Path, styles: Path) -> list[Strip]:
    """The rows once they are what they should be: a busy machine draws late, and the cursor of a
    line of input blinks. What there is after LATE_S, at the latest."""
    wanted = text.read_text(encoding="utf-8"), styles.read_text(encoding="utf-8")
    with suppress(TimeoutError):
        async with asyncio.timeout(LATE_S):
            while True:
                shown = rows(app)
                if (_text(shown), _styles(shown)) == wanted:
                    return shown
                await pilot.pause(0.02)
    return rows(app)


def _text(shown: list[Strip]) -> str:
    return "\n".join(row.text.rstrip() for row in shown) + "\n"


def assert_readable(app: App[Any]) -> None:
    """Contrast of text to its ground as WCAG counts it; faint things are faint on purpose."""
    variables = app.get_css_variables()
    faint = {Color.parse(variables[f"dash-{name}"]) for name in ("faint", "rule")}
    for row in rows(app):
        for segment in row:
            if segment.style is None or not segment.text.strip():
                continue
            colors = _colors(segment.style)
            if colors is None:
                continue
            front, ground = colors
            least = 1.4 if front in faint or not _is_text(segment.text) else 4.5
            ratio = contrast(front, ground)
            assert ratio >= least, (segment.text, front.hex, ground.hex, ratio)


def _same(path: Path, made: str) -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")


def _styles(shown: list[Strip]) -> str:
    legend: dict[str, str] = {}
    lines = []
    for row in shown:
        cells = [(_words(segment.style), segment.cell_length) for segment in row]
        runs = []
        for words, same in groupby(cells, key=lambda cell: cell[0]):
            letter = legend.setdefault(words, _LETTERS[len(legend)])
            runs.append(f"{letter}{sum(size for _, size in same)}")
        lines.append(" ".join(runs))
    lines += ["", *(f"{letter} = {words}" for words, letter in legend.items())]
    return "\n".join(lines) + "\n"


def _words(style: Style | None) -> str:
    """The colours and attributes, without links and click actions."""
    if style is None:
        return "plain"
    colors = [part.name if part is not None else "-" for part in (style.color, style.bgcolor)]
    names = ("bold", "dim", "italic", "underline", "reverse", "strike")
    attributes = [name for name in names if getattr(style, name)]
    return " ".join([colors[0], "on", colors[1], *attributes])


def _colors(style: Style) -> tuple[Color, Color] | None:
    """Front and ground, where both are the theme's."""
    if style.color is None or style.bgcolor is None or style.reverse:
        return None
    if style.color.triplet is None or style.bgcolor.triplet is None:
        return None
    return Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)


def contrast(one: Color, other: Color) -> float:
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
