"""The widgets that show lines: only the rows that have changed are painted again."""

from __future__ import annotations

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from anyclaude_tui.printable import printable
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets.lines import STYLES, Line
from anyclaude_tui.widgets.panels import PanelKind, framed


class LinesView(Widget):
    """Shows lines as they are, without wrapping."""

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
        self.edge = ""
        self.foot: Line = ()
        """A last line of the dashboard's own: what to press."""

    def show(self, snapshot: Snapshot) -> int:
        """Show the snapshot in the panel's present size; returns how many rows changed."""
        width, height = self.size
        if not self.display or width < 8 or height < 1:
            return 0
        return self.set_lines(framed(self.kind, snapshot, width, height, self.edge, self.foot))
