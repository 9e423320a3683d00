"""The core's answers to a program's queries, and the limits on what a program may leave with it.

An answer is typed, as it were, into the program that reads it: a shell, where a text was
only printed. So no answer holds what the asker wrote, but for numbers that name a setting
we have; each is one sequence of our own characters; and what would be a guess (sizes in
pixels, where the window is) is not answered at all.

Sources: xterm's ctlseqs (patch 410); contour's mode 2031 and CSI ? 996 n.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bittty.devices.modes import ModeSpec  # type: ignore[import-untyped]

from anyclaude_tui.terminal.outer_colours import RGB, is_dark

MAX_LINK = 2048
MAX_LINK_ID = 64
MAX_CLIPBOARD_BASE64 = 140_000
"""A program's copy beyond this (100 kB of text) is refused whole."""
_MAX_MODE = 9999
_SCHEME_MODE = 2031
_CAPABILITIES = re.compile(r"(?:[0-9A-Fa-f]{2}){1,32}")
_ANSWER = re.compile(
    r"\x1b\[[0-9;:<=>?]{0,64}[ -/]{0,2}[@-~]"
    r"|\x1bP[ -~]{0,512}\x1b\\"
    r"|\x1b\][ -~]{0,128}(?:\x1b\\|\x07)"
)
_WINDOW = frozenset({18, 19, 22, 23})
"""XTWINOPS that are answered or done: the size in cells, and the title's stack."""
_NEVER = ("OSC_FONT", "DECRQCRA", "OSC_SPECIAL_COLOR", "OSC_SPECIAL_COLOR_ENABLE", "C0_ENQ")
"""These answer with what a program has set, or with what stands on the screen."""


def is_answer(text: str) -> bool:
    """True if `text` is one sequence that a query may be answered with."""
    return _ANSWER.fullmatch(text) is not None


def install(board: Any, version: str) -> None:
    """Put the board's answers right."""
    answers = _Answers(board, version)
    registry = board.registry
    for name in _NEVER:
        registry.pop(name, None)
    registry.update(
        {
            "CPR": lambda op: answers.position("", ""),
            "DECXCPR": lambda op: answers.position("?", ";1"),
            "DECRQM": answers.mode,
            "DECRQSS": answers.setting,
            "XTGETTCAP": answers.capabilities,
            "XTVERSION": lambda op: answers.write(f"\x1bP>|anyclaude-tui {version}\x1b\\"),
            "XTWINOPS": answers.window,
            "XTMODKEYS": answers.key_resource,
            "XTFMTKEYS": answers.key_format,
            "DECSCL": answers.conformance,
            "OSC_HYPERLINK": answers.link,
            "CSI": answers.other,
        }
    )
    clipboard = registry["OSC_CLIPBOARD"]
    registry["OSC_CLIPBOARD"] = lambda op: answers.clipboard(clipboard, op)
    for name in board.palette.handlers:
        if name.startswith("OSC_") and name in registry:
            registry[name] = answers.as_asked(registry[name])
    board.palette._respond = answers.colour
    board.modes.colour_scheme_reports = False
    board.modes._modes[True, _SCHEME_MODE] = ModeSpec(
        "colour-scheme-reports", _SCHEME_MODE, True, "colour_scheme_reports", queryable=True
    )


