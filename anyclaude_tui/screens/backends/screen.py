"""The backends screen: what there is, what each is like, and switching shown step by step.

It asks the session's client and shows snapshots; what the lines say is in `rows` and
`switch_steps`, the dialogs are in `dialogs`.
"""

from __future__ import annotations

import concurrent.futures
import time
from functools import partial
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import OptionList

from anyclaude_tui.backends.base import GOOD_WINDOW_TOKENS, BackendState, ModelInfo
from anyclaude_tui.backends.discovery import Discovery
from anyclaude_tui.backends.models.memory import Estimate
from anyclaude_tui.config.kinds import ModelChoice, model_choice
from anyclaude_tui.screens.actions import DIGITS
from anyclaude_tui.screens.backends import rows as backend_rows
from anyclaude_tui.screens.backends.dialogs import (
    Context,
    Log,
    Models,
    too_large,
)
from anyclaude_tui.screens.backends.keys import KEYS, useful
from anyclaude_tui.screens.backends.row_list import RowList
from anyclaude_tui.screens.backends.rows import DISK, Row
from anyclaude_tui.screens.backends.switch_steps import Steps
from anyclaude_tui.screens.common.dialogs import Question
from anyclaude_tui.screens.common.key_help import bound
from anyclaude_tui.screens.common.keys_and_tabs import keys_line
from anyclaude_tui.screens.common.session_calls import answer
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.widgets.lines import Line, Tone, fit, pad, text, width_of, wrapped
from anyclaude_tui.widgets.panel import LinesView
from anyclaude_tui.widgets.panels import rule

REFRESH_S = 0.2
WIDE = 140
"""From this width on the details stand beside the list."""
SHORT = 20
"""With fewer lines the list is all that has room, with a word on the row."""


