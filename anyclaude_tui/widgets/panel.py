"""The widgets that show lines: painted again only when their lines have changed."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets.lines import STYLES, Line
from anyclaude_tui.widgets.panels import PanelKind, framed


class LinesView(Widget):
    """Shows lines as they are, without wrapping."""

    DEFAULT_CSS = """
    LinesView {
        text-wrap: nowrap;
        text-overflow: clip;
    }
    """

    def __init__(self, *, id: str, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.lines: list[Line] = []

    def set_lines(self, lines: list[Line]) -> bool:
        """Show these; returns whether anything had changed."""
        if lines == self.lines:
            return False
        self.lines = lines
        self.refresh()
        return True

    def render(self) -> Content:
        return Content("\n").join(
            Content.assemble(*((words, STYLES[tone]) for words, tone in line))
            for line in self.lines
        )


class Panel(LinesView):
    """One of the panels of `panels.PANELS`."""

    def __init__(self, kind: PanelKind) -> None:
        super().__init__(id=kind.name, classes="panel")
        self.kind = kind
        self.edge = ""

    def show(self, snapshot: Snapshot) -> bool:
        """Show the snapshot in the panel's present size."""
        width, height = self.size
        if not self.display or width < 8 or height < 1:
            return False
        return self.set_lines(framed(self.kind, snapshot, width, height, self.edge))
