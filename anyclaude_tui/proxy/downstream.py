"""The client's side of one request: what may still be said to it, and how.

Until the reply is committed every HTTP status is possible; afterwards only events (or,
for a reply that is not streamed, the body) are. `exchange.py` decides, this writes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from anyclaude_tui.proxy.clock import Clock
from anyclaude_tui.proxy.deadlines import Due, Timers
from anyclaude_tui.proxy.errors import ApiError, invalid
from anyclaude_tui.telemetry.events import RequestRecord

if TYPE_CHECKING:
    from anyclaude_tui.proxy.reply.endings import Ending
    from anyclaude_tui.proxy.reply.translator import Translator

PLAIN_COMMIT_S = 240.0
"""A reply that is not streamed is committed this late: Claude Code gives up on silent
headers after 300 s (`docs/protocol/claude-code.md`, "Failures"), and a real status is worth
more."""


class Reply:
    """The reply to one HTTP request, streamed (`streaming`) or whole."""

    def __init__(self, request: web.Request, request_id: str, *, streaming: bool) -> None:
        self._request = request
        self._id = request_id
        self.streaming = streaming
        self.response: web.StreamResponse | None = None
        """None until something was sent."""
        self.status: int | None = None

    @property
    def committed(self) -> bool:
        """A 200 has been sent; no other status is possible any more."""
        return self.response is not None

    @property
    def behind(self) -> bool:
        """The client has not yet taken all that was sent: its side of the connection is full."""
        transport = self._request.transport
        return transport is not None and transport.get_write_buffer_size() > 0

    async def commit(self) -> None:
        """Send the 200 and its headers."""
        if self.response is not None:
            return
        kind = "text/event-stream; charset=utf-8" if self.streaming else "application/json"
        response = web.StreamResponse(
            status=200,
            headers={
                "Content-Type": kind,
                "Cache-Control": "no-cache",
                "X-Accel-Buffering": "no",
                "request-id": self._id,
            },
        )
        self.response = response
        self.status = 200
        await response.prepare(self._request)

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the client is slow. Raises ConnectionError when it left."""
        if self.response is None:
            await self.commit()
        assert self.response is not None
        await self.response.write(data)

    async def whole(self, body: bytes) -> None:
        """Send the whole message of a reply that is not streamed, and end it."""
        if self.response is None:
            self.status = 200
            self.response = web.Response(
                body=body, content_type="application/json", headers={"request-id": self._id}
            )
            await self._send_prepared(self.response)
            return
        await self.write(body)
        await self.end()

    async def error(self, error: ApiError) -> None:
        """End with an error: its real status while that is possible, else in the body.

        A body that is not streamed is then broken off behind the error. As a whole one it
        would be taken for a message: measured, both SDKs return it as one (Python 2.11,
        TypeScript), and Claude Code tells of a malformed response; broken off, the SDKs raise
        and Claude Code says that the connection was lost and to try again.
        """
        if self.response is None:
            self.status = error.status
            self.response = error_response(error, self._id)
            await self._send_prepared(self.response)
            return
        body = msgspec.json.encode(error.body(self._id))
        if self.streaming:
            await self.write(b"event: error\ndata: %b\n\n" % body)
            await self.end()
            return
        await self.write(body)
        if self._request.transport is not None:
            self._request.transport.close()  # what was written still goes out, the end does not

    async def end(self) -> None:
        """Flush the last byte and finish the response."""
        if self.response is not None:
            await self.response.write_eof()

    def abort(self) -> None:
        """Drop the connection: for a client that reads nothing any more."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _send_prepared(self, response: web.StreamResponse) -> None:
        await response.prepare(self._request)
        await response.write_eof()


class Downstream:
    """The client of one exchange: one thing is said to it at a time.

    While it is slow to take what is said, the backend waits (backpressure), no keepalive is
    due, and its timers say since when.
    """

    def __init__(
        self,
        reply: Reply,
        record: RequestRecord,
        timers: Timers,
        clock: Clock,
        speaker: Callable[[], Translator],
    ) -> None:
        """`speaker` is asked for what makes the keepalives: another one for each try."""
        self.reply = reply
        self._speaker = speaker
        self.taps: list[Callable[[bytes], None]] = []
        """The other receivers of the stream's bytes."""
        self._record = record
        self._timers = timers
        self._clock = clock
        self._telling = asyncio.Lock()

    async def send(self, data: bytes) -> None:
        """Hand bytes of the stream to the client. Raises ConnectionError when it left."""
        for tap in self.taps:
            tap(data)
        if self.reply.streaming:
            await self._tell(self.reply.write, data)

    async def finish(self, ending: Ending) -> None:
        """Write the ending that the speaker decided on. Raises ConnectionError."""
        streams = self.reply.streaming
        if ending.error is not None and not (streams and self.reply.committed):
            await self._tell(self.reply.error, ending.error)
        elif streams:
            await self.send(ending.data)
            await self._tell(self.reply.end)
        else:
            whole = msgspec.json.encode(self._speaker().message())
            await self._tell(self.reply.whole, whole)

    async def keepalive(self, due: Due) -> None:
        """Tell the client something that it counts.

        Source: `docs/protocol/claude-code.md`, "Keepalives that work".
        """
        if due is Due.KEEPALIVE:
            if self.reply.behind:  # it has something to read; more would only pile up
                self._timers.told_at = self._clock.now()
                return
            self._record.keepalives += 1
        data = b" "  # white space before a JSON value is nothing to its parser
        if self.reply.streaming:
            speaker = self._speaker()
            data = speaker.keepalive() if speaker.started else speaker.start()
        await self._tell(self.reply.write, data)

    def abort(self) -> None:
        """Drop a client that reads nothing any more: a write that waits raises."""
        self.reply.abort()

    async def _tell(self, say: Callable[..., Awaitable[None]], *what: object) -> None:
        timers = self._timers
        async with self._telling:
            timers.writing_since = self._clock.now()
            try:
                await say(*what)
            finally:
                timers.writing_since = None
            timers.committed = True
            timers.told_at = self._clock.now()


def error_response(error: ApiError, request_id: str) -> web.Response:
    """An error as a whole HTTP response in Anthropic's form."""
    headers = {"request-id": request_id}
    if error.retry is not None:
        headers["x-should-retry"] = "true" if error.retry else "false"
    return web.Response(
        status=error.status,
        body=msgspec.json.encode(error.body(request_id)),
        content_type="application/json",
        headers=headers,
    )


class Runner(web.AppRunner):
    """aiohttp's, but what is no HTTP is answered in our own words."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server
        return server


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """aiohttp (3.14) quotes the line that it could not read, and a token may stand in it."""
        super().handle_error(request, status, exc, "")  # raises if an answer has begun
        error = invalid("this is no HTTP/1.1 request that can be read: look at its headers")
        if status >= 500:
            error = ApiError("api_error", "a fault of anyclaude-tui: see its log")
        body = msgspec.json.encode(error.body(f"req_{secrets.token_hex(12)}"))
        response = web.Response(status=status, body=body, content_type="application/json")
        response.force_close()
        return response