class _Answers:
    def __init__(self, board: Any, version: str) -> None:
        self._board = board
        self._end = "\x1b\\"
        query = board.query
        self._setting = query._status_string
        self._capabilities = query._termcaps()
        self._modify = board.keyboard.modify_keys
        self._format = board.keyboard.format_keys
        self._window = board.console.handle_window_op
        self._conformance = query.set_conformance_level
        self._link = board.style.set_hyperlink

    def write(self, text: str) -> None:
        self._board.host.write(text, flush=True)

    def position(self, mark: str, page: str) -> None:
        """CPR and DECXCPR: in origin mode from the margins."""
        cursor, screen = self._board.cursor, self._board.blitter
        x, y = cursor.display_x, cursor.y
        if self._board.modes.origin_mode:
            x, y = x - screen.left_margin, y - screen.scroll_top
        self.write(f"\x1b[{mark}{max(0, y) + 1};{max(0, x) + 1}{page}R")

    def mode(self, operation: Any) -> None:
        """DECRQM, for numbers that can be a mode's."""
        number, private = operation.args
        if 0 <= number <= _MAX_MODE:
            status = self._board.modes.mode_status(private, number)
            self.write(f"\x1b[{'?' * private}{number};{status}$y")

    def setting(self, operation: Any) -> None:
        """DECRQSS; what is not known is refused without its name."""
        value = self._setting(operation.args[0])
        self.write("\x1bP0$r\x1b\\" if value is None else f"\x1bP1$r{value}\x1b\\")

    def capabilities(self, operation: Any) -> None:
        """XTGETTCAP, one answer for each; what is not known is refused without its name."""
        for token in operation.args[0].split(";")[:32]:
            name = ""
            if _CAPABILITIES.fullmatch(token):
                name = bytes.fromhex(token).decode("latin-1")
            value = self._capabilities.get(name)
            if value is None:
                self.write("\x1bP0+r\x1b\\")
            else:
                pair = (part.encode("ascii").hex().upper() for part in (name, value))
                self.write(f"\x1bP1+r{'='.join(pair)}\x1b\\")

    def window(self, operation: Any) -> None:
        """XTWINOPS: nothing moves or resizes the pane, no title is read back."""
        params = operation.args[0]
        if params and params[0] in _WINDOW:
            self._window(operation)

    def key_resource(self, operation: Any) -> None:
        """XTMODKEYS, with the values that there are: they can be asked for."""
        self._set(self._modify, operation.args[0])

    def key_format(self, operation: Any) -> None:
        """XTFMTKEYS likewise."""
        self._set(self._format, operation.args[0])

    @staticmethod
    def _set(resources: Any, params: tuple[int | None, ...]) -> None:
        if all(0 <= value <= 7 for value in params if value is not None):
            resources.set(params)

    def conformance(self, operation: Any) -> None:
        """DECSCL, for the levels that there are."""
        params = operation.args[0]
        if params and params[0] in range(61, 66):
            self._conformance(operation)

    def as_asked(self, handler: Callable[[Any], None]) -> Callable[[Any], None]:
        """Answers to a colour query end as the query did: BEL or ST."""

        def run(operation: Any) -> None:
            self._end = "\x07" if operation.raw.endswith("\x07") else "\x1b\\"
            handler(operation)

        return run

    def colour(self, body: str) -> None:
        """In place of the palette's own way to answer."""
        self.write(f"\x1b]{body}{self._end}")

    def link(self, operation: Any) -> None:
        """OSC 8: an address or id too long, or with what cannot be printed, is none."""
        address, name = operation.args
        if len(address) > MAX_LINK or not address.isprintable():
            address = ""
        if len(name) > MAX_LINK_ID or not (name.isascii() and name.isprintable()):
            name = ""
        self._link(address, name)

    def clipboard(self, handler: Callable[[Any], None], operation: Any) -> None:
        """OSC 52: written, not read."""
        payload = operation.args[1]
        if payload != "?" and len(payload) <= MAX_CLIPBOARD_BASE64:
            handler(operation)
            self._board.console.clipboard.clear()

    def other(self, operation: Any) -> None:
        """Sequences that the core does not know: the colour-scheme query."""
        if operation.raw in ("\x1b[?996n", "\x9b?996n"):
            self.write(colour_scheme(self._board))


def colour_scheme(board: Any) -> str:
    """The report that the background is dark (1) or light (2)."""
    return f"\x1b[?997;{1 if is_dark(board.palette.background) else 2}n"


def set_colours(board: Any, foreground: RGB, background: RGB) -> bool:
    """Other default colours; whether the program is to hear of a change from dark to light
    or back (mode 2031)."""
    palette = board.palette
    before = is_dark(palette._defaults.background)
    if palette.foreground == palette._defaults.foreground:
        palette.foreground = foreground
    if palette.background == palette._defaults.background:
        palette.background = background
    palette._defaults = replace(palette._defaults, foreground=foreground, background=background)
    palette.generation += 1
    return bool(board.modes.colour_scheme_reports) and before != is_dark(background)
