"""The overrides of `bittty` 0.3.0 where it differs from xterm: one by one, on a board of ours.

Offered upstream in this form. `tests/terminal/test_core_overrides.py` has an input for each
override and fails when a newer core gives the right answer by itself: then the override goes.

Sources: xterm 410 (charproc.c, cursor.c, screen.c, tabs.c, util.c), its ctlseqs, DEC STD 070.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from bittty.charsets import CHARSETS  # type: ignore[import-untyped]

from anyclaude_tui.terminal import core_cursor, core_editing

CORE = "0.3.0"
"""The version that these were written against; none of them is in it."""

_CONTROL_PICTURES = {"b": "␉", "c": "␌", "d": "␍", "e": "␊", "h": "␤", "i": "␋", "0": "0"}
_MARKED = "<=>?"

# Of these only the forms without a private marker exist; the core takes `CSI ? 5 G` for them,
# and the graphics query `CSI ? 1 ; 1 ; 0 S` for a scroll.
_PLAIN = (
    *("CHA", "HPA", "HPR", "VPA", "VPR", "CNL", "CPL", "HPB", "VPB", "CHT", "CBT", "TBC", "CTC"),
    *("IL", "DL", "ICH", "DCH", "ECH", "SU", "SD", "REP", "DECSTBM", "DECSLRM", "XTWINOPS", "MC"),
)


def apply_overrides(board: Any) -> None:
    """Put `board` right; before it is fed."""
    _alternate_screen(board)
    _control_pictures(board)
    core_cursor.install(board)
    core_editing.install(board)
    for name in _PLAIN:
        if name in board.registry:
            board.registry[name] = partial(_unmarked, board.registry[name])


def _unmarked(handler: Callable[[Any], None], operation: Any) -> None:
    raw = operation.raw
    start = 1 if raw[:1] == "\x9b" else 2
    if raw[start : start + 1] not in _MARKED or not raw:
        handler(operation)


def _alternate_screen(board: Any) -> None:
    """1049 clears the alternate screen on entry, 1047 on leaving."""
    blitter, modes = board.blitter, board.modes

    def with_cursor(_: Any, on: bool) -> None:
        if not modes.allow_alt_screen:
            return
        if on:
            board.cursor.save()
            blitter.switch_screen(True)
            blitter.clear_screen(2)
        else:
            blitter.switch_screen(False)
            board.cursor.restore()

    def without_cursor(_: Any, on: bool) -> None:
        if not modes.allow_alt_screen:
            return
        if not on and blitter.in_alt_screen:
            blitter.clear_screen(2)
        blitter.switch_screen(on)

    for number, apply in ((1049, with_cursor), (1047, without_cursor)):
        modes._modes[True, number] = replace(modes._modes[True, number], apply_fn=apply)


def _control_pictures(board: Any) -> None:
    """DEC graphics b c d e h i are the pictures of the controls; the core draws blocks."""
    board.charset.cache["0"] = {**CHARSETS["0"], **_CONTROL_PICTURES}
