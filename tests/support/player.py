"""One connection of the scripted server: reads requests, plays replies, notices who leaves.

Raw asyncio streams, because half of its work is to break the protocol.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.support.replies import CUT, HEADERS, RESET, STALL, Fault, Reply, Wait, When
from tests.support.waiting import until


@dataclass(eq=False, slots=True)
class Seen:
    """One request as it came, and what became of it. Times are monotonic seconds."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    arrived_at: float
    sent_bytes: int = 0
    """Body bytes of the reply that the socket took."""
    outcome: Literal["", "sent", "cut", "reset", "left"] = ""
    """How the exchange ended; `left`: the client went away first."""
    left_at: float | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when `outcome` is."""

    @property
    def json(self) -> dict[str, Any]:
        """The body, parsed."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The chat messages."""
        found: list[dict[str, Any]] = self.json["messages"]
        return found

    @property
    def tools(self) -> list[str]:
        """The names of the tools that were offered."""
        return [tool["function"]["name"] for tool in self.json.get("tools", [])]

    def said(self, words: str) -> bool:
        """Whether the words stand anywhere in the body; they may have quotes and line ends."""
        escaped = json.dumps(words, ensure_ascii=False)[1:-1]
        return escaped in json.dumps(self.json, ensure_ascii=False)


class Player:
    """Plays one reply on one connection."""

    def __init__(self, reply: Reply, seen: Seen, writer: asyncio.StreamWriter) -> None:
        self.reply = reply
        self.seen = seen
        self.writer = writer
        self.last = reply.framing == "close" or seen.headers.get("connection") == "close"
        self._head_sent = False

    async def play(self) -> None:
        """Plays the steps; sets `seen.outcome` unless it is cancelled."""
        if self.reply.framing == "length":
            await self._play_with_length()
            return
        for step in self.reply.flat():
            if isinstance(step, bytes):
                await self._head()
                await self._body(step)
            elif not await self._between(step):
                return
        await self._head()
        if self.reply.framing == "chunked":
            await self._write(b"0\r\n\r\n")
        self.seen.outcome = "sent"

    async def _play_with_length(self) -> None:
        steps = list(self.reply.flat())
        length = sum(len(step) for step in steps if isinstance(step, bytes))
        if CUT in steps or RESET in steps:
            length += 1  # the rest that never comes
        for step in steps:
            await self._head(length)
            if isinstance(step, bytes):
                await self._write(step)
                self.seen.sent_bytes += len(step)
            elif not await self._between(step):
                return
        await self._head(length)
        self.seen.outcome = "sent"

    async def _between(self, step: Fault | Wait | When | asyncio.Event) -> bool:
        """One step that is no bytes; False when the reply ends with it."""
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, When):
            await until(step.condition)
        elif isinstance(step, asyncio.Event):
            await step.wait()
        elif step is HEADERS:
            await self._head()
        elif step is STALL:
            await asyncio.Event().wait()  # until the client leaves or the server stops
        elif step is CUT:
            self.seen.outcome = "cut"
            return False
        else:
            self.seen.outcome = "reset"
            linger = struct.pack("ii", 1, 0)  # close sends RST
            sock: socket.socket = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.writer.transport.abort()
            return False
        return True

    async def _head(self, length: int | None = None) -> None:
        if self._head_sent:
            return
        self._head_sent = True
        reply = self.reply
        version = "1.0" if reply.framing == "close" else "1.1"
        lines = [
            f"HTTP/{version} {reply.status} Scripted",
            "Server: scripted-fake",
            f"Content-Type: {reply.content_type}",
            *(f"{name}: {value}" for name, value in reply.headers.items()),
        ]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        elif reply.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        await self._write("\r\n".join([*lines, "", ""]).encode())

    async def _body(self, piece: bytes) -> None:
        piece = piece.replace(b"\n", self.reply.newline)
        if not piece:
            return
        if self.reply.framing == "chunked":
            await self._write(b"%x\r\n%b\r\n" % (len(piece), piece))
        else:
            await self._write(piece)
        self.seen.sent_bytes += len(piece)

    async def _write(self, data: bytes) -> None:
        rate = self.reply.rate
        size = self.reply.segment or (max(1, rate // 50) if rate else len(data))
        for start in range(0, len(data), max(1, size)):
            piece = data[start : start + size]
            self.writer.write(piece)
            await self.writer.drain()
            if rate:
                await asyncio.sleep(len(piece) / rate)
            elif self.reply.segment:
                await asyncio.sleep(0)


async def play_until_left(player: Player, seen: Seen, reader: asyncio.StreamReader) -> bytes:
    """Plays until the reply or the client ends; returns a byte of a next request that came early.

    A client that leaves shows as EOF or a reset on the reading side.
    """
    playing = asyncio.create_task(player.play())
    listening = asyncio.create_task(reader.read(1))
    try:
        await asyncio.wait({playing, listening}, return_when=asyncio.FIRST_COMPLETED)
        if listening.done() and not _gone(listening) and not playing.done():
            await playing  # a pipelined request: it has to wait
        if not playing.done():
            seen.outcome, seen.left_at = "left", time.monotonic()
            return b""
        if isinstance(error := playing.exception(), ConnectionError):
            seen.outcome, seen.left_at = "left", time.monotonic()
            return b""
        if error:
            raise error
        if seen.outcome != "sent" or player.last:
            return b""
        seen.done.set()
        return await listening
    finally:
        seen.done.set()
        for task in (playing, listening):
            task.cancel()
        await asyncio.gather(playing, listening, return_exceptions=True)


def _gone(listening: asyncio.Task[bytes]) -> bool:
    return listening.exception() is not None or not listening.result()


async def read_request(reader: asyncio.StreamReader, early: bytes) -> Seen | None:
    """The next request, or None when the connection ends instead."""
    if not early and not (early := await reader.read(1)):
        return None
    head = (early + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b"".join([piece async for piece in _chunks(reader)])
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method, path, headers, body, time.monotonic())


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
