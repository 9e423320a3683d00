"""Every full screen: what `[keys]` may name. Imported only where it names something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.screen import Screen

from anyclaude_tui.screens.actions import unknown
from anyclaude_tui.screens.backends.screen import BackendsScreen
from anyclaude_tui.screens.common.key_help import commands, key_words
from anyclaude_tui.screens.compare.history import CompareHistoryScreen
from anyclaude_tui.screens.compare.result_screen import CompareResultScreen
from anyclaude_tui.screens.compare.run_screen import CompareRunScreen
from anyclaude_tui.screens.compare.setup_screen import CompareScreen
from anyclaude_tui.screens.logs import LogsScreen
from anyclaude_tui.screens.requests.details import RequestDetailsScreen
from anyclaude_tui.screens.requests.screen import RequestsScreen
from anyclaude_tui.screens.settings.screen import SettingsScreen
from anyclaude_tui.widgets.textual_internals import key_name

ALL: tuple[type[Screen[Any]], ...] = (
    BackendsScreen,
    CompareHistoryScreen,
    CompareResultScreen,
    CompareRunScreen,
    CompareScreen,
    LogsScreen,
    RequestDetailsScreen,
    RequestsScreen,
    SettingsScreen,
)


def keymap(keys: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The user's keys as Textual's keymap, and what of them cannot be, in words."""
    known = {one.id for screen in ALL for one in commands(screen)}
    found: dict[str, str] = {}
    problems: list[str] = []
    for name, key in keys.items():
        if name not in known:
            problems.append(unknown(name, sorted(known)))
            continue
        pressed = key_name(key)
        if clash := _clash(name, key_words(pressed), found):
            problems.append(f"{name} = {key!r} is the key of {clash}")
            continue
        found[name] = pressed
    return found, problems


def _clash(name: str, key: str, changed: Mapping[str, str]) -> str:
    """The command of the same screen that has the key; empty where none has."""
    for screen in ALL:
        there = list(commands(screen))
        if name not in {one.id for one in there}:
            continue
        for one in there:
            keys = key_words(changed[one.id]) if one.id in changed else one.keys
            if one.id != name and key in keys.split():
                return one.id
    return ""
