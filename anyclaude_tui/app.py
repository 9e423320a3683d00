"""The dashboard as a Textual app: keys, timer, themes and commands; no logic of its own.

What is shown comes from the client's snapshots, what is done goes through the client to the
session, which runs on another thread.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import constants, events
from textual.drivers.linux_driver import LinuxDriver
from textual.widgets import Input

from anyclaude_tui.config import project
from anyclaude_tui.config.loading import Loaded
from anyclaude_tui.config.settings import DashboardSettings, Settings
from anyclaude_tui.printable import printable
from anyclaude_tui.redaction import clean
from anyclaude_tui.screens import actions
from anyclaude_tui.screens.app_actions import AppActions
from anyclaude_tui.screens.common.faults import crash, pane_fault
from anyclaude_tui.screens.common.key_help import KeyHelp
from anyclaude_tui.screens.common.session_calls import answer
from anyclaude_tui.screens.dashboard.arrangement import Arrangement
from anyclaude_tui.screens.dashboard.command_palette import Commands
from anyclaude_tui.screens.dashboard.leader_keys import LeaderKeys
from anyclaude_tui.screens.dashboard.notifier import Notifier, sequence
from anyclaude_tui.screens.dashboard.screen import DashboardScreen
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.signals import ENDING, Stop, on_signals
from anyclaude_tui.terminal.keys import key_press
from anyclaude_tui.terminal.outer_colours import OuterColours, outer_colours
from anyclaude_tui.terminal.safe_text import one_line
from anyclaude_tui.widgets import themes
from anyclaude_tui.widgets.outer.driver import TerminalDriver
from anyclaude_tui.widgets.textual_internals import (
    key_name,
    prepare_textual,
    refresh_theme,
    show_in_grey,
    writes_waiting,
)

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.theme import Theme

    from anyclaude_tui.widgets.outer.input_parser import OuterColoursTold
    from anyclaude_tui.widgets.terminal import messages as pane_messages

log = logging.getLogger(__name__)

REFRESH_S = 0.2
WRITES_BEHIND = 1_500
"""With more characters than this waiting, the terminal is slow: frames are left out, so that the
answer to a key stands behind no others."""
COPY_SHOWN = 40
"""Characters of what a program puts on the clipboard that the user is told."""
SEVERITY: dict[str, Any] = {"warning": "warning", "error": "error"}
SAID_S = {"warning": 8.0, "error": 12.0}
"""Seconds that a notice of this severity stays on the screen; others stay 4 s."""


class DashboardApp(AppActions, inherit_bindings=False):
    """Textual's own bindings are not inherited: every key but the leader is Claude Code's."""

    # All here: Textual does not load the style sheet of a default screen.
    CSS_PATH: ClassVar[Any] = [
        "app.tcss",
        "screens/dashboard/dashboard.tcss",
        "screens/common/dialogs.tcss",
    ]
    TITLE = "anyclaude-tui"
    ENABLE_COMMAND_PALETTE = False
    COMMANDS: ClassVar[Any] = {Commands}

    def __init__(
        self,
        client: SessionClient,
        settings: Settings,
        external: bool = False,
        *,
        first_run: bool = False,
        outer: OuterColours | None = None,
        asking: bool = False,
        backend_given: bool = False,
        ask_disk: bool = False,
    ) -> None:
        """`external`: Claude Code runs in another terminal, the panels fill this one.

        `outer`: the terminal's own colours, where it has told them.

        `first_run`: nobody has chosen a backend yet, so what is found is offered.

        `ask_disk`: nobody has said yet whether prompts may be kept on disk.

        `asking`: the folder's own settings are asked about before anything is started.
        """
        super().__init__()
        self._asking, self._backend_given = asking, backend_given
        self.first_run, self._ask_disk = first_run, ask_disk
        self.client = client
        self.settings = settings
        self.leader_keys = LeaderKeys(key_name(settings.dashboard.leader), self)
        self.dashboard = DashboardScreen(self.leader_keys.leader, external)
        self._notice_wall = 0.0
        self._notifier = Notifier()
        self.keymap: dict[str, str] = {}
        """The user's keys for the screens' own commands, as Textual calls them."""
        self._wants_no_color = self.no_color
        self._outer = outer
        for theme in (*themes.OWN, themes.auto(outer)):
            self.register_theme(theme)

    def get_css_variables(self) -> dict[str, str]:
        colors = super().get_css_variables()
        return {**colors, **themes.variables(self.current_theme, colors)}

    def get_driver_class(self) -> type[Driver]:
        """Ours in place of Textual's own for terminals."""
        found = super().get_driver_class()
        return TerminalDriver if found is LinuxDriver else found

    def _handle_exception(self, error: Exception) -> None:
        """A fault of ours ends the app with a sentence and exit code 1; the traceback, whose
        values may hold secrets, goes to the log alone."""
        log.error("the dashboard failed", exc_info=error)
        super()._handle_exception(error)
        self._exit_renderables[:] = [Text(crash(error, self.client))]

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """The screen as SVG; what has the terminal's own colours gets the theme's."""
        svg = super().export_screenshot(title=title, simplify=simplify)
        return themes.repaint(svg, self.theme_variables)

    def get_default_screen(self) -> DashboardScreen:
        return self.dashboard

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, self._ground)
        self._look(self.settings.dashboard)
        self._take_keys(self.settings.keys)
        self._ground(self.current_theme)
        self.show_snapshot()
        self.set_interval(REFRESH_S, self.show_snapshot)
        self.run_worker(self._begin(), exit_on_error=False)
        if not self.is_headless:
            self.call_after_refresh(self._settle)

    async def _begin(self) -> None:
        """Claude Code, and what there is to choose; first what there is to trust."""
        if self._asking:
            await self._ask_about_folder()
        if self.first_run:
            await self._offer_what_is_found()
        elif self._ask_disk:
            await self._ask_about_disk()
        # Only now: it is told the model and its window at its start.
        self.start_claude("start")

    def apply(self, settings: Settings) -> None:
        """Other settings, now; a look that was only tried is left alone by the rest of them."""
        before, self.settings = self.settings, settings
        if settings.dashboard != before.dashboard:
            self._look(settings.dashboard)
        if settings.keys != before.keys:
            self._take_keys(settings.keys)

    def _look(self, look: DashboardSettings) -> None:
        if look.theme in self.available_themes:
            self.theme = look.theme
        else:
            self.theme = themes.AUTO
            known = ", ".join(sorted(self.available_themes))
            words = f"There is no theme {look.theme!r}; [dashboard] theme takes: {known}"
            self.say(words, "warning")
        self.dashboard.panels_as = Arrangement.of(look)
        self.dashboard.place()
        self.animation_level = constants.TEXTUAL_ANIMATIONS if look.motion else "none"
        self.leader_keys.leader = key_name(look.leader)
        self.dashboard.set_leader(self.leader_keys.leader)
        self._colour(look.colours and not self._wants_no_color)

    def _take_keys(self, keys: Mapping[str, str]) -> None:
        """The user's keys; what cannot be is told, and leaves the key as it was."""
        table, problems = actions.with_keys(keys)
        self.leader_keys.table = self.dashboard.table = table
        own = {name: key for name, key in keys.items() if "." in name}
        self.keymap = {}
        if own:
            from anyclaude_tui.screens.all_screens import keymap

            self.keymap, more = keymap(own)
            problems += more
        self.set_keymap(self.keymap)
        for words in problems:
            self.say(f"[keys] {words}", "warning")

    def _colour(self, on: bool) -> None:
        """Colours, or shades of grey; Claude Code follows NO_COLOR at its next start."""
        if on:
            os.environ.pop("NO_COLOR", None)
        else:
            os.environ["NO_COLOR"] = "1"
        show_in_grey(self, not on)

    def _ground(self, theme: Theme) -> None:
        """Tell the pane what lies behind it."""
        colours, painted = themes.ground(theme, self._outer)
        if self.dashboard.pane is not None:
            self.dashboard.pane.set_ground(colours, painted=painted)

    def on_colour_scheme_told(self) -> None:
        """The terminal has gone dark or light: it is asked for its colours."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.ask_colours()

    def on_outer_colours_told(self, message: OuterColoursTold) -> None:
        """The terminal's colours: the automatic theme follows."""
        if message.colours != self._outer:
            self._outer = message.colours
            self.register_theme(themes.auto(self._outer))
            refresh_theme(self)

    def _settle(self) -> None:
        """Freeze the objects alive by now: the garbage collector need not walk them again."""
        gc.collect()
        gc.freeze()

    def show_snapshot(self) -> None:
        """Hand the session's last snapshot to the screen, unless the terminal lags behind."""
        if writes_waiting(self) > WRITES_BEHIND:
            return
        snapshot = self.client.snapshot
        self.dashboard.show(snapshot)
        look = self.settings.dashboard
        for words in self._notifier.see(snapshot, self.app_focus, look):
            self.write_to_terminal(sequence(words, look.notify))
        for notice in snapshot.notices:
            if notice.wall > self._notice_wall:
                self._notice_wall = notice.wall
                if notice.level in SEVERITY:
                    self.say(notice.text, notice.level)

    def write_to_terminal(self, data: str) -> None:
        """A sequence that moves nothing on the screen: a bell, a notification."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(data)

    def drop_frames(self) -> None:
        if isinstance(self._driver, TerminalDriver):
            self._driver.drop()

    def say(self, words: str, level: str = "information") -> None:
        """A short message over the screen; what went wrong stays longer."""
        self.dashboard.place_messages()
        severity = SEVERITY.get(level, "information")
        words = printable(clean(words), lines=True)
        self.notify(words, severity=severity, markup=False, timeout=SAID_S.get(level, 4.0))

    # --- keys -------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Every key passes here first and in order, so that `leader z` typed in one burst
        cannot reach Claude Code in part."""
        if isinstance(event, events.Resize) and isinstance(self._driver, TerminalDriver):
            self._driver.forget_screen()
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            if self.screen is self.dashboard:
                self.dashboard.focus_pane()
            if isinstance(event, events.Key) and (self.takes(event) or self.explains(event)):
                return
        await super().on_event(event)

    def takes(self, event: events.Key) -> bool:
        """True if the key is the dashboard's; its action has then been run."""
        if self.screen is not self.dashboard:
            return False
        free = not self.leader_keys.pressed and event.key != self.leader_keys.leader
        if free and self.dashboard.panel_key(event.key, event.character):
            return True
        wanted = self.dashboard.pane is not None
        return self.leader_keys.takes(event.key, event.character, wanted)

    def explains(self, event: events.Key) -> bool:
        """`?` and `:` on every full screen: what its keys do, and the way to all commands."""
        screen = self.screen
        if screen is self.dashboard or screen.is_modal or isinstance(self.focused, Input):
            return False
        if event.character == "?":
            self.push_screen(KeyHelp(screen, self.keymap))
        elif event.character == ":":
            self.action_palette()
        else:
            return False
        return True

    def show_menu(self, shown: bool) -> None:
        self.dashboard.show_menu(shown)

    def send_leader(self, key: str, character: str | None) -> None:
        press = key_press(key, character)
        if self.dashboard.pane is not None and press is not None:
            self.dashboard.pane.emulator.key(press)

    def switch_to(self, number: int) -> bool:
        backends = self.client.snapshot.backends
        if number > len(backends):
            return False
        self.switch(backends[number - 1].name)
        return True

    def run_action_of(self, action: actions.Action) -> None:
        getattr(self, f"action_{action.method}")()

    # --- Claude Code ------------------------------------------------------------------

    def start_claude(self, mode: str) -> None:
        """Ask the session what to run (start, continue or shell), and run it in the pane."""
        self.run_worker(self._start_claude(mode))

    async def _start_claude(self, mode: str) -> None:
        found = await answer(self.client.claude(mode))
        launch = found.value
        if launch is None:
            if found.problem:
                self.say(f"Claude Code could not be started: {found.problem}", "error")
            return
        try:
            self.dashboard.launch(launch, shell=mode == "shell")
        except OSError as error:
            self.say(f"{launch.argv[0]} could not be started: {error}", "error")

    def on_terminal_pane_restart_requested(self, message: pane_messages.RestartRequested) -> None:
        self.start_claude("start" if message.mode == "again" else message.mode)

    def on_terminal_pane_title_changed(self, message: pane_messages.TitleChanged) -> None:
        self.dashboard.set_title(message.title)

    def on_terminal_pane_notification(self, message: pane_messages.Notification) -> None:
        self.say(message.text)

    def on_terminal_pane_copied(self, message: pane_messages.Copied) -> None:
        self.say(f"Copied {message.characters:,} characters")

    def on_terminal_pane_program_copied(self, message: pane_messages.ProgramCopied) -> None:
        shown = one_line(message.text.replace("\n", " "), COPY_SHOWN)
        more = "…" if len(message.text) > COPY_SHOWN else ""
        self.say(
            f"The program copied {len(message.text):,} characters: {shown}{more}", "information"
        )

    def on_terminal_pane_faulted(self) -> None:
        self.say(pane_fault(self.client), "warning")

    def on_terminal_pane_bell(self) -> None:
        self.bell()


