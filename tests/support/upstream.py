"""A scripted model server, byte-exact, for tests: a fake, on a real loopback socket.

It speaks the OpenAI chat completions protocol as `wire/mlx-lm.md` and `wire/vllm-mlx.md` say
(its bytes come from `wire.py`) and plays one `Reply` for each chat request. A reply is a list of
steps: bytes of the body, and what happens between them.

    Reply(text("Hel"), wait(0.1), text("lo"), ending())   # well
    Reply(CUT)                                            # cut before the headers
    Reply(HEADERS, STALL)                                 # silent after the headers
    Reply(text("Hel"), RESET)                             # RST in the text
    Reply(text("Hello"), segment=1, newline="\r\n")       # every byte its own segment

It writes raw sockets instead of using a web framework because half of its work is to break the
protocol. Every request is kept: head, body bytes, and when the client left.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Any, Literal, Self

from tests.support import wire


class Fault(Enum):
    """What can happen between two pieces of a reply."""

    HEADERS = "send the response head now"
    CUT = "close the connection (FIN), in the middle of the body"
    RESET = "reset the connection (RST)"
    STALL = "say nothing more until the client leaves"


HEADERS, CUT, RESET, STALL = Fault.HEADERS, Fault.CUT, Fault.RESET, Fault.STALL


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause of `seconds`."""

    seconds: float


CHAT_PATHS = ("/chat/completions", "/v1/messages")
"""What the script answers; `/v1/messages` is for a native (passthrough) backend."""

Step = bytes | Fault | Wait | asyncio.Event
Steps = Step | Iterable["Steps"]


def wait(seconds: float) -> Wait:
    """A pause; an `asyncio.Event` as a step waits until the test sets it."""
    return Wait(seconds)


class Reply:
    """What one request gets. Steps may be nested and lazy (a generator for a flood).

    `framing` is how the end of the body is told: `chunked` (HTTP/1.1), `close` (HTTP/1.0, as
    mlx_lm) or `length` (Content-Length, for error bodies and whole JSON answers; a `CUT` in it
    ends short of the length). `segment` splits everything on the wire, framing too, into pieces
    of that many bytes; `rate` limits to bytes per second; `newline` replaces each LF.
    """

    def __init__(
        self,
        *steps: Steps,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        content_type: str = "text/event-stream",
        framing: Literal["chunked", "close", "length"] = "chunked",
        segment: int | None = None,
        rate: int | None = None,
        newline: str = "\n",
    ) -> None:
        self.steps = steps
        self.status = status
        self.headers = dict(headers or {})
        self.content_type = content_type
        self.framing = framing
        self.segment = segment
        self.rate = rate
        self.newline = newline.encode()

    def flat(self) -> Iterator[Step]:
        """The steps, one after the other."""
        return _flatten(self.steps)


def say(*pieces: str, **options: Any) -> Reply:
    """A good answer in plain text."""
    return Reply(wire.text(*pieces), wire.ending(), **options)


def use(name: str, arguments: Mapping[str, Any], *, id: str = "call_1", **options: Any) -> Reply:
    """A good answer that is one tool call."""
    return Reply(wire.call(name, arguments, id=id), wire.ending("tool_calls"), **options)


def fail(status: int, body: Mapping[str, Any] | str, **headers: str) -> Reply:
    """An error response: JSON for a mapping, else plain text or HTML as it is."""
    if isinstance(body, str):
        kind = "text/html" if body.lstrip().startswith("<") else "text/plain; charset=utf-8"
        raw = body.encode()
    else:
        kind, raw = "application/json", json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(raw, status=status, headers=named, content_type=kind, framing="length")


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


Rule = tuple[Callable[[Seen], bool], Reply | Callable[[Seen], Reply]]


