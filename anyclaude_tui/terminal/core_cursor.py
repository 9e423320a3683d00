"""The cursor as xterm moves it: margins, origin mode, tabs (`core_overrides.py`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

_REPLACED = (
    *("move_up", "move_down", "move_forward", "carriage_return", "line_feed", "reverse_index"),
    *("next_tab_stop", "previous_tab_stop", "backward_tab", "prepare_for_text_write"),
)


def install(board: Any) -> None:
    """Put the board's cursor right."""
    moves = _Moves(board)
    cursor, registry = board.cursor, board.registry
    for name in _REPLACED:
        setattr(cursor, name, getattr(moves, name))
    core_back = cursor.move_back
    cursor.move_back = lambda count: moves.move_back(core_back, count)
    registry["CHA"] = registry["HPA"] = lambda op: cursor.move_to(op.args[0], None)
    registry["HPR"] = lambda op: moves.relative(op.args[0], 0)
    registry["VPR"] = lambda op: moves.relative(0, op.args[0])
    registry["TBC"] = lambda op: moves.clear_tab(op.args[0])
    registry["DECBI"] = lambda op: moves.back_index()
    registry["DECFI"] = lambda op: moves.forward_index()
    modes = board.modes
    modes._modes[True, 6] = replace(modes._modes[True, 6], apply_fn=moves.origin_mode)


class _Moves:
    """The replacements of the core's moves; counts are one or more."""

    def __init__(self, board: Any) -> None:
        self._board = board
        self._cursor = board.cursor
        self._screen = board.blitter
        self._modes = board.modes

    def _in_columns(self) -> bool:
        screen = self._screen
        return bool(screen.left_margin <= self._cursor.display_x <= screen.right_margin)

    def move_up(self, count: int) -> None:
        """CUU: a cursor at or below the top margin stops at it."""
        cursor = self._cursor
        cursor.cancel_pending_wrap()
        top = 0 if cursor.y < self._screen.scroll_top else self._screen.scroll_top
        cursor.y = max(top, cursor.y - count)

    def move_down(self, count: int) -> None:
        """CUD: a cursor at or above the bottom margin stops at it."""
        cursor, screen = self._cursor, self._screen
        cursor.cancel_pending_wrap()
        bottom = screen.rows - 1 if cursor.y > screen.scroll_bottom else screen.scroll_bottom
        cursor.y = min(bottom, cursor.y + count)

    def move_forward(self, count: int) -> None:
        """CUF: a cursor at or left of the right margin stops at it."""
        cursor, screen = self._cursor, self._screen
        cursor.cancel_pending_wrap()
        right = screen.width - 1 if cursor.x > screen.right_margin else screen.right_margin
        cursor.x = min(right, cursor.x + count)

    def move_back(self, core: Any, count: int) -> None:
        """CUB and BS: a cursor at or right of the left margin stops at it."""
        cursor, screen, modes = self._cursor, self._screen, self._modes
        if modes.auto_wrap and (modes.reverse_wraparound or modes.extended_reverse_wraparound):
            core(count)
            return
        cursor.cancel_pending_wrap()
        left = 0 if cursor.x < screen.left_margin else screen.left_margin
        cursor.x = max(left, cursor.x - count)

    def relative(self, columns: int, rows: int) -> None:
        """HPR and VPR: within the margins in origin mode, else anywhere."""
        cursor, screen = self._cursor, self._screen
        x, y = cursor.display_x, cursor.y
        if self._modes.origin_mode:
            x, y = x - screen.left_margin, y - screen.scroll_top
        cursor.move_to(x + columns, y + rows)

    def carriage_return(self) -> None:
        """CR: to the left margin, from left of it to the first column (not in origin mode)."""
        cursor, left = self._cursor, self._screen.left_margin
        cursor.cancel_pending_wrap()
        cursor.x = left if cursor.x >= left or self._modes.origin_mode else 0

    def line_feed(self, is_wrapped: bool = False, print_trigger: str | None = None) -> None:
        """LF, IND and the wrap: scrolls at the bottom margin, and never goes across it."""
        cursor, screen = self._cursor, self._screen
        in_columns = self._in_columns()
        if is_wrapped:
            screen.current_page.set_line_wrapped(cursor.y)
        cursor.cancel_pending_wrap()
        if cursor.y == screen.scroll_bottom:
            if in_columns:
                screen.scroll(1)
        elif cursor.y < screen.rows - 1:
            cursor.y += 1
        if self._modes.linefeed_newline_mode:
            cursor.carriage_return()

    def prepare_for_text_write(self) -> tuple[int, int]:
        """The columns that text may be put in, [left, right), after the wrap that was pending;
        a wrap from right of the margins goes on between them."""
        cursor, screen = self._cursor, self._screen
        whole = screen.left_margin == 0 and screen.right_margin == screen.width - 1
        if whole and not cursor._wrap_pending and cursor.x < screen.width:
            return 0, int(screen.width)  # the usual case, at once
        left, right = cursor.write_bounds()
        if cursor._pending_wrap_is_valid() or cursor.x >= right:
            if self._modes.auto_wrap:
                cursor.line_feed(is_wrapped=True)
                cursor.x = left
                left, right = cursor.write_bounds()
            else:
                cursor.cancel_pending_wrap()
                cursor.x = right - 1
        return int(left), int(right)

    def reverse_index(self) -> None:
        """RI: scrolls at the top margin, and never goes across it."""
        cursor, screen = self._cursor, self._screen
        in_columns = self._in_columns()
        cursor.cancel_pending_wrap()
        if cursor.y == screen.scroll_top:
            if in_columns:
                screen.scroll(-1)
        elif cursor.y > 0:
            cursor.y -= 1

    def back_index(self) -> None:
        """DECBI: at the left margin the region's rows move right, else the cursor left."""
        if self._cursor.display_x == self._screen.left_margin:
            if self._in_rows():
                self._screen.pan(-1)
        else:
            self._cursor.move_back(1)

    def forward_index(self) -> None:
        """DECFI: at the right margin the region's rows move left, else the cursor right."""
        if self._cursor.display_x == self._screen.right_margin:
            if self._in_rows():
                self._screen.pan(1)
        else:
            self._cursor.move_forward(1)

    def _in_rows(self) -> bool:
        return bool(self._screen.scroll_top <= self._cursor.y <= self._screen.scroll_bottom)

    def next_tab_stop(self, column: int) -> int:
        """HT and CHT stop at the right margin."""
        screen = self._screen
        right = screen.right_margin if column <= screen.right_margin else screen.width - 1
        after = [stop for stop in self._cursor.tab_stops if stop > column]
        return int(min(*after, right) if after else right)

    def previous_tab_stop(self) -> int:
        """The tab stop before the cursor, or the first column."""
        before = [stop for stop in self._cursor.tab_stops if stop < self._cursor.x]
        return int(max(before, default=0))

    def backward_tab(self, count: int) -> None:
        """CBT: the left margin stops it in origin mode only."""
        cursor = self._cursor
        cursor.cancel_pending_wrap()
        left = self._screen.left_margin if self._modes.origin_mode else 0
        for _ in range(min(count, self._screen.width)):
            cursor.x = max(left, self.previous_tab_stop())

    def clear_tab(self, which: int) -> None:
        """TBC 0 and 3; others are ignored."""
        if which == 0:
            self._cursor.tab_stops.discard(self._cursor.display_x)
        elif which == 3:
            self._cursor.tab_stops.clear()

    def origin_mode(self, _: Any, on: bool) -> None:
        """DECOM, set or reset, brings the cursor home."""
        self._cursor.move_to(0, 0)
