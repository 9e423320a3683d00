"""From the core's styles to how a cell looks, in our own terms (`cells.Look`).

Colours stay palette indices, so that they look as the user's terminal shows them, except
those that the program has redefined (OSC 4, 10, 11), and the default ones where the pane
is painted in others than the terminal's own.
"""

from __future__ import annotations

from typing import Any

from anyclaude_tui.terminal.cells import Colour, Look, Underline
from anyclaude_tui.terminal.outer_colours import RGB

_KEPT = 8192
_PLAIN = (None, None, False, False, False, "", None, False, False, False, False, False, None, "")


class Looks:
    """The looks of one board's styles, interned: the same look is the same object."""

    def __init__(self, board: Any) -> None:
        self._board = board
        self._by_style: dict[Any, Look | None] = {}
        self._interned: dict[tuple[Any, ...], Look] = {}
        self._changed: dict[int | str, RGB] = {}
        self._ground: dict[int | str, RGB] = {}
        self._seen = -1
        self._defaults = self._palette()

    def of(self, style: Any) -> Look | None:
        """The look of a cell of this style; None: the terminal's own default, nothing set."""
        try:
            return self._by_style[style]
        except KeyError:
            if len(self._by_style) >= _KEPT:
                self.forget()
            look = self._by_style[style] = self._translate(style)
            return look

    def refresh(self) -> bool:
        """Take in what has become of the palette; whether all cells have to be looked at anew."""
        if self._board.palette.generation == self._seen:
            return False
        self._seen = self._board.palette.generation
        redefined = {
            name: colour
            for name, colour in self._palette().items()
            if colour != self._defaults[name]
        }
        self._changed = {**self._ground, **redefined}
        self.forget()
        return True

    def set_ground(self, foreground: RGB, background: RGB, *, painted: bool) -> None:
        """Other default colours; `painted`: cells that have them are shown in these."""
        ground: dict[int | str, RGB] = {"foreground": foreground, "background": background}
        self._defaults |= ground
        self._ground = ground if painted else {}
        self._seen = -1

    def forget(self) -> None:
        """Translate every style anew."""
        self._by_style.clear()
        self._interned.clear()

    def _translate(self, style: Any) -> Look | None:
        underline: Underline = (style.underline_style or "single") if style.underline else ""
        link = style.hyperlink or None
        if link is not None and not link.isprintable():
            link = None  # it would reach the outer terminal inside an escape sequence
        values = (
            self._colour(style.fg, "foreground"),
            self._colour(style.bg, "background"),
            bool(style.bold),
            bool(style.dim),
            bool(style.italic),
            underline,
            self._colour(style.underline_color, None),
            bool(style.blink),
            bool(style.reverse) != bool(self._board.modes.reverse_screen),
            bool(style.conceal),
            bool(style.strike),
            bool(style.overline),
            link,
            str(style.hyperlink_id or "") if link else "",
        )
        if values == _PLAIN:
            return None
        return self._interned.setdefault(values, Look(*values))

    def _colour(self, colour: Any, default: str | None) -> Colour | None:
        if colour is None or colour.mode == "default":
            changed = default is not None and self._changed.get(default)
            return changed or None
        if colour.mode == "indexed":
            index = int(colour.value)
            return self._changed.get(index, index)
        red, green, blue = colour.value
        return (red, green, blue)

    def _palette(self) -> dict[int | str, RGB]:
        palette = self._board.palette
        colours: dict[int | str, RGB] = dict(enumerate(palette.colors))
        colours["foreground"] = palette.foreground
        colours["background"] = palette.background
        return colours
