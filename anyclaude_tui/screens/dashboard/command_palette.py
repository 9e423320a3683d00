"""The command palette's entries: the dashboard's actions and what they can be done to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from anyclaude_tui.screens.actions import ACTIONS
from anyclaude_tui.screens.app_commands import AppCommands, app_commands
from anyclaude_tui.widgets.panels import PANELS


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the palette."""

    name: str
    help: str
    run: Callable[[], object]


class Commands(Provider):
    """Everything that the dashboard can do."""

    def _entries(self) -> list[Entry]:
        return entries(app_commands(self.app))

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
