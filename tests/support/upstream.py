"""A scripted model server, byte-exact, for tests: a fake, on a real loopback socket.

It speaks the OpenAI chat completions protocol as `docs/protocol/mlx-lm.md` and
`docs/protocol/vllm-mlx.md` say (its bytes come from `wire.py`; `anthropic_wire.py` has the Messages
API's) and plays one `Reply` (`replies.py`) for each chat request. Every request is kept: head, body
bytes, and when the client left.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from anyclaude_tui.backends.http import PROBE_TOKENS
from tests.support import wire
from tests.support.player import Player, Seen, play_until_left, read_request
from tests.support.replies import (
    CUT,
    HEADERS,
    RESET,
    STALL,
    Reply,
    Steps,
    When,
    fail,
    say,
    use,
    wait,
    when,
    whole,
)

__all__ = [
    "CUT",
    "HEADERS",
    "RESET",
    "STALL",
    "Reply",
    "Seen",
    "Steps",
    "Upstream",
    "When",
    "fail",
    "say",
    "use",
    "wait",
    "when",
]

CHAT_PATHS = ("/chat/completions", "/v1/messages")
"""What the script answers; `/v1/messages` is for a native (passthrough) backend."""

Rule = tuple[Callable[[Seen], bool], Reply | Callable[[Seen], Reply]]


class Upstream:
    """The server. `async with Upstream() as upstream:` then `upstream.script(...)`.

    A chat request gets, in this order: the answer to a readiness probe (of 1 or 8 tokens;
    kept in `probes`), the first rule that fits (`when`), the next reply of the script, else
    a 500 that says so; the request is then in `unexpected`, which a test checks at its end.
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
            seen = await read_request(reader, early)
            if seen is None:
                return
            player = Player(self._reply_to(seen), seen, writer)
            async with self._news:
                self._news.notify_all()
            early = await play_until_left(player, seen, reader)
            if seen.outcome != "sent" or player.last:
                return

    def _reply_to(self, seen: Seen) -> Reply:
        if not seen.path.partition("?")[0].endswith(CHAT_PATHS):
            self.others.append(seen)
            if seen.method == "HEAD":
                return Reply(framing="length")
            if seen.path.partition("?")[0].endswith("/models"):
                return whole(self.models)
            if (answer := self.routes.get(seen.path.partition("?")[0])) is not None:
                return whole(answer)
            return fail(404, {"error": {"message": f"scripted fake: no route {seen.path}"}})
        if seen.json.get("max_tokens") in (1, PROBE_TOKENS):
            self.probes.append(seen)
            if seen.json.get("stream"):
                return Reply(wire.text("."), wire.ending("length"))
            return whole(wire.completion("."))
        self.requests.append(seen)
        for fits, reply in self._rules:
            if fits(seen):
                return reply if isinstance(reply, Reply) else reply(seen)
        if self._script:
            return self._script.popleft()
        self.unexpected.append(seen)
        return fail(500, {"error": {"message": "scripted fake: the script has no more replies"}})
