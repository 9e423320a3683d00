"""From the emulator's runs to what Textual paints: styles and strips.

Default-colour cells carry no style and palette colours stay palette colours, so that
Claude Code looks as in the user's own terminal, whatever the dashboard's theme.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from anyclaude_tui.terminal.cells import Cell, Colour, Look, Run
from anyclaude_tui.terminal.safe_text import DOUBTFUL_WIDTH
from anyclaude_tui.widgets.terminal.strip_internals import (
    AnchoredStrip,
    TermStrip,
    TermStyle,
    set_link_id,
)

_UNDERLINE_CODES = {"double": "4:2", "curly": "4:3", "dotted": "4:4", "dashed": "4:5"}
# Apple's Terminal takes the colon forms for something else.
_PLAIN_UNDERLINES = os.environ.get("TERM_PROGRAM") == "Apple_Terminal"


class Mark(Enum):
    """The marks that the pane paints over a cell."""

    CURSOR = "cursor"
    CURSOR_UNDERLINE = "cursor-underline"
    SELECTION = "selection"
    MATCH = "match"
    CURRENT_MATCH = "current-match"


def _colour(colour: Colour | None) -> Color | None:
    if colour is None:
        return None
    return Color.from_ansi(colour) if isinstance(colour, int) else Color.from_rgb(*colour)


@lru_cache(maxsize=4096)
def style_of(look: Look | None, mark: Mark | None = None) -> Style | None:
    """The Rich style for a look, with a mark painted over it."""
    if look is None and mark is None:
        return None
    look = look or Look()
    fg, bg, reverse, underline = look.fg, look.bg, look.reverse, look.underline
    if mark in (Mark.CURSOR, Mark.SELECTION):
        reverse = not reverse
    elif mark is Mark.CURSOR_UNDERLINE:
        underline = "single"
    elif mark is not None:
        fg, bg, reverse = 0, 11 if mark is Mark.CURRENT_MATCH else 3, False
    kind = TermStyle if underline or look.underline_colour is not None else Style
    style = kind(
        color=_colour(fg),
        bgcolor=_colour(bg),
        bold=look.bold or None,
        dim=look.dim or None,
        italic=look.italic or None,
        underline=bool(underline) or None,
        blink=look.blink or None,
        reverse=reverse or None,
        conceal=look.conceal or None,
        strike=look.strike or None,
        overline=look.overline or None,
        link=look.link,
    )
    if look.link:  # the same link on several rows lights up as one
        set_link_id(style, look.link_id or f"{hash(look.link) & 0xFFFFFF}")
    if isinstance(style, TermStyle):
        codes = []
        if not _PLAIN_UNDERLINES:
            if underline in _UNDERLINE_CODES:  # after a plain 4, for those who know only that
                codes.append(_UNDERLINE_CODES[underline])
            if isinstance(look.underline_colour, int):
                codes.append(f"58:5:{look.underline_colour}")
            elif look.underline_colour is not None:
                codes.append("58:2::{}:{}:{}".format(*look.underline_colour))
        style.underline_sgr = ";".join(codes)
    return style


def has_doubtful_width(runs: Iterable[Run]) -> bool:
    """True if a row has characters that terminals may give different widths."""
    return any(not text.isascii() and DOUBTFUL_WIDTH.search(text) for text, _, _ in runs)


def strip_of_runs(runs: Iterable[Run], columns: int) -> TermStrip:
    """A strip `columns` wide."""
    segments = []
    width = 0
    for text, run_columns, look in runs:
        segments.append(Segment(text, style_of(look)))
        width += run_columns
    return _padded(segments, width, columns, {})


def strip_of_cells(
    cells: Sequence[Cell], columns: int, marks: Iterable[tuple[int, int, Mark]]
) -> TermStrip:
    """A strip with marks over the columns [start, stop); later marks win."""
    marked: list[Mark | None] = [None] * len(cells)
    for start, stop, mark in marks:
        for x in range(max(0, start), min(stop, len(cells))):
            marked[x] = mark
    segments: list[Segment] = []
    anchors: dict[int, tuple[int, int]] = {}
    text = ""
    last: tuple[Look | None, Mark | None] = (None, None)
    for x, cell in enumerate(cells):
        if cell.text == "" and x:  # a wide character is painted as its first half is
            continue
        here = (cell.look, marked[x])
        doubtful = not cell.text.isascii() and DOUBTFUL_WIDTH.search(cell.text)
        if text and (here != last or doubtful):
            segments.append(Segment(text, style_of(*last)))
            text = ""
        last = here
        if doubtful:
            wide = x + 1 < len(cells) and cells[x + 1].text == ""
            anchors[len(segments)] = (x, 1 + wide)
            segments.append(Segment(cell.text, style_of(*here)))
        else:
            text += cell.text or " "
    if text:
        segments.append(Segment(text, style_of(*last)))
    return _padded(segments, len(cells), columns, anchors)


def strip_of_text(text: str, columns: int, style: Style | None = None) -> TermStrip:
    """One of our own lines (ASCII and other narrow characters), cut and padded."""
    return TermStrip([Segment(text[:columns].ljust(columns), style)], columns)


def _padded(
    segments: list[Segment], width: int, columns: int, anchors: dict[int, tuple[int, int]]
) -> TermStrip:
    if width < columns:
        segments.append(Segment(" " * (columns - width)))
    elif width > columns:  # between a resize of the pane and that of the emulator
        return TermStrip(Strip(segments, width).crop(0, columns), columns)
    return AnchoredStrip(segments, columns, anchors) if anchors else TermStrip(segments, columns)
