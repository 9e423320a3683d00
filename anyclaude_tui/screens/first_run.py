"""The first run: what was found on this machine, and one key to begin with the best of it.

Shown over the dashboard, which serves from the simulator already, and only when there is
something better. The choice is saved once it has been seen to work.
"""

from __future__ import annotations

import concurrent.futures
import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import OptionList

from anyclaude_tui import config
from anyclaude_tui.backends.discovery import Discovery
from anyclaude_tui.claude_code import version as claude_version
from anyclaude_tui.claude_code.launch import INSTALL_HINT
from anyclaude_tui.config import editing
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.config.short_names import short_name
from anyclaude_tui.screens.actions import DIGITS
from anyclaude_tui.screens.backends import rows as backend_rows
from anyclaude_tui.screens.backends.dialogs import too_large
from anyclaude_tui.screens.backends.row_list import RowList
from anyclaude_tui.screens.backends.rows import Row
from anyclaude_tui.screens.backends.switch_steps import Steps
from anyclaude_tui.screens.common.key_help import bound
from anyclaude_tui.screens.common.keys_and_tabs import keys_line
from anyclaude_tui.screens.common.session_calls import answer
from anyclaude_tui.screens.settings.rows import added
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets.lines import Line, Tone, clean, fit, joined, pad, text, wrapped
from anyclaude_tui.widgets.panel import LinesView
from anyclaude_tui.widgets.panels import rule

REFRESH_S = 0.2
WELCOME = (
    "Choose the model that Claude Code is to run on. All this was found here.",
    "The choice is saved in {file}; {leader} then b changes it.",
)
GRACE_S = 0.5
"""Seconds in which keys choose nothing: they were typed for the pane when the screen came."""
OTHERS = 18
"""Lines of the screen that are not the list's."""
SHORT = 20
OTHERS_SHORT = 5
"""In a short window: title, what is known of the choice, keys."""

SEARCH = "Web search: off; [search] in the settings. A query then leaves this machine."

DISK = (
    "What mlx_lm has read is forgotten when it ends. d keeps it on disk: starts are quick, and "
    "what was said can be worked out from the files, which are yours alone.",
    "What mlx_lm has read is kept on disk, for you alone: starts are quick, and what was said can "
    "be worked out from it. d: forget it instead.",
)
"""Without and with `[cache] disk`, which counts from the next start of a server on."""

KEYS = (
    ("Enter", "begin"),
    ("↑↓", "choose"),
    ("f", "find again"),
    ("d", "keep prompts on disk"),
    ("Esc", "simulator for now"),
)
CANCEL = (("Esc", "cancel"),)


