"""A table's rows with a cursor that stays on its row while others come and go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.style import Style

from anyclaude_tui.widgets.cursor import with_cursor
from anyclaude_tui.widgets.scroller import Draw, Scroller


class Rows(Scroller):
    """Each row has a key that stays its own, and begins with a blank cell for the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,b", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home,g", "end(0)", show=False),
        Binding("end,G,shift+g", "end(1)", show=False),
        Binding("enter", "choose", show=False),
    ]

    @dataclass
    class Chosen(Message):
        """Enter, or a double click, on a row."""

        rows: Rows
        key: str

        @property
        def control(self) -> Rows:
            return self.rows

    def __init__(self, *, id: str, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self._keys: Sequence[str] = ()
        self._wanted: str | None = None
        """The row that the user is on; it may be away for a while (a filter)."""
        self.cursor = 0

    @property
    def key(self) -> str | None:
        """The key of the row under the cursor."""
        return self._keys[self.cursor] if self.cursor < len(self._keys) else None

    def show_rows(self, keys: Sequence[str], draw: Draw, *, stick: bool = False) -> None:
        """Show these rows. The cursor stays on its row, and the row where it is on the
        screen; with `stick` the cursor stays at the top instead."""
        before, wanted = self.cursor, self._wanted
        self._keys = keys
        if not stick and wanted is not None and wanted in keys:
            self.cursor = keys.index(wanted)
        else:
            self.cursor = 0 if stick else max(0, min(before, len(keys) - 1))
            self._wanted = self.key if stick or wanted is None else wanted
        moved = self.cursor - before
        self.show(len(keys), draw, dropped=-moved if moved and not stick else 0)
        if moved:
            self.refresh()

    def ground(self, number: int) -> Style:
        if number == self.cursor and self._keys and not self.app.current_theme.ansi:
            return self.get_visual_style("scroller--cursor")
        return self.visual_style

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        under = y + self.scroll_offset.y == self.cursor and self._keys
        return with_cursor(strip, self) if under else strip

    def go(self, place: int) -> None:
        """Put the cursor on a row."""
        place = max(0, min(place, len(self._keys) - 1))
        if place == self.cursor:
            return
        self.cursor = place
        self._wanted = self.key
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if place < top:
            self.scroll_to(y=place, animate=False)
        elif place >= top + height:
            self.scroll_to(y=place - height + 1, animate=False)
        self.refresh()
        self.post_message(self.Moved(self))

    def action_move(self, step: int) -> None:
        self.go(self.cursor + step)

    def action_page(self, step: int) -> None:
        self.go(self.cursor + step * max(1, self.size.height - 1))

    def action_end(self, end: int) -> None:
        self.go(len(self._keys) if end else 0)

    def action_choose(self) -> None:
        if self.key is not None:
            self.post_message(self.Chosen(self, self.key))

    def on_click(self, event: events.Click) -> None:
        self.go(event.y + self.scroll_offset.y)
        if event.chain == 2:
            self.action_choose()
