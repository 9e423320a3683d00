"""The rows that have scrolled off the screen, kept as lines and laid out at any width.

A row that was wrapped and the row after it are one line, so that a resize wraps history
anew. Memory is bounded by cells: the oldest lines go first. Styles are whatever the
emulator puts in its cells; nothing here looks into them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any

Row = Sequence[tuple[Any, str]]
"""Cells as (style, text); a wide character's second cell has the text ""."""

MAX_CELLS = 1_000_000
"""About 8,000 lines of 120 columns; 10 to 30 MB."""
LINE_CELLS = 12
"""The cost of a line besides its cells."""

_style = itemgetter(0)
_text = itemgetter(1)


class _Line:
    """One line: its text, the length of each cell's text, and its styles, each folded into
    one value where all cells agree."""

    __slots__ = ("lengths", "size", "styles", "text")

    def __init__(self, cells: Row) -> None:
        texts = list(map(_text, cells))
        styles = list(map(_style, cells))
        self.size = len(texts)
        self.text = "".join(texts)
        regular = len(self.text) == self.size and "" not in texts
        self.lengths: bytes | None = (
            None if regular else bytes(min(255, len(text)) for text in texts)
        )
        same = not styles or styles.count(styles[0]) == len(styles)
        self.styles: Any = (styles[0] if styles else None) if same else tuple(styles)

    def cells(self, start: int, stop: int) -> list[tuple[Any, str]]:
        """Cells `start` to `stop`; a wide character cut by an end becomes blanks."""
        stop = min(stop, self.size)
        if start >= stop:
            return []
        styles = (
            self.styles[start:stop]
            if isinstance(self.styles, tuple)
            else repeat(self.styles, stop - start)
        )
        if self.lengths is None:
            return list(zip(styles, self.text[start:stop], strict=True))
        offset = sum(self.lengths[:start])
        texts = []
        for length in self.lengths[start:stop]:
            texts.append(self.text[offset : offset + length])
            offset += length
        if texts[0] == "":
            texts[0] = " "
        if stop < self.size and self.lengths[stop] == 0:
            texts[-1] = " "
        return list(zip(styles, texts, strict=True))


