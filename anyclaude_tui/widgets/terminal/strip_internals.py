"""The pane's own kinds of Rich's styles and Textual's strips: what either cannot paint.

With `widgets/textual_internals.py` the only place that touches private names of theirs
(both are pinned; `tests/test_private_names.py` names each and fails when one has gone).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip


class TermStyle(Style):
    """A style with what Rich has no words for: the kinds and colours of underlines."""

    __slots__ = ("underline_sgr",)
    underline_sgr: str

    def __hash__(self) -> int:
        return hash((super().__hash__(), self.underline_sgr))


class TermStrip(Strip):
    """A row of the terminal.

    Textual's `Strip.divide` caches [self] on itself: a reference cycle for each painted
    row, collected in pauses of 45–205 ms (measured). This one keeps no such cache.
    """

    __slots__ = ()

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """As Strip.divide, without the cache."""
        length = self.cell_length
        wanted = [cut for cut in cuts if cut <= length]
        if wanted == [length]:
            return [self]
        strips: list[Strip] = []
        position = 0
        for segments, cut in zip(Segment.divide(self, wanted), wanted, strict=False):
            strips.append(TermStrip(segments, cut - position))
            position = cut
        return strips

    @classmethod
    def render_style(cls, style: Style, text: str, color_system: ColorSystem) -> str:
        """As Strip.render_style, with the underline's own SGR parameters."""
        if style._ansi is None and isinstance(style, TermStyle) and style.underline_sgr:
            plain = cls.render_ansi(style, color_system)
            style._ansi = f"{plain};{style.underline_sgr}" if plain else style.underline_sgr
        return super().render_style(style, text, color_system)


class AnchoredStrip(TermStrip):
    """A row with characters that terminals do not agree on the width of: emoji sequences,
    flags, combining marks. Each is put on blanks at its column, and what follows is put at
    its own, so that the outer terminal's opinion cannot shift the rest of the screen.
    """

    __slots__ = ("anchors", "origin")

    def __init__(
        self, segments: Iterable[Segment], cell_length: int, anchors: dict[int, tuple[int, int]]
    ) -> None:
        super().__init__(segments, cell_length)
        self.anchors = anchors
        """By the segment's number: its first column and its width."""
        self.origin = 0
        """The screen's column of the row's first cell; whoever paints sets it."""

    def place(self, origin: int) -> None:
        """Say where on the screen the row starts."""
        if origin != self.origin:
            self.origin = origin
            self._render_cache = None

    def render(self, console: Console) -> str:
        """As Strip.render, with the anchored segments put in their places."""
        if self._render_cache is None:
            system = console._color_system or ColorSystem.TRUECOLOR
            parts = []
            for number, (text, style, _) in enumerate(self):
                anchor = self.anchors.get(number)
                if anchor is not None:
                    column, width = anchor
                    blanks = " " * width
                    parts.append(
                        self.render_style(style, blanks, system) if style is not None else blanks
                    )
                    parts.append(f"\x1b[{self.origin + column + 1}G")
                parts.append(self.render_style(style, text, system) if style is not None else text)
                if anchor is not None:
                    parts.append(f"\x1b[{self.origin + column + width + 1}G")
            self._render_cache = "".join(parts)
        return self._render_cache


def set_link_id(style: Style, link_id: str) -> None:
    """Give a style's link an id of ours; Rich makes up another for each style."""
    style._link_id = link_id
