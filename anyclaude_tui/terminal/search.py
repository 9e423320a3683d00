"""Find text in the history and on the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from anyclaude_tui.terminal.cells import Cell

MAX_MATCHES = 10_000


class Match(NamedTuple):
    """Columns [start, stop) of a row."""

    row: int
    start: int
    stop: int


class Search:
    """All matches of one text, oldest first, and which of them is looked at."""

    def __init__(self, text: str, matches: Sequence[Match]) -> None:
        self.text = text
        self.matches = matches
        self.index = len(matches) - 1
        self._rows: dict[int, list[Match]] = {}
        for match in matches:
            self._rows.setdefault(match.row, []).append(match)

    @classmethod
    def over(
        cls,
        text: str,
        rows: Iterable[str],
        cells: Callable[[int], Sequence[Cell]],
        *,
        first: int,
    ) -> Search:
        """Search rows, numbered from `first`; `cells` gives those of a row that has it.

        Case counts only where `text` has capitals. A match does not go over a row's end.
        """
        fold = text == text.lower()
        matches: list[Match] = []
        for number, row in enumerate(rows, first):
            if text in (row.lower() if fold else row):
                matches.extend(_in_row(text, cells(number), number, fold=fold))
        return cls(text, matches[-MAX_MATCHES:])

    @property
    def current(self) -> Match | None:
        """The match that is looked at."""
        return self.matches[self.index] if self.matches else None

    def on_row(self, row: int) -> Sequence[Match]:
        """The matches on a row."""
        return self._rows.get(row, ())

    def move(self, step: int) -> None:
        """Look `step` matches further back, round the end."""
        if self.matches:
            self.index = (self.index - step) % len(self.matches)


def _in_row(text: str, cells: Sequence[Cell], number: int, *, fold: bool) -> Iterable[Match]:
    joined = "".join(cell.text for cell in cells)
    haystack = joined.lower() if fold else joined
    if len(haystack) != len(joined):  # a character whose lower case is longer
        haystack = joined
    position = haystack.find(text)
    if position < 0:
        return
    columns = [x for x, cell in enumerate(cells) for _ in cell.text]
    while position >= 0:
        last = columns[position + len(text) - 1]
        stop = last + 1
        while stop < len(cells) and cells[stop].text == "":
            stop += 1
        yield Match(number, columns[position], stop)
        position = haystack.find(text, position + len(text))
