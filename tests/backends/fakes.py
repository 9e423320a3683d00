"""Fake servers for tests, over real HTTP on loopback. None of them is the real thing: they
answer what the wire pages and the servers' public documentation say, and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Answer = Callable[[dict[str, Any]], tuple[int, Any]]
CHAT = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}}]}


class Fake:
    """Routes with fixed JSON, or functions of the body; `asked` holds what came."""

    def __init__(self, routes: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self.routes = routes
        self.headers = headers or {}
        self.queries: list[str] = []
        self.asked: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        """The answer of a route: JSON, or (status, JSON), or a function of the body."""
        body = await request.json() if request.can_read_body else {}
        key = f"{request.method} {request.path}"
        self.queries.append(request.query_string)
        self.asked.append((key, body, dict(request.headers)))
        if key not in self.routes:
            return web.Response(status=404, text="Not Found")
        answer = self.routes[key]
        if callable(answer):
            answer = answer(body)
        status, data = answer if isinstance(answer, tuple) else (200, answer)
        return web.json_response(data, status=status, headers=self.headers)

    def bodies(self, key: str) -> list[dict[str, Any]]:
        """The bodies that came to a route."""
        return [body for asked, body, _ in self.asked if asked == key]


@asynccontextmanager
async def serving(fake: Fake, port: int = 0) -> AsyncIterator[Fake]:
    """The fake, answering at `fake.url`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()


def openai(*models: dict[str, Any], **routes: Any) -> Fake:
    """A fake OpenAI-compatible server."""
    listed = {"object": "list", "data": [{"object": "model", **model} for model in models]}
    return Fake({"GET /v1/models": listed, "POST /v1/chat/completions": CHAT, **routes})


class LmStudio(Fake):
    """A fake LM Studio 0.4, written from docs/protocol/lm-studio.md."""

    def __init__(self, *, context: int | None = None) -> None:
        self.context = context
        """Context length of the loaded instance; None: not loaded."""
        super().__init__(
            {
                "GET /lmstudio-greeting": {"lmstudio": True},
                "GET /api/v1/models": lambda _: self._models(),
                "POST /api/v1/models/load": self._load,
                "POST /api/v1/models/unload": self._unload,
                "POST /v1/chat/completions": CHAT,
            }
        )

    def _models(self) -> tuple[int, Any]:
        config = {"context_length": self.context, "parallel": 4}
        loaded = [{"id": "gpt-oss-20b", "config": config}] if self.context else []
        model = {
            "key": "openai/gpt-oss-20b",
            "type": "llm",
            "max_context_length": 131072,
            "format": "mlx",
            "capabilities": {"vision": False, "trained_for_tool_use": True},
            "loaded_instances": loaded,
        }
        embedding = {"key": "nomic-embed", "type": "embedding", "loaded_instances": []}
        return 200, {"models": [embedding, model]}

    def _load(self, body: dict[str, Any]) -> tuple[int, Any]:
        if body["context_length"] > 131072:
            return 400, {"error": {"message": "context too long"}}
        self.context = body["context_length"]
        return 200, {"type": "llm", "instance_id": "gpt-oss-20b", "status": "loaded"}

    def _unload(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.context = None
        return 200, {"instance_id": body["instance_id"]}
