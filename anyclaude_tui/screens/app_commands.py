"""The commands of the app that the palette and the screens may call.

The app is above its screens and imports them; this is the part of it that they know.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future
from typing import Any, Protocol, cast

from textual.app import App

from anyclaude_tui.config.settings import Settings
from anyclaude_tui.screens.actions import Action
from anyclaude_tui.session.client import SessionClient


class AppCommands(Protocol):
    """The dashboard's app (`anyclaude_tui.app.DashboardApp`)."""

    client: SessionClient
    settings: Settings

    def run_action_of(self, action: Action) -> None:
        """Do what a command of the table says."""

    def switch(self, name: str) -> None:
        """Ask the session to switch to a backend, and tell the user how it ends."""

    def hidden_panels(self) -> Collection[str]:
        """The names of the panels that the user has hidden."""

    def toggle_panel(self, name: str) -> None:
        """Hide one panel or show it again."""

    def has_launch_notes(self) -> bool:
        """True if there are lines above the pane."""

    def drop_launch_notes(self) -> None:
        """Remove the lines above the pane."""

    def themes(self) -> Collection[str]:
        """The names of the themes that can be chosen."""

    def choose_theme(self, name: str) -> None:
        """Show a theme, and keep it in the user's file."""

    def say(self, words: str, level: str = "information") -> None:
        """A short message over the screen; `level`: information, warning or error."""

    def apply(self, settings: Settings) -> None:
        """Let the screen follow other settings."""

    def follow(self, future: Future[Any], failed: str) -> None:
        """Tell the user when a command to the session fails; `failed`: what has."""


def app_commands(app: App[Any]) -> AppCommands:
    """The app that shows a screen of ours, as what it is."""
    return cast(AppCommands, app)
