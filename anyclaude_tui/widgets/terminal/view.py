"""The part of the emulator's rows that the pane shows, as strips, and what lies over them: the
cursor, the selection, the matches of a search, a line of the pane's own.

Rows are named by numbers that stay theirs: history rows first, oldest lowest, then the
screen's. So a selection stays on its text while output scrolls it up.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip

from anyclaude_tui.terminal.emulator import Emulator
from anyclaude_tui.terminal.search import Match, Search
from anyclaude_tui.terminal.selection import Selection
from anyclaude_tui.widgets.terminal.strip_internals import AnchoredStrip, TermStrip
from anyclaude_tui.widgets.terminal.strips import (
    Mark,
    has_doubtful_width,
    strip_of_cells,
    strip_of_runs,
    strip_of_text,
)

_LINE_STYLE = Style(reverse=True)


class TerminalView:
    """The visible strips; `refresh` makes those anew that changed and tells which."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.strips: list[TermStrip] = []
        self.focused = False
        self.selection: Selection | None = None
        self.search: Search | None = None
        self.line: tuple[str, ...] | None = None
        """Shown in place of the last row: the first of these that fits, else the last."""
        self._top: int | None = None  # the row at the top while scrolled back
        self._last_cursor_row = -1
        self._last_base = 0
        self._last_line: tuple[str, ...] | None = None
        self._stale = True

    # --- where ---

    @property
    def base(self) -> int:
        """The number of the screen's first row."""
        history = self._emulator.history
        return history.count(self._emulator.columns) + history.dropped

    @property
    def offset(self) -> int:
        """The number of rows that the view is scrolled back; 0 follows the program."""
        if self._top is None:
            return 0
        return min(self.base - self._top, self._emulator.history.count(self._emulator.columns))

    def scroll(self, rows: int) -> bool:
        """Scroll back by `rows` (negative: towards the newest); whether anything moved."""
        before = self.offset
        most = self._emulator.history.count(self._emulator.columns)
        after = max(0, min(most, before + rows))
        self._top = self.base - after if after else None
        self._stale = self._stale or after != before
        return after != before

    def follow(self) -> None:
        """Show the newest rows."""
        if self._top is not None:
            self._top = None
            self._stale = True

    def row_number(self, visible_row: int) -> int:
        """The number of the row that is shown at `visible_row`."""
        return self.base - self.offset + self._lift() + visible_row

    def show_row(self, number: int) -> None:
        """Scroll so that this row is in view, in the middle if it was not."""
        top = self.base - self.offset
        if top <= number < top + self._emulator.rows - 1:
            return
        self.scroll(self.base - (number - self._emulator.rows // 2) - self.offset)

    def _lift(self) -> int:
        """Our own line hides the last row: move everything up if something is there."""
        if self.line is None or self._top is not None:
            return 0
        emulator = self._emulator
        bottom = emulator.rows - 1
        return 1 if emulator.text(bottom) or emulator.cursor.y == bottom else 0

    # --- strips ---

    def invalidate(self) -> None:
        """Make every strip anew."""
        self._stale = True

    def refresh(self) -> list[int]:
        """Bring the strips up to date; the visible rows whose look has changed."""
        emulator = self._emulator
        rows = emulator.rows
        dirty = emulator.dirty_rows()
        base, lift, offset = self.base, self._lift(), self.offset
        overlaid = self.selection is not None or self.search is not None
        cursor = emulator.cursor
        if (
            self._stale
            or len(self.strips) != rows
            or self.line != self._last_line
            or ((offset or lift) and dirty)
            or (overlaid and (base != self._last_base or dirty))
        ):
            wanted: set[int] = set(range(rows))
        else:
            wanted = {y + offset for y in dirty}
            wanted |= {y + offset for y in (cursor.y, self._last_cursor_row)}
        self._stale = False
        self._last_cursor_row, self._last_base, self._last_line = cursor.y, base, self.line
        if len(self.strips) != rows:
            self.strips = [TermStrip([], 0)] * rows
        changed = []
        for visible in sorted(wanted):
            if 0 <= visible < rows:
                strip = self._strip(visible, visible - offset + lift)
                if self.strips[visible] != strip:
                    self.strips[visible] = strip
                    changed.append(visible)
        return changed

    def lines(self, crop: Region, size: Size, origin: int) -> list[Strip]:
        """The strips in `crop`, as they are, for a pane of this size whose left edge is at the
        screen's column `origin`."""
        width, height = size
        lines: list[Strip] = []
        for y in range(crop.y, crop.bottom):
            if y < min(len(self.strips), height) and self.strips[y].cell_length == width:
                strip: Strip = self.strips[y]
                if isinstance(strip, AnchoredStrip):
                    strip.place(origin)
            elif y < len(self.strips):  # between a resize of the pane and that of the emulator
                strip = self.strips[y].adjust_cell_length(width)
            else:
                strip = Strip.blank(width)
            if crop.x or crop.width != width:
                strip = strip.crop(crop.x, crop.right)
            lines.append(strip)
        return lines

    def _strip(self, visible: int, y: int) -> TermStrip:
        emulator = self._emulator
        columns = emulator.columns
        if self.line is not None and visible == emulator.rows - 1:
            fitting = [text for text in self.line if len(text) <= columns]
            return strip_of_text((fitting or self.line[-1:])[0], columns, _LINE_STYLE)
        marks = self._marks(y)
        if not marks:
            runs = emulator.runs(y)
            if not has_doubtful_width(runs):
                return strip_of_runs(runs, columns)
        return strip_of_cells(emulator.cells(y), columns, marks)

    def _marks(self, y: int) -> list[tuple[int, int, Mark]]:
        emulator = self._emulator
        marks: list[tuple[int, int, Mark]] = []
        number = self.base + y
        if self.search is not None:
            current = self.search.current
            for match in self.search.on_row(number):
                kind = Mark.CURRENT_MATCH if match == current else Mark.MATCH
                marks.append((match.start, match.stop, kind))
        if self.selection is not None:
            span = self.selection.span(number, emulator.columns)
            if span is not None:
                marks.append((*span, Mark.SELECTION))
        cursor = emulator.cursor
        if cursor.visible and cursor.y == y and self._top is None and self.line is None:
            kind = (
                Mark.CURSOR if self.focused and cursor.shape == "block" else Mark.CURSOR_UNDERLINE
            )
            wide = cursor.x + 1 < emulator.columns and emulator.cells(y)[cursor.x + 1].text == ""
            marks.append((cursor.x, cursor.x + 1 + wide, kind))
        return marks

    # --- search ---

    def find(self, text: str) -> Match | None:
        """Search history and screen; shows the newest match."""
        if not text:
            self.search = None
            self.invalidate()
            return None
        emulator = self._emulator
        count = emulator.history.count(emulator.columns)
        base = self.base
        self.search = Search.over(
            text, emulator.all_texts(), lambda row: emulator.cells(row - base), first=base - count
        )
        return self._show_match()

    def find_next(self, step: int) -> Match | None:
        """Go `step` matches towards the oldest (negative: the newest)."""
        if self.search is not None:
            self.search.move(step)
        return self._show_match()

    def _show_match(self) -> Match | None:
        match = self.search.current if self.search is not None else None
        if match is not None:
            self.show_row(match.row)
        self.invalidate()
        return match


def bands(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Sorted rows as (first, count) of neighbours: fewer regions to paint."""
    bands: list[tuple[int, int]] = []
    for row in rows:
        if bands and sum(bands[-1]) == row:
            bands[-1] = (bands[-1][0], bands[-1][1] + 1)
        else:
            bands.append((row, 1))
    return bands
