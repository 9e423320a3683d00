"""`bittty` set up as our terminal: what it says it is, what a program may not do to it, its
cables, and a change of height that keeps the bottom of the screen.

Only this module and `emulator.py` know `bittty`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bittty import TerminalCaps  # type: ignore[import-untyped]
from bittty import mode_profiles as modes
from bittty import present as presented
from bittty.devices.board import Board  # type: ignore[import-untyped]
from bittty.keyboard.keymap import XTERM_KEYMAP  # type: ignore[import-untyped]
from bittty.model import BITTTY, Model  # type: ignore[import-untyped]
from bittty.options import (  # type: ignore[import-untyped]
    EDITING,
    KITTY_KEYBOARD,
    XTERM_MODIFY_KEYS,
)

from anyclaude_tui.terminal import core_replies
from anyclaude_tui.terminal.core_overrides import apply_overrides
from anyclaude_tui.terminal.scrollback import History

RGB = tuple[int, int, int]

# What a program may not do to a pane: change its size, lock the keyboard, echo locally,
# turn it into a VT52, write from right to left, print, or read the title back (a classic
# way to have the terminal type what the title says).
_NOT_OURS = frozenset(
    {
        modes.ANSI_KEYBOARD_ACTION,
        modes.ANSI_SEND_RECEIVE,
        modes.DEC_ANSI,
        modes.XTERM_COLUMN_MODE,
        modes.XTERM_ALLOW_COLUMN,
        modes.DEC_NO_CLEAR_COLUMN,
        modes.DEC_RIGHT_TO_LEFT,
        modes.DEC_AUTO_REPEAT,
        modes.DEC_NATIONAL_CHARSET,
        modes.DEC_AUTO_ANSWERBACK,
        modes.DEC_CONCEAL_ANSWERBACK,
        modes.DEC_IGNORE_NULL,
        modes.CONTOUR_TEXT_REFLOW,
        modes.MINTTY_APPLICATION_ESCAPE,
        modes.MINTTY_ESCAPE_FS,
    }
)
MODEL: Model = replace(
    BITTTY,
    name="anyclaude-tui",
    term_name="xterm-256color",
    # As Ghostty says it: VT220, ANSI colour, clipboard writes. No sixel, no printer.
    da1_response="\x1b[?62;22;52c",
    da2_response="\x1b[>1;10;0c",
    options=frozenset(),
    control_capabilities=EDITING | {KITTY_KEYBOARD, XTERM_MODIFY_KEYS},
    mode_capabilities=BITTTY.mode_capabilities - _NOT_OURS,
    keymap=XTERM_KEYMAP,
    reflows=True,
    macro_space=None,
    upss=None,
    keyboard_types=None,
)


def make_board(
    rows: int,
    columns: int,
    *,
    send: Callable[[bytes], None],
    present: Callable[[Any], None],
    scrolled_off: Callable[[Sequence[Any]], None],
    version: str,
    colours: tuple[RGB, RGB] | None,
) -> Any:
    """The core, wired: what it sends, what it presents, the rows that leave the screen.

    `colours`: the default foreground and background, which programs may ask for.
    """
    model = MODEL
    if colours is not None:
        palette = replace(model.palette, foreground=colours[0], background=colours[1])
        model = replace(model, palette=palette)
    board = Board(width=columns, height=rows, model=model)
    # Grapheme clusters (mode 2027) are how today's terminals measure emoji.
    board.set_caps(TerminalCaps(color_depth="truecolor", grapheme_mode="permanently-set"))
    board.registry["DECSCPP"] = lambda operation: None
    core_replies.install(board, version)
    apply_overrides(board)
    _refuse_malformed(board.parser)
    board.host.attach(Cable(send))
    board.attach_display(_Display(present, scrolled_off))
    return board


# ECMA-48: parameters, then intermediates, then one final character.
_WELL_FORMED = re.compile(r"(?:\x1b\[|\x9b)[0-9:;<=>?]*[ -/]*[@-~]")


def _refuse_malformed(parser: Any) -> None:
    """The core takes `CSI - 90 e` for a move by −90, and then writes outside its grid (found
    by fuzzing). Terminals ignore what is not well formed."""
    dispatch = parser.dispatch

    def checked(kind: str, data: str) -> None:
        if kind != "csi" or _WELL_FORMED.fullmatch(data):
            dispatch(kind, data)

    parser.dispatch = checked


class Cable:
    """The core's line to the program: everything goes out at once, in order.

    While the core reads what the program wrote (`answering`), only answers do: whatever a
    query may bring the core to say, nothing else is typed.
    """

    closed = False

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self.answering = False

    def write(self, data: str) -> int:
        if not self.answering or core_replies.is_answer(data):
            self._send(data.encode("utf-8", "replace"))
        return len(data)

    def write_bytes(self, data: bytes) -> int:
        self._send(data)
        return len(data)

    def flush(self) -> None: ...
    def configure_line(self, line: Any) -> None: ...
    def resize(self, rows: int, columns: int) -> None: ...
    def close(self) -> None: ...


class _Display:
    """The core's line to the screen."""

    keeps_scrollback = True

    def __init__(
        self, presented: Callable[[Any], None], scrolled_off: Callable[[Sequence[Any]], None]
    ) -> None:
        self._presented = presented
        self._scrolled_off = scrolled_off

    def present(self, event: Any) -> None:
        if type(event) is presented.RowsScrolledOff:
            self._scrolled_off(event.lines)
        elif type(event) is not presented.ScreenChanged:
            self._presented(event)


