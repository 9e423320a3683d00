"""What was said, kept in memory for the last requests: for the requests screen and replay.

Bounded by count and by bytes; works with every log turned off. An observer of the proxy.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.proxy.divergence import Comparison
from anyclaude_tui.telemetry.events import RequestRecord
from anyclaude_tui.telemetry.timeline import Moment, timeline

CAPTURES_KEPT = 100
CAPTURE_BYTES = 64 * 1024 * 1024
REPLY_BYTES = 1024 * 1024
"""More of a reply is not kept; the capture says so."""


@dataclass(frozen=True, slots=True)
class Capture:
    """One request as it was said. Immutable: a look at this moment."""

    id: str
    backend: str
    body: bytes
    """The Anthropic request as received, as JSON."""
    upstream: bytes
    """The request as it went to the backend."""
    reply: bytes
    """What the client got (events), at most REPLY_BYTES."""
    reply_cut: bool
    timeline: tuple[Moment, ...]
    comparison: Comparison | None


@dataclass(slots=True)
class _Kept:
    record: RequestRecord
    raw: Mapping[str, Any] | None
    body: bytes
    upstream: bytes
    reply: list[bytes] = field(default_factory=list)
    reply_bytes: int = 0
    reply_cut: bool = False
    forgotten: bool = False

    @property
    def cost_bytes(self) -> int:
        # Until it is encoded the body counts as what came in.
        body = len(self.body) if self.raw is None else self.record.prompt_bytes
        return body + len(self.upstream) + self.reply_bytes


class Captures:
    """Written on the session's loop; `get` may be called from any thread."""

    def __init__(
        self,
        comparison: Callable[[str], Comparison | None] = lambda _: None,
        max_captures: int = CAPTURES_KEPT,
        max_bytes: int = CAPTURE_BYTES,
        reply_bytes: int = REPLY_BYTES,
    ) -> None:
        """`comparison`: where a request's prefix comparison comes from."""
        self._comparison = comparison
        self._max_captures = max_captures
        self._max_bytes = max_bytes
        self._reply_bytes = reply_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        """What they cost together: kept up to date, never summed up."""

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size_bytes(self) -> int:
        """How much is kept."""
        return self._bytes

    def ids(self) -> tuple[str, ...]:
        """The requests that can be asked for, newest first."""
        return tuple(reversed(tuple(self._kept)))

    def get(self, request_id: str) -> Capture | None:
        """What is known of a request, also while it runs; None when it is not kept."""
        kept = self._kept.get(request_id)
        if kept is None:
            return None
        raw = kept.raw
        return Capture(
            id=request_id,
            backend=kept.record.backend,
            body=kept.body if raw is None else _json(raw),
            upstream=kept.upstream,
            reply=b"".join(tuple(kept.reply)),
            reply_cut=kept.reply_cut,
            timeline=timeline(kept.record),
            comparison=self._comparison(request_id),
        )

    def record(self, request_id: str) -> RequestRecord | None:
        """The facts behind a capture; for the session's loop only."""
        kept = self._kept.get(request_id)
        return kept.record if kept is not None else None

    def sent(
        self, record: RequestRecord, body: Mapping[str, Any], upstream: bytes, endpoint: Endpoint
    ) -> Callable[[bytes], None]:
        """Keep the request, and the reply as it comes. A repeated one keeps its reply's start."""
        kept = self._kept.get(record.id)
        if kept is None:
            kept = self._kept[record.id] = _Kept(record, body, b"", upstream)
            self._bytes += kept.cost_bytes
        else:
            self._bytes += len(upstream) - len(kept.upstream)
            kept.upstream = upstream
        self._bound()
        return self._tap(kept)

    def ended(self, record: RequestRecord) -> None:
        """The reply is whole: back within the bounds."""
        kept = self._kept.get(record.id)
        if kept is not None:
            self.encode(record.id)
            kept.reply[:] = [b"".join(kept.reply)]
            self._bound()

    def encode(self, request_id: str) -> None:
        """The body as bytes instead of a tree of objects: smaller, and nothing for the
        collector to walk. Done when the request is on its way, so that it delays nothing."""
        kept = self._kept.get(request_id)
        if kept is not None and kept.raw is not None:
            before = kept.cost_bytes
            kept.body = _json(kept.raw)
            kept.raw = None
            self._bytes += kept.cost_bytes - before

    def _tap(self, kept: _Kept) -> Callable[[bytes], None]:
        parts, limit = kept.reply, self._reply_bytes

        def tap(data: bytes) -> None:
            room = limit - kept.reply_bytes
            if len(data) > room:
                kept.reply_cut = True
                data = data[:room]
            if data:
                parts.append(data)
                kept.reply_bytes += len(data)
                if not kept.forgotten:
                    self._bytes += len(data)

        return tap

    def _bound(self) -> None:
        """Forget the oldest; the newest stays whatever its size."""
        while len(self._kept) > 1 and (
            len(self._kept) > self._max_captures or self._bytes > self._max_bytes
        ):
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.cost_bytes
            oldest.forgotten = True


def _json(value: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (ValueError, OverflowError):  # half a surrogate pair, or more than 64 bits
        return json.dumps(value).encode()
