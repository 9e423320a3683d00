"""Erasing, inserting, deleting and rectangles as xterm does them (`core_overrides.py`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

Protection = Literal["off", "iso", "dec"]


def install(board: Any) -> None:
    """Put the board's editing right."""
    editing = _Editing(board)
    registry, blitter = board.registry, board.blitter
    registry["ICH"] = lambda op: editing.shift(-op.args[0])
    registry["DCH"] = lambda op: editing.shift(op.args[0])
    registry["ECH"] = lambda op: editing.erase_characters(op.args[0])
    registry["ED"] = lambda op: editing.erase_display(op.args[0])
    registry["EL"] = lambda op: editing.erase_line(op.args[0])
    registry["DECSED"] = partial(_known_mode, registry["DECSED"])
    registry["DECSEL"] = partial(_known_mode, registry["DECSEL"])
    registry["DECALN"] = lambda op: editing.alignment_test()
    for name, first in (("DECERA", 0), ("DECSERA", 0), ("DECCARA", 0), ("DECRARA", 0)):
        registry[name] = partial(editing.in_rectangle, registry[name], first)
    registry["DECFRA"] = partial(editing.in_rectangle, registry["DECFRA"], 1)
    registry["DECCRA"] = partial(editing.copy, registry["DECCRA"])
    registry["SPA"] = partial(editing.protect, registry["SPA"], "iso")
    registry["DECSCA"] = partial(editing.protect, registry["DECSCA"], "dec")
    core_reset = blitter.reset

    def reset(hard: bool = True) -> None:
        editing.protection = "off"
        core_reset(hard)

    blitter.reset = reset


def _known_mode(handler: Callable[[Any], None], operation: Any) -> None:
    """DECSED and DECSEL know 0, 1 and 2; the core erases everything for others."""
    if operation.args[0] in (0, 1, 2):
        handler(operation)


class _Editing:
    def __init__(self, board: Any) -> None:
        self._board = board
        self._screen = board.blitter
        self.protection: Protection = "off"
        """The protection that cells were last given: `iso` (SPA) makes plain erasing spare them
        too."""

    def protect(self, handler: Callable[[Any], None], kind: Protection, operation: Any) -> None:
        """SPA and DECSCA."""
        self.protection = kind
        handler(operation)

    def shift(self, count: int) -> None:
        """ICH (negative) and DCH: between the left and right margins, on any row; what comes
        in has the background colour only."""
        cursor, screen = self._board.cursor, self._screen
        cursor.cancel_pending_wrap()
        if screen.left_margin <= cursor.x <= screen.right_margin:
            background = self._board.style.background_ansi()
            screen._shift_line_segment(cursor.y, cursor.x, screen.right_margin, count, background)

    def erase_characters(self, count: int) -> None:
        """ECH: with the background colour only."""
        cursor, screen = self._board.cursor, self._screen
        cursor.cancel_pending_wrap()
        self._erase(cursor.y, cursor.x, min(cursor.x + count, screen.width))

    def erase_line(self, mode: int) -> None:
        """EL."""
        screen = self._screen
        if self.protection != "iso":
            screen.clear_line(mode)
        elif mode in (0, 1, 2):
            screen.selective_erase_line(mode)

    def erase_display(self, mode: int) -> None:
        """ED."""
        if self.protection != "iso" or mode not in (0, 1, 2):
            self._screen.clear_screen(mode)
        else:
            self._screen.selective_erase_display(mode)

    def _erase(self, y: int, start: int, stop: int) -> None:
        screen = self._screen
        if self.protection == "iso":
            for x in range(start, stop):
                screen._selective_clear(x, y)
        elif start < stop:
            background = self._board.style.background_ansi()
            screen.current_page.clear_region(start, y, stop - 1, y, background)

    def alignment_test(self) -> None:
        """DECALN: margins, origin mode and rendition are reset, the cursor goes home."""
        board, screen = self._board, self._screen
        board.modes.origin_mode = False
        link = board.style.current.hyperlink
        if link is None:
            board.style.current = board.style.default
        screen.set_scroll_region(0, screen.rows - 1)
        screen.reset_left_right_margins()
        board.cursor.set_position(0, 0)
        screen.alignment_test()

    # --- rectangles ---

    def _rectangle(self, params: tuple[int | None, ...]) -> tuple[int, int, int, int] | None:
        """The corners, 1-based and absolute; None where they are no rectangle.

        In origin mode they count from the margins. What is outside the screen is cut off.
        """
        screen = self._screen
        origin = self._board.modes.origin_mode
        down = screen.scroll_top if origin else 0
        right = screen.left_margin if origin else 0
        top, left, bottom, last = (*params[:4], None, None, None, None)[:4]

        def row(value: int | None, default: int) -> int:
            return min(max(1, value + down), screen.rows) if value else default

        def column(value: int | None, default: int) -> int:
            return min(max(1, value + right), screen.width) if value else default

        rows = row(top, 1), row(bottom, screen.rows)
        columns = column(left, 1), column(last, screen.width)
        if rows[0] > rows[1] or columns[0] > columns[1]:
            return None
        return rows[0], columns[0], rows[1], columns[1]

    def in_rectangle(self, handler: Callable[[Any], None], first: int, operation: Any) -> None:
        """Hand on an operation whose corners begin at parameter `first`, if they are some."""
        params = operation.args[0]
        corners = self._rectangle(params[first:])
        if corners is not None:
            made = (*params[:first], *corners, *params[first + 4 :])
            handler(_with(operation, made))

    def copy(self, handler: Callable[[Any], None], operation: Any) -> None:
        """DECCRA: from a rectangle to a place, which counts from the margins as well."""
        params = (*operation.args[0], *[None] * 8)[:8]
        source, target = self._rectangle(params[:4]), self._rectangle((*params[5:7], None, None))
        if source is not None and target is not None:
            handler(_with(operation, (*source, params[4], *target[:2], params[7])))


def _with(operation: Any, params: tuple[int | None, ...]) -> Any:
    return type(operation)(operation.name, (params,), operation.raw)