class BackendsScreen(Screen[None]):
    """Enter or a digit switches; the other keys are about the row under the cursor."""

    CSS_PATH = "backends.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        bound("backends", "escape,q", "dismiss", "back"),
        *(bound("backends", key, action, words) for key, _, words, action in KEYS),
    ]

    def __init__(self, client: SessionClient) -> None:
        super().__init__()
        self._client = client
        self._found: Discovery | None = None
        self._memory: dict[str, Estimate | None] = {}
        self._steps: Steps | None = None
        self._change: concurrent.futures.Future[Any] | None = None
        self._at = ""
        """The row that the details are about."""
        self._message: Line = ()
        self._title_right: Line = ()
        self._list = RowList(id="rows")
        self._list.has_key = _is_numbered
        self._details = LinesView(id="details")
        self._title = LinesView(id="title")
        self._tools = LinesView(id="tools")
        self._footer = LinesView(id="keys")

    def compose(self) -> ComposeResult:
        yield self._title
        yield Container(self._list, self._details, id="body")
        yield self._tools
        yield self._footer

    def on_mount(self) -> None:
        self._list.focus()
        self._show()
        active = next((row for row in self._list.rows if row.active), None)
        if active is not None:
            self._list.go_to(active)
        self.set_interval(REFRESH_S, self._show)
        self.action_find()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE, "wide")
        self.set_class(event.size.height < SHORT, "short")
        self.call_after_refresh(self._show, True)

    # --- what is shown ----------------------------------------------------------------

    @property
    def row(self) -> Row | None:
        """The row under the cursor: what the keys are about."""
        return self._list.row

    def _show(self, again: bool = False) -> None:
        """Show the session's last snapshot; `again`: at another width."""
        snapshot, now = self._client.snapshot, time.monotonic()
        if self._steps is None and snapshot.switching:  # begun elsewhere
            self._steps = Steps.watch(snapshot, now)
        if self._steps is not None:
            self._steps.see(snapshot, now)
            if self._steps.watched and not snapshot.switching:
                self._steps = None
        rows = backend_rows.rows(snapshot, self._found)
        if rows != self._list.rows or again:
            self._list.show(rows, self._list.size.height)
        self._show_details()
        self._show_title_and_keys()

    def _show_details(self) -> None:
        """Show the facts about the row, and the steps of a change; side by side with the list both
        are shown, below it the steps take the place of the rest for as long as they go."""
        width, height = self._details.size
        row, steps = self.row, self._steps
        if width < 8 or height < 2 or row is None:
            return
        wide = self.has_class("wide")
        side = text("│ ", Tone.RULE) if wide else text(" ")
        inner = width - 3 if wide else width - 2
        now = time.monotonic()
        moves = steps.lines(inner, height // 2 if wide else height - 1, now) if steps else []
        moved = [rule(steps.title, (), width, "├" if wide else "─")] if steps else []
        moved += [(*side, *one) for one in moves]
        room = height - len(moved) - (0 if wide else 1)
        memory = self._memory.get(row.spec)
        right, known = backend_rows.details(row, self._client.snapshot, memory, inner, room)
        lines = [(*side, *fit(one, inner)) for one in known[:room]]
        if wide:
            self._title_right = rule(backend_rows.title(row), right, width, "┬")
            lines += [side] * (room - len(lines)) + moved
        elif steps:
            lines = moved
        else:
            lines.insert(0, rule(backend_rows.title(row), right, width, "─"))
        lines += [side] * (height - len(lines))
        self._details.set_lines([pad(one, width) for one in lines[:height]])

    def _show_title_and_keys(self) -> None:
        """The title, what is installed, and the keys."""
        width, found = self.size.width, self._found
        here = sum(row.group == backend_rows.RUNNING for row in self._list.rows)
        disk = sum(row.group == DISK for row in self._list.rows)
        words = f"{here} more running, {disk} on disk" if found else "looking…"
        words = f"{here} more, {disk} models" if found and width < 60 else words
        more = self._title_right if self.has_class("wide") else ()
        head = rule("Backends", text(words, Tone.LABEL), width - width_of(more), "─")
        self._title.set_lines([(*head, *more)])
        inner = [(text(" ")[0], *one) for one in backend_rows.tools(found, width - 2)]
        self._tools.set_lines([fit(one, width) for one in inner])
        said = fit((*text(" "), *self._message), width)
        keys = keys_line(useful(self.row, self._change is not None), width)
        self._footer.set_lines([said if self._message else keys])

    # --- keys -------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        self._message = ()
        if event.key in DIGITS:
            event.stop()
            numbered = [row for row in self._list.rows if _is_numbered(row)]
            place = DIGITS.index(event.key)
            if place < len(numbered):
                self._list.go_to(numbered[place])
                self._switch(numbered[place])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if self.row is not None:
            self._switch(self.row)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        row = self.row
        if row is None or row.spec == self._at:  # the list was filled again
            return
        self._at = row.spec
        if self._steps is not None and self._steps.ended:
            self._steps = None
        if row.spec not in self._memory and model_choice(row.kind) is ModelChoice.STARTED:
            self._memory[row.spec] = None
            self.run_worker(self._estimate(row.spec), exit_on_error=False)
        self._show_details()
        self._show_title_and_keys()

    def action_find(self) -> None:
        """Look again for what runs and what lies on disk."""
        self._found = None
        self.run_worker(self._discover(), exclusive=True, group="find", exit_on_error=False)

    def action_restart(self) -> None:
        row = self.row
        if row is None or not row.active:
            self._say("only the backend in use can be restarted: Enter starts this one")
            return
        future = self._client.restart_backend()
        title = f"Restart of {row.spec}"
        self._follow(row.spec, title, f"restarting {row.spec}", future, "its cache is empty now")

    def action_remedy(self) -> None:
        status = self.row.status if self.row else None
        if status is None or not status.remedy or not (self.row and self.row.active):
            self._say("nothing to mend here")
            return
        future = self._client.remedy()
        title = f"Remedy for {status.name}"
        self._follow(status.name, title, status.remedy, future, "done")

    def action_log(self) -> None:
        row = self.row
        if row is None or row.status is None or not row.status.log_tail:
            self._say("no log: only servers that we have started have one")
            return
        self.app.push_screen(Log(self._client, row.spec))

    def action_cancel(self) -> None:
        if self._change is None:
            self._say("nothing to cancel")
        else:
            self._change.cancel()

    def action_unload(self) -> None:
        row = self.row
        if row is None or row.status is None or row.status.state is BackendState.STOPPED:
            self._say("it is not running")
        elif model_choice(row.kind) is ModelChoice.LOADED and row.status.model:
            words = f"{row.status.model} is in use: requests fail until a model is loaded again."
            if row.active:
                ask = partial(self._unload, row.spec, row.status.model)
                self.app.push_screen(Question("Unload?", words), ask)
            else:
                self._unload(row.spec, row.status.model, True)
        elif row.active:
            self._say(f"{row.spec} is in use: switch to another backend first")
        else:
            name = row.spec
            future = self._client.stop_backend(name)
            self._follow(name, f"Stop {name}", f"stopping {name}", future, f"{name} is stopped")

    def action_choose_model(self) -> None:
        row = self.row
        if row is None or row.group == DISK:
            self._say("this is one model: Enter switches to it")
            return
        self.run_worker(
            self._choose_model(row), exclusive=True, group="models", exit_on_error=False
        )

    # --- what it does -----------------------------------------------------------------

    def _switch(self, row: Row) -> None:
        if not row.usable and row.offer is not None:
            self._say(row.offer.detail)
            return
        if row.active and row.status is not None and row.status.state is BackendState.READY:
            self._say(f"{row.spec} is in use already")
            return
        if row.offer is not None and not row.offer.fits:
            self.app.push_screen(too_large(row, self._memory.get(row.spec)), partial(self._go, row))
        else:
            self._go(row, True)

    def _go(self, row: Row, sure: bool | None) -> None:
        if not sure:
            return
        if self._change is not None:
            self._change.cancel()
        future, name = self._client.switch(row.spec), backend_rows.title(row)
        done = f"new requests go to {name}"
        self._follow(row.spec, f"Switch to {name}", f"starting {row.spec}", future, done, True)

    def _follow(
        self,
        name: str,
        title: str,
        words: str,
        future: concurrent.futures.Future[Any],
        done: str,
        can_cancel: bool = False,
    ) -> None:
        """Show the steps of what the session does, and its end."""
        steps = self._steps = Steps(name, title, words, time.monotonic())
        self._change = future if can_cancel else None
        # Of the app: the change goes on when this screen is left, and its end is still seen.
        self.app.run_worker(self._wait(steps, future, done), exit_on_error=False)
        self._show()

    def _unload(self, name: str, model: str, sure: bool | None) -> None:
        if sure:
            future = self._client.unload_model(name, model)
            done = f"{model} is unloaded"
            self._follow(name, f"Unload on {name}", f"unloading {model}", future, done)

    async def _wait(self, steps: Steps, future: concurrent.futures.Future[Any], done: str) -> None:
        ended = await answer(future)
        snapshot, now = self._client.snapshot, time.monotonic()
        steps.see(snapshot, now)
        steps.end_with(ended, done, snapshot.active, now)
        if self._change is future:
            self._change = None
        if self.is_attached:
            self._show()

    async def _discover(self) -> None:
        found = await answer(self._client.discover())
        if found.cancelled:
            return
        self._found = found.value or Discovery((), ())
        if found.problem:
            self._say(f"the search failed: {found.problem}")
        self._show()

    async def _estimate(self, spec: str) -> None:
        self._memory[spec] = (await answer(self._client.estimate(spec))).value
        self._show_details()

    async def _choose_model(self, row: Row) -> None:
        """Ask what there is, let the user choose, and load it."""
        self._say(f"asking {row.spec} for its models…", Tone.LIVE)
        name = row.spec
        found = await answer(self._client.models(name))
        if found.value is None:
            self._say(found.problem)
            return
        listed = found.value
        self._message = ()
        disk = [r for r in self._list.rows if r.group == DISK and r.usable]
        others = disk if model_choice(row.kind) is ModelChoice.STARTED else []
        if not listed and not others:
            self._say(f"{name} lists no model")
            return
        chosen = await self.app.push_screen_wait(Models(name, listed, others))
        if isinstance(chosen, Row):
            self._switch(chosen)
        elif chosen is not None:
            await self._load(row, chosen)

    async def _load(self, row: Row, model: ModelInfo) -> None:
        name, window = row.spec, None
        if model_choice(row.kind) is ModelChoice.LOADED:
            most = None if model.loaded else model.window_tokens
            first = min(GOOD_WINDOW_TOKENS, most or GOOD_WINDOW_TOKENS)
            window = await self.app.push_screen_wait(Context(model.id, first, most))
            if window is None:
                return
        future = self._client.load_model(name, model.id, window)
        done = f"new requests go to {model.id}"
        self._follow(name, f"Load {model.id}", f"loading {model.id}", future, done, True)

    def _say(self, words: str, tone: Tone = Tone.WARN) -> None:
        """A line in place of the keys, until the next key."""
        self._message = wrapped(words, max(20, self.size.width - 2), 1, tone)[0]
        self._show_title_and_keys()


def _is_numbered(row: Row) -> bool:
    """The session's own backends have the numbers that they have after the leader; a number for
    what was only found would be another backend's there."""
    return row.group == backend_rows.MINE
