"""The terminal emulator: bytes from the program in, a screen and replies out.

This is the one module that knows `bittty` (pinned: it breaks its API between minors), so
that another core can take its place. What it adds to it: our own identity, nothing that
lets a program change the pane's size or lock its keyboard, history, a height shrink that
keeps the bottom of the screen, bounded buffers, and cells in our own terms.

Sources: xterm's ctlseqs, the kitty keyboard protocol, and what Claude Code was seen to
send (`wire/claude-code.md`, In the terminal).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

from bittty import KeyEvent, KeyModifiers, TerminalCaps  # type: ignore[import-untyped]
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
from bittty.style import Style  # type: ignore[import-untyped]

from anyclaude_tui.terminal.cells import (
    BellRang,
    Cell,
    ClipboardSet,
    Colour,
    Cursor,
    FrameEnded,
    Look,
    Notified,
    ProgressSet,
    Run,
    ScreenEvent,
    TitleSet,
    Underline,
)
from anyclaude_tui.terminal.history import History, Row
from anyclaude_tui.terminal.keys import KeyPress, paste_bytes

log = logging.getLogger(__name__)

MAX_SEQUENCE_CHARACTERS = 1 << 20
"""An escape sequence that does not end is dropped after this much."""
_LOOKS_KEPT = 8192
_CAN = "\x18"

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
_WINDOW_REPORTS = frozenset({11, 13, 14, 15, 16, 18, 19, 22, 23})
_MODEL: Model = replace(
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

MouseButton = Literal["left", "middle", "right", "none"]
Wheel = Literal["up", "down", "left", "right"]
_BUTTONS: dict[str, int] = {"left": 0, "middle": 1, "right": 2, "none": 0}
_WHEEL: dict[str, int] = {"up": 64, "down": 65, "left": 66, "right": 67}


class Emulator:
    """One screen with its history.

    `send` gets what goes back to the program: replies, keys, mouse reports, pastes, in
    order. `report` gets what is not on the screen; both are called during `feed`.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        *,
        send: Callable[[bytes], None],
        report: Callable[[ScreenEvent], None],
        version: str = "0",
    ) -> None:
        self._report = report
        self._send = send
        self._version = version
        self.faults = 0
        """How often the core failed on what the program wrote, and was reset."""
        self.history = History(blank=Style())
        self._looks: dict[Any, Look | None] = {}  # by the core's style
        self._interned: dict[tuple[Any, ...], Look] = {}  # by what it looks like
        self._changed_colours: dict[int | str, tuple[int, int, int]] = {}
        self._palette_seen = -1
        self._board = Board(width=columns, height=rows, model=_MODEL)
        self._palette_defaults = self._palette_colours()
        self._board.set_caps(TerminalCaps(color_depth="truecolor", grapheme_mode="permanently-set"))
        self._board.registry["XTVERSION"] = self._reply_version
        self._board.registry["XTWINOPS"] = self._window_operation
        self._board.registry["DECSCPP"] = lambda operation: None
        self._window_operation_of_core = self._board.console.handle_window_op
        self._board.host.attach(_Cable(send))
        self._board.attach_display(_Display(self._presented, self._scrolled_off))
        self._page: Any = None
        self._seen = -1

    # --- the program writes ---

    def feed(self, data: bytes) -> None:
        """Take what the program wrote. Never raises for anything it contains."""
        board = self._board
        try:
            board.feed_host_data(data)
            if len(board.parser.buffer) > MAX_SEQUENCE_CHARACTERS:
                board.parser.feed(_CAN)
        except Exception:
            self.faults += 1
            log.exception("the terminal core failed; its parser was reset")
            board.parser.reset()

    def reset(self) -> None:
        """As after power-on (RIS), for the next program; the history stays."""
        self._board.parser.reset()
        self._board.reset(hard=True)
        self._board.title.set_both("")

    # --- the screen ---

    @property
    def rows(self) -> int:
        """Rows on the screen."""
        return int(self._board.height)

    @property
    def columns(self) -> int:
        """Columns on the screen."""
        return int(self._board.width)

    @property
    def title(self) -> str:
        """The window title that the program set."""
        return str(self._board.title.title)

    @property
    def alternate_screen(self) -> bool:
        """Whether the program shows its alternate screen, which has no history."""
        return bool(self._board.blitter.in_alt_screen)

    @property
    def synchronized(self) -> bool:
        """Whether a frame is being written (mode 2026): what is on the grid is unfinished."""
        return bool(self._board.modes.synchronized_output)

    @property
    def bracketed_paste(self) -> bool:
        """Whether pastes go between markers (mode 2004)."""
        return bool(self._board.modes.bracketed_paste)

    @property
    def mouse_tracking(self) -> bool:
        """Whether the program wants the mouse (modes 9, 1000, 1002, 1003)."""
        return str(self._board.mouse.protocol.value) not in ("off", "locator")

    @property
    def wheel_scrolls_program(self) -> bool:
        """Whether the wheel belongs to the program: it tracks, or turns it into arrows."""
        return self.mouse_tracking or bool(
            self.alternate_screen and self._board.modes.alternate_scroll_mode
        )

    @property
    def kitty_flags(self) -> int:
        """The kitty keyboard enhancements that the program has asked for."""
        return int(self._board.keyboard.kitty_flags)

    @property
    def cursor(self) -> Cursor:
        """Where the cursor is on the screen."""
        board = self._board
        return Cursor(
            int(board.cursor.display_x),
            int(board.cursor.y),
            bool(board.modes.cursor_visible and board.blitter.cursor_on_display),
            board.cursor.shape,
        )

    def dirty_rows(self) -> Sequence[int]:
        """The rows that changed since the last call; asking marks them as seen."""
        page = self._board.blitter.main_page
        if self._board.palette.generation != self._palette_seen:
            self._palette_changed()
            self._page = None
        rows: Sequence[int] = (
            page.dirty_rows(self._seen) if page is self._page else range(page.height)
        )
        self._page, self._seen = page, page.observe()
        return rows

    def runs(self, y: int) -> list[Run]:
        """Row `y` of the screen (0 is the top), or of the history (-1 is its newest row)."""
        return self._runs(self._cells(y))

    def cells(self, y: int) -> list[Cell]:
        """The same row, column by column."""
        look = self._look
        return [Cell(_shown(text), look(style)) for style, text in self._cells(y)]

    def text(self, y: int) -> str:
        """The same row as text, without trailing blanks."""
        return "".join(text for _, text in self._cells(y)).rstrip(" ")

    def wrapped(self, y: int) -> bool:
        """Whether row `y` goes on in the next one (it was wrapped, not ended)."""
        if y < 0:
            return self.history.wrapped(self.history.count(self.columns) + y, self.columns)
        return bool(self._board.blitter.main_page.is_line_wrapped(y))

    def _cells(self, y: int) -> Sequence[tuple[Any, str]]:
        if y < 0:
            row: Row = self.history.row(self.history.count(self.columns) + y, self.columns)
            return row
        page = self._board.blitter.main_page
        return page.grid[y] if y < page.height else ()

    def _runs(self, cells: Sequence[tuple[Any, str]]) -> list[Run]:
        """Group by the look, not by the core's style: it has several equal-looking blanks."""
        runs: list[Run] = []
        texts: list[str] = []
        start = 0
        last_style: Any = _NO_STYLE
        last: Look | None = None
        for x, (style, text) in enumerate(cells):
            if style is not last_style:
                last_style = style
                look = self._look(style)
                if look is not last:
                    if texts:
                        runs.append(Run(_printable("".join(texts), texts), x - start, last))
                        texts = []
                    start, last = x, look
            texts.append(text)
        if texts:
            runs.append(Run(_printable("".join(texts), texts), len(cells) - start, last))
        return runs

    def _look(self, style: Any) -> Look | None:
        try:
            return self._looks[style]
        except KeyError:
            if len(self._looks) >= _LOOKS_KEPT:
                self._forget_looks()
            look = self._looks[style] = self._translate(style)
            return look

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
            changed = default is not None and self._changed_colours.get(default)
            return changed or None
        if colour.mode == "indexed":
            index = int(colour.value)
            return self._changed_colours.get(index, index)
        red, green, blue = colour.value
        return (red, green, blue)

    def _palette_colours(self) -> dict[int | str, tuple[int, int, int]]:
        palette = self._board.palette
        colours: dict[int | str, tuple[int, int, int]] = dict(enumerate(palette.colors))
        colours["foreground"] = palette.foreground
        colours["background"] = palette.background
        return colours

    def _palette_changed(self) -> None:
        """Colours stay palette indices, so that they look as the user's terminal shows them,
        except those that the program has redefined (OSC 4, 10, 11)."""
        self._palette_seen = self._board.palette.generation
        self._changed_colours = {
            name: colour
            for name, colour in self._palette_colours().items()
            if colour != self._palette_defaults[name]
        }
        self._forget_looks()

    def _forget_looks(self) -> None:
        self._looks.clear()
        self._interned.clear()

    # --- size ---

    def resize(self, rows: int, columns: int) -> None:
        """Take a new size: lines wrap anew, and the rows around the cursor stay in view."""
        rows, columns = max(1, rows), max(1, columns)
        board = self._board
        if (rows, columns) == (self.rows, self.columns):
            return
        if columns == self.columns:
            self._fit_main_screen(rows)
        self._fit_alternate_screen(rows)
        board.resize_from_frontend(columns, rows)
        self._page = None

    # The core cuts at the bottom and adds there; terminals keep the bottom and move the top
    # into history, and back. Programs that repaint relative to the cursor would paint in
    # the wrong place, so the rows are moved before the core changes the height.

    def _fit_main_screen(self, rows: int) -> None:
        board = self._board
        blitter = board.blitter
        page = blitter.primary_page
        saved = board.cursor.saved[False]
        cursor_y = int(saved.y if blitter.in_alt_screen else board.cursor.y)
        if rows < page.height:
            moved = -_surplus(page, cursor_y, rows)
            for y in range(-moved):
                self.history.append(page.grid[y], page.is_line_wrapped(y))
            page.scroll_region_up(0, page.height - 1, -moved)
        elif cursor_y == page.height - 1:
            moved = self._bring_back(page, rows - page.height)
        else:  # nothing to bring back to a screen that is not full
            return
        if blitter.in_alt_screen:
            board.cursor.saved[False] = replace(saved, y=max(0, saved.y + moved))
        else:
            blitter.height = blitter.rows = max(page.height, rows)
            board.cursor.set_position(board.cursor.display_x, max(0, cursor_y + moved))

    def _bring_back(self, page: Any, wanted: int) -> int:
        taken: list[tuple[list[tuple[Any, str]], bool]] = []
        while len(taken) < wanted:
            row = self.history.take_newest(self.columns)
            if row is None:
                break
            taken.append(row)
        page.resize(self.columns, page.height + len(taken))
        page.scroll_region_down(0, page.height - 1, len(taken))
        for y, (cells, wrapped) in enumerate(reversed(taken)):
            page.grid[y][:] = cells
            page.set_line_wrapped(y, wrapped)
        return len(taken)

    def _fit_alternate_screen(self, rows: int) -> None:
        board = self._board
        page = board.blitter.alt_page
        if board.blitter.in_alt_screen and rows < page.height:
            moved = _surplus(page, int(board.cursor.y), rows)
            page.scroll_region_up(0, page.height - 1, moved)
            board.cursor.set_position(board.cursor.display_x, int(board.cursor.y) - moved)

    # --- the user acts ---

    def key(self, press: KeyPress) -> None:
        """Send a key, encoded as the modes that the program has set ask for."""
        held = KeyModifiers.NONE
        for name in ("shift", "alt", "ctrl", "hyper", "meta"):
            if getattr(press, name):
                held |= KeyModifiers[name.upper()]
        if press.super_:
            held |= KeyModifiers.SUPER
        self._board.input_key_event(
            KeyEvent(press.key, held, text=press.text, shifted_key=press.shifted)
        )

    def paste(self, text: str) -> None:
        """Send pasted text."""
        self._send(paste_bytes(text, bracketed=self.bracketed_paste))

    def focus(self, focused: bool) -> None:
        """Tell the program that the pane has or has lost the focus, if it asked (mode 1004)."""
        self._board.set_focus(focused)

    def mouse(
        self,
        kind: Literal["press", "release", "move"],
        x: int,
        y: int,
        button: MouseButton | Wheel,
        modifiers: frozenset[str],
        *,
        wheel: bool = False,
    ) -> None:
        """Send a mouse event (columns and rows from 0), if the program tracks such.

        `modifiers` of "shift", "meta", "ctrl". A wheel step is a press with `wheel`.
        """
        code = _WHEEL[button] if wheel else _BUTTONS[button]
        self._board.input_mouse(x + 1, y + 1, code, kind, set(modifiers))

    # --- what the core tells us ---

    def _presented(self, event: Any) -> None:
        if isinstance(event, presented.SyncOutputChanged):
            if not event.enabled:
                self._report(FrameEnded())
        elif isinstance(event, presented.TitleChanged):
            self._report(TitleSet(_one_line(event.title)))
        elif isinstance(event, presented.Bell):
            self._report(BellRang())
        elif isinstance(event, presented.ClipboardChanged):
            self._report(ClipboardSet(event.text))
        elif isinstance(event, presented.Notification):
            self._report(_notification(event.text))
        elif isinstance(event, presented.ReverseScreenChanged):
            self._forget_looks()
            self._page = None
        elif isinstance(event, presented.ScrollbackCleared):
            self.history.clear()

    def _scrolled_off(self, lines: Sequence[Any]) -> None:
        for line in lines:
            self.history.append(line.cells, line.wrapped)

    def _reply_version(self, operation: Any) -> None:
        """XTVERSION. Claude Code asks for synchronized output only if this is answered."""
        self._board.host.write(f"\x1bP>|anyclaude-tui {self._version}\x1b\\", flush=True)

    def _window_operation(self, operation: Any) -> None:
        params = operation.args[0]
        if params and params[0] in _WINDOW_REPORTS:
            self._window_operation_of_core(operation)


