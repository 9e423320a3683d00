"""Charts that compare: bars under each other, and lines over time, as lines of text. Pure.

Own drawing like `charts.py`. A thing is told apart by its mark as well as by its tone, so
that a chart can be read without colours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anyclaude_tui.widgets.lines import Line, Seg, Tone, pad, spread, text
from anyclaude_tui.widgets.waterfall import time_axis

MARKS: tuple[Seg, ...] = (
    ("●", Tone.ONE),
    ("■", Tone.TWO),
    ("▲", Tone.THREE),
    ("◆", Tone.FOUR),
)
_BLOCK, _SLIVER = "▆", "▏"
"""Not the whole cell: bars under each other stay apart."""
_QUARTERS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
"""By their bits: upper left 1, upper right 2, lower left 4, lower right 8."""
_AXIS = 7
"""Cells for the numbers at the left of a plot."""


def mark(place: int) -> Seg:
    """The mark of the nth thing; from the fifth on they come again."""
    return MARKS[place % len(MARKS)]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its mark, its value, and what is written behind it."""

    seg: Seg
    value: float | None
    words: Line


def bars(rows: Sequence[Bar], width: int, top: float, tail: int) -> list[Line]:
    """A line for each bar; `top` fills the room that `tail` cells for the words leave. An
    unknown value has no bar."""
    room = max(4, width - tail - 4)
    lines: list[Line] = []
    for row in rows:
        share = row.value / top if row.value and top > 0 else 0.0
        drawn = _blocks(share, room) if row.value else ""
        lines.append(
            (
                row.seg,
                (" ", Tone.TEXT),
                *pad(((drawn, row.seg[1]),), room),
                *text("  "),
                *spread((), row.words, tail),
            )
        )
    return lines


def _blocks(share: float, width: int) -> str:
    """A bar of `share` of the width, never nothing."""
    full = round(min(1.0, share) * width)
    return _BLOCK * full or _SLIVER


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its mark and its points, x growing."""

    seg: Seg
    points: Sequence[tuple[float, float]]


def plot(
    series: Sequence[Series], width: int, height: int, write: Callable[[float], str]
) -> list[Line]:
    """The lines in `height` rows and an axis of seconds under them, from 0."""
    drawn = [one for one in series if one.points]
    if not drawn or width < _AXIS + 8 or height < 2:
        return []
    right = max(one.points[-1][0] for one in drawn) or 1.0
    top = max(y for one in drawn for _, y in one.points) or 1.0
    room = width - _AXIS - 1
    # Two columns at the right stay free for the mark that ends a line.
    paper = _Paper(room, height)
    for one in drawn:
        paper.line([(x / right * (room - 2), y / top) for x, y in one.points], one.seg)
    lines: list[Line] = []
    for row, cells in enumerate(paper.rows()):
        level = {0: top, height // 2: top * (1 - (height // 2) / height)}.get(row)
        label = text(write(level) if level is not None else "", Tone.FAINT)
        axis = "┤" if level is not None else "│"
        lines.append((*spread((), label, _AXIS), (axis, Tone.RULE), *cells))
    foot = (*spread((), text("0", Tone.FAINT), _AXIS), ("└" + "─" * room, Tone.RULE))
    return [*lines, foot, (*text(" " * (_AXIS + 1)), *time_axis(right, room - 2))]


class _Paper:
    """Cells of 2 × 2 quarters, each with the tone of the line that crossed it last."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._dots: dict[tuple[int, int], int] = {}
        self._tones: dict[tuple[int, int], Tone] = {}
        self._marks: dict[tuple[int, int], str] = {}

    def line(self, points: Sequence[tuple[float, float]], seg: Seg) -> None:
        """Draw through the points: x in cells, y from 0 to 1; the mark stands at the end."""
        path = [*points[:1], *points]
        before: int | None = None
        place = 0
        for x in range(round(path[0][0] * 2), round(path[-1][0] * 2) + 1):
            while place + 1 < len(path) - 1 and path[place + 1][0] * 2 < x:
                place += 1
            (x0, y0), (x1, y1) = path[place], path[place + 1]
            share = 1.0 if x1 <= x0 else max(0.0, min(1.0, (x / 2 - x0) / (x1 - x0)))
            y = self._row(y0 + share * (y1 - y0))
            last = y if before is None else before
            for dot in range(min(y, last), max(y, last) + 1):
                self._dot(x, dot, seg[1])
            before = y
        end = (min(self._width - 1, int(path[-1][0]) + 1), self._row(path[-1][1]) // 2)
        self._marks[end], self._tones[end] = seg

    def _row(self, share: float) -> int:
        """The dot's row from the top."""
        last = self._height * 2 - 1
        return last - round(max(0.0, min(1.0, share)) * last)

    def _dot(self, x: int, y: int, tone: Tone) -> None:
        cell = (x // 2, y // 2)
        if cell[0] < self._width:
            self._dots[cell] = self._dots.get(cell, 0) | 1 << (x % 2 + 2 * (y % 2))
            self._tones[cell] = tone

    def rows(self) -> list[Line]:
        """The lines of text, from the top."""
        made: list[Line] = []
        for row in range(self._height):
            line: list[Seg] = []
            for column in range(self._width):
                cell = (column, row)
                dots = self._dots.get(cell, 0)
                sign = self._marks.get(cell) or _QUARTERS[dots]
                tone = self._tones.get(cell, Tone.TEXT)
                if line and line[-1][1] is tone:
                    line[-1] = (line[-1][0] + sign, tone)
                else:
                    line.append((sign, tone))
            made.append(tuple(line))
        return made
