"""Screens compared with those on file: their text, and in both of our themes their styles.

To accept what is shown now: `UPDATE_SNAPSHOTS=1 pytest tests/screens`, then look at the
difference. A style file has one line per row of the screen, `LETTER` × cells, and says at
its end which style each letter stands for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.style import Style
from textual.pilot import Pilot
from textual.strip import Strip

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.widgets import themes

FOLDER = Path(__file__).parent / "snapshots"
SIZES = [(80, 24), (120, 40), (200, 60)]
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def rows(app: DashboardApp) -> list[Strip]:
    """What is on the screen."""
    return app.screen._compositor.render_strips()


async def compare(app: DashboardApp, pilot: Pilot[Any], name: str) -> None:
    """The screen is as on file, in our dark and our light theme."""
    for theme in themes.OWN:
        app.theme = theme.name
        await pilot.pause()
        shown = rows(app)
        text = "\n".join(row.text.rstrip() for row in shown) + "\n"
        _same(FOLDER / f"{name}.txt", text)
        kind = "dark" if theme.dark else "light"
        _same(FOLDER / "styles" / f"{name}-{kind}.txt", "\n".join(_styles(shown)) + "\n")


def _same(path: Path, made: str) -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")


def _styles(shown: list[Strip]) -> Iterator[str]:
    legend: dict[str, str] = {}
    for row in shown:
        cells = [(_words(segment.style), segment.cell_length) for segment in row]
        runs = []
        for words, same in groupby(cells, key=lambda cell: cell[0]):
            letter = legend.setdefault(words, _LETTERS[len(legend)])
            runs.append(f"{letter}{sum(size for _, size in same)}")
        yield " ".join(runs)
    yield ""
    for words, letter in legend.items():
        yield f"{letter} = {words}"


def _words(style: Style | None) -> str:
    """The colours and attributes, without links and click actions."""
    if style is None:
        return "plain"
    colors = [part.name if part is not None else "-" for part in (style.color, style.bgcolor)]
    names = ("bold", "dim", "italic", "underline", "reverse", "strike")
    attributes = [name for name in names if getattr(style, name)]
    return " ".join([colors[0], "on", colors[1], *attributes])
