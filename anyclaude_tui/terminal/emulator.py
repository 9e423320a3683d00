"""The terminal emulator: bytes from the program in, a screen and replies out.

This module and `bittty_board.py` are the only ones that know `bittty` (pinned: it breaks its API
between minors), so that another core can take its place. Here it gets history, bounded
buffers, and cells in our own terms.

Sources: xterm's ctlseqs, the kitty keyboard protocol, and what Claude Code was seen to
send (`docs/protocol/claude-code.md`, In the terminal).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from bittty import KeyEvent, KeyModifiers  # type: ignore[import-untyped]
from bittty import present as presented
from bittty.style import Style  # type: ignore[import-untyped]

from anyclaude_tui.terminal.bittty_board import fit_alternate_screen, fit_main_screen, make_board
from anyclaude_tui.terminal.cells import (
    BellRang,
    Cell,
    ClipboardSet,
    Cursor,
    Faulted,
    FrameEnded,
    Look,
    Notified,
    ProgressSet,
    Run,
    ScreenEvent,
    TitleSet,
)
from anyclaude_tui.terminal.core_replies import colour_scheme, set_colours
from anyclaude_tui.terminal.keys import KeyPress, paste_bytes
from anyclaude_tui.terminal.looks import Looks
from anyclaude_tui.terminal.outer_colours import RGB
from anyclaude_tui.terminal.plain_line_flood import take_plain_lines
from anyclaude_tui.terminal.safe_text import clean_text, one_line, safe_cell, safe_run
from anyclaude_tui.terminal.scrollback import History, Row

log = logging.getLogger(__name__)

MAX_SEQUENCE_CHARACTERS = 1 << 20
"""An escape sequence that does not end is dropped after this much."""
FAULTS_LOGGED = 10
_CAN = "\x18"

MouseButton = Literal["left", "middle", "right", "none"]
Wheel = Literal["up", "down", "left", "right"]
_BUTTONS: dict[str, int] = {"left": 0, "middle": 1, "right": 2, "none": 0}
_WHEEL: dict[str, int] = {"up": 64, "down": 65, "left": 66, "right": 67}


class Emulator:
    """One screen with its history.

    `send` gets what goes back to the program: replies, keys, mouse reports, pastes, in
    order. `report` gets what is not on the screen; both are called during `feed`.
    `colours` are the outer terminal's default foreground and background, for who asks.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        *,
        send: Callable[[bytes], None],
        report: Callable[[ScreenEvent], None],
        version: str = "0",
        colours: tuple[RGB, RGB] | None = None,
    ) -> None:
        self._report = report
        self._send = send
        self.faults = 0
        """The number of times that the core failed on what the program wrote, and was reset."""
        self.history = History(blank=Style())
        self._board = make_board(
            rows,
            columns,
            send=send,
            present=self._presented,
            scrolled_off=self._scrolled_off,
            version=version,
            colours=colours,
        )
        self._looks = Looks(self._board)
        self._page: Any = None
        self._seen = -1

    # --- the program writes ---

    def feed(self, data: bytes) -> None:
        """Take what the program wrote. Never raises for anything it contains."""
        board = self._board
        cable = board.host.connection
        cable.answering = True
        try:
            data = data[take_plain_lines(board, self.history, data) :]
            board.feed_host_data(data)
            if len(board.parser.buffer) > MAX_SEQUENCE_CHARACTERS:
                board.parser.feed(_CAN)
        except Exception:
            self._failed("what the program wrote", data)
            self._mend()
        finally:
            cable.answering = False

    def _failed(self, at: str, data: object) -> None:
        """Log a fault of the core's, and tell of the first: a program that found one way can
        do it all the time."""
        self.faults += 1
        if self.faults <= FAULTS_LOGGED:
            log.exception("the terminal core failed at %s: %.400r", at, data)
        if self.faults == 1:
            self._report(Faulted())

    def _mend(self) -> None:
        """After a fault: the parser at its start, and a screen that can be painted."""
        board = self._board
        board.parser.reset()
        page = board.blitter.current_page
        whole = len(page.grid) == page.height and all(len(row) == page.width for row in page.grid)
        if not (whole and 0 <= board.cursor.y < board.height and board.cursor.x >= 0):
            board.resize(self.columns, self.rows)
            board.reset(hard=True)
        self._page = None

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
        """True while the program shows its alternate screen, which has no history."""
        return bool(self._board.blitter.in_alt_screen)

    @property
    def synchronized(self) -> bool:
        """True while a frame is being written (mode 2026): what is on the grid is unfinished."""
        return bool(self._board.modes.synchronized_output)

    @property
    def bracketed_paste(self) -> bool:
        """True if pastes go between markers (mode 2004)."""
        return bool(self._board.modes.bracketed_paste)

    @property
    def mouse_tracking(self) -> bool:
        """True if the program wants the mouse (modes 9, 1000, 1002, 1003)."""
        return str(self._board.mouse.protocol.value) not in ("off", "locator")

    @property
    def wheel_scrolls_program(self) -> bool:
        """True if the wheel belongs to the program: it tracks, or turns it into arrows."""
        return self.mouse_tracking or bool(
            self.alternate_screen and self._board.modes.alternate_scroll_mode
        )

    @property
    def kitty_flags(self) -> int:
        """The kitty keyboard enhancements that the program has asked for."""
        return int(self._board.keyboard.kitty_flags)

    @property
    def cursor(self) -> Cursor:
        """The cursor's place on the screen, its visibility and shape."""
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
        if self._looks.refresh():
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
        look = self._looks.of
        return [Cell(safe_cell(text), look(style)) for style, text in self._cells(y)]

    def text(self, y: int) -> str:
        """The same row as text, without trailing blanks."""
        return "".join(text for _, text in self._cells(y)).rstrip(" ")

    def all_texts(self) -> Iterator[str]:
        """The text of every row of history and screen, oldest first: quick, for search."""
        yield from self.history.texts(self.columns)
        yield from (self.text(y) for y in range(self.rows))

    def wrapped(self, y: int) -> bool:
        """True if row `y` goes on in the next one (it was wrapped, not ended)."""
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
                look = self._looks.of(style)
                if look is not last:
                    if texts:
                        runs.append(Run(safe_run("".join(texts), texts), x - start, last))
                        texts = []
                    start, last = x, look
            texts.append(text)
        if texts:
            runs.append(Run(safe_run("".join(texts), texts), len(cells) - start, last))
        return runs

    def set_colours(self, foreground: RGB, background: RGB, *, painted: bool) -> None:
        """Set the colours behind the pane and of what is written on it: programs that ask hear
        these (OSC 10, 11), and those that wish so hear of a change from dark to light or back.

        `painted`: cells in the default colours are shown in these; else they are left to the
        outer terminal, whose own they are.
        """
        board = self._board
        changed = set_colours(board, foreground, background)
        self._looks.set_ground(foreground, background, painted=painted)
        if changed:
            self._send(colour_scheme(board).encode())

    # --- size ---

    def resize(self, rows: int, columns: int) -> None:
        """Take a new size: lines wrap anew, and the rows around the cursor stay in view."""
        rows, columns = max(1, rows), max(1, columns)
        board = self._board
        if (rows, columns) == (self.rows, self.columns):
            return
        try:
            if columns == self.columns:
                fit_main_screen(board, self.history, rows)
            fit_alternate_screen(board, rows)
            board.resize_from_frontend(columns, rows)
        except Exception:
            self._failed("a change of size", (rows, columns))
            board.resize(columns, rows)
            board.reset(hard=True)
        self._page = None

    # --- the user acts ---

    def key(self, press: KeyPress) -> None:
        """Send a key, encoded as the modes that the program has set ask for."""
        held = KeyModifiers.NONE
        for name in ("shift", "alt", "ctrl", "hyper", "meta"):
            if getattr(press, name):
                held |= KeyModifiers[name.upper()]
        if press.super_:
            held |= KeyModifiers.SUPER
        try:
            self._board.input_key_event(
                KeyEvent(press.key, held, text=press.text, shifted_key=press.shifted)
            )
        except Exception:
            self._failed("a key", press)

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
        try:
            self._board.input_mouse(x + 1, y + 1, code, kind, set(modifiers))
        except Exception:
            self._failed("the mouse", (kind, x, y, button, modifiers))

    # --- what the core tells us ---

    def _presented(self, event: Any) -> None:
        if isinstance(event, presented.SyncOutputChanged):
            if not event.enabled:
                self._report(FrameEnded())
        elif isinstance(event, presented.TitleChanged):
            self._report(TitleSet(one_line(event.title)))
        elif isinstance(event, presented.Bell):
            self._report(BellRang())
        elif isinstance(event, presented.ClipboardChanged):
            if text := clean_text(event.text):
                self._report(ClipboardSet(text))
        elif isinstance(event, presented.Notification):
            if (told := _notification(event.text)) is not None:
                self._report(told)
        elif isinstance(event, presented.ReverseScreenChanged):
            self._looks.forget()
            self._page = None
        elif isinstance(event, presented.ScrollbackCleared):
            self.history.clear()

    def _scrolled_off(self, lines: Sequence[Any]) -> None:
        for line in lines:
            self.history.append(line.cells, line.wrapped)


_NO_STYLE = object()
_PROGRESS = re.compile(r"4;([0-4])(?:;(-?[0-9]{1,9})?)?")


def _notification(text: str) -> ScreenEvent | None:
    """OSC 9 is a message, except `9;4;state;percent`, which is progress (ConEmu, Ghostty)."""
    if not text.startswith("4;"):
        return Notified(one_line(text))
    progress = _PROGRESS.fullmatch(text)
    if progress is None:
        return None
    state, percent = progress.groups()
    return ProgressSet(int(state), max(0, min(100, int(percent))) if percent else None)
