"""The requests screen: all requests of the session, to filter, sort, follow and open."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Input

from anyclaude_tui.screens.common.key_help import bound
from anyclaude_tui.screens.common.keys_and_tabs import keys_line
from anyclaude_tui.screens.requests.details import RequestDetailsScreen
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.telemetry import request_filter
from anyclaude_tui.telemetry.earlier import earlier
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.telemetry.request_filter import Filter, completions, parse
from anyclaude_tui.widgets import format, request_table
from anyclaude_tui.widgets.lines import Line, Tone, fit, joined, pad, text, wrapped
from anyclaude_tui.widgets.panel import LinesView
from anyclaude_tui.widgets.panels import rule
from anyclaude_tui.widgets.rows import Rows
from anyclaude_tui.widgets.scroller import Scroller

REFRESH_S = 0.2
EXAMPLES = request_filter.EXAMPLE
EARLIER_MOST = 5_000
"""Requests of earlier days that are shown at once: the filter finds those before them."""
SORTED = [column for column in request_table.SCREEN if column.order is not None]


class RequestsScreen(Screen[None]):
    """Newest first; those in flight count up."""

    CSS_PATH = "requests.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        bound("requests", "escape", "back", "out of the filter, then back"),
        bound("requests", "q", "dismiss", "back"),
        bound("requests", "slash", "filter", "filter: words, or fields as below"),
        bound("requests", "s", "sort", "sort by the next column"),
        bound("requests", "r", "turn", "turn the order round"),
        bound("requests", "e", "earlier", "those of earlier days too, or this session's alone"),
        bound("requests", "f", "follow", "stay at the newest, or let go"),
    ]

    def __init__(self, client: SessionClient) -> None:
        super().__init__()
        self._client = client
        self._filter = Filter()
        self._column = SORTED[0]
        self._down = True
        self._follow = True
        self._requests: list[RequestView] = []
        self._ended: tuple[RequestView, ...] = ()
        self._earlier: list[RequestView] | None = None
        """From the journal, newest first; None while only the session's are shown."""
        self._stale = True
        self._title = LinesView(id="title")
        self._head = LinesView(id="head")
        self._rows = Rows(id="rows")
        self._why = LinesView(id="why")
        self._input = Input(placeholder=EXAMPLES, id="filter", compact=True)
        self._keys = LinesView(id="keys")

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._head
        yield self._rows
        yield self._why
        yield self._input
        yield self._keys

    def on_mount(self) -> None:
        self._input.display = False
        self._rows.focus()
        self._show()
        self.set_interval(REFRESH_S, self._tick)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._show)

    # --- what is shown ----------------------------------------------------------------

    def _tick(self) -> None:
        if self.is_current:
            self._show()

    def on_screen_resume(self) -> None:
        self._show()

    def _show(self) -> None:
        """Show the session's last snapshot."""
        snapshot = self._client.snapshot
        running = [r for r in snapshot.in_flight if self._filter(r)]
        if self._stale or running or snapshot.recent != self._ended or self._was_running():
            self._stale = False
            self._ended = snapshot.recent
            known = {request.id for request in snapshot.recent}
            older = [r for r in self._earlier or () if r.id not in known]
            found = running + [r for r in (*snapshot.recent, *older) if self._filter(r)]
            self._requests = request_table.ordered(found, self._column, self._down)
        width = self._rows.inner_width - 1
        columns = request_table.columns_for(request_table.SCREEN, width)
        head = request_table.head(columns, width, self._column.label, self._down)
        self._head.set_lines([((" ", Tone.TEXT), *head)])
        requests = self._requests

        def draw(number: int) -> Line:
            return ((" ", Tone.TEXT), *request_table.row(columns, requests[number], width))

        keys = [request.id for request in requests]
        self._rows.show_rows(keys, draw, stick=self._follow and self._rows.cursor == 0)
        self._show_title_and_keys(snapshot)

    def _was_running(self) -> bool:
        return any(request.outcome is None for request in self._requests)

    def _show_title_and_keys(self, snapshot: Snapshot) -> None:
        width = self.size.width
        known = len(snapshot.in_flight) + len(snapshot.recent)
        if self._earlier is not None:
            known = len(snapshot.in_flight) + len(
                {one.id for one in (*snapshot.recent, *self._earlier)}
            )
        shown = len(self._requests)
        count = f"{shown} of {known}" if self._filter.tests else format.count(known)
        older = snapshot.totals.requests - len(snapshot.recent)
        right = joined(
            [
                text(f"{len(snapshot.in_flight)} running", Tone.LIVE) if snapshot.in_flight else (),
                text(f"{count} {'request' if known == 1 else 'requests'}", Tone.LABEL),
                text(f"{format.count(older)} older ones in the journal", Tone.LABEL)
                if older > 0 and self._earlier is None
                else (),
                text("earlier days too", Tone.LIVE) if self._earlier is not None else (),
                text("following" if self._follows else "not following", Tone.LABEL),
            ]
        )
        self._title.set_lines([rule("Requests", right, width, "─")])
        self._why.set_lines(self._about(width))
        filtered = bool(self._filter.tests)
        keys = [
            ("Enter", "open"),
            ("/", "filter"),
            ("s", f"sort: {self._column.label}"),
            ("r", "reverse"),
            ("f", "follow"),
            ("e", "this session" if self._earlier is not None else "earlier days"),
            ("Esc", "all of them" if filtered else "back"),
        ]
        self._keys.set_lines([keys_line(keys, width)])

    @property
    def _follows(self) -> bool:
        newest = self._column is SORTED[0] and self._down
        return self._follow and newest and self._rows.cursor == 0

    def _about(self, width: int) -> list[Line]:
        """Two lines on the row under the cursor."""
        request = self.request
        lines: list[Line]
        if request is None:
            words = "No request fits the filter." if self._filter.tests else "No request yet."
            lines = [text(words, Tone.LABEL), ()]
        else:
            words = request.why or request.reason
            lines = wrapped(words, width - 2, 2, Tone.LABEL) or [text(request.id, Tone.FAINT)]
        offered = self._offered() if self._input.has_focus else []
        if offered:
            terms = joined((text(one, Tone.KEY) for one in offered), "  ")
            lines = [(*text("Tab takes ", Tone.LABEL), *terms), ()]
        if self._filter.problem and not offered:
            lines = wrapped(self._filter.problem, width - 2, 2, Tone.WARN)
        lines = ([*lines, ()])[:2]
        top: Line = (("─" * width, Tone.RULE),)
        return [top, *(pad(((" ", Tone.TEXT), *fit(line, width - 2)), width) for line in lines)]

    @property
    def request(self) -> RequestView | None:
        """The one under the cursor."""
        place = self._rows.cursor
        return self._requests[place] if place < len(self._requests) else None

    # --- keys -------------------------------------------------------------------------

    def action_back(self) -> None:
        """Out of the filter first, then out of the screen."""
        if self._input.display or self._filter.tests or self._filter.problem:
            self._input.value = ""
            self._end_filter()
            self._set_filter("")
        else:
            self.dismiss()

    def action_filter(self) -> None:
        self._input.display = True
        self._input.focus()

    def action_sort(self) -> None:
        """By the next column that is shown."""
        width = self._rows.inner_width - 1
        shown = list(request_table.columns_for(SORTED, width))
        place = shown.index(self._column) if self._column in shown else -1
        self._sort(shown[(place + 1) % len(shown)], True)

    def action_turn(self) -> None:
        self._sort(self._column, not self._down)

    def action_follow(self) -> None:
        """Back to the newest and stay there; or let it go."""
        if self._follows:
            self._follow = False
        else:
            self._follow = True
            self._sort(SORTED[0], True)
            self._rows.go(0)
        self._show()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._set_filter(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._end_filter()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.app.push_screen(RequestDetailsScreen(self._client, event.key, self.request))

    def on_key(self, event: events.Key) -> None:
        """Tab takes the first of what is offered while the filter is typed."""
        if event.key == "tab" and self._input.has_focus:
            event.stop()
            event.prevent_default()
            offered = self._offered()
            if offered:
                words = self._input.value
                self._input.value = words[: words.rfind(" ") + 1] + offered[0]
                self._input.cursor_position = len(self._input.value)

    def _offered(self) -> list[str]:
        return completions(self._input.value, (*self._requests, *self._client.snapshot.recent))

    def more_help(self, width: int) -> list[Line]:
        """The filter's language, for `?`."""
        lines: list[Line] = [text("The filter", Tone.STRONG)]
        lines += wrapped(EXAMPLES, width, 3, Tone.KEY)
        lines += wrapped("Every term must fit; - in front turns one round.", width, 2, Tone.LABEL)
        fields = [(f"{one.name}:…", one.help) for one in request_filter.TEXTS]
        fields += [
            (f"{one.name}>5", f"{one.help}; ms, s, min, h" if one.is_time else one.help)
            for one in request_filter.NUMBERS
        ]
        for name, words in fields:
            lines += [fit((*pad(text(name, Tone.KEY), 14), (words, Tone.LABEL)), width)]
        return lines

    def action_earlier(self) -> None:
        """The journal's requests beside the session's own; again: without them."""
        if self._earlier is not None:
            self._earlier, self._stale = None, True
            self._show()
            return
        self._earlier = []
        self._look_earlier()

    def _look_earlier(self) -> None:
        # Not a coroutine: one that is not begun before the screen goes would never be awaited.
        read: Any = self._read_earlier
        self.run_worker(read, exclusive=True, exit_on_error=False)

    async def _read_earlier(self) -> None:
        """In a thread: a month of days may be large."""
        wanted, home = self._filter, self._client.home
        found = await asyncio.to_thread(lambda: list(islice(earlier(home, wanted), EARLIER_MOST)))
        if self._earlier is not None:
            self._earlier, self._stale = found, True
            self._show()

    def on_scroller_moved(self, event: Scroller.Moved) -> None:
        self._show_title_and_keys(self._client.snapshot)

    def on_click(self, event: events.Click) -> None:
        if event.widget is not self._head:
            return
        width = self._rows.inner_width - 1
        columns = request_table.columns_for(request_table.SCREEN, width)
        column = request_table.column_at(columns, event.x - 1, width)
        if column is not None and column.order is not None:
            self._sort(column, not self._down if column is self._column else True)

    def _sort(self, column: request_table.Column, down: bool) -> None:
        self._column, self._down = column, down
        self._stale = True
        self._show()

    def _set_filter(self, words: str) -> None:
        self._filter = parse(words)
        self._stale = True
        if self._earlier is not None:
            self._look_earlier()
        self._show()

    def _end_filter(self) -> None:
        self._input.display = bool(self._input.value)
        self._rows.focus()
