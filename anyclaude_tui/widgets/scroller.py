"""Many lines of which only those in view are made and painted: logs, bodies, tables (`rows`)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from anyclaude_tui.widgets.lines import STYLES, Line, Seg, Tone, plain

Draw = Callable[[int], Line]
_STRONGER = {Tone.LABEL: Tone.TEXT, Tone.FAINT: Tone.LABEL}
"""Under the cursor the ground is lighter or darker: what is faint would be hard to read."""


class Scroller(ScrollView, can_focus=True):
    """A view of `count` lines, each made by `draw(number)` when it is needed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
        Binding("space", "page_down", show=False),
        Binding("b", "page_up", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G,shift+g", "scroll_end", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"scroller--cursor", "scroller--hit", "scroller--at"}
    DEFAULT_CSS = """
    Scroller {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
        scrollbar-color: $dash-rule;
        scrollbar-color-hover: $dash-faint;
        scrollbar-color-active: $dash-faint;
        color: $foreground;
        background: $background;

        .scroller--cursor {
            background: $dash-cursor;
        }

        .scroller--hit {
            color: $foreground;
            background: $accent 30%;
        }

        .scroller--at {
            color: $background;
            background: $accent;
        }
    }
    """

    @dataclass
    class Moved(Message):
        """The view or the cursor is somewhere else now."""

        scroller: Scroller

        @property
        def control(self) -> Scroller:
            return self.scroller

    def __init__(self, *, id: str, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self._count = 0
        self._draw: Draw = lambda number: ()
        self._seen: tuple[int, list[Line]] = (0, [])
        self._words = ""
        self._hit: int | None = None
        self.found = (0, 0)
        """Of the search: which match, and how many lines match."""
        self._follow = False
        self._stood_at_end = True

    @property
    def count(self) -> int:
        """The number of lines."""
        return self._count

    @property
    def inner_width(self) -> int:
        """The cells that a line has; the scroll bar's cell is always kept free."""
        return max(1, self.size.width - 1)

    @property
    def at_end(self) -> bool:
        """True if the last line is in view, or on the way there."""
        return self.scroll_target_y >= self.max_scroll_y

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show these lines; where it stands stays."""
        self.show(len(lines), lines.__getitem__)

    def show(self, count: int, draw: Draw, *, dropped: int = 0, follow: bool = False) -> None:
        """Show `count` lines. `dropped`: so many went away at the top since the last time.
        `follow`: a view that stood at the end stays at the end."""
        stick = follow and (self._stood_at_end if self._follow else self.at_end)
        self._follow = follow
        self._count, self._draw = count, draw
        size = Size(max(1, self.size.width - 1), count)
        if size != self.virtual_size:
            self.virtual_size = size
        if stick:
            self.scroll_end(animate=False)
        elif dropped:
            self.scroll_to(y=max(0, self.scroll_offset.y - dropped), animate=False)
        self._stood_at_end = self.at_end
        self.repaint()

    def repaint(self) -> None:
        """Paint the rows in view whose line has changed."""
        top = self.scroll_offset.y
        rows = range(top, min(self._count, top + self.size.height))
        lines = [self._draw(number) for number in rows]
        before, seen = self._seen
        self._seen = (top, lines)
        if before != top:
            self.refresh()
            return
        for y in range(max(len(lines), len(seen))):
            if lines[y : y + 1] != seen[y : y + 1]:
                self.refresh(Region(0, y, self.size.width, 1))

    def find(self, words: str, near: int | None = None, *, back: bool = False) -> None:
        """Mark `words` and go to the line that holds them, from line `near` on or `back`.

        Case counts only where `words` has capitals. Says in `found` how it went.
        """
        self._words = words
        self._hit = None
        hits = [number for number in range(self._count) if _places(self._draw(number), words)]
        self.refresh()
        self.found = (0, 0)
        if not hits:
            return
        start = self.scroll_offset.y if near is None else near
        if back:
            place = next((n for n in range(len(hits) - 1, -1, -1) if hits[n] <= start), -1)
        else:
            place = next((n for n, hit in enumerate(hits) if hit >= start), 0)
        self._hit = hits[place]
        self.found = (place % len(hits) + 1, len(hits))
        self.bring(self._hit)

    def find_next(self, step: int = 1) -> None:
        """The next line (or the one before) that holds what was searched for."""
        at = self.scroll_offset.y if self._hit is None else self._hit + step
        self.find(self._words, at, back=step < 0)

    @property
    def hit(self) -> int | None:
        """The line that the search stands at."""
        return self._hit

    @property
    def searching(self) -> bool:
        """True while a search is on."""
        return bool(self._words)

    def unmark(self) -> None:
        """The search is over."""
        self._words, self._hit, self.found = "", None, (0, 0)
        self.refresh()

    def bring(self, number: int) -> None:
        """Scroll so that a line is in view, in the middle if it was not."""
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if not top <= number < top + height:
            self.scroll_to(y=max(0, number - height // 2), animate=False)

    def render_line(self, y: int) -> Strip:
        """One row; the styles are looked up each time, so that a new theme takes effect."""
        number = y + self.scroll_offset.y
        base = self.ground(number)
        if number >= self._count:
            return Strip.blank(self.size.width, base.rich_style)
        parse = self.app.stylesheet.parse_style
        raised = base is not self.visual_style
        segments = []
        for (words, tone), hit in _marked(self._draw(number), self._words):
            style = base + parse(STYLES[_STRONGER.get(tone, tone) if raised else tone])
            if hit:
                name = "scroller--at" if number == self._hit else "scroller--hit"
                style = self.get_visual_style(name)
            segments.append(Segment(words, style.rich_style))
        return Strip(segments).adjust_cell_length(self.size.width, base.rich_style)

    def ground(self, number: int) -> Style:
        """The style under a line."""
        return self.visual_style

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._stood_at_end = self.at_end
        self.post_message(self.Moved(self))

    def on_resize(self, event: events.Resize) -> None:
        self.virtual_size = Size(max(1, self.size.width - 1), self._count)
        if self._follow and self._stood_at_end:
            self.scroll_end(animate=False)


def _places(line: Line, words: str) -> list[tuple[int, int]]:
    """The places of `words` in a line: (start, stop) in characters."""
    if not words:
        return []
    haystack = plain(line)
    if words == words.lower():
        lowered = haystack.lower()
        haystack = lowered if len(lowered) == len(haystack) else haystack
    found: list[tuple[int, int]] = []
    start = haystack.find(words)
    while start >= 0:
        found.append((start, start + len(words)))
        start = haystack.find(words, start + len(words))
    return found


def _marked(line: Line, words: str) -> list[tuple[Seg, bool]]:
    """The line's pieces, cut where a match begins or ends."""
    places = _places(line, words)
    if not places:
        return [(seg, False) for seg in line]
    pieces: list[tuple[Seg, bool]] = []
    at = 0
    for text, tone in line:
        edges = sorted(
            {0, len(text)} | {e - at for p in places for e in p if 0 < e - at < len(text)}
        )
        for start, stop in itertools.pairwise(edges):
            hit = any(a <= at + start < b for a, b in places)
            pieces.append(((text[start:stop], tone), hit))
        at += len(text)
    return pieces
