"""The widgets that show lines: only the rows that have changed are painted again."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from anyclaude_tui.printable import printable
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets.lines import STYLES, Line
from anyclaude_tui.widgets.panels import PanelKind, framed, request_rows


class LinesView(Widget):
    """A view of lines as they are, without wrapping."""

    def __init__(self, *, id: str, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.lines: list[Line] = []

    def set_lines(self, lines: list[Line]) -> int:
        """Show these; returns how many rows had changed and are painted again."""
        old, self.lines = self.lines, lines
        count = max(len(old), len(lines))
        changed = [y for y in range(count) if old[y : y + 1] != lines[y : y + 1]]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))
        return len(changed)

    def render_line(self, y: int) -> Strip:
        """One row; the styles are looked up each time, so that a new theme takes effect."""
        base, parse = self.visual_style, self.app.stylesheet.parse_style
        line = self.lines[y] if y < len(self.lines) else ()
        segments = [
            Segment(printable(words), (base + parse(STYLES[tone])).rich_style)
            for words, tone in line
        ]
        return Strip(segments).adjust_cell_length(self.size.width, base.rich_style)


class Panel(LinesView):
    """One of the panels of `panels.PANELS`."""

    def __init__(self, kind: PanelKind) -> None:
        super().__init__(id=kind.name, classes="panel")
        self.kind = kind
        self.shown: Snapshot | None = None
        self.edge = ""
        self.foot: Line = ()
        """A last line of the dashboard's own: what to press."""
        self.focused_panel = False
        self.first = 0
        """The row at the top, of a panel with rows."""
        self.cursor: int | None = None

    @dataclass
    class Opened(Message):
        """A click: on a row of it, or on the panel (`row` None)."""

        panel: Panel
        row: int | None

    @dataclass
    class Entered(Message):
        """A click on its title: it wants the keys."""

        panel: Panel

    def rows_shown(self) -> int:
        """Rows of a table that stand under the title and the head."""
        return max(0, self.size.height - 2 - bool(self.foot and self.size.height > 2))

    def scroll_rows(self, step: int, count: int) -> None:
        """Another part of its rows; `count`: all of them."""
        self.first = max(0, min(self.first + step, count - self.rows_shown()))

    def step(self, step: int, count: int) -> None:
        """The cursor on another row, and the row in view."""
        at = -1 if self.cursor is None else self.cursor
        self.cursor = max(0, min(at + step, count - 1)) if count else None
        if self.cursor is not None:
            self.first = min(self.first, self.cursor)
            self.first = max(self.first, self.cursor - self.rows_shown() + 1)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        if event.y == 0:
            self.post_message(self.Entered(self))
            return
        row = self.first + event.y - 2 if self.kind.has_rows else None
        if row is not None and event.y < 2:
            row = None
        self.post_message(self.Opened(self, row))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, -3)

    def _wheel(self, event: events.MouseEvent, step: int) -> None:
        event.stop()
        if self.kind.has_rows and self.shown is not None:
            self.scroll_rows(step, len(request_rows(self.shown)))
            self.show(self.shown)

    def show(self, snapshot: Snapshot) -> int:
        """Show the snapshot in the panel's present size; returns how many rows changed."""
        self.shown = snapshot
        width, height = self.size
        if not self.display or width < 8 or height < 1:
            return 0
        return self.set_lines(
            framed(
                self.kind,
                snapshot,
                width,
                height,
                self.edge,
                self.foot,
                focused=self.focused_panel,
                first=self.first,
                cursor=self.cursor if self.focused_panel else None,
            )
        )
