"""A target made ready to be measured: a session of its own, or one that is lent.

What we start we stop; a server that ran before goes on running, and so does a session
that the dashboard lends.
"""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import msgspec

from anyclaude_tui.backends.base import BackendStatus, Endpoint
from anyclaude_tui.compare.measuring.logged_proxy import LoggedProxy
from anyclaude_tui.compare.samples import Target
from anyclaude_tui.config.kinds import in_memory
from anyclaude_tui.config.naming import resolve
from anyclaude_tui.config.settings import LogSettings, RoleSettings, Settings
from anyclaude_tui.proxy.upstream import open_http
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.events import Role


class MeasuredTarget:
    """One target. `bring_up()` and `take_down()` may be called again and again."""

    def __init__(
        self, name: str | None, settings: Settings, home: Path, lent: Session | None = None
    ) -> None:
        """`name`: as for `--backend`; None takes the configured one. Raises ConfigError when it is
        wrong."""
        self._given = name
        self.name, its = (
            (name, lent.settings_of(name)) if lent and name else resolve(name, settings)
        )
        self.kind = its.kind
        self.settings = settings
        self._home = home
        self._lent = lent
        self._session = lent
        self._http: aiohttp.ClientSession | None = None
        self._extras = AsyncExitStack()
        self._logged: LoggedProxy | None = None

    @property
    def up(self) -> bool:
        """It is up, as far as we know."""
        return self._http is not None

    @property
    def session(self) -> Session:
        """The session; only while it is up."""
        assert self._session is not None
        return self._session

    @property
    def http(self) -> aiohttp.ClientSession:
        """The measuring client; only while it is up."""
        assert self._http is not None
        return self._http

    @property
    def endpoint(self) -> Endpoint:
        """The backend itself, for the direct runs, with the user's settings as the proxy has
        them. Raises BackendError when it is not ready."""
        backend = self.session.switchboard.peek(Role.MAIN).backend
        return backend.endpoint.asked_for(self.session.wanted(backend.name))

    @property
    def status(self) -> BackendStatus:
        """A look at the backend."""
        return self.session.switchboard.peek(Role.MAIN).backend.status()

    async def logged(self) -> LoggedProxy:
        """The way with full logging; opened when it is first wanted. Raises OSError."""
        if self._logged is None:
            self._logged = await self._extras.enter_async_context(LoggedProxy(self.session))
        return self._logged

    async def bring_up(self) -> Target:
        """Start it and wait until it serves. Raises BackendError, ConfigError or OSError."""
        started = time.monotonic()
        if self._lent is None:
            self._session = Session(
                quiet(self.settings), home=self._home, backend=self._given, port=0
            )
            await self._session.start()
        self._http = open_http()
        try:
            await self.session.ready()
            await self.session.slots_known()  # its short requests run beside no timed one
        except BaseException:
            await self.take_down()
            raise
        status = self.status
        ours = status.supervised and self._lent is None
        return Target(
            name=self.name,
            kind=status.kind,
            model=status.model or "",
            simulated=status.simulated,
            supervised=status.supervised,
            window_tokens=status.window_tokens,
            bring_up_s=time.monotonic() - started if ours else None,
        )

    async def take_down(self) -> None:
        """Stop what we started."""
        self._logged = None
        await self._extras.aclose()
        if self._http is not None:
            await self._http.close()
            self._http = None
        if self._session is not None and self._lent is None:
            await self._session.stop()
            self._session = None


def can_stand_together(targets: list[MeasuredTarget]) -> bool:
    """True if all targets may be up at the same time: at most one loads a model for us."""
    return sum(in_memory(one.kind) for one in targets) <= 1


def quiet(settings: Settings) -> Settings:
    """The settings for measuring: no logs, no second backend for background requests."""
    return msgspec.structs.replace(
        settings, logs=LogSettings(debug=0, requests=False), roles=RoleSettings()
    )
