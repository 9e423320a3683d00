"""One request to a backend: sent, read as bytes, and closed at once when nobody wants it.

Always streamed: mlx_lm runs a request that is not streamed to max_tokens even after its
client has left (`mlx-lm.md`, "Disconnect").
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType

import aiohttp

from anyclaude_tui.backends.base import Endpoint

ERROR_BYTES = 64 * 1024
"""As much of an error body is read; the rest cannot say more."""


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

    async def __aenter__(self) -> Upstream:
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
            **self._endpoint.headers,
        }
        try:
            self._response = await self._http.post(
                self._endpoint.url,
                data=self._body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s),
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(_words(error)) from error
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
        try:
            async for data in self.read():
                body += data
                if len(body) >= ERROR_BYTES:
                    break
        except Broken:
            pass
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
    return str(error) or type(error).__name__
