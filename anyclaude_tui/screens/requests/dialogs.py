"""The dialogs about one request: which backend, and how the replay goes."""

from __future__ import annotations

import concurrent.futures
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from anyclaude_tui.backends.discovery import Discovery
from anyclaude_tui.compare.measuring.replay import Replayed, start_replay
from anyclaude_tui.screens.backends import rows as backend_rows
from anyclaude_tui.screens.backends.rows import Row
from anyclaude_tui.screens.common.dialogs import Dialog, content
from anyclaude_tui.screens.common.session_calls import answer
from anyclaude_tui.screens.requests import tabs
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets import current_request, format, status_signs
from anyclaude_tui.widgets.cursor import PickList
from anyclaude_tui.widgets.lines import Line, Tone, clean, fit, joined, text, wrapped

REFRESH_S = 0.1
WIDTH = 64
ANSWER_ROWS = 6
_WARM = (
    "The backend still had the prompt in its cache: restart it (r on the dashboard) for a cold one."
)


class Pick(Dialog[str]):
    """The choice of a backend: any that a switch could go to. Its result: the one to send to."""

    def __init__(self, title: str, client: SessionClient) -> None:
        super().__init__()
        self._title, self._client = title, client
        self._rows: list[Row] = []

    def compose(self) -> ComposeResult:
        words = "One that is not in use is started beside it, and stopped afterwards."
        box = Vertical(PickList(), Static(words, classes="advice"), classes="box")
        box.border_title = self._title
        box.border_subtitle = "Enter send · Esc back"
        yield box

    def on_mount(self) -> None:
        self._fill(None)
        self.query_one(PickList).focus()
        self.run_worker(self._discover(), exit_on_error=False)

    async def _discover(self) -> None:
        """List the servers on this machine and the models on disk too, once they are found."""
        found = (await answer(self._client.discover())).value
        if found is not None and self.is_attached:
            self._fill(found)

    def _fill(self, found: Discovery | None) -> None:
        snapshot, listed = self._client.snapshot, self.query_one(PickList)
        at = listed.highlighted
        chosen = self._rows[at].spec if at is not None and self._rows else snapshot.active
        rows = backend_rows.rows(snapshot, found)
        self._rows = [row for row in rows if row.usable and (row.offer is None or row.offer.fits)]
        width = min(WIDTH, self.size.width - 12)
        listed.clear_options()
        listed.add_options(
            Option(content(backend_rows.line(row, None, width)[1:]), id=row.spec)
            for row in self._rows
        )
        specs = [row.spec for row in self._rows]
        listed.highlighted = specs.index(chosen) if chosen in specs else 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)


class Replay(Dialog[None]):
    """The dialog that sends a request again and shows its progress, then both side by side."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,enter", "dismiss", "back", show=False)]

    def __init__(self, client: SessionClient, then: RequestView, body: bytes, backend: str) -> None:
        super().__init__()
        self._client, self._then, self._body, self._backend = client, then, body, backend
        self._now: RequestView | None = None
        self._result: Replayed | None = None
        self._error = ""
        self._future: concurrent.futures.Future[Replayed] | None = None

    def compose(self) -> ComposeResult:
        box = Vertical(Static(id="words"), classes="box")
        box.border_title = f"Replay on {clean(self._backend)}"
        box.border_subtitle = "Esc cancel"
        yield box

    def on_mount(self) -> None:
        body, backend = self._body, self._backend
        self._future = start_replay(self._client, body, backend, self._tell)
        self.run_worker(self._wait(self._future), exit_on_error=False)
        self.set_interval(REFRESH_S, self._show)
        self._show()

    def on_unmount(self) -> None:
        if self._future is not None and self._result is None:
            self._future.cancel()

    def _tell(self, view: RequestView | None) -> None:
        """On the session's thread: an attribute of an immutable value."""
        self._now = view

    async def _wait(self, future: concurrent.futures.Future[Replayed]) -> None:
        ended = await answer(future)
        if ended.cancelled:
            return
        self._result, self._error = ended.value, ended.problem
        self.query_one(".box").border_subtitle = "Esc back"
        self._show()

    def _show(self) -> None:
        width = min(WIDTH, self.size.width - 8)
        lines = self._lines(width)
        self.query_one("#words", Static).update(Content("\n").join(map(content, lines)))

    def _lines(self, width: int) -> list[Line]:
        if self._error:
            return wrapped(self._error, width, 6, Tone.BAD)
        if self._result is None:
            if self._now is None:
                words = f"Bringing {clean(self._backend)} up…"
                return [text(words, Tone.LIVE)]
            view = self._now
            head = (status_signs.sign(view), (f" {status_signs.ending(view)} ", Tone.LIVE))
            running = text(format.clock_s(view.elapsed_s), Tone.LABEL)
            return [
                fit(joined([head, running]), width),
                fit(current_request.detail(view, width), width),
            ]
        view = self._result.view
        lines = tabs.beside(self._then, view, width)
        lines += [(), *wrapped(view.why or view.reason, width, 3, Tone.LABEL)]
        if (view.cached_tokens.value or 0) > (self._then.cached_tokens.value or 0):
            lines += wrapped(_WARM, width, 3, Tone.WARN)
        answer = self._result.text.strip()
        if answer:
            lines += [(), *wrapped(answer, width, ANSWER_ROWS)]
        return lines
