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

from anyclaude_tui.backends.base import BackendStatus
from anyclaude_tui.compare.measuring.replay import Replayed, start_replay
from anyclaude_tui.screens.actions import DIGITS
from anyclaude_tui.screens.common.dialogs import Dialog, content
from anyclaude_tui.screens.common.session_calls import answer
from anyclaude_tui.screens.requests import tabs
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.telemetry.hub import Snapshot
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


class Pick(Dialog[tuple[str, ...]]):
    """Asks for a backend. Its result: the names."""

    def __init__(self, title: str, snapshot: Snapshot, first: str) -> None:
        super().__init__()
        self._title = title
        self._backends = snapshot.backends
        self._active = snapshot.active
        self._first = first

    def compose(self) -> ComposeResult:
        options = [
            Option(content(_row(place, status, status.name == self._active)))
            for place, status in enumerate(self._backends)
        ]
        words = "One that is not in use is started beside it, and stopped afterwards."
        box = Vertical(PickList(*options), Static(words, classes="advice"), classes="box")
        box.border_title = self._title
        box.border_subtitle = "Enter send · Esc back"
        yield box

    def on_mount(self) -> None:
        names = [status.name for status in self._backends]
        listed = self.query_one(PickList)
        listed.highlighted = names.index(self._first) if self._first in names else 0
        listed.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss((self._backends[event.option_index].name,))


def _row(place: int, status: BackendStatus, active: bool) -> Line:
    digit = DIGITS[place] if place < len(DIGITS) else " "
    words = joined(
        [
            text(clean(status.name), Tone.STRONG if active else Tone.TEXT),
            text("in use" if active else str(status.state), Tone.LABEL),
            text(clean(status.model or ""), Tone.LABEL),
            status_signs.simulated(status),
        ]
    )
    return ((f"{digit} ", Tone.KEY), status_signs.STATES[status.state], (" ", Tone.TEXT), *words)


class Replay(Dialog[None]):
    """Sends a request again and shows how it goes, then both side by side."""

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
            head = (status_signs.sign(view), (f" {status_signs.words(view)} ", Tone.LIVE))
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
