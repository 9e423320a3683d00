"""What was said, kept in memory for the last requests: for the requests screen and replay.

Bounded by count and by bytes; works with every log turned off. An observer of the proxy.
A long session's prompts are large and much the same: all but the newest are kept packed.
"""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.prefix.divergence import Comparison
from anyclaude_tui.telemetry.events import RequestRecord
from anyclaude_tui.telemetry.timeline import Moment, timeline

CAPTURES_KEPT = 100
CAPTURE_BYTES = 32 * 1024 * 1024
PLAIN_BYTES = 8 * 1024 * 1024
"""As much of what has ended is kept as it was; older ones are packed."""
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
    """What is said while it is said."""

    raw: Mapping[str, Any] | None
    body: bytes
    upstream: bytes
    reply: list[bytes] = field(default_factory=list)
    reply_bytes: int = 0
    reply_cut: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What was said, when it is over."""

    body: bytes
    upstream: bytes
    reply: bytes
    reply_cut: bool
    packed: bool = False

    @property
    def size_bytes(self) -> int:
        """The memory that it takes, in bytes."""
        return len(self.body) + len(self.upstream) + len(self.reply)

    def pack(self) -> Said:
        """The same in a tenth of the memory; takes about 10 ms per MB, without the GIL."""
        return self._each(lambda part: zlib.compress(part, 1), packed=True)

    def unpack(self) -> Said:
        """As it was."""
        return self._each(zlib.decompress, packed=False) if self.packed else self

    def _each(self, way: Callable[[bytes], bytes], *, packed: bool) -> Said:
        body, upstream, reply = way(self.body), way(self.upstream), way(self.reply)
        return Said(body, upstream, reply, self.reply_cut, packed)


@dataclass(slots=True)
class _Kept:
    record: RequestRecord
    said: _Live | Said
    """Replaced as a whole: another thread may be reading it."""

    @property
    def cost_bytes(self) -> int:
        said = self.said
        if isinstance(said, Said):
            return said.size_bytes
        # Until it is encoded the body counts as what came in.
        body = len(said.body) if said.raw is None else self.record.prompt_bytes
        return body + len(said.upstream) + said.reply_bytes


class Captures:
    """Written on the session's loop; `get` may be called from any thread."""

    def __init__(
        self,
        comparison: Callable[[str], Comparison | None] = lambda _: None,
        max_captures: int = CAPTURES_KEPT,
        max_bytes: int = CAPTURE_BYTES,
        reply_bytes: int = REPLY_BYTES,
        plain_bytes: int = PLAIN_BYTES,
    ) -> None:
        """`comparison`: where a request's prefix comparison comes from."""
        self._comparison = comparison
        self._max_captures = max_captures
        self._max_bytes = max_bytes
        self._reply_bytes = reply_bytes
        self._plain_max_bytes = plain_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        """What they cost together: kept up to date, never summed up."""
        self._plain: OrderedDict[str, int] = OrderedDict()
        """Ended and not packed: what each of them takes."""

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
        said = kept.said
        said = said.unpack() if isinstance(said, Said) else _so_far(said)
        return Capture(
            id=request_id,
            backend=kept.record.backend,
            body=said.body,
            upstream=said.upstream,
            reply=said.reply,
            reply_cut=said.reply_cut,
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
        if kept is not None and isinstance(kept.said, _Live):
            live = kept.said
            self._bytes += len(upstream) - len(live.upstream)
            live.upstream = upstream
        else:
            live = _Live(body, b"", upstream)
            kept = self._kept[record.id] = _Kept(record, live)
            self._bytes += kept.cost_bytes
        self._bound()
        return self._tap(kept, live)

    def ended(self, record: RequestRecord) -> None:
        """The reply is whole: back within the bounds."""
        kept = self._kept.get(record.id)
        if kept is not None and isinstance(kept.said, _Live):
            self._replace(kept, _so_far(kept.said))
            self._plain[record.id] = kept.cost_bytes
            self._bound()

    def encode(self, request_id: str) -> None:
        """The body as bytes instead of a tree of objects: smaller, and nothing for the
        collector to walk. Done when the request is on its way, so that it delays nothing."""
        kept = self._kept.get(request_id)
        if kept is not None and isinstance(kept.said, _Live) and kept.said.raw is not None:
            before = kept.cost_bytes
            kept.said.body = _json(kept.said.raw)
            kept.said.raw = None
            self._bytes += kept.cost_bytes - before

    def to_pack(self) -> list[tuple[str, Said]]:
        """The oldest ones beyond `plain_bytes`, each given once: for another thread to pack."""
        found: list[tuple[str, Said]] = []
        size = sum(self._plain.values())
        while size > self._plain_max_bytes:
            request_id, cost = self._plain.popitem(last=False)
            size -= cost
            said = self._kept[request_id].said
            assert isinstance(said, Said)
            found.append((request_id, said))
        return found

    def packed(self, request_id: str, said: Said) -> None:
        """Take the packed form in place of the plain one."""
        kept = self._kept.get(request_id)
        if kept is not None:
            self._replace(kept, said)

    def _replace(self, kept: _Kept, said: Said) -> None:
        before = kept.cost_bytes
        kept.said = said
        self._bytes += said.size_bytes - before

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
                if self._bytes > self._max_bytes:
                    self._bound()

        return tap

    def _bound(self) -> None:
        """Forget the oldest; the newest stays whatever its size."""
        while len(self._kept) > 1 and (
            len(self._kept) > self._max_captures or self._bytes > self._max_bytes
        ):
            request_id, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.cost_bytes
            self._plain.pop(request_id, None)
            if isinstance(oldest.said, _Live):
                oldest.said.reply.clear()


def _so_far(live: _Live) -> Said:
    raw = live.raw
    body = live.body if raw is None else _json(raw)
    return Said(body, live.upstream, b"".join(tuple(live.reply)), live.reply_cut)


def _json(value: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (ValueError, OverflowError):  # half a surrogate pair, or more than 64 bits
        return json.dumps(value).encode()