class History:
    """Lines, oldest first, seen as rows of a given width.

    Rows are numbered from 0, the oldest held. `dropped` says how many rows were forgotten
    at the present width, so that `dropped + row` names a row for as long as it is held.
    """

    def __init__(self, blank: Any = None, max_cells: int = MAX_CELLS) -> None:
        self._blank = blank
        self._max_cells = max_cells
        self._cells = 0
        self._lines: deque[_Line] = deque()
        self._open: list[tuple[Any, str]] = []  # a line whose tail is still on the screen
        self._columns = 0
        self._before: array[int] = array("q", [0])  # rows before each line, since _base lines
        self._base = 0
        self.dropped = 0

    @property
    def size_cells(self) -> int:
        """The cells held, with LINE_CELLS more for each line."""
        return self._cells + len(self._open)

    def append(self, cells: Row, wrapped: bool) -> None:
        """Take the next row; `wrapped`: its line goes on in the row after."""
        if wrapped:
            self._open.extend(cells)
            if len(self._open) > self._max_cells // 2:
                self._close(self._open)
            return
        if self._open:
            self._close([*self._open, *cells])
        else:
            self._close(cells)

    def extend_text(self, lines: Sequence[str], style: Any) -> None:
        """Take complete lines of narrow characters in one style, none wider than the screen."""
        if self._open:
            self._close([*self._open, *zip(repeat(style), lines[0], strict=False)])
            lines = lines[1:]
        if style == self._blank:
            lines = [text.rstrip(" ") for text in lines]
        for text in lines:
            line = _Line.__new__(_Line)
            line.text, line.size, line.lengths, line.styles = text, len(text), None, style
            self._add(line)

    def _close(self, cells: Row) -> None:
        self._add(_Line(cells[: self._content_size(cells)]))
        self._open = []

    def _add(self, line: _Line) -> None:
        self._lines.append(line)
        self._cells += line.size + LINE_CELLS
        self._before.append(self._before[-1] + self._rows_of(line.size))
        while self._cells > self._max_cells:
            gone = self._lines.popleft()
            self._cells -= gone.size + LINE_CELLS
            self.dropped += self._rows_of(gone.size)
            self._base += 1
        if self._base > len(self._lines):  # now and then, not at every line
            del self._before[: self._base]
            self._base = 0

    def _content_size(self, cells: Row) -> int:
        """The number of cells before the trailing unstyled blanks."""
        size = len(cells)
        if not size or cells[-1][1] != " ":
            return size
        text = "".join(map(_text, cells))
        last = cells[-1]
        blanks = len(text) - len(text.rstrip(" "))
        # The usual case in one comparison: the page's blank cells are all the same object.
        if cells[size - blanks :].count(last) == blanks and last[0] == self._blank:
            return size - blanks
        while size and cells[size - 1][1] == " " and cells[size - 1][0] == self._blank:
            size -= 1
        return size

    def clear(self) -> None:
        """Forget everything (ED 3)."""
        self.dropped += self.count(self._columns or 1)
        self._lines.clear()
        self._open = []
        self._cells = self._base = 0
        self._before = array("q", [0])

    def count(self, columns: int) -> int:
        """The number of rows at this width."""
        self._lay_out(columns)
        return self._before[-1] - self._before[self._base] + -(-len(self._open) // columns)

    def row(self, index: int, columns: int) -> list[tuple[Any, str]]:
        """One row, padded to the width with blanks. Raises IndexError outside."""
        line, start = self._find(index, columns)
        if line is None:
            cells = self._open[start : start + columns]
        else:
            cells = line.cells(start, start + columns)
        if len(cells) < columns:
            cells.extend(repeat((self._blank, " "), columns - len(cells)))
        return cells

    def texts(self, columns: int) -> Iterator[str]:
        """The text of every row, oldest first."""
        for line in self._lines:
            for start in range(0, max(1, line.size), columns):
                if line.lengths is None:
                    yield line.text[start : start + columns]
                else:
                    yield "".join(map(_text, line.cells(start, start + columns)))
        for start in range(0, len(self._open), columns):
            yield "".join(map(_text, self._open[start : start + columns]))

    def wrapped(self, index: int, columns: int) -> bool:
        """True if a row's line goes on in the next row."""
        line, start = self._find(index, columns)
        return line is None or start + columns < line.size

    def take_newest(self, columns: int) -> tuple[list[tuple[Any, str]], bool] | None:
        """Take the newest row back (the screen grew): its cells, and whether its line goes
        on in what was the row after it. None when there is none."""
        count = self.count(columns)
        if not count:
            return None
        cells = self.row(count - 1, columns)
        if self._open:
            del self._open[(len(self._open) - 1) // columns * columns :]
            return cells, True
        line = self._lines.pop()
        self._before.pop()
        self._cells -= line.size + LINE_CELLS
        kept = (max(line.size, 1) - 1) // columns * columns
        if kept:
            self._open = line.cells(0, kept)
        return cells, False

    def _rows_of(self, size: int) -> int:
        return max(1, -(-size // self._columns)) if self._columns else 1

    def _lay_out(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        self._base = self.dropped = 0
        self._before = array("q", [0])
        total = 0
        for line in self._lines:
            total += self._rows_of(line.size)
            self._before.append(total)

    def _find(self, index: int, columns: int) -> tuple[_Line | None, int]:
        """The line that a row belongs to (None: the open one), and the row's first cell."""
        if not 0 <= index < self.count(columns):
            raise IndexError(index)
        wanted = self._before[self._base] + index
        if wanted >= self._before[-1]:
            return None, (wanted - self._before[-1]) * columns
        number = bisect_right(self._before, wanted, lo=self._base) - 1
        return self._lines[number - self._base], (wanted - self._before[number]) * columns
