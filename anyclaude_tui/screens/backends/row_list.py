"""The list widget of the backends and first-run screens: rows in groups, with a cursor."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.widgets.option_list import Option

from anyclaude_tui.screens.backends import rows as backend_rows
from anyclaude_tui.screens.backends.rows import Row
from anyclaude_tui.screens.common.dialogs import content
from anyclaude_tui.widgets.cursor import PickList
from anyclaude_tui.widgets.lines import Line, text, width_of

LINE_MOST = 116
"""Wider lines are hard to follow with the eye."""


class RowList(PickList):
    """A list of rows; the cursor is on one of them, by its `spec` and not by its place."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.rows: list[Row] = []
        self.lines_wanted = 0
        """Lines that all of it takes."""
        self.mark: Callable[[Row], Line] = lambda row: ()
        """The sign before a row."""
        self.has_key: Callable[[Row], bool] = lambda row: True
        """True if the row's number is a key, and is shown."""

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        place = self.highlighted
        if place is None or place >= self.option_count:
            return None
        spec = self.get_option_at_index(place).id
        return next((row for row in self.rows if row.spec == spec), None)

    def go_to(self, row: Row) -> None:
        """Put the cursor on a row."""
        self.highlighted = self.get_option_index(row.spec)

    def show(self, rows: list[Row], height: int) -> None:
        """Show these in `height` lines; where only words have changed the cursor and the scroll
        stay."""
        width = max(20, min(LINE_MOST, self.scrollable_content_region.width - 1))
        at = self.row
        groups = len({row.group for row in rows})
        roomy = len(rows) + 2 * groups <= height
        options: list[tuple[str | None, Content]] = []
        group = ""
        for place, row in enumerate(rows):
            if row.group != group:
                group = row.group
                gap = Content("\n" if roomy and place else "")  # no word: `content` keeps none
                space = width_of(self.mark(row))
                head = backend_rows.head(group, width - space, first=not place)
                options.append((None, gap + content((*text(" " * space), *head))))
            mark = self.mark(row)
            number = place if self.has_key(row) else None
            line = backend_rows.line(row, number, width - width_of(mark))
            options.append((row.spec, content((*mark, *line))))
        self.rows = rows
        self.lines_wanted = len(rows) + groups + (groups - 1 if roomy else 0)
        if [spec for spec, _ in options] == [option.id for option in self.options]:
            for index, (_, words) in enumerate(options):
                self.replace_option_prompt_at_index(index, words)
            return
        self.clear_options()
        self.add_options(Option(words, id=spec, disabled=spec is None) for spec, words in options)
        same = next((row for row in rows if at is not None and row.spec == at.spec), None)
        if rows:
            self.go_to(same or rows[0])
