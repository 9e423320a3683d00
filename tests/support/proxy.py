"""The real proxy on a real loopback socket, in front of whatever a test gives it.

Only the backend object is a stand-in: it names a URL and counts what is asked of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from anyclaude_tui.backends.base import Backend, BackendError, BackendState, BackendStatus, Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.slots.source import decide
from anyclaude_tui.config.request_settings import RequestSettings
from anyclaude_tui.config.settings import Limits
from anyclaude_tui.proxy.admission import Gate
from anyclaude_tui.proxy.context import Observer, Route, Services
from anyclaude_tui.proxy.server import ProxyServer
from anyclaude_tui.proxy.upstream import open_http
from anyclaude_tui.search.searcher import Searcher
from anyclaude_tui.telemetry.events import Role
from anyclaude_tui.telemetry.hub import Hub
from anyclaude_tui.telemetry.metrics import RequestView

TOKEN = "token-of-the-test"


class FixedBackend(Backend):
    """A backend that is always ready at one URL. `gone` makes recovery fail."""

    kind = "fixed"

    def __init__(self, url: str, dialect: Dialect, slots: int, window_tokens: int | None) -> None:
        super().__init__("fixed")
        self._endpoint = Endpoint(
            url, "real-model", dialect, slots=decide(said=slots), window_tokens=window_tokens
        )
        self.recoveries = 0
        self.told_url = url
        self.gone = ""

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    def status(self) -> BackendStatus:
        return BackendStatus(
            self.name, self.kind, BackendState.READY, model="real-model", url=self.told_url
        )

    @property
    def endpoint(self) -> Endpoint:
        return self._endpoint

    def now(self, **changes: Any) -> None:
        """Change the endpoint: window_tokens, native, …"""
        self._endpoint = replace(self._endpoint, **changes)

    async def recover(self) -> None:
        self.recoveries += 1
        if self.gone:
            raise BackendError(self.gone)


class OneRoute:
    """Router with a single backend."""

    def __init__(self, route: Route) -> None:
        self._route = route

    async def route(self, role: Role) -> Route:
        return self._route

    async def recover(self, role: Role, route: Route) -> None:
        await route.backend.recover()

    def peek(self, role: Role) -> Route:
        return self._route


@dataclass
class Proxy:
    """A running proxy, its backend and a client that has the token."""

    server: ProxyServer
    backend: FixedBackend
    gate: Gate
    hub: Hub
    client: aiohttp.ClientSession
    services: Services
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.server.url

    def post(self, body: Mapping[str, Any], **options: Any) -> Any:
        """POST /v1/messages; a context manager of aiohttp's."""
        return self.client.post("/v1/messages", json=body, **options)

    async def ask(self, body: Mapping[str, Any]) -> tuple[int, bytes]:
        """POST /v1/messages and read it all."""
        async with self.post(body) as response:
            return response.status, await response.read()

    @property
    def last(self) -> RequestView:
        """The request that ended last."""
        return self.hub.recent[0]


@asynccontextmanager
async def running_proxy(
    upstream_url: str,
    *,
    limits: Limits | None = None,
    dialect: Dialect | None = None,
    slots: int = 8,
    window_tokens: int | None = None,
    observers: tuple[Observer, ...] = (),
    searcher: Searcher | None = None,
    kind: str = "fixed",
    wanted: RequestSettings | None = None,
) -> AsyncIterator[Proxy]:
    """A proxy in front of `upstream_url` (with /v1)."""
    backend = FixedBackend(
        f"{upstream_url}/chat/completions", dialect or Dialect(), slots, window_tokens
    )
    backend.kind = kind
    gate = Gate(slots)
    hub = Hub()
    async with open_http() as http:
        services = Services(
            OneRoute(Route(backend, gate)),
            hub,
            http,
            limits or Limits(),
            observers=observers,
            searcher=searcher,
            wanted=lambda name: wanted or RequestSettings(),
        )
        server = ProxyServer(services, TOKEN, "127.0.0.1", 0)
        await server.start()
        try:
            async with aiohttp.ClientSession(
                server.url,
                headers={"Authorization": f"Bearer {TOKEN}"},
                connector=aiohttp.TCPConnector(limit=0),
            ) as client:
                yield Proxy(server, backend, gate, hub, client, services)
        finally:
            await server.stop()


def ask_body(text: str = "hello", **more: Any) -> dict[str, Any]:
    """A small Messages request; streamed unless told otherwise."""
    return {
        "model": "claude-test",
        "max_tokens": 1000,
        "stream": True,
        "messages": [{"role": "user", "content": text}],
        **more,
    }


READ_TOOL = {
    "name": "Read",
    "description": "Read a file",
    "input_schema": {
        "type": "object",
        "properties": {"file_path": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["file_path"],
    },
}