def run_dashboard(
    client: SessionClient,
    loaded: Loaded,
    external: bool,
    *,
    first_run: bool = False,
    backend_given: bool = False,
) -> int:
    """Run the dashboard until the user leaves it; returns the exit code. `backend_given`: on the
    command line, which is stronger than any file."""
    from anyclaude_tui.screens import keep_on_disk

    prepare_textual()
    # The session's thread gets its turn five times sooner than by default (measured:
    # docs/architecture.md, Loops and threads).
    sys.setswitchinterval(0.001)
    try:
        outer = None if constants.DRIVER else outer_colours()  # before Textual reads the terminal
        app = DashboardApp(
            client,
            loaded.settings,
            external,
            first_run=first_run,
            outer=outer,
            asking=bool(project.unanswered(loaded.left_out, client.home)),
            backend_given=backend_given,
            ask_disk=not keep_on_disk.is_answered(loaded.layers),
        )
        stop = Stop(lambda: app.call_later(app.leave, True))
        with on_signals(stop, *ENDING):
            app.run()
    except Exception as error:
        log.exception("the dashboard failed")
        print(crash(error, client), file=sys.stderr)
        return 1
    if stop.number:
        return 128 + stop.number
    return 1 if app.return_code is None else app.return_code  # None: nobody asked it to end
