"""The main screen: Claude Code's pane with the live panels beside it.

It places its widgets (`layout.plan`) and hands them snapshots; what they say is in
`widgets/`, what the keys do in `app.py`.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from anyclaude_tui.claude_code.environment import child_env
from anyclaude_tui.screens.actions import ACTIONS, Action, chord_name
from anyclaude_tui.screens.common.keys_and_tabs import key_at
from anyclaude_tui.screens.dashboard import header_footer
from anyclaude_tui.screens.dashboard.arrangement import Arrangement
from anyclaude_tui.screens.dashboard.layout import Plan, plan
from anyclaude_tui.screens.dashboard.panel_keys import PanelKeys, hints
from anyclaude_tui.telemetry.hub import Notice, Snapshot
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets import status_signs
from anyclaude_tui.widgets.compact_summary import summary_lines
from anyclaude_tui.widgets.format import home_relative
from anyclaude_tui.widgets.lines import Line, Tone, clean, fit, text, wrapped
from anyclaude_tui.widgets.panel import LinesView, Panel
from anyclaude_tui.widgets.panels import PANELS, request_rows
from anyclaude_tui.widgets.terminal.pane import TerminalPane
from anyclaude_tui.widgets.textual_internals import message_racks

if TYPE_CHECKING:
    from anyclaude_tui.claude_code.launch import Launch

COMMAND_ROWS = 16
NOTICE_S = {"info": 8.0, "warning": 15.0, "error": 30.0}
"""Seconds that a notice stays in the footer, by its level."""


class DashboardScreen(Screen[None]):
    """The terminal pane, with the snapshots of the session around it."""

    def __init__(self, leader: str, external: bool) -> None:
        """`leader`: the chord, as a key of Textual's. `external`: no pane."""
        super().__init__()
        self.leader = chord_name(leader)
        self.external = external
        self.table: tuple[Action, ...] = ACTIONS
        """The commands with the user's keys."""
        self.pane = None if external else TerminalPane(id="pane")
        self.zoomed = False
        self.panels_on = True
        self.panels_as = Arrangement()
        self.panel_keys = PanelKeys(self)
        self.notes: list[str] = []
        self._program = "Claude Code"
        self.title_words = ""
        self.snapshot: Snapshot | None = None
        self.served = False
        """A request has come: the command that starts Claude Code has done its work."""
        self.arrangement = Plan("", {})
        self.launched: Launch | None = None
        self._command = LinesView(id="command")
        self._header = LinesView(id="header")
        self._note = LinesView(id="note")
        self._strip = LinesView(id="strip")
        self._footer = LinesView(id="footer")
        self._menu = LinesView(id="menu")
        self._small = LinesView(id="small")
        self._panels = [Panel(kind) for kind in PANELS.values()]
        lines = (self._header, self._note, self._strip, self._footer, self._small)
        main = self._command if self.pane is None else self.pane
        self._placed: dict[str, Widget] = {w.id or "": w for w in (main, *lines, *self._panels)}

    def compose(self) -> ComposeResult:
        yield from self._placed.values()
        yield self._menu

    def on_mount(self) -> None:
        self._menu.visible = False
        self.place()
        self.focus_pane()

    def on_resize(self, event: events.Resize) -> None:
        self.place()

    def on_screen_resume(self) -> None:
        self.focus_pane()

    # --- among the panels -------------------------------------------------------------

    @dataclass
    class Arranged(Message):
        """The user has arranged the panels: it is kept."""

        arrangement: Arrangement

    @dataclass
    class Wanted(Message):
        """The order of a click or Enter on a panel: an action's name, or a request to open."""

        action: str = ""
        request: RequestView | None = None
        key: str = ""
        """The character after the leader, where a key on the screen was clicked."""

    @property
    def panels_shown(self) -> list[str]:
        """The panels on the screen, in the user's order."""
        return [name for name in self.panels_as.panels if name in self.arrangement.regions]

    def enter_panels(self, name: str | None = None) -> bool:
        """Give the keys to the panels, or to one by name; False where none is shown."""
        entered = self.panel_keys.enter(self.panels_shown, name)
        self._show_again()
        return entered

    def leave_panels(self) -> None:
        """Give the keys back to the pane."""
        if self.panel_keys.focus is not None:
            self.panel_keys.leave()
            self._show_again()

    def panel_key(self, key: str, character: str | None) -> bool:
        """True if the key was the panels'; it has then been handled."""
        if self.panel_keys.focus is None:
            return False
        taken = self.panel_keys.takes(key, character, self.panels_shown)
        self._show_again()
        return taken

    def _panel(self, name: str) -> Panel:
        return next(panel for panel in self._panels if panel.kind.name == name)

    def open_panel(self, name: str, row: int | None = None) -> None:
        """See PanelTarget. `row`: of a table, else the one under its cursor."""
        snapshot, panel = self.snapshot, self._panel(name)
        if snapshot is None:
            return
        if panel.kind.has_rows:
            rows, at = request_rows(snapshot), panel.cursor if row is None else row
            if at is not None and 0 <= at < len(rows):
                self.post_message(self.Wanted(request=rows[at]))
                return
        if name in ("now", "why") and (request := status_signs.focus(snapshot)) is not None:
            self.post_message(self.Wanted(request=request))
        else:
            self.post_message(self.Wanted("backends" if name == "backend" else "requests"))

    def step_row(self, name: str, step: int) -> None:
        """See PanelTarget."""
        panel = self._panel(name)
        if panel.kind.has_rows and self.snapshot is not None:
            panel.step(step, len(request_rows(self.snapshot)))

    def resize_panel(self, name: str, step: int) -> None:
        """See PanelTarget."""
        self._arrange(self.panels_as.resized(name, self._panel(name).size.height, step))

    def widen_panels(self, step: int) -> None:
        """See PanelTarget."""
        mode, pane = self.arrangement.mode, self.arrangement.regions.get("pane")
        if pane is not None:
            width, height = self.size
            now = width - pane.width if mode == "side" else height - 1 - pane.bottom
            self._arrange(self.panels_as.widened(mode, now, step))

    def move_panel(self, name: str, step: int) -> None:
        """See PanelTarget."""
        self._arrange(self.panels_as.moved(name, step))

    def turn_panels(self) -> None:
        """See PanelTarget."""
        self._arrange(self.panels_as.turned())

    def next_preset(self) -> None:
        """See PanelTarget."""
        self._arrange(self.panels_as.preset()[1])

    def usual_panels(self) -> None:
        """See PanelTarget."""
        self._arrange(Arrangement())

    def _arrange(self, arrangement: Arrangement) -> None:
        self.panels_as = arrangement
        self.place()
        if self.panel_keys.focus is not None and self.panel_keys.focus not in self.panels_shown:
            self.panel_keys.enter(self.panels_shown)
        self.post_message(self.Arranged(arrangement))

    def on_terminal_pane_touched(self) -> None:
        self.leave_panels()

    def on_panel_entered(self, message: Panel.Entered) -> None:
        self.enter_panels(message.panel.kind.name)

    def on_panel_opened(self, message: Panel.Opened) -> None:
        self.open_panel(message.panel.kind.name, message.row)

    def on_click(self, event: events.Click) -> None:
        """A key that is shown can be clicked; the strip opens the requests."""
        if event.widget is self._strip:
            self.post_message(self.Wanted("requests"))
        for lines in (self._footer, self._menu):
            if event.widget is lines and event.y < len(lines.lines):
                key = key_at(lines.lines[event.y], event.x)
                if self.panel_keys.focus is not None and lines is self._footer:
                    self.leave_panels()
                elif key:
                    self.post_message(self.Wanted(key=key))

    def focus_pane(self) -> None:
        """Give the keys to the pane; nothing else on this screen can have them, but Textual
        takes them away from a pane that was hidden for a while."""
        if self.pane is not None and self.focused is not self.pane:
            self.set_focus(self.pane)

    def set_leader(self, leader: str) -> None:
        """Another leader chord, as a key of Textual's."""
        self.leader = chord_name(leader)
        self._show_again()

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot; widgets whose content is the same are left alone."""
        served, self.served = self.served, bool(snapshot.in_flight or snapshot.recent)
        self.snapshot = snapshot
        if self.served != served and self.external:
            self.place()
        for panel in self._panels:
            if panel.kind.name == "backend":
                panel.foot = header_footer.next_step(self.leader, snapshot)
            panel.focused_panel = panel.kind.name == self.panel_keys.focus
            panel.show(snapshot)
        if self._strip.display:
            rows = summary_lines(snapshot, self.size.width)
            # With one row only, what is going on matters more than who does it.
            self._strip.set_lines(rows if self._strip.size.height > 1 else rows[1:2])
        self._show_footer(snapshot)

    def launch(self, launch: Launch, shell: bool = False) -> None:
        """Start what the session says in the pane, or show how to start it elsewhere.

        Raises OSError when the folder to start it in is gone.
        """
        self.launched = launch
        self._program = "Shell" if shell else "Chat client" if launch.note else "Claude Code"
        if launch.note and launch.note not in self.notes:
            self.notes.append(launch.note)
            self.place()
        if self.pane is not None:
            self.title_words = home_relative(launch.cwd)
            self._show_header()
            env = child_env(launch.env) | dict(launch.settings)  # what the user set wins
            is_claude = not (shell or launch.note)
            self.pane.launch(launch.argv, env, launch.cwd, hold=is_claude)
        else:
            self.place()

    def set_title(self, words: str) -> None:
        """Claude Code has set the terminal's title."""
        self.title_words = words or self.title_words
        self._show_header()

    def show_menu(self, shown: bool) -> None:
        """Show or hide the which-key menu."""
        self._menu.visible = shown
        if shown:
            names = tuple(b.name for b in self.snapshot.backends) if self.snapshot else ()
            width, height = self.size
            lines = header_footer.which_key(self.leader, names, width, self.table)[:height]
            self._menu.set_lines(lines)
            _place(self._menu, 0, height - len(lines), width, len(lines))

    def toggle(self, name: str) -> bool:
        """Hide one panel or show it again; returns whether it is shown now."""
        self._arrange(self.panels_as.toggled(name))
        return name in self.panels_as.panels

    def place(self) -> None:
        """Place everything for the window's size."""
        width, height = self.size
        if not width or not height:
            return
        note = [line for n in self.notes for line in wrapped(n, width - 2, 2, Tone.WARN)]
        wanted = len(self._command_lines(width, COMMAND_ROWS))
        self.arrangement = plan(
            width,
            height,
            zoom=self.zoomed,
            panels=self.panels_on,
            external=self.external,
            panels_as=self.panels_as,
            note_rows=len(note),
            command_rows=wanted,
        )
        regions = self.arrangement.regions
        for name, widget in self._placed.items():
            region = regions.get(name)
            # A pane that is not shown keeps its size: what runs in it is not disturbed.
            widget.display = region is not None
            if region is not None:
                _place(widget, *region)
        if "command" in regions:
            self._command.set_lines(self._command_lines(width, regions["command"].height))
        for panel in self._panels:
            panel.edge = self.arrangement.edges.get(panel.kind.name, "")
        self.place_messages()
        self._note.set_lines([((" ", Tone.TEXT), *line) for line in note])
        self._small.set_lines(header_footer.too_small(width, height))
        self._show_header()
        self.call_after_refresh(self._show_again)

    def place_messages(self) -> None:
        """Put messages over the half of the pane in which nobody types, never over a panel;
        without a pane at the bottom, over the oldest requests."""
        region = self.arrangement.regions.get("pane")
        for rack in message_racks(self):
            if region is None or self.pane is None:
                rack.styles.dock, rack.styles.width = "bottom", "1fr"
                rack.styles.margin = (0, 0, 1, 0)
                continue
            above = self.pane.emulator.cursor.y > region.height // 2
            below = self.size.height - region.bottom
            rack.styles.dock, rack.styles.width = "top" if above else "bottom", region.width
            rack.styles.margin = (region.y, 0, 0, 0) if above else (0, 0, below, 0)

    def _command_lines(self, width: int, height: int) -> list[Line]:
        """The command that starts Claude Code elsewhere; one line once it has been done."""
        if self.launched is None:
            return [text(" Starting", Tone.LABEL)]
        keys: Line = ((" c", Tone.KEY), (" copies the command", Tone.LABEL))
        if self.served:
            words = text(" Claude Code runs in another terminal.", Tone.LABEL)
            return [fit((*words, (" ", Tone.TEXT), *keys), width)]
        head: Line = ((" Run this in another terminal: ", Tone.STRONG), *keys)
        rows = wrapped(command_text(self.launched), width - 2, height - 2)
        return [fit(head, width), *(((" ", Tone.TEXT), *row) for row in rows), ()]

    def _show_again(self) -> None:
        if self.snapshot is not None:
            self.show(self.snapshot)
        # All of it: what was shown while the layout was still to come may not have been painted,
        # and later only rows that change are.
        for widget in self._placed.values():
            widget.refresh()

    def _show_header(self) -> None:
        region = self.arrangement.regions.get("header")
        if region is not None:
            self._header.set_lines(
                [header_footer.header(self._program, self.title_words, region.width)]
            )

    def _show_footer(self, snapshot: Snapshot) -> None:
        if self.panel_keys.focus is not None:
            self._footer.set_lines([hints(self.size.width)])
            return
        notice = latest(snapshot)
        right, status = clean(snapshot.proxy_url), snapshot.backend
        state = status.state if status is not None else None
        line = header_footer.footer(self.leader, state, notice, right, self.size.width, self.table)
        self._footer.set_lines([line])


def latest(snapshot: Snapshot) -> Notice | None:
    """The newest notice that is still fresh; an error is not covered by lesser ones."""
    fresh = [n for n in snapshot.notices if snapshot.wall - n.wall < NOTICE_S.get(n.level, 8.0)]
    errors = [n for n in fresh if n.level == "error"]
    ranked = errors or fresh
    return ranked[-1] if ranked else None


def command_text(launch: Launch) -> str:
    """The command to type in another terminal: one line that any shell takes, fish too."""
    variables = [f"{name}={shlex.quote(value)}" for name, value in launch.settings]
    words = ["cd", shlex.quote(launch.cwd), "&&", "env", *variables, shlex.join(launch.argv)]
    return " ".join(words)


def _place(widget: Widget, x: int, y: int, width: int, height: int) -> None:
    widget.styles.position = "absolute"
    widget.styles.offset = (x, y)
    widget.styles.width = width
    widget.styles.height = height
