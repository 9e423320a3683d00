"""A server that answers without end, compressed or drop by drop: bounded, and said in words."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp import web

from anyclaude_tui.backends import http
from anyclaude_tui.backends.http_limits import ANSWER_BYTES, start_of

Handler = Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_an_answer_without_end() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while sent < 100 * ANSWER_BYTES:
            await response.write(b" " * 65536)
            sent += 65536
        return response

    async with server(endless) as url, http.client(url) as client:
        with pytest.raises(httpx.ReadError, match="over 4 MB"):
            await client.get("/")
    assert sent < 10 * ANSWER_BYTES


async def test_an_answer_that_comes_drop_by_drop() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    async with server(slow) as url, http.client(url, timeout_s=0.3) as client:
        with pytest.raises(httpx.ReadTimeout, match="not whole in time"):
            await client.get("/")
        assert await http.get_object(client, "/") == {}


async def test_nothing_compressed_is_asked_for_or_taken() -> None:
    asked: list[str] = []

    async def packed(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers["Accept-Encoding"])
        response = web.json_response({"data": "x" * 100_000})
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with server(packed) as url, http.client(url) as client:
        with pytest.raises(httpx.ReadError, match="compressed"):
            await client.get("/")
    assert asked == ["identity"]


async def test_an_answer_nested_too_deep_is_none() -> None:
    async def deep(request: web.Request) -> web.StreamResponse:
        return web.Response(text="[" * 50_000 + "]" * 50_000, content_type="application/json")

    async with server(deep) as url, http.client(url) as client:
        assert await http.get_object(client, "/") == {}
        assert http.words(await client.get("/")).startswith("[[[")


async def test_an_aiohttp_answer_is_read_up_to_its_bound() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"x" * 65536)
        return response

    async with (
        server(endless) as url,
        aiohttp.ClientSession() as session,
        session.get(url) as response,
    ):
        assert len(await start_of(response, 100_000)) == 100_000
