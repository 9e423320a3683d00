"""The last requests and replies, kept in memory: for the requests screen and replay.

Bounded by count and by bytes; works with every log turned off. An observer of the proxy.
A long session's prompts are large and much the same: what they share is kept once.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.prefix.divergence import Comparison
from anyclaude_tui.prefix.shared_text import Pieces, Pool
from anyclaude_tui.telemetry.events import RequestRecord
from anyclaude_tui.telemetry.timeline import Moment, timeline

CAPTURES_KEPT = 100
CAPTURE_BYTES = 32 * 1024 * 1024
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
    """The events that the client got, at most REPLY_BYTES."""
    reply_cut: bool
    timeline: tuple[Moment, ...]
    comparison: Comparison | None


@dataclass(slots=True)
class _Live:
    """The request and its reply while they run."""

    raw: Mapping[str, Any] | bytes | None
    """The body, as it was received where that is known, until it is taken to pieces."""
    upstream: bytes
    """The same; then empty."""
    reply: list[bytes] = field(default_factory=list)
    reply_bytes: int = 0
    reply_cut: bool = False


@dataclass(slots=True)
class _Kept:
    record: RequestRecord
    live: _Live | None
    """Until it has ended. Replaced as a whole, as are the others: another thread may be
    reading them."""
    body: Pieces = ()
    upstream: Pieces = ()
    reply: bytes = b""
    reply_cut: bool = False

    @property
    def cost_bytes(self) -> int:
        """The bytes besides its pieces; a body that is not yet encoded counts as it came in."""
        live = self.live
        if live is None:
            return len(self.reply)
        body = 0 if live.raw is None else self.record.prompt_bytes
        return body + len(live.upstream) + live.reply_bytes


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
        self._pool = Pool()
        self._bytes = 0
        """The bytes that they cost besides: kept up to date, never summed up."""

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size_bytes(self) -> int:
        """The bytes that are kept."""
        return self._bytes + self._pool.size_bytes

    def ids(self) -> tuple[str, ...]:
        """The requests that can be asked for, newest first."""
        return tuple(reversed(tuple(self._kept)))

    def get(self, request_id: str) -> Capture | None:
        """The capture of a request, also while it runs; None when it is not kept."""
        kept = self._kept.get(request_id)
        if kept is None:
            return None
        # What is live is looked at first: its place is only emptied when the other is filled.
        live = kept.live
        raw, sent = (live.raw, live.upstream) if live is not None else (None, b"")
        return Capture(
            id=request_id,
            backend=kept.record.backend,
            body=b"".join(kept.body) if raw is None else _json(raw),
            upstream=sent or b"".join(kept.upstream),
            reply=kept.reply if live is None else b"".join(tuple(live.reply)),
            reply_cut=kept.reply_cut if live is None else live.reply_cut,
            timeline=timeline(kept.record),
            comparison=self._comparison(request_id),
        )

    def record(self, request_id: str) -> RequestRecord | None:
        """The facts behind a capture; for the session's loop only."""
        kept = self._kept.get(request_id)
        return kept.record if kept is not None else None

    def sent(
        self,
        record: RequestRecord,
        body: Mapping[str, Any],
        upstream: bytes,
        endpoint: Endpoint,
        received: bytes = b"",
    ) -> Callable[[bytes], None]:
        """Keep the request, and the reply as it comes. A repeated one keeps its reply's start."""
        kept = self._kept.get(record.id)
        if kept is not None and kept.live is not None:
            live = kept.live
            self._bytes += len(upstream) - len(live.upstream)
            live.upstream = upstream
        else:
            self._forget(record.id)
            live = _Live(received or body, upstream)
            kept = self._kept[record.id] = _Kept(record, live)
            self._bytes += kept.cost_bytes
        self._bound()
        return self._tap(kept, live)

    def ended(self, record: RequestRecord) -> None:
        """The reply is whole: back within the bounds."""
        kept = self._kept.get(record.id)
        if kept is not None and kept.live is not None:
            self.encode(record.id)
            live, before = kept.live, kept.cost_bytes
            kept.reply, kept.reply_cut = b"".join(live.reply), live.reply_cut
            kept.live = None
            self._bytes += kept.cost_bytes - before
            self._bound()

    def encode(self, request_id: str) -> None:
        """The request as pieces that others have too, instead of a tree of objects and a text of
        its own. Done when the request is on its way, so that it delays nothing."""
        kept = self._kept.get(request_id)
        if kept is None or kept.live is None:
            return
        live, before = kept.live, kept.cost_bytes
        if live.raw is not None:
            kept.body, live.raw = self._pool.take(_json(live.raw)), None
        if live.upstream:
            self._pool.give_back(kept.upstream)
            kept.upstream, live.upstream = self._pool.take(live.upstream), b""
        self._bytes += kept.cost_bytes - before

    def _tap(self, kept: _Kept, live: _Live) -> Callable[[bytes], None]:
        limit, request_id = self._reply_bytes, kept.record.id

        def tap(data: bytes) -> None:
            if self._kept.get(request_id) is not kept:  # forgotten in the meantime
                return
            room = limit - live.reply_bytes
            if len(data) > room:
                live.reply_cut = True
                data = data[:room]
            if data:
                live.reply.append(data)
                live.reply_bytes += len(data)
                self._bytes += len(data)
                if self.size_bytes > self._max_bytes:
                    self._bound()

        return tap

    def _bound(self) -> None:
        """Forget the oldest; the newest stays whatever its size."""
        while len(self._kept) > 1 and (
            len(self._kept) > self._max_captures or self.size_bytes > self._max_bytes
        ):
            self._forget(next(iter(self._kept)))

    def _forget(self, request_id: str) -> None:
        kept = self._kept.pop(request_id, None)
        if kept is None:
            return
        self._bytes -= kept.cost_bytes
        self._pool.give_back(kept.body)
        self._pool.give_back(kept.upstream)
        if kept.live is not None:
            kept.live.reply.clear()


def _json(value: Mapping[str, Any] | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return msgspec.json.encode(value)
    except (ValueError, OverflowError):  # half a surrogate pair, or more than 64 bits
        return json.dumps(value).encode()