class _Cable:
    """The core's line to the program: everything goes out at once, in order."""

    closed = False

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def write(self, data: str) -> int:
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


_PLAIN = (None, None, False, False, False, "", None, False, False, False, False, False, None, "")
_NO_STYLE = object()


def _surplus(page: Any, cursor_y: int, rows: int) -> int:
    """How many rows have to go at the top, after the blank ones below the cursor."""
    last = page.height - 1
    below = 0
    while last - below > cursor_y and _is_blank(page.grid[last - below]):
        below += 1
    return int(max(0, page.height - rows - below))


def _is_blank(row: Sequence[tuple[Any, str]]) -> bool:
    return all(text == " " and style.bg is None for style, text in row)


def _one_line(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:200]


def _notification(text: str) -> ScreenEvent:
    """OSC 9 is a message, except `9;4;state;percent`, which is progress (ConEmu, Ghostty)."""
    parts = text.split(";")
    if parts[0] == "4" and len(parts) > 1 and parts[1].isdecimal():
        percent = int(parts[2]) if len(parts) > 2 and parts[2].isdecimal() else None
        return ProgressSet(int(parts[1]), percent)
    return Notified(_one_line(text))


def _printable(text: str, parts: Sequence[str]) -> str:
    """`text`, joined from the cells' `parts`, safe to write to the outer terminal."""
    return text if text.isprintable() else "".join(map(_shown, parts))


def _shown(text: str) -> str:
    """One cell's text, without what would move or command the outer terminal: C1 controls
    reach the grid, and a cell that starts with a character of no width would shift the row."""
    if text == "" or text.isprintable():
        return text
    first = text[0]
    if first < " " or "\x7f" <= first <= "\x9f":
        return "\ufffd"
    if first in _NO_WIDTH:
        return " "
    return "".join(c for c in text if not (c < " " or "\x7f" <= c <= "\x9f" or c in _BIDI))


_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NO_WIDTH = _BIDI | frozenset("\u200b\u200c\u200d\u2060\u2028\u2029\ufeff")
