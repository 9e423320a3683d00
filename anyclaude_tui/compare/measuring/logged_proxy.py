"""A second proxy before a running session: one that writes traces and every debug line.

The guide's fourth test asks what logging costs. It shares the session's backend and queue,
so that nothing else differs; what it writes goes to a temporary folder.
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from types import TracebackType

import aiohttp

from anyclaude_tui.config.settings import LogSettings
from anyclaude_tui.proxy.context import Services
from anyclaude_tui.proxy.server import ProxyServer
from anyclaude_tui.proxy.upstream import open_http
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.hub import Hub
from anyclaude_tui.telemetry.observers import Observers


class LoggedProxy:
    """`async with LoggedProxy(session) as proxy:` then `proxy.url`, `proxy.token`, `proxy.hub`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._folder = tempfile.TemporaryDirectory(prefix="anyclaude-compare-")
        self._http: aiohttp.ClientSession | None = None
        self._proxy: ProxyServer | None = None
        self._observers: Observers | None = None
        self.hub = Hub()
        self.token = secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        """Its address."""
        assert self._proxy is not None
        return self._proxy.url

    async def __aenter__(self) -> LoggedProxy:
        home = Path(self._folder.name)
        logs = LogSettings(debug=3, requests=True)
        self._observers = Observers(logs, home, self.hub, log_file=home / "debug.log")
        await self._observers.start()
        self._http = open_http()
        services = Services(
            router=self._session.switchboard,
            hub=self.hub,
            http=self._http,
            limits=self._session.settings.limits,
            observers=(self._observers,),
            wanted=self._session.wanted,
        )
        self._proxy = ProxyServer(services, self.token, "127.0.0.1", 0)
        await self._proxy.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._proxy is not None:
            await self._proxy.stop()
        if self._http is not None:
            await self._http.close()
        if self._observers is not None:
            await self._observers.stop()
        self._folder.cleanup()