class Upstream:
    """The server. `async with Upstream() as upstream:` then `upstream.script(...)`.

    A chat request gets, in this order: the answer to a readiness probe (`max_tokens` 1; kept in
    `probes`), the first rule that fits (`when`), the next reply of the script, else a 500 that
    says so; the request is then in `unexpected`, which a test checks at its end.
    """

    def __init__(
        self,
        *,
        models: Mapping[str, Any] | None = None,
        routes: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """`models` is the answer of `/v1/models`; `routes` are more paths with their JSON
        (llama.cpp's `/props`, vllm-mlx's `/v1/status`)."""
        self.routes = dict(routes or {})
        self.models = models or {"object": "list", "data": [{"id": wire.MODEL, "object": "model"}]}
        self.requests: list[Seen] = []
        """Chat requests, in the order of their arrival; probes are kept apart."""
        self.probes: list[Seen] = []
        self.others: list[Seen] = []
        """Everything that is no chat request."""
        self.unexpected: list[Seen] = []
        self._script: deque[Reply] = deque()
        self._rules: list[Rule] = []
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._news = asyncio.Condition()
        self.port = 0

    @property
    def url(self) -> str:
        """The base URL, with `/v1`."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def open_connections(self) -> int:
        """Connections that clients hold open now."""
        return len(self._connections)

    def script(self, *replies: Reply) -> None:
        """Adds replies; each chat request takes one."""
        self._script.extend(replies)

    def when(self, fits: Callable[[Seen], bool], reply: Reply | Callable[[Seen], Reply]) -> None:
        """Requests that fit get this reply, whenever they come; the script is left alone."""
        self._rules.append((fits, reply))

    def reset(self) -> None:
        """Forgets script, rules and requests, for the next test."""
        self._script.clear()
        self._rules.clear()
        for kept in (self.requests, self.probes, self.others, self.unexpected):
            kept.clear()

    async def received(self, count: int, timeout: float = 30) -> Seen:
        """Waits for the `count`th chat request (from 1) and returns it."""
        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(lambda: len(self.requests) >= count)
        return self.requests[count - 1]

    async def start(self, port: int = 0) -> None:
        """Listens on loopback."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stops listening and resets every connection."""
        if self._server:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._server:
            await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:  # stop(): the stream's own callback would log it
            pass
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        early = b""
        while True:
            seen = await _read_request(reader, early)
            if seen is None:
                return
            player = _Player(self._reply_to(seen), seen, writer)
            async with self._news:
                self._news.notify_all()
            early = await _play_until_left(player, seen, reader)
            if seen.outcome != "sent" or player.last:
                return

    def _reply_to(self, seen: Seen) -> Reply:
        if not seen.path.partition("?")[0].endswith(CHAT_PATHS):
            self.others.append(seen)
            if seen.method == "HEAD":
                return Reply(framing="length")
            if seen.path.endswith("/models"):
                return _whole(self.models)
            if (answer := self.routes.get(seen.path.partition("?")[0])) is not None:
                return _whole(answer)
            return fail(404, {"error": {"message": f"scripted fake: no route {seen.path}"}})
        if seen.json.get("max_tokens") == 1:
            self.probes.append(seen)
            if seen.json.get("stream"):
                return Reply(wire.text("."), wire.ending("length"))
            return _whole(wire.completion("."))
        self.requests.append(seen)
        for fits, reply in self._rules:
            if fits(seen):
                return reply if isinstance(reply, Reply) else reply(seen)
        if self._script:
            return self._script.popleft()
        self.unexpected.append(seen)
        return fail(500, {"error": {"message": "scripted fake: the script has no more replies"}})


class _Player:
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

    async def _between(self, step: Fault | Wait | asyncio.Event) -> bool:
        """One step that is no bytes; False when the reply ends with it."""
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
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


async def _play_until_left(player: _Player, seen: Seen, reader: asyncio.StreamReader) -> bytes:
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


async def _read_request(reader: asyncio.StreamReader, early: bytes) -> Seen | None:
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


def _whole(body: Mapping[str, Any]) -> Reply:
    raw = json.dumps(body).encode()
    return Reply(raw, content_type="application/json", framing="length")


def _flatten(steps: Iterable[Steps]) -> Iterator[Step]:
    for step in steps:
        if isinstance(step, bytes | Fault | Wait | asyncio.Event):
            yield step
        else:
            yield from _flatten(step)
