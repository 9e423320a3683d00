"""The compare screen: choose targets and a workload, see what that will start, and begin.

The run, its result and the history are screens of their own, put over this one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Input, OptionList

from anyclaude_tui.backends.discovery import Discovery
from anyclaude_tui.compare.job import Order, Result
from anyclaude_tui.compare.workload import Workload, WorkloadError
from anyclaude_tui.screens.actions import DIGITS
from anyclaude_tui.screens.backends import rows as backend_rows
from anyclaude_tui.screens.backends.row_list import RowList
from anyclaude_tui.screens.backends.rows import Row
from anyclaude_tui.screens.common.key_help import bound
from anyclaude_tui.screens.common.keys_and_tabs import keys_line, message_line
from anyclaude_tui.screens.common.session_calls import answer
from anyclaude_tui.screens.compare import setup as compare_setup
from anyclaude_tui.screens.compare.setup import Setup, Turn, What
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.widgets.lines import Line, Tone, pad, text, wrapped
from anyclaude_tui.widgets.panel import LinesView
from anyclaude_tui.widgets.panels import rule

REFRESH_S = 0.5
SHORT = 20
"""With fewer lines the list and the choices are all that has room."""
EFFECT_ROWS = 5
EFFECT_ROWS_SHORT = 1
KEYS = (
    ("Enter", "start"),
    ("Space", "choose"),
    ("p", "prompt"),
    ("h", "history"),
    ("f", "find again"),
    ("Esc", "back"),
)


class CompareScreen(Screen[None]):
    """Space chooses, Enter begins."""

    CSS_PATH: ClassVar[Any] = ["../backends/backends.tcss", "compare.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        bound("compare", "escape", "back", "back"),
        bound("compare", "q", "dismiss", "back"),
        bound("compare", "space,x", "choose", "take the backend in, or leave it out"),
        bound("compare", "w", "what", "the kind of work"),
        bound("compare", "p", "prompt", "a prompt of your own"),
        bound("compare", "plus,n,equals_sign", "runs(1)", "one run more"),
        bound("compare", "minus,N,shift+n", "runs(-1)", "one run less"),
        bound("compare", "d", "direct", "also directly, past the proxy"),
        bound("compare", "l", "logging", "also with the debug log on"),
        bound("compare", "s", "stop_active", "stop the backend in use meanwhile"),
        bound("compare", "h", "history", "earlier comparisons"),
        bound("compare", "f", "find", "look again for servers and models"),
    ]

    def __init__(self, client: SessionClient, *, body: Any = None) -> None:
        """`body`: a captured request (Anthropic's form, as a dict) to send to each target."""
        super().__init__()
        self._client = client
        self._found: Discovery | None = None
        snapshot = client.snapshot
        rows = backend_rows.rows(snapshot, None)
        turn = Turn(body, _about(body)) if body is not None else None
        self.setup = compare_setup.first(rows, snapshot.active, turn)
        self._message: Line = ()
        self._list = RowList(id="rows")
        self._list.mark = lambda row: compare_setup.mark(self.setup, row)
        self._title = LinesView(id="title")
        self._choices = LinesView(id="choices")
        self._effects = LinesView(id="effects")
        self._input = Input(placeholder="what to ask every target", id="prompt", compact=True)
        self._keys = LinesView(id="keys")

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._list
        yield self._choices
        yield self._effects
        yield self._input
        yield self._keys

    def on_mount(self) -> None:
        self._input.display = False
        self._list.focus()
        self._show()
        self.set_interval(REFRESH_S, self._show)
        self.action_find()
        if self.setup.turn is None:
            self.run_worker(self._find_turn(), exit_on_error=False)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < SHORT, "short")
        self.call_after_refresh(self._show, True)

    # --- what is shown ----------------------------------------------------------------

    def _show(self, again: bool = False) -> None:
        """Show the choices; `again`: all rows, since marks or the width have changed."""
        rows = backend_rows.rows(self._client.snapshot, self._found)
        if rows != self._list.rows or again:
            self._list.show(rows, self._list.size.height)
        width = self.size.width
        made, problem = self._workloads()
        right = compare_setup.title_right(self.setup, made, self._client.snapshot.recent)
        self._title.set_lines([rule("Compare", right, width, "─")])
        top: Line = (("─" * width, Tone.RULE),)
        lines = compare_setup.choices(self.setup, self._list.rows, width - 2)
        self._choices.set_lines([top, *(pad((*text(" "), *one), width) for one in lines)])
        self._show_effects(problem)
        line = self._message or keys_line(KEYS, width)
        self._keys.set_lines([line])

    def _show_effects(self, problem: str) -> None:
        width = self.size.width
        most = EFFECT_ROWS_SHORT if self.has_class("short") else EFFECT_ROWS
        if problem:
            lines = wrapped(problem, width - 2, most, Tone.WARN)
        else:
            lines = compare_setup.effects(self.setup, self._list.rows, width - 2, most)
        top: Line = (("─" * width, Tone.RULE),)
        made = [pad((*text(" "), *one), width) for one in lines]
        self._effects.set_lines([top, *made])

    def _workloads(self) -> tuple[list[Workload] | None, str]:
        """The workloads, or why there are none."""
        try:
            return compare_setup.workloads(self.setup), ""
        except WorkloadError as error:
            return None, str(error)

    def _say(self, words: str, tone: Tone = Tone.WARN) -> None:
        """A line in place of the keys, until the next key."""
        self._message = message_line(words, tone, self.size.width)
        self._show()

    def _set(self, setup: Setup) -> None:
        self.setup = setup
        self._show(True)

    # --- keys -------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        self._message = ()
        if event.key in DIGITS and self.focused is self._list:
            event.stop()
            place = DIGITS.index(event.key)
            if place < len(self._list.rows):
                self._list.go_to(self._list.rows[place])
                self._toggle(self._list.rows[place])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._begin()

    def action_back(self) -> None:
        if self._input.display:
            self._end_prompt()
        else:
            self.dismiss()

    def action_choose(self) -> None:
        if self._list.row is not None:
            self._toggle(self._list.row)

    def _toggle(self, row: Row) -> None:
        if not row.usable and row.offer is not None and row.spec not in self.setup.targets:
            self._say(row.offer.detail)
        else:
            self._set(self.setup.toggled(row.spec))

    def action_what(self) -> None:
        self._set(self.setup.next_what())

    def action_runs(self, step: int) -> None:
        self._set(self.setup.with_runs(step))

    def action_direct(self) -> None:
        self._set(replace(self.setup, direct=not self.setup.direct))

    def action_logging(self) -> None:
        self._set(replace(self.setup, logged=not self.setup.logged))

    def action_stop_active(self) -> None:
        """Stop the backend in use meanwhile, or leave it up."""
        if not compare_setup.can_stop_active(self.setup, self._list.rows):
            self._say("there is nothing to stop: no server of ours is up that is not compared")
            return
        stopped = compare_setup.stops_active(self.setup, self._list.rows)
        self._set(replace(self.setup, stop_active=not stopped))

    def action_prompt(self) -> None:
        self._input.display = True
        self._input.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        words = event.value.strip()
        what = What.PROMPT if words else What.TURN if self.setup.turn else What.QUICK
        self._end_prompt()
        self._set(replace(self.setup, prompt=words, what=what))

    def _end_prompt(self) -> None:
        self._input.display = False
        self._list.focus()

    def action_find(self) -> None:
        """Look again for what runs and what lies on disk."""
        self.run_worker(self._discover(), exclusive=True, group="find", exit_on_error=False)

    async def _discover(self) -> None:
        found = await answer(self._client.discover())
        if found.value is not None:
            self._found = found.value
        elif found.problem:
            self._say(f"the search for other backends failed: {found.problem}")
        self._show()

    async def _find_turn(self) -> None:
        """The last turn of Claude Code's that the session remembers can be sent as well."""
        body = (await answer(self._client.last_turn())).value  # it is an offer only
        if body is not None and self.setup.turn is None:
            self._set(replace(self.setup, turn=Turn(body, _about(body))))

    def action_history(self) -> None:
        from anyclaude_tui.screens.compare.history import CompareHistoryScreen

        self.app.push_screen(CompareHistoryScreen(self._client, "Comparisons"), self._open)

    def _open(self, path: Path | None) -> None:
        from anyclaude_tui.screens.compare.history import kept
        from anyclaude_tui.screens.compare.result_screen import CompareResultScreen

        saved = kept(path, self._say)
        if saved is not None:
            self.app.push_screen(CompareResultScreen(self._client, saved, path))

    def _begin(self) -> None:
        if not self.setup.targets:
            self._say("choose what to compare first: Space chooses")
            return
        try:
            order = compare_setup.order(self.setup, self._list.rows)
        except WorkloadError as error:
            self._say(str(error))
        else:
            self._run(order)

    def _run(self, order: Order) -> None:
        from anyclaude_tui.screens.compare.run_screen import CompareRunScreen

        screen = CompareRunScreen(self._client, order)
        self.app.push_screen(screen, partial(self._finished, order))

    def _finished(self, order: Order, result: Result | None) -> None:
        """Show what came of the runs; from there they can be asked for again."""
        from anyclaude_tui.screens.compare.result_screen import CompareResultScreen

        if result is None:
            return
        shown = CompareResultScreen(self._client, result.saved, result.path, just_run=True)
        if result.problem:
            shown.say(f"it could not be kept: {result.problem}", Tone.BAD)

        def left(again: bool | None) -> None:
            if again:
                self._run(order)

        self.app.push_screen(shown, left)


def _about(body: Any) -> str:
    """`4 messages, 12 tools`."""
    if not isinstance(body, dict):
        return "the request"
    messages, tools = body.get("messages"), body.get("tools")
    return (
        f"{len(messages) if isinstance(messages, list) else 0} messages, "
        f"{len(tools) if isinstance(tools, list) else 0} tools"
    )
