"""The dashboard's own commands: one table that footer, which-key menu, palette, help and
keys all come from.

Each is reached with the leader chord and then its key; all other keys are Claude Code's.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
    Action(
        "w",
        "focus panels",
        "Give the keys to the panels: choose one, open it, move, resize and hide it; Esc ends it.",
        "focus_panels",
    ),
    Action("x", "panels", "Hide the panels, and show them again.", "panels"),
    Action(
        "r",
        "restart backend",
        "Stop and start the active backend cold: what it keeps on disk is removed too.",
        "restart",
        footer="restart",
    ),
    Action("c", "copy command", "Copy the command that starts Claude Code elsewhere.", "copy"),
    Action("/", "find", "Search in what the pane has shown.", "find"),
    Action("p", "palette", "Search all commands by name.", "palette", ":"),
    Action(",", "settings", "Everything that can be set, explained; saved at once.", "settings"),
    Action(
        "f",
        "folder's settings",
        "What this folder's own settings file would set: trust it, or leave it out.",
        "folder",
    ),
    Action("t", "theme", "Choose a theme.", "theme"),
    Action("s", "screenshot", "Save what is on the screen as an SVG file.", "picture"),
    Action("?", "help", "Keys, signs and what each number means.", "help", "h", footer="help"),
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


def find(key: str, table: Sequence[Action] = ACTIONS) -> Action | None:
    """The command on a key, or None."""
    return next((action for action in table if key in (action.key, action.also)), None)


def with_keys(keys: Mapping[str, str]) -> tuple[tuple[Action, ...], list[str]]:
    """The commands with the user's keys, and what of these cannot be, in words. `keys`: NAME = KEY;
    names with a point in them are the screens' own (`common/key_help.py`)."""
    table, problems = list(ACTIONS), []
    names = {action.name.replace(" ", "_"): place for place, action in enumerate(table)}
    for name, key in keys.items():
        if "." in name:
            continue
        place = names.get(name.replace(" ", "_"))
        if place is None:
            problems.append(unknown(name, names))
            continue
        own = table[place]
        other = find(key, table)
        if len(key) != 1 or not key.isprintable() or key in DIGITS:
            problems.append(f"{name} = {key!r}: one character is a key, and no digit")
        elif other is not None and other is not own:
            problems.append(f"{name} = {key!r} is the key of {other.name}: {name} keeps {own.key}")
        else:
            table[place] = replace(own, key=key, also="" if own.also == key else own.also)
    return tuple(table), problems


def unknown(name: str, names: Sequence[str] | Mapping[str, object]) -> str:
    """The words about a name in `[keys]` that no command has."""
    near = difflib.get_close_matches(name, list(names), 1)
    return f"there is no command {name}" + (f": did you mean {near[0]}?" if near else "")


def footer_keys(
    state: BackendState | None, table: Sequence[Action] = ACTIONS
) -> tuple[tuple[Action, ...], tuple[Action, ...]]:
    """The footer's commands for the state of the active backend (None: there is none): those that
    can be left out where there is no room, the most important first, and those that always stay."""
    wanted = ["zoom", "backends", "requests", "compare"]
    if state is None:
        wanted = ["backends", "zoom", "requests", "logs", "compare"]
    elif state is BackendState.FAILED:
        wanted = ["restart backend", "backends", "logs", "requests", "compare"]
    named = {action.name: action for action in table}
    return tuple(named[name] for name in wanted), (named["help"], named["quit"])


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
