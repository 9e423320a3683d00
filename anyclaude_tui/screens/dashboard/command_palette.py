"""The command palette's entries: the dashboard's actions and what they can be done to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.screen import Screen

from anyclaude_tui.screens.actions import ACTIONS
from anyclaude_tui.screens.app_commands import AppCommands, app_commands
from anyclaude_tui.screens.common.key_help import commands
from anyclaude_tui.widgets.panels import PANELS


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the palette."""

    name: str
    help: str
    run: Callable[[], object]


class Commands(Provider):
    """Everything that the screen that it was opened on can do, and then the dashboard."""

    def _entries(self) -> list[Entry]:
        return screen_entries(self.screen) + entries(app_commands(self.app))

    async def discover(self) -> Hits:
        for entry in self._entries():
            yield DiscoveryHit(entry.name, entry.run, help=entry.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for entry in self._entries():
            score = matcher.match(entry.name)
            if score > 0:
                yield Hit(score, matcher.highlight(entry.name), entry.run, help=entry.help)


class Themes(Commands):
    """The themes; the one that is chosen is kept."""

    def _entries(self) -> list[Entry]:
        app = app_commands(self.app)
        return [Entry(name, "", partial(app.choose_theme, name)) for name in sorted(app.themes())]


def screen_entries(screen: Screen[Any]) -> list[Entry]:
    """The commands of a screen's own, as its `?` names them."""
    found = [
        Entry(one.words.capitalize(), f"here: {one.keys}", partial(screen.run_action, one.action))
        for one in commands(type(screen))
        if one.action not in ("back", "dismiss")
    ]
    way_out = next((one for one in commands(type(screen)) if one.action == "dismiss"), None)
    return [*found, *([Entry("Back", "here: Esc", screen.dismiss)] if way_out else [])]


def entries(app: AppCommands) -> list[Entry]:
    """The palette's lines for the app as it is now."""
    found = [
        Entry(action.name.capitalize(), action.help, partial(app.run_action_of, action))
        for action in ACTIONS
        if action.method != "palette"
    ]
    found += [
        Entry(f"Switch to {status.name}", status.model or status.kind, partial(app.switch, name))
        for status in app.client.snapshot.backends
        if (name := status.name) != app.client.snapshot.active
    ]
    found += [
        Entry(
            f"{'Show' if name in app.hidden_panels() else 'Hide'} the panel {kind.title}",
            "One panel; x hides them all.",
            partial(app.toggle_panel, name),
        )
        for name, kind in PANELS.items()
    ]
    if app.has_launch_notes():
        found.append(Entry("Remove the line above the pane", "", app.drop_launch_notes))
    return found
