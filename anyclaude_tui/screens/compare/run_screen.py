"""The comparison while it runs: a column for each target, read from the job ten times a second."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from anyclaude_tui.compare.job import Job, Order, Result
from anyclaude_tui.compare.measuring.live import State
from anyclaude_tui.screens.common.key_help import bound
from anyclaude_tui.screens.common.keys_and_tabs import keys_line
from anyclaude_tui.screens.common.session_calls import answer
from anyclaude_tui.screens.compare import run_columns
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.widgets.lines import Line, Tone, clean, joined, text, wrapped
from anyclaude_tui.widgets.panel import LinesView
from anyclaude_tui.widgets.panels import rule

REFRESH_S = 0.1


class CompareRunScreen(Screen[Result]):
    """Esc stops it and keeps what there is. Its result is that of the runs; None when there
    is none."""

    CSS_PATH = "compare.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        bound("run", "escape,q", "stop", "stop it, after a question")
    ]

    def __init__(
        self,
        client: SessionClient,
        order: Order,
        job: Job | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`job`: the one to watch, when it is not a new one for `order`."""
        super().__init__()
        self._client, self._order = client, order
        self.job = job or Job(client, order)
        self._clock = clock
        self._future: concurrent.futures.Future[None] | None = None
        self._stopping = False
        self._left = False
        self._error = ""
        self._title = LinesView(id="title")
        self._columns = LinesView(id="columns")
        self._progress = LinesView(id="progress")
        self._keys = LinesView(id="keys")

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._columns
        yield self._progress
        yield self._keys

    def on_mount(self) -> None:
        self._future = self.job.start()
        self.run_worker(self._wait(self._future), exit_on_error=False)
        self.set_interval(REFRESH_S, self._show)

    def on_unmount(self) -> None:
        """The app is left meanwhile: what was started is stopped all the same."""
        if self._future is not None and self.job.result is None:
            self._future.cancel()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._show)

    async def _wait(self, future: concurrent.futures.Future[None]) -> None:
        ended = await answer(future)
        if not ended.cancelled:
            self._error = ended.problem
            self._show()

    def _leave(self) -> None:
        """All runs have ended."""
        if self.job.result is not None and not self._left and self.is_current:
            self._left = True
            self.dismiss(self.job.result)

    def _show(self) -> None:
        """The last value; rows that have not changed are not painted again."""
        if self.job.result is not None:
            self._leave()
            return
        live, at = self.job.live, self._clock()
        width, height = self._columns.size
        if width < 8 or height < 2:
            return
        self._title.set_lines([rule("Compare", self._right(), self.size.width, "─")])
        if self._error:
            lines: list[Line] = wrapped(self._error, width - 2, height, Tone.BAD)
            self._columns.set_lines([(*text(" "), *line) for line in lines])
            self._keys.set_lines([keys_line([("Esc", "back")], self.size.width)])
            return
        self._columns.set_lines(run_columns.body(live, width, height, at))
        line = run_columns.progress(live, self.size.width, at, stopping=self._stopping)
        self._progress.set_lines([line])
        words = "stopping: what was started is stopped" if self._stopping else "stop, keep it"
        self._keys.set_lines([keys_line([("Esc", words)], self.size.width)])

    def _right(self) -> Line:
        live = self.job.live
        busy = next((c for c in live.columns if c.state is State.RUNNING and c.running), None)
        starting = next((c for c in live.columns if c.state is State.STARTING), None)
        words: Line = ()
        switching = self._client.snapshot.switching
        if self._order.stop_active and not live.total:
            words = text(clean(switching) or "making room", Tone.LIVE)
        elif starting is not None:
            words = text(f"starting {clean(starting.target.shown)}", Tone.LIVE)
        elif busy is not None:
            words = text(f"measuring {clean(busy.target.shown)}", Tone.LIVE)
        return joined([text("one at a time", Tone.LABEL), words])

    def action_stop(self) -> None:
        if self._error:
            self.dismiss()
        elif not self._stopping:
            self._stopping = True
            self.job.stop()
            self._show()
