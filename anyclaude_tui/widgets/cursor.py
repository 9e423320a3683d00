"""The cursor of every list and table: a bar at the left over a ground of its own.

The ground alone is too weak to be found at a glance in a light theme: any stronger one would
leave the coloured words on it unreadable.
"""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import OptionList

BAR = "▌"


def with_cursor(strip: Strip, widget: Widget) -> Strip:
    """The row under the cursor; its first cell must be blank. A theme that has only the
    terminal's own colours cannot mix a ground from them: there the row is reversed, in one
    colour, or each word would have a ground of its own."""
    if widget.app.current_theme.ansi:
        plain = Style(reverse=True)
        return Strip([Segment(segment.text, plain) for segment in strip], strip.cell_length)
    first = next(iter(strip), None)
    if first is None or strip.cell_length < 1:
        return strip
    color = widget.app.stylesheet.parse_style("$primary").rich_style.color
    style = (first.style or Style()) + Style(color=color)
    return Strip([Segment(BAR, style), *strip.crop(1)], strip.cell_length)


class PickList(OptionList):
    """An option list with our cursor. The style sheet gives its options a blank cell first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "first", show=False),
        Binding("G,shift+g", "last", show=False),
    ]

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        lines, number = self._lines, self.scroll_offset.y + y
        under = number < len(lines) and lines[number][0] == self.highlighted
        return with_cursor(strip, self) if under else strip
