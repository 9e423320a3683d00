"""A fake SearXNG: its JSON search API on loopback, with results that a test gives it.

It says that it is one in every result. Written from SearXNG's documentation of its search API
(`GET /search?q=…&format=json`). As a process: `python -m tests.support.searxng PORT`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, Self

from aiohttp import web

PAGES: list[dict[str, Any]] = [
    {
        "url": "https://docs.example.org/terminal/emulators",
        "title": "Terminal emulators, from a <b>fake</b> SearXNG",
        "content": "A page that does not exist, found by a fake search server of a test.",
        "publishedDate": "2026-11-02T00:00:00",
        "engine": "fake",
    },
    {
        "url": "https://example.com/wiki/Terminal",
        "title": "Terminal (fake wiki)",
        "content": "Another page that does not exist.",
        "engine": "fake",
    },
]

Answer = Callable[[web.Request], web.StreamResponse]


class FakeSearXng:
    """`async with FakeSearXng() as fake:` then `fake.url`, `fake.queries`, `fake.pages`."""

    def __init__(self, port: int = 0) -> None:
        self.url = ""
        self.pages = PAGES
        self.queries: list[str] = []
        self.requests: list[web.Request] = []
        self.answer: Answer | None = None
        """What it answers instead."""
        self.wait_s = 0.0
        self._port = port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        await request.read()
        self.queries.append(request.query.get("q", ""))
        await asyncio.sleep(self.wait_s)
        if self.answer is not None:
            return self.answer(request)
        if request.path != "/search" or request.query.get("format") != "json":
            return web.Response(status=404, text="not found")
        return web.json_response({"query": request.query["q"], "results": self.pages})


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    async with FakeSearXng(port) as fake:
        print(fake.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
