"""Everything that watches the requests, put together: what `session/session.py` plugs in.

The explainer and the captures always work (in memory, bounded); the journal, the debug
log and the traces as the settings say. A fault or a full disk here is a notice, never a
failed request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from anyclaude_tui.afterwards import Afterwards, Idle
from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.config.settings import LogSettings
from anyclaude_tui.telemetry import journal, traces
from anyclaude_tui.telemetry.captures import Captures
from anyclaude_tui.telemetry.debuglog import STEPS, DebugLog, LineLog
from anyclaude_tui.telemetry.events import RequestRecord
from anyclaude_tui.telemetry.explain import Explainer
from anyclaude_tui.telemetry.files import Writer
from anyclaude_tui.telemetry.hub import Hub
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.telemetry.prometheus import Meter
from anyclaude_tui.telemetry.renderings import Renderings

LOOK_EVERY_S = 0.25
"""The debug log looks this often for keepalives, which pass no observer."""
WRITE_EVERY_S = 0.5
"""The journal is written at once, but not more often than this: then the lines of many requests
together."""
TRACE_LEVEL = 3

_Tap = Callable[[bytes], None]


class Observers:
    """One per session; used on its loop, but for `captures.get`.

    It is what the proxy calls an `Observer` (`proxy/context.py`) by its shape: nothing here
    knows the proxy.
    """

    def __init__(
        self, settings: LogSettings, home: Path, hub: Hub, log_file: Path | None = None
    ) -> None:
        self._hub = hub
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None
        self._writer = Writer(self._file_failed)
        self._faults: set[str] = set()
        self.afterwards: Afterwards = Idle(failed=partial(self._fault, "afterwards"))
        """The queue for all that no request waits for."""
        self._unsettled: set[str] = set()
        self.explainer = Explainer()
        self._renderings = Renderings(self.explainer.rendered)
        self.captures = Captures(self.explainer.comparison)
        self._meter = Meter()
        self._home = home
        self._journal: journal.Journal | None = None
        self._written_at = -inf
        self._traces: traces.Traces | None = None
        self._log = LineLog(self._writer, log_file)
        self._debug: DebugLog | None = None
        self._arrange(settings)
        hub.comparison = self.explainer.comparison
        hub.ended_listeners.append(self._ended)
        hub.settle = self.afterwards.finish

    async def start(self) -> None:
        """Start to write."""
        self._loop = asyncio.get_running_loop()
        self._writer.start()
        self._look_on()

    def apply(self, settings: LogSettings) -> None:
        """Other settings, from now on; called on the session's loop."""
        self._arrange(settings)
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        self._look_on()

    def _arrange(self, settings: LogSettings) -> None:
        if self._journal is not None:
            self._journal.flush()
        self._journal = None
        if settings.requests:
            folder = self._home / journal.FOLDER
            self._journal = journal.Journal(folder, settings, self._writer, self._soon)
        self._traces = None
        if settings.debug >= TRACE_LEVEL:
            folder = self._home / traces.FOLDER
            self._traces = traces.Traces(folder, settings, self._writer)
        self._debug = DebugLog(settings.debug, self._log.add) if settings.debug else None

    def _look_on(self) -> None:
        if self._debug is not None and self._debug.level >= STEPS:
            self._looking = asyncio.create_task(self._look(self._debug))

    async def stop(self) -> None:
        """Write what is still waiting to be written."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        self.afterwards.finish()
        await self._renderings.stop()
        if self._journal is not None:
            self._journal.flush()
        await asyncio.to_thread(self._writer.stop)

    def prometheus_text(self) -> bytes:
        """The answer to `GET /metrics` (content type: `prometheus.CONTENT_TYPE`)."""
        self.afterwards.finish()
        return self._meter.text(self._hub.in_flight.values())

    def note(self, line: str) -> None:
        """A line of somebody else's for the log; returns at once."""
        self._log.add(line)

    # --- Observer ---------------------------------------------------------------------------

    def sent(
        self,
        record: RequestRecord,
        body: Mapping[str, Any],
        upstream: bytes,
        endpoint: Endpoint,
        received: bytes = b"",
    ) -> _Tap | None:
        """Keep it, and look at it when it has gone out."""
        try:
            tap: _Tap = self.captures.sent(record, body, upstream, endpoint, received)
            self.afterwards.busy()
            self._unsettled.add(record.id)
            self.afterwards.add(partial(self._settle, record, body, upstream, endpoint))
            more = self._debug.sent(record) if self._debug is not None else None
        except Exception as error:
            self._fault("sent", error)
            return None
        return _all(self.afterwards.busy, tap, more)

    def ended(self, record: RequestRecord) -> None:
        """Its last figures and its Why."""
        if record.id in self._unsettled:  # told at once, by who has no queue
            self.afterwards.finish()
        try:
            self.explainer.ended(record)
            self.captures.ended(record)
        except Exception as error:
            self._fault("ended", error)

    def _settle(
        self, record: RequestRecord, body: Mapping[str, Any], upstream: bytes, endpoint: Endpoint
    ) -> None:
        """Compare its prompt with those before, and keep its body as bytes."""
        self._unsettled.discard(record.id)
        try:
            self.explainer.sent(record, body, upstream, endpoint)
            self.captures.encode(record.id)
            grew = self.explainer.grew(record.id)
            self._renderings.sent(record, upstream, endpoint, grew=grew)
        except Exception as error:
            self._fault("explain", error)

    # --- what is written --------------------------------------------------------------------

    def _ended(self, record: RequestRecord, ended: RequestView) -> None:
        try:
            if record.role.is_work:
                self._meter.ended(record, ended)
            if self._debug is not None:
                self._debug.ended(record, ended)
            if self._journal is None and self._traces is None:
                return
            line = journal.entry(record, ended, self.explainer.comparison(record.id))
            if self._journal is not None:
                self._journal.add(line, record.accepted_wall)
            if self._traces is not None:
                capture = self.captures.get(record.id)
                if capture is not None:
                    self._traces.add(capture, line)
        except Exception as error:
            self._fault("journal", error)

    async def _look(self, debug: DebugLog) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for record in list(self._hub.in_flight.values()):
                if record.attempt.sent_at is not None:
                    debug.look(record)

    def _soon(self, flush: Callable[[], None]) -> None:
        now = time.monotonic()
        wait_s = self._written_at + WRITE_EVERY_S - now
        self._written_at = max(now, now + wait_s)
        if wait_s > 0 and self._loop is not None:
            self._loop.call_later(wait_s, flush)
        else:
            flush()

    # --- what goes wrong --------------------------------------------------------------------

    def _fault(self, where: str, error: Exception) -> None:
        """A fault of ours: said once, and the request goes on without."""
        if where not in self._faults:
            self._faults.add(where)
            self._hub.notice("error", f"fault in the records of requests ({where}): {error!r}")

    def _file_failed(self, kind: str, error: Exception | None) -> None:
        """On the writer's thread, or on the loop when the queue is full."""
        if error is None:
            text = f"{kind}: the disk is too slow, some of it is not written"
        elif isinstance(error, OSError):
            where = f": {error.filename}" if error.filename else ""
            text = (
                f"{kind}: cannot be written ({error.strerror or error}{where}). Requests go on "
                "without; free some space or mend the folder, and it goes on by itself."
            )
        else:
            text = f"{kind}: cannot be written: {error!r}"
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._hub.notice, "warning", text)


def make_observers(
    settings: LogSettings, home: Path, hub: Hub, *, log_file: Path | None = None
) -> Observers:
    """The session's observers. `log_file`: where the debug log goes; None is stderr."""
    return Observers(settings, home, hub, log_file)


def _all(busy: Callable[[], None], first: _Tap, more: _Tap | None) -> _Tap:
    def tap(data: bytes) -> None:
        busy()
        first(data)
        if more is not None:
            more(data)

    return tap
