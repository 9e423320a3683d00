"""The keys of the backends screen, and which of them can do something for a row."""

from __future__ import annotations

from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.config.kinds import ModelChoice, model_choice
from anyclaude_tui.screens.backends.rows import DISK, Row

KEYS: tuple[tuple[str, str, str, str], ...] = (
    ("m", "m", "models", "choose_model"),
    ("u", "u", "unload", "unload"),
    ("r", "r", "restart cold", "restart"),
    ("exclamation_mark", "!", "remedy", "remedy"),
    ("l", "l", "log", "log"),
    ("c", "c", "cancel", "cancel"),
    ("f", "f", "find again", "find"),
)
"""Textual's name of the key, the key for people, what it does in a word or two, the action."""
_SERVING = (BackendState.READY, BackendState.DEGRADED)


def useful(row: Row | None, changing: bool) -> list[tuple[str, str]]:
    """Keys and words for the footer, the way out last. `changing`: a switch is under way."""
    can = {"find"} | ({"cancel"} if changing else set())
    enter = ""
    if row is not None:
        can |= _for_row(row)
        status = row.status
        in_use = row.active and status is not None and status.state is BackendState.READY
        failed = status is not None and status.state is BackendState.FAILED
        enter = "" if in_use or not row.usable else "try again" if failed else "switch"
    keys = [(key, words) for _, key, words, action in KEYS if action in can]
    return [*([("Enter", enter)] if enter else []), *keys, ("Esc", "back")]


def _for_row(row: Row) -> set[str]:
    """The actions that can do something for it."""
    can = set()
    if row.group != DISK and model_choice(row.kind) is not ModelChoice.FIXED:
        can.add("choose_model")
    status = row.status
    if status is None or status.state is BackendState.STOPPED:
        return can
    if status.log_tail:
        can.add("log")
    if row.active:
        can.add("restart")
    if status.remedy and row.active:
        can.add("remedy")
    loads = model_choice(status.kind) is ModelChoice.LOADED
    if status.state in _SERVING and (loads or not row.active):
        can.add("unload")
    return can
