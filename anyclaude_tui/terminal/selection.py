"""The user's selection with the mouse, and its text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from anyclaude_tui.terminal.cells import Cell

Unit = Literal["character", "word", "line"]
Point = tuple[int, int]
"""Row number and column."""

_WORD = frozenset("-_./~:@%+#?&=,")
"""Besides letters and digits: what paths, addresses and options are made of."""


@dataclass(frozen=True, slots=True)
class Selection:
    """From `start` to `stop`, both included, in reading order."""

    start: Point
    stop: Point

    def span(self, row: int, columns: int) -> tuple[int, int] | None:
        """The selected columns [first, last) of a row; None when there are none."""
        if not self.start[0] <= row <= self.stop[0]:
            return None
        first = self.start[1] if row == self.start[0] else 0
        last = self.stop[1] + 1 if row == self.stop[0] else columns
        return first, last


def select(
    anchor: Point, head: Point, unit: Unit, columns: int, cells: Callable[[int], Sequence[Cell]]
) -> Selection:
    """The selection from where the button went down to where it is now.

    A double click selects by words, a triple click by rows.
    """
    start, stop = min(anchor, head), max(anchor, head)
    if unit == "line":
        return Selection((start[0], 0), (stop[0], columns - 1))
    if unit == "word":
        return Selection(
            (start[0], _word(cells(start[0]), start[1])[0]),
            (stop[0], _word(cells(stop[0]), stop[1])[1]),
        )
    first, last = start[1], stop[1]
    row = cells(start[0])
    if 0 < first < len(row) and row[first].text == "":
        first -= 1  # the whole of a wide character
    row = cells(stop[0])
    if last + 1 < len(row) and row[last + 1].text == "":
        last += 1
    return Selection((start[0], first), (stop[0], last))


def _word(cells: Sequence[Cell], x: int) -> tuple[int, int]:
    def in_word(column: int) -> bool:
        text = cells[column].text
        return text == "" or text[0].isalnum() or text[0] in _WORD

    if not 0 <= x < len(cells) or not in_word(x):
        return x, x
    first = last = x
    while first > 0 and in_word(first - 1):
        first -= 1
    while last + 1 < len(cells) and in_word(last + 1):
        last += 1
    return first, last


def selected_text(
    selection: Selection,
    columns: int,
    cells: Callable[[int], Sequence[Cell]],
    wrapped: Callable[[int], bool],
) -> str:
    """The text: rows that were wrapped are joined, blanks at the ends of others dropped."""
    parts: list[str] = []
    for row in range(selection.start[0], selection.stop[0] + 1):
        span = selection.span(row, columns)
        if span is None:
            continue
        text = "".join(cell.text for cell in cells(row)[span[0] : span[1]])
        last = row == selection.stop[0]
        if wrapped(row) and span[1] >= columns:
            parts.append(text)
        else:
            parts.append(text.rstrip(" ") + ("" if last else "\n"))
    return "".join(parts)
