"""One request to a backend: sent, read as bytes, and closed at once when nobody wants it.

Always streamed: mlx_lm runs a request that is not streamed to max_tokens even after its
client has left (`docs/protocol/mlx-lm.md`, "Disconnect").
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType

import aiohttp

from anyclaude_tui.backends.address import proxy_of
from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.http_client import HEADER_BYTES, trusted
from anyclaude_tui.redaction import OWN, clean, shown

ERROR_BYTES = 64 * 1024
"""As much of an error body is read; the rest cannot say more."""
ERROR_BODY_S = 5.0
"""So long is waited for it: what has come until then is told."""

IDLE_S = 30.0
"""A connection without a request is kept this long."""
STALE_S = 1.0
"""A connection that the backend has closed while it was idle fails at once."""


@dataclass(slots=True)
class _Sending:
    """One try to send a request."""

    reused: bool = False
    """It went out on a connection that had been idle."""


async def _note_reuse(session: aiohttp.ClientSession, trace: SimpleNamespace, _: object) -> None:
    if isinstance(trace.trace_request_ctx, _Sending):
        trace.trace_request_ctx.reused = True


def open_http() -> aiohttp.ClientSession:
    """The client that talks to backends; to be closed by whoever asked for it."""
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_reuseconn.append(_note_reuse)
    return aiohttp.ClientSession(
        # No limit on connections: the queue before each backend is the limit.
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        trace_configs=[tracing],
        max_field_size=HEADER_BYTES,
    )


class Unreachable(Exception):
    """The backend did not take the request, or broke off before it answered."""


class Broken(Exception):
    """The connection broke while the reply was being read."""


class Upstream:
    """`async with Upstream(http, endpoint, body, connect_s) as up:` then `up.status`, `up.read()`.

    Raises Unreachable on entry. Leaving the context closes the connection at once unless
    the reply was read to its end.
    """

    def __init__(
        self, http: aiohttp.ClientSession, endpoint: Endpoint, body: bytes, connect_s: float
    ) -> None:
        self._http = http
        self._endpoint = endpoint
        self._body = body
        self._connect_s = connect_s
        self._response: aiohttp.ClientResponse | None = None
        OWN.add_headers(endpoint.headers)
        OWN.add_query(endpoint.query)

    async def __aenter__(self) -> Upstream:
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
            **self._endpoint.headers,
        }
        while True:
            sending, began_at = _Sending(), time.monotonic()
            try:
                self._response = await self._http.post(
                    self._endpoint.url,
                    params=self._endpoint.query or None,
                    proxy=proxy_of(self._endpoint.url),
                    ssl=trusted(self._endpoint.url),
                    data=self._body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s),
                    trace_request_ctx=sending,
                )
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if sending.reused and time.monotonic() - began_at < STALE_S:
                    continue  # the idle connection had ended: nobody has seen the request
                raise Unreachable(_words(error)) from error
            break
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection now; a read that waits ends with Broken."""
        if self._response is not None:
            self._response.close()

    @property
    def response(self) -> aiohttp.ClientResponse:
        """The response; only inside the context."""
        assert self._response is not None
        return self._response

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status

    @property
    def location(self) -> str:
        """The target of a redirect, without secrets; else empty."""
        where = self.response.headers.get("Location", "") if 300 <= self.status < 400 else ""
        return shown(where)

    @property
    def content_type(self) -> str:
        """The Content-Type header as it came, lower case."""
        return self.response.headers.get("Content-Type", "").lower()

    async def read(self) -> AsyncIterator[bytes]:
        """The body, in whatever pieces it arrives. Raises Broken."""
        content = self.response.content
        try:
            while data := await content.readany():
                yield data
        except (aiohttp.ClientError, OSError) as error:
            raise Broken(_words(error)) from error

    async def error_body(self) -> bytes:
        """The start of an error's body; what came until then if the connection breaks."""
        body = bytearray()
        with suppress(Broken, TimeoutError):
            async with asyncio.timeout(ERROR_BODY_S):
                async for data in self.read():
                    body += data
                    if len(body) >= ERROR_BYTES:
                        break
        return bytes(body[:ERROR_BYTES])


def _words(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port} ({error.os_error.strerror or error})"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the backend closed the connection without an answer"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the backend broke off in mid-reply"
    if isinstance(error, TimeoutError):
        return "no connection within the time allowed"
    return clean(shown(str(error))) or type(error).__name__  # aiohttp may put the whole URL in it
