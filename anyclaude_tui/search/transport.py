"""A provider's answers, bounded: who sends without end, or slowly for ever, must cost neither
memory nor a search that never ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx

ANSWER_BYTES = 4 * 1024 * 1024


class BoundedTransport(httpx.AsyncHTTPTransport):
    """Answers of at most ANSWER_BYTES, uncompressed, whole within the request's read timeout."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx. Raises ReadTimeout and ReadError of its own."""
        limit_s = request.extensions.get("timeout", {}).get("read")
        until = None if limit_s is None else asyncio.get_running_loop().time() + limit_s
        try:
            async with asyncio.timeout_at(until):
                response = await super().handle_async_request(request)
        except TimeoutError:
            raise httpx.ReadTimeout("no answer in time", request=request) from None
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise httpx.ReadError("it answers compressed, unasked", request=request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Bounded(response.stream, request, until)
        return response


class _Bounded(httpx.AsyncByteStream):
    def __init__(
        self, inner: httpx.AsyncByteStream, request: httpx.Request, until: float | None
    ) -> None:
        self._inner = inner
        self._request = request
        self._until = until

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size_bytes = 0
        pieces = self._inner.__aiter__()
        while True:
            try:
                async with asyncio.timeout_at(self._until):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError:
                words = "the answer was not whole in time"
                raise httpx.ReadTimeout(words, request=self._request) from None
            size_bytes += len(piece)
            if size_bytes > ANSWER_BYTES:
                words = f"the answer is over {ANSWER_BYTES >> 20} MB"
                raise httpx.ReadError(words, request=self._request)
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()
