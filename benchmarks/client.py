"""The bench's client: raw asyncio, counts every delta, times it, and checks the order.

Deltas are counted by their bytes in either protocol, so that direct, relay and proxy are
read alike; an Anthropic stream's framing is checked as it goes by.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

MARK = re.compile(rb"t=(\d+);")
TEXT_DELTA = b'"text_delta"'
CONTENT = b'"content":"'
LAST_CHUNK = b"\r\n0\r\n\r\n"
"""The end of a chunked body."""
TAIL_BYTES = 1000
"""The last three events are in there."""


@dataclass(slots=True)
class Stream:
    """One reply as the client saw it. Times are monotonic seconds."""

    sent_at: float = 0.0
    first_at: float | None = None
    ended_at: float = 0.0
    deltas: int = 0
    bytes: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    @property
    def ttft_ms(self) -> float:
        assert self.first_at is not None
        return (self.first_at - self.sent_at) * 1000


@dataclass(frozen=True, slots=True)
class Target:
    """The server that the client sends to: the model server itself, a relay, or a proxy."""

    name: str
    port: int
    token: str = ""
    anthropic: bool = False


async def ask(
    target: Target,
    payload: bytes,
    *,
    limit: int = 1 << 18,
    leave_after: int | None = None,
    session: str = "",
    agent: str = "",
) -> Stream:
    """One request to its end, or until `leave_after` deltas have come.

    `session` and `agent`: the conversation that it belongs to, as Claude Code tells it.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port, limit=limit)
    head = (
        f"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        f"Authorization: Bearer {target.token}\r\nContent-Type: application/json\r\n"
        f"X-Claude-Code-Session-Id: {session}\r\nX-Claude-Code-Agent-Id: {agent}\r\n"
        f"Connection: close\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    stream = Stream(sent_at=time.monotonic())
    writer.write(head.encode() + payload)
    mark = TEXT_DELTA if target.anthropic else CONTENT
    rest = tail = b""
    while data := await reader.read(1 << 18):
        now = time.monotonic()
        stream.bytes += len(data)
        tail = (tail + data)[-TAIL_BYTES:]
        data = rest + data
        cut = data.rfind(b"\n\n") + 2
        whole, rest = (data[:cut], data[cut:]) if cut > 1 else (b"", data)
        count = whole.count(mark)
        if count and stream.first_at is None:
            stream.first_at = now
        stream.deltas += count
        for found in MARK.finditer(whole):
            stream.latencies_ms.append(now * 1000 - int(found[1]) / 1e6)
        if leave_after is not None and stream.deltas >= leave_after:
            break
        if tail.endswith(LAST_CHUNK):  # not every server heeds `Connection: close`
            break
    stream.ended_at = time.monotonic()
    writer.close()
    if target.anthropic and leave_after is None:
        _check_end(stream, tail)
    return stream


def _check_end(stream: Stream, tail: bytes) -> None:
    """The last events, in their order; everything in between is for `check.py` to judge."""
    names = re.findall(rb"event: (\w+)", tail)[-3:]
    expected = [b"content_block_stop", b"message_delta", b"message_stop"]
    if names != expected:
        stream.violations.append(f"ended with {names}")


async def many(target: Target, payload: bytes, streams: int) -> Sequence[Stream]:
    """The same request on many connections at once."""
    return await asyncio.gather(*(ask(target, payload) for _ in range(streams)))
