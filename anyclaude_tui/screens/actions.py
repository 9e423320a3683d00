"""The dashboard's own commands: one table that footer, which-key menu, palette, help and
keys all come from.

Each is reached with the leader chord and then its key; all other keys are Claude Code's.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from anyclaude_tui.backends.base import BackendState


@dataclass(frozen=True, slots=True)
class Action:
    """One command."""

    key: str
    """The key after the leader, as a character."""
    name: str
    """Two or three words, for menu and palette."""
    help: str
    """One sentence, for the help screen."""
    method: str
    """The app's method `action_METHOD`; it takes no argument."""
    also: str = ""
    """Another key for it."""
    footer: str = ""
    """One word for the footer; only the commands that it may show have one."""


ACTIONS: tuple[Action, ...] = (
    Action("z", "zoom", "The terminal pane fills the screen, and back.", "zoom", footer="zoom"),
    Action(
        "b",
        "backends",
        "List the backends and switch to one; requests in flight end on the old one.",
        "backends",
        footer="backends",
    ),
    Action(
        "i",
        "requests",
        "Inspect the requests: filter, open one, its phases, sizes and prefix; replay it.",
        "requests",
        footer="requests",
    ),
    Action(
        "v",
        "compare",
        "Two or more backends side by side on the same prompt, with a verdict: which is slow, "
        "and why.",
        "compare",
        footer="compare",
    ),
    Action(
        "l",
        "logs",
        "What the backends and the proxy write, with search and levels.",
        "logs",
        footer="logs",
    ),
    Action(
        "o",
        "tools",
        "Leave tools out of the prompt, or take them back; what each costs in tokens and seconds.",
        "tools",
    ),
    Action("x", "panels", "Hide the panels, and show them again.", "panels"),
    Action(
        "r",
        "restart backend",
        "Stop and start the active backend (a cold cache).",
        "restart",
        footer="restart",
    ),
    Action("c", "copy command", "Copy the command that starts Claude Code elsewhere.", "copy"),
    Action("/", "find", "Search in what the pane has shown.", "find"),
    Action("p", "palette", "Search all commands by name.", "palette"),
    Action(",", "settings", "Everything that can be set, explained; saved at once.", "settings"),
    Action(
        "f",
        "folder's settings",
        "What this folder's own settings file would set: trust it, or leave it out.",
        "folder",
    ),
    Action("t", "theme", "Choose a theme.", "theme"),
    Action("s", "screenshot", "Save what is on the screen as an SVG file.", "picture"),
    Action("?", "help", "Keys, signs and what each number means.", "help", "h", "help"),
    Action(
        "q",
        "quit",
        "End Claude Code, the proxy and the backend; asks while a request runs.",
        "leave",
        footer="quit",
    ),
)
DIGITS = "123456789"
"""Switch to the nth backend of the list."""


def find(key: str) -> Action | None:
    """The command on a key, or None."""
    return next((action for action in ACTIONS if key in (action.key, action.also)), None)


def footer_keys(state: BackendState | None) -> tuple[tuple[Action, ...], tuple[Action, ...]]:
    """What the footer offers for the state of the active backend (None: there is none): what can
    be left out where there is no room, the most important first, and what always stays."""
    keys = "zbiv"
    if state is None:
        keys = "bzilv"
    elif state is BackendState.FAILED:
        keys = "rbliv"
    return tuple(filter(None, map(find, keys))), tuple(filter(None, map(find, "?q")))


def character(name: str) -> str:
    """The character of one of Textual's key names: `right_square_bracket` → `]`."""
    if len(name) == 1:
        return name
    try:
        return unicodedata.lookup(name.replace("_", " ").upper())
    except KeyError:
        return name


def key_words(key: str, character_: str | None) -> str:
    """A key that was pressed, for people: `colon` is `:`, `ctrl+f` is `Ctrl+F`."""
    printed = character_ is not None and character_.isprintable() and not character_.isspace()
    return character_ if printed and character_ else chord_name(key)


def chord_name(chord: str) -> str:
    """A chord for people: `ctrl+right_square_bracket` → `Ctrl+]`."""
    *modifiers, key = chord.split("+")
    char = character(key)
    char = key if char.isspace() else char  # nobody sees a space
    char = char.upper() if len(char) == 1 else char.capitalize()
    return "+".join([*(word.capitalize() for word in modifiers), char])