class FirstRunScreen(Screen[str]):
    """Its result is what there is to say about the choice; None when nothing was chosen."""

    CSS_PATH: ClassVar[Any] = ["backends/backends.tcss", "first_run.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        bound("start", "escape", "leave", "the simulator for now, or give up the start"),
        bound("start", "f", "find", "look again"),
        bound("start", "d", "disk", "keep prompts on disk"),
    ]

    def __init__(self, client: SessionClient, found: Discovery, leader: str) -> None:
        """`leader`: the dashboard's chord, for people."""
        super().__init__()
        self._leader = leader
        self._client = client
        self._found = found
        self._steps: Steps | None = None
        self._switching: concurrent.futures.Future[None] | None = None
        self._at: Row | None = None
        self._opened = 0.0
        self._disk: bool | None = None
        """The user's answer about `[cache] disk`; None while there is none."""
        self._claude: Line = text("Claude Code …", Tone.LABEL)
        self._list = RowList(id="rows")
        self._words = LinesView(id="welcome")
        self._details = LinesView(id="details")
        self._tools = LinesView(id="tools")
        self._footer = LinesView(id="keys")

    def compose(self) -> ComposeResult:
        yield Vertical(self._words, self._list, self._details, self._tools, id="column")
        yield self._footer

    def on_mount(self) -> None:
        self._opened = time.monotonic()
        self._list.focus()
        self.set_interval(REFRESH_S, self._show)
        self.run_worker(self._ask_claude(), exit_on_error=False)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._fill)

    # --- what is shown ----------------------------------------------------------------

    def _fill(self) -> None:
        """List what was found, the cursor on the best of it."""
        rows = choice_rows(self._client.snapshot, self._found)
        first = not self._list.rows
        short = self.size.height < SHORT
        self.set_class(short, "short")
        room = self.size.height - (OTHERS_SHORT if short else OTHERS)
        self._list.show(rows, room)
        self._list.styles.height = min(room, self._list.lines_wanted)
        gap = 1 if self._list.lines_wanted < room else 0
        self._details.styles.margin = (gap, 0, 0, 0)
        best = backend_rows.best(rows)
        if first and best is not None:
            self._list.go_to(best)
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        width, row, now = self._words.size.width, self._list.row, time.monotonic()
        if width < 8 or row is None:
            return
        inner = width - 2
        file = _short(self._client.home / "config.toml")
        words = [line.format(file=file, leader=self._leader) for line in WELCOME]
        head = rule("Welcome to anyclaude-tui", (), width, "─")
        self._words.set_lines([head, *_indented([text(line, Tone.LABEL) for line in words], inner)])
        snapshot, rows = self._client.snapshot, self._details.size.height
        if self._steps is not None:
            self._steps.see(snapshot, now)
            lines = [rule(self._steps.title, (), width, "─")]
            lines += _indented(self._steps.lines(inner, rows - 1, now), inner)
        else:
            right, known = backend_rows.details(row, snapshot, None, inner, rows - 1)
            lines = [rule(backend_rows.title(row), right, width, "─"), *_indented(known, inner)]
        lines += [()] * (rows - len(lines))
        self._details.set_lines([pad(line, width) for line in lines[:rows]])
        disk = wrapped(DISK[bool(self._disk)], inner, 2, Tone.LABEL)
        tools = [self._claude, *backend_rows.tools(self._found, inner), text(SEARCH, Tone.LABEL)]
        tools += disk
        self._tools.set_lines(_indented(tools, inner))
        keys = CANCEL if self._switching is not None else KEYS
        self._footer.set_lines([keys_line(keys, self.size.width)])

    # --- keys -------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        if event.key in DIGITS and DIGITS.index(event.key) < len(self._list.rows):
            event.stop()
            self._list.go_to(self._list.rows[DIGITS.index(event.key)])
            self._begin(self._list.row)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._begin(self._list.row)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if self._steps is not None and self._steps.ended and self._list.row != self._at:
            self._steps = None
        self._at = self._list.row
        self._show()

    def action_leave(self) -> None:
        """While a switch is under way: give it up. Else: the simulator, for now."""
        if self._switching is None:
            self.dismiss(None)
        else:
            self._switching.cancel()

    def action_find(self) -> None:
        """Look again."""
        if self._switching is None:
            self.run_worker(self._find(), exclusive=True, group="find", exit_on_error=False)

    def action_disk(self) -> None:
        """Keep on disk what servers of ours have read, or not."""
        self._disk = not self._disk
        self._show()

    # --- what it does -----------------------------------------------------------------

    def _begin(self, row: Row | None) -> None:
        if row is None or not row.usable or self._switching is not None:
            return
        if time.monotonic() - self._opened < GRACE_S:
            return
        if row.spec == self._client.snapshot.active:
            self._keep(row)
            return
        if row.offer is not None and not row.offer.fits:
            self.app.push_screen(too_large(row, None), partial(self._switch, row))
        else:
            self._switch(row, True)

    def _switch(self, row: Row, sure: bool | None) -> None:
        if not sure:
            return
        name = backend_rows.title(row)
        self._steps = Steps(row.spec, name, f"starting {row.spec}", time.monotonic())
        self._switching = self._client.switch(row.spec)
        self.run_worker(self._wait(row, self._steps, self._switching), exit_on_error=False)
        self._show()

    async def _wait(self, row: Row, steps: Steps, future: concurrent.futures.Future[None]) -> None:
        ended = await answer(future)
        self._switching = None
        steps.end_with(ended, f"{steps.title} serves", "the simulator", time.monotonic())
        self._show()
        if ended.done:
            self._keep(row)

    def _keep(self, row: Row) -> None:
        """Save the choice and leave."""
        name = backend_rows.title(row)
        try:
            changes: dict[editing.Key, Any] = chosen(row.spec, self._client.home)
            if self._disk is not None:
                changes["cache", "disk"] = self._disk
            file = editing.save(self._client.home, changes)[0]
        except (OSError, ConfigError) as error:
            self.dismiss(f"{name} is in use, but the choice could not be saved: {error}")
        else:
            self.dismiss(f"{name} is in use, and saved in {_short(file)}")

    async def _find(self) -> None:
        self._found = (await answer(self._client.discover())).value or self._found
        self._fill()

    async def _ask_claude(self) -> None:
        """Ask for the version of Claude Code, or show the way to get it."""
        command, version = (await answer(self._client.claude_version())).value or (None, None)
        if command is None:
            words = f"Claude Code is not installed: {INSTALL_HINT}"
            more = ". Until then a small chat client runs."
            self._claude = (*text(words, Tone.WARN), *text(more, Tone.LABEL))
        else:
            known = text(f"Claude Code {version or '(version not known)'}")
            if version and (concern := claude_version.concern(version)):
                known = (*known, *text(f", {concern}", Tone.WARN))
                if claude_version.is_old(version):
                    known = (*known, *text(f": {INSTALL_HINT}", Tone.LABEL))
            self._claude = joined([known, text(clean(_short(Path(command))), Tone.FAINT)])
        self._show()


def chosen(spec: str, home: Path) -> dict[editing.Key, Any]:
    """The settings that are written for a choice: a backend with a short name of its own, which the
    screens and the command line can call it by. Raises ConfigError."""
    known = config.load({**os.environ, "ANYCLAUDE_HOME": str(home)}).backends
    name = spec if spec in known else short_name(spec, known)
    if name == spec:
        return {("backend",): spec}
    backend = config.resolve(spec, Settings())[1]
    return {("backend",): name, **added(name, backend)}


def choice_rows(snapshot: Snapshot, found: Discovery) -> list[Row]:
    """The rows that a newcomer can choose; a simulator that runs stands last, as built in."""
    real = tuple(status for status in snapshot.backends if not status.simulated)
    rows = backend_rows.rows(replace(snapshot, backends=real), found)
    return [row for row in rows if row.spec != "simulator:slow"]


def worth_asking(snapshot: Snapshot, found: Discovery) -> bool:
    """True if there is something better than the simulator."""
    return backend_rows.best(choice_rows(snapshot, found)) is not None


def nothing_better(found: Discovery, leader: str) -> str:
    """The words where only the simulator is left: where was looked, and how to go on."""
    if any(not offer.simulated for offer in found.offers):
        return f"What was found cannot be used yet, {leader} b says why: a simulator answers."
    return (
        "No model was found: a simulator answers. Looked for servers on the usual ports, and in "
        f"{found.looked_in}. {leader} b, then f, looks again."
    )


def _short(path: Path) -> str:
    """The path with `~` for the user's home."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)


def _indented(lines: list[Line], width: int) -> list[Line]:
    """The lines one column in, cut to `width`."""
    return [(text(" ")[0], *fit(line, width)) for line in lines]
