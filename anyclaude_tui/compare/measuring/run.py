"""A run while it runs, and what it gave: the client's clock joined with the proxy's facts."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from anyclaude_tui.compare.measuring.client_reader import ClientReader
from anyclaude_tui.compare.measuring.delta_line import Timeline
from anyclaude_tui.telemetry.events import GAPS_KEPT, Phase, RequestRecord
from anyclaude_tui.telemetry.metrics import RequestView, view, waited_s


@dataclass(frozen=True, slots=True)
class Taken:
    """The results of one run."""

    view: RequestView
    record: RequestRecord
    """The proxy's own of it; the client's for a run that did not go through a proxy."""
    text: str
    answer: str
    tool_calls: tuple[tuple[str, str], ...]
    timeline: tuple[tuple[float, int], ...]


class Run:
    """One run. `look()` says how far it is; `timed_run.py` drives it."""

    def __init__(self, name: str) -> None:
        self.reader = ClientReader()
        self.line = Timeline()
        self.record = RequestRecord(
            id=f"cmp_{secrets.token_hex(6)}",
            backend=name,
            accepted_at=time.monotonic(),
            accepted_wall=time.time(),
        )
        self.find: Callable[[], RequestRecord | None] = lambda: None
        """The proxy's own record of this run, while it runs."""

    def look(self) -> RequestView:
        """The figures so far."""
        return self._view(self.find())

    def heard(self, now: float) -> None:
        """Note what the last read showed the client."""
        record, reader = self.record, self.reader
        attempt = record.attempt
        new = reader.deltas - attempt.deltas
        if not new:
            return
        if attempt.first_delta_at is None or attempt.last_delta_at is None:
            attempt.first_delta_at = now
            record.phase = Phase.DECODE
        else:
            attempt.gaps_s.append(now - attempt.last_delta_at)
        attempt.gaps_s.extend([0.0] * min(new - 1, GAPS_KEPT))
        if reader.text_deltas and attempt.first_text_at is None:
            attempt.first_text_at = now
        attempt.last_delta_at = now
        attempt.deltas = reader.deltas
        record.keepalives = reader.keepalives
        self.line.add(now - record.accepted_at, reader.deltas)

    def taken(self, proxied: RequestRecord | None = None) -> Taken:
        """The result; `proxied` is the proxy's record of it."""
        reader = self.reader
        return Taken(
            view=self._view(proxied),
            record=proxied or self.record,
            text=reader.text,
            answer=reader.answer,
            tool_calls=tuple(reader.tool_calls),
            timeline=self.line.points,
        )

    def _view(self, proxied: RequestRecord | None) -> RequestView:
        """The proxy's facts (queue, chunks, usage), with the times that the client saw.

        The queue is the wait alone: what passes before the proxy has the request, and what
        the proxy does with it before it is sent, is the way, and shows as the proxy's cost.
        """
        own, now = self.record, time.monotonic()
        if proxied is None:
            return view(own, now)
        joined = replace(
            proxied,
            accepted_at=own.accepted_at,
            ended_at=own.ended_at,
            attempt=replace(
                proxied.attempt,
                first_delta_at=own.attempt.first_delta_at,
                first_text_at=own.attempt.first_text_at,
                last_delta_at=own.attempt.last_delta_at,
                gaps_s=own.attempt.gaps_s,
            ),
        )
        return replace(view(joined, now), queue_s=waited_s(proxied))
