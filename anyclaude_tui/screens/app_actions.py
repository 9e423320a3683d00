"""The actions of the dashboard's app: the commands of the table, of the palette and of the mouse.
The app that does it is `anyclaude_tui.app`."""

from __future__ import annotations

import concurrent.futures
from abc import abstractmethod
from collections.abc import Collection
from typing import Any

import msgspec
from textual import events
from textual.app import App
from textual.command import CommandPalette

from anyclaude_tui.config import editing
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.settings import PANELS, Settings
from anyclaude_tui.screens.common.dialogs import Question
from anyclaude_tui.screens.common.key_help import KeyHelp
from anyclaude_tui.screens.common.keys_and_tabs import key_at, pressed
from anyclaude_tui.screens.common.session_calls import answer
from anyclaude_tui.screens.common.svg_export import save_screenshot
from anyclaude_tui.screens.dashboard.command_palette import Commands, Themes
from anyclaude_tui.screens.dashboard.leader_keys import LeaderKeys
from anyclaude_tui.screens.dashboard.screen import DashboardScreen, command_text
from anyclaude_tui.screens.help import HelpScreen
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.terminal.clipboard import copy_to_system
from anyclaude_tui.widgets.format import home_relative
from anyclaude_tui.widgets.panel import LinesView


class AppActions(App[int], inherit_bindings=False):
    """Each is a method of that name, and takes no argument unless the table says so."""

    client: SessionClient
    settings: Settings
    dashboard: DashboardScreen
    leader_keys: LeaderKeys
    keymap: dict[str, str]
    _backend_given: bool

    @abstractmethod
    def say(self, words: str, level: str = "information") -> None:
        """A short message over the screen."""

    @abstractmethod
    def drop_frames(self) -> None:
        """Forget what a slow terminal has not taken: the app ends."""

    @abstractmethod
    def start_claude(self, mode: str) -> None:
        """Run Claude Code in the pane: start, continue or shell."""

    @abstractmethod
    def apply(self, settings: Settings) -> None:
        """Other settings, now."""

    # --- commands ---------------------------------------------------------------------

    def action_zoom(self) -> None:
        self.dashboard.zoomed = not self.dashboard.zoomed
        self.dashboard.place()

    def action_panels(self) -> None:
        self.dashboard.panels_on = not self.dashboard.panels_on
        self.dashboard.place()

    def action_focus_panels(self) -> None:
        if not self.dashboard.enter_panels():
            self.say("No panel is shown here: x shows them, a larger window too")

    def action_backends(self) -> None:
        from anyclaude_tui.screens.backends.screen import BackendsScreen

        self.push_screen(BackendsScreen(self.client))

    def action_requests(self) -> None:
        from anyclaude_tui.screens.requests.screen import RequestsScreen

        self.push_screen(RequestsScreen(self.client))

    def action_tools(self) -> None:
        self.run_worker(self._tools(), exclusive=True, group="tools", exit_on_error=False)

    async def _tools(self) -> None:
        """The tools of the newest request that has some."""
        from anyclaude_tui.screens.requests.tools_dialog import ToolsDialog, open_last

        found = await open_last(self.client)
        if found is None:
            self.say("No request with tools yet: ask Claude Code something first")
        else:
            self.push_screen(ToolsDialog(self.client, *found))

    def action_compare(self) -> None:
        from anyclaude_tui.screens.compare.setup_screen import CompareScreen

        self.push_screen(CompareScreen(self.client))

    def action_logs(self) -> None:
        from anyclaude_tui.screens.logs import LogsScreen

        self.push_screen(LogsScreen(self.client))

    def action_restart(self) -> None:
        self.say(f"Restarting {self.client.snapshot.active}")
        self.follow(self.client.restart_backend(), "The backend could not be restarted")

    def action_copy(self) -> None:
        if self.dashboard.launched is None:
            self.say("The command is not known yet: try again in a moment")
            return
        words = command_text(self.dashboard.launched)
        self.copy_to_clipboard(words)
        self.run_worker(copy_to_system(words), exit_on_error=False)
        self.say("Copied the command: paste it into another terminal")

    def action_find(self) -> None:
        if self.dashboard.pane is not None:
            self.dashboard.pane.find()

    def action_palette(self) -> None:
        self.push_screen(CommandPalette(providers=[Commands], placeholder="Search for commands…"))

    def action_folder(self) -> None:
        self.run_worker(self._ask_about_folder(), exit_on_error=False)

    async def _ask_about_folder(self) -> None:
        """Ask about the folder's own settings; what has been trusted counts from now on."""
        from anyclaude_tui.screens.folder import FolderScreen

        decided = await self.push_screen_wait(FolderScreen(self.client.home))
        if decided is None:
            return
        self.say(decided.words, decided.level)
        if decided.settings is None:
            return
        problem = (await answer(self.client.apply(decided.settings))).problem
        if problem:
            self.say(f"The settings could not be taken over: {problem}", "error")
            return
        self.apply(decided.settings)
        wanted = decided.settings.backend
        if wanted and not self._backend_given:
            self.first_run = False
            if wanted != self.client.snapshot.active:
                self.switch(wanted)

    def action_theme(self) -> None:
        self.push_screen(CommandPalette(providers=[Themes], placeholder="Search for themes…"))

    def choose_theme(self, name: str) -> None:
        """Show a theme, and keep it in the user's file."""
        self.theme = name
        try:
            path = editing.save(self.client.home, {("dashboard", "theme"): name})[0]
        except (OSError, ConfigError) as error:
            self.say(f"{name} is shown until you quit; it could not be saved: {error}", "warning")
            return
        dashboard = msgspec.structs.replace(self.settings.dashboard, theme=name)
        self.settings = msgspec.structs.replace(self.settings, dashboard=dashboard)
        self.say(f"{name} is the theme from now on, saved in {home_relative(str(path))}")

    def action_picture(self) -> None:
        self.screen.call_after_refresh(
            self._save_screenshot
        )  # without the menu that it was chosen in

    def _save_screenshot(self) -> None:
        try:
            path = save_screenshot(self.client.home, self.export_screenshot())
        except OSError as error:
            self.say(f"The screenshot could not be saved: {error}", "error")
        else:
            self.say(f"Saved {path}")

    def action_settings(self) -> None:
        from anyclaude_tui.screens.settings.screen import SettingsScreen

        self.push_screen(SettingsScreen(self.client))

    def action_help(self) -> None:
        self.push_screen(
            HelpScreen(
                self.dashboard.leader,
                home_relative(str(self.client.home)),
                self.leader_keys.table,
            )
        )

    def action_leave(self) -> None:
        running = len(self.client.snapshot.in_flight)
        if not running:
            self.leave(True)
            return
        words = "1 request is running." if running == 1 else f"{running} requests are running."
        words += " Quitting ends Claude Code, the proxy and the backend."
        self.push_screen(Question("Quit?", words), self.leave)

    def on_click(self, event: events.Click) -> None:
        """A key in a screen's line of keys can be clicked."""
        lines = event.widget
        if isinstance(lines, LinesView) and lines.id == "keys" and lines.lines:
            key = key_at(lines.lines[0], event.x)
            if key == "?":
                self.push_screen(KeyHelp(self.screen, self.keymap))
            elif key:
                self.simulate_key(pressed(key))

    def on_dashboard_screen_arranged(self, message: DashboardScreen.Arranged) -> None:
        """Keep the user's arrangement in the user's file."""
        try:
            editing.save(self.client.home, dict(message.arrangement.changes()))
        except (OSError, ConfigError) as error:
            self.say(f"The arrangement stays until you quit; not saved: {error}", "warning")
        dashboard = message.arrangement.kept_in(self.settings.dashboard)
        self.settings = msgspec.structs.replace(self.settings, dashboard=dashboard)

    def on_dashboard_screen_wanted(self, message: DashboardScreen.Wanted) -> None:
        """Do what was clicked, or opened with Enter."""
        if message.request is not None:
            from anyclaude_tui.screens.requests.details import RequestDetailsScreen

            request = message.request
            self.push_screen(RequestDetailsScreen(self.client, request.id, request))
        elif message.action:
            getattr(self, f"action_{message.action}")()
        elif message.key == self.dashboard.leader:
            if not self.leader_keys.pressed:
                self.leader_keys.takes(self.leader_keys.leader, None, True)
        elif message.key:
            self.leader_keys.cancel()
            self.leader_keys.run(message.key.split()[0])

    # --- what the palette asks for (`AppCommands`) -----------------------------------------

    def hidden_panels(self) -> Collection[str]:
        return set(PANELS) - set(self.dashboard.panels_as.panels)

    def toggle_panel(self, name: str) -> None:
        self.dashboard.toggle(name)

    def has_launch_notes(self) -> bool:
        return bool(self.dashboard.notes)

    def drop_launch_notes(self) -> None:
        self.dashboard.notes.clear()
        self.dashboard.place()

    def themes(self) -> Collection[str]:
        return self.available_themes

    def leave(self, sure: bool | None) -> None:
        """End what runs in the pane and the app; the session is the caller's to stop."""
        if sure:
            if self.dashboard.pane is not None:
                self.dashboard.pane.terminate()
            self.drop_frames()
            self.exit(0)

    def switch(self, name: str) -> None:
        """Ask the session to switch to a backend."""
        if name == self.client.snapshot.active:
            self.say(f"{name} is in use already")
            return
        self.say(f"Switching to {name}")
        self.follow(self.client.switch(name), f"Could not switch to {name}")

    def follow(self, future: concurrent.futures.Future[Any], failed: str) -> None:
        """Tell the user when a command to the session fails."""

        async def wait() -> None:
            problem = (await answer(future)).problem
            if problem:
                self.say(f"{failed}: {problem}", "error")

        self.run_worker(wait(), exit_on_error=False)

    async def _ask_about_disk(self) -> None:
        """Ask if prompts may be kept on disk, where the backend in use could keep them."""
        from anyclaude_tui.screens import keep_on_disk

        if not keep_on_disk.concerned(self.client.snapshot):
            return
        name, cache = self.client.snapshot.active, self.settings.cache
        keep = await self.push_screen_wait(keep_on_disk.DiskQuestion(name, cache))
        if keep is None:
            return
        try:
            file = home_relative(str(keep_on_disk.save(self.client.home, keep)[0]))
        except (OSError, ConfigError) as error:
            self.say(f"The answer could not be saved, nothing is kept: {error}", "warning")
            return
        cache = msgspec.structs.replace(cache, disk=keep)
        self.settings = msgspec.structs.replace(self.settings, cache=cache)
        self.follow(self.client.apply(self.settings), "The settings could not be taken over")
        when = f"from the next start of {name} on" if keep else "nothing is"
        self.say(f"Kept on disk: {when}; saved in {file}")

    async def _offer_what_is_found(self) -> None:
        """The first-run screen, when there is something better than the simulator; returns when
        the choice is made and its backend serves."""
        from anyclaude_tui.screens import first_run

        found = (await answer(self.client.discover())).value
        if found is None:
            return
        leader = self.dashboard.leader
        if not first_run.worth_asking(self.client.snapshot, found):
            self.say(first_run.nothing_better(found, leader), "warning")
            return
        said = await self.push_screen_wait(first_run.FirstRunScreen(self.client, found, leader))
        if said is not None:
            self.say(said)