# --- height ---
#
# The core cuts at the bottom and adds there; terminals keep the bottom and move the top
# into history, and back. Programs that repaint relative to the cursor would paint in the
# wrong place, so the rows are moved before the core changes the height.


def fit_main_screen(board: Any, history: History, rows: int) -> None:
    """Before the height of the main screen becomes `rows`, at the same width."""
    blitter = board.blitter
    page = blitter.primary_page
    saved = board.cursor.saved[False]
    cursor_y = int(saved.y if blitter.in_alt_screen else board.cursor.y)
    if rows < page.height:
        moved = -_surplus(page, cursor_y, rows)
        for y in range(-moved):
            history.append(page.grid[y], page.is_line_wrapped(y))
        page.scroll_region_up(0, page.height - 1, -moved)
    elif cursor_y == page.height - 1:
        moved = _bring_back(page, history, rows - page.height)
    else:  # nothing to bring back to a screen that is not full
        return
    if blitter.in_alt_screen:
        board.cursor.saved[False] = replace(saved, y=max(0, saved.y + moved))
    else:
        blitter.height = blitter.rows = max(page.height, rows)
        board.cursor.set_position(board.cursor.display_x, max(0, cursor_y + moved))


def _bring_back(page: Any, history: History, wanted: int) -> int:
    taken: list[tuple[list[tuple[Any, str]], bool]] = []
    while len(taken) < wanted:
        row = history.take_newest(page.width)
        if row is None:
            break
        taken.append(row)
    page.resize(page.width, page.height + len(taken))
    page.scroll_region_down(0, page.height - 1, len(taken))
    for y, (cells, wrapped) in enumerate(reversed(taken)):
        page.grid[y][:] = cells
        page.set_line_wrapped(y, wrapped)
    return len(taken)


def fit_alternate_screen(board: Any, rows: int) -> None:
    """The same for the alternate screen; what leaves it at the top is gone."""
    page = board.blitter.alt_page
    if board.blitter.in_alt_screen and rows < page.height:
        moved = _surplus(page, int(board.cursor.y), rows)
        page.scroll_region_up(0, page.height - 1, moved)
        board.cursor.set_position(board.cursor.display_x, int(board.cursor.y) - moved)


def _surplus(page: Any, cursor_y: int, rows: int) -> int:
    """The number of rows that have to go at the top, after the blank ones below the cursor."""
    last = page.height - 1
    below = 0
    while last - below > cursor_y and _is_blank(page.grid[last - below]):
        below += 1
    return int(max(0, page.height - rows - below))


def _is_blank(row: Sequence[tuple[Any, str]]) -> bool:
    return all(text == " " and style.bg is None for style, text in row)
