"""One running set: backend, proxy, telemetry, and how Claude Code is launched on them.

The dashboard, `run`, `serve` and `compare` all drive this. It knows no screen.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from anyclaude_tui import private
from anyclaude_tui.backends import machine
from anyclaude_tui.backends.base import (
    Backend,
    BackendError,
    BackendState,
    BackendStatus,
    ModelInfo,
)
from anyclaude_tui.backends.dialect import StableFront
from anyclaude_tui.backends.http_client import HttpError
from anyclaude_tui.backends.registry import create, keep_on_disk
from anyclaude_tui.backends.slots.source import of_setting
from anyclaude_tui.claude_code import settings_files
from anyclaude_tui.claude_code.launch import (
    Launch,
    find,
    launch,
    old,
    session_env,
)
from anyclaude_tui.claude_code.picker import UNKNOWN_MODEL
from anyclaude_tui.config import kinds
from anyclaude_tui.config import secrets as secrets_of_settings
from anyclaude_tui.config.kinds import KINDS
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.naming import resolve
from anyclaude_tui.config.request_settings import RequestSettings
from anyclaude_tui.config.settings import BackendSettings, Settings
from anyclaude_tui.proxy.context import Services
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.token_counter import TokenCounter
from anyclaude_tui.proxy.server import ProxyServer
from anyclaude_tui.proxy.upstream import open_http
from anyclaude_tui.redaction import OWN, shown
from anyclaude_tui.search.searcher import Searcher
from anyclaude_tui.session.exact_tokens import ExactTokens
from anyclaude_tui.session.fronts import Fronts
from anyclaude_tui.session.idle_memory import IdleMemory
from anyclaude_tui.session.picked import Picked, assumed_window, offers
from anyclaude_tui.session.slot_probe import SlotProbe
from anyclaude_tui.session.switchboard import SERVING, Switchboard
from anyclaude_tui.session.warming import Warmer
from anyclaude_tui.telemetry.events import Role
from anyclaude_tui.telemetry.hub import Hub, Snapshot
from anyclaude_tui.telemetry.observers import make_observers
from anyclaude_tui.telemetry.prometheus import CONTENT_TYPE

if TYPE_CHECKING:
    import aiohttp

    from anyclaude_tui.backends.discovery import Discovery
    from anyclaude_tui.backends.models.memory import Estimate

PRELOAD_AFTER_S = 0.05
LAUNCH_PATIENCE_S = 3.0
"""Claude Code is told the context window at its start: wait this long for a backend to know
it; a model that loads for minutes does not hold up the pane."""


class Session:
    """`start()`, use, `stop()`: all on one loop."""

    def __init__(
        self,
        settings: Settings,
        *,
        home: Path,
        backend: str | None = None,
        port: int | None = None,
        token: str | None = None,
        claude_args: Sequence[str] = (),
        cwd: str | None = None,
        log_file: Path | None = None,
    ) -> None:
        """`backend`, `port` and `token` are the command line's and win over the settings.

        `log_file`: where the debug log goes (ANYCLAUDE_DEBUG); None is stderr.
        Raises ConfigError when the backend's name is wrong, or the token.
        """
        self.settings = settings
        self.home = home
        self.token = token or settings.proxy.token or secrets.token_urlsafe(24)
        if not re.fullmatch("[!-~]+", self.token):
            raise ConfigError("the token may have visible ASCII characters only, and no spaces")
        self._with_secrets: dict[str, BackendSettings] = {}
        """Backends that were given by a URL with a secret in it, which their names do not have."""
        self.first = self._known(backend or settings.backend, settings)
        self.port = settings.proxy.port if port is None else port
        self._claude_args = tuple(claude_args)
        self._cwd = cwd
        self.hub = Hub()
        self._idle_memory = IdleMemory(self.hub)
        self.observers = make_observers(settings.logs, home, self.hub, log_file=log_file)
        self.exact_tokens = ExactTokens()
        OWN.add(self.token)
        secrets_of_settings.remember(settings)
        self.searcher = Searcher(settings.search)
        self.switchboard = Switchboard(
            self._make_backend, self.hub, roles=self._roles(settings), keep=settings.keep_backends
        )
        self._fronts = Fronts(home)
        self._fronts.enabled = settings.warming.enabled
        self._warmer: Warmer | None = None
        self._slot_probe: SlotProbe | None = None
        self._warming: asyncio.Task[None] | None = None
        self._services: Services | None = None
        self._http: aiohttp.ClientSession | None = None
        self._proxy: ProxyServer | None = None
        self._bringing_up: asyncio.Task[None] | None = None
        self._preloading: asyncio.Task[None] | None = None
        self.picked = Picked(
            lambda: self.switchboard.active,
            self._switch_to_picked,
            home / "state" / "claude-default-model.json",
        )
        self._said: set[str] = set()
        """Concerns that have been told."""
        self._used: dict[str, BackendSettings] = {}
        """Backends that were used without being configured: they stay in the list."""
        self._places = {name: place for place, name in enumerate(settings.backends)}

    @property
    def url(self) -> str:
        """The proxy's address; empty before the start."""
        return self._proxy.url if self._proxy is not None else ""

    async def start(self) -> None:
        """Listen, and begin to bring the backend up; requests wait for it.

        Raises OSError when the port is taken.
        """
        private.folder(self.home)
        settings_files.clear_left_over(self.home / "state")
        machine.allow_open_files()
        self._http = open_http()
        self._services = Services(
            router=self.switchboard,
            hub=self.hub,
            http=self._http,
            limits=self.settings.limits,
            stable_front=stable_front(self.settings),
            memory=CallMemory(),
            counter=TokenCounter(self.home / "state" / "calibration.json"),
            searcher=self.searcher,
            wanted=self.wanted,
            picked=self.picked.requested,
            models=self.picked.models,
            tools_are_offered=self._preload_once,
            metrics=lambda: (self.observers.prometheus_text(), CONTENT_TYPE),
        )
        self._slot_probe = SlotProbe(self._services)
        self.switchboard.taken = self._slot_probe.begin
        self._warmer = Warmer(
            self._services,
            self.switchboard,
            self._fronts,
            self.settings.warming,
            str(Path(self._cwd or Path.cwd())),
            self._slot_probe.measured,
        )
        self._services.observers = (self._fronts, self._warmer, self.observers)
        self.hub.ended_listeners.append(self._slot_probe.ended)
        self._services.afterwards = self._fronts.afterwards = self.observers.afterwards.add
        self._proxy = ProxyServer(self._services, self.token, self.settings.proxy.host, self.port)
        try:
            await self._proxy.start()
            await self.observers.start()
        except BaseException:
            await self.stop()
            raise
        self._warming = asyncio.create_task(self._warmer.run())
        self._bringing_up = asyncio.create_task(self.switchboard.switch(self.first))
        self._bringing_up.add_done_callback(lambda task: task.cancelled() or task.exception())

    def _preload_once(self) -> None:
        """Import what a first tool call needs (65 ms) when the request for it has gone out, in a
        thread: a proxy that is not used does without, and no stream waits for it."""
        if self._preloading is None:
            self._preloading = asyncio.create_task(_preloaded())

    async def ready(self) -> None:
        """Wait until the first backend serves, or the one that the user took in its place.
        Raises BackendError when none does.
        """
        assert self._bringing_up is not None
        await asyncio.wait([self._bringing_up])
        if any(
            status.name == self.switchboard.active and status.state in SERVING
            for status in self.switchboard.statuses()
        ):
            return
        if self._bringing_up.cancelled():
            raise BackendError(f"{self.first} was given up for another backend")
        self._bringing_up.result()

    async def slots_known(self) -> None:
        """Returns when the active backend is not, or no longer, asked how many requests it takes
        at once. Raises BackendError where there is none."""
        if self._slot_probe is not None:
            await self._slot_probe.measured(self.switchboard.peek(Role.MAIN))

    async def stop(self) -> None:
        """Requests in flight end properly, then children are stopped.

        What one step raises is raised after all of them. Safe to call at any time, and again.
        """
        self._idle_memory.stop()
        async with AsyncExitStack() as ending:  # the last one pushed comes first
            if self._http is not None:
                ending.push_async_callback(self._http.close)
            ending.push_async_callback(self.observers.stop)
            ending.push_async_callback(self.picked.stop)
            for task in (self._preloading, self._bringing_up, self._warming):
                if task is not None:
                    ending.push_async_callback(asyncio.wait, [task])
            ending.push_async_callback(self.switchboard.stop)
            if self._slot_probe is not None:
                ending.push_async_callback(self._slot_probe.stop)
            ending.callback(self.observers.afterwards.finish)
            if self._proxy is not None:
                ending.push_async_callback(self._proxy.stop)
            for task in (self._bringing_up, self._warming):
                if task is not None:
                    task.cancel()

    async def apply(self, settings: Settings) -> None:
        """Other settings: deadlines, roles and logs from the next request on, backends and
        Claude Code when they are started the next time; where the proxy listens stays.

        Raises ConfigError when a role's backend does not exist; all is then as it was.
        """
        roles = self._roles(settings)
        self.settings = settings
        secrets_of_settings.remember(settings)
        self.switchboard.roles = roles
        self.switchboard.keep = settings.keep_backends
        self.switchboard.each(lambda backend: keep_on_disk(backend, settings.cache))
        self.observers.apply(settings.logs)
        self.searcher.apply(settings.search)
        if self._services is not None:
            self._services.limits = settings.limits
            self._services.stable_front = stable_front(settings)
        self._fronts.enabled = settings.warming.enabled
        if self._warmer is not None:
            self._warmer.settings = settings.warming

    def snapshot(self) -> Snapshot:
        """Everything a screen may show, now."""
        return self.hub.snapshot(
            proxy_url=self.url,
            active=self.switchboard.active,
            backends=self._statuses(),
            switching=self.switchboard.switching,
            warmth=self._warmer.warmth if self._warmer is not None else None,
        )

    async def switch(self, name: str) -> None:
        """Switch to a backend by name or KIND:REST. Raises BackendError or ConfigError.

        A first backend that is still being brought up is given up.
        """
        name = self._known(name, self.settings)
        if self._bringing_up is not None and name != self.first:
            self._bringing_up.cancel()
        await self.switchboard.switch(name)
        self._statuses()  # each has its place from when it was used

    async def _switch_to_picked(self, name: str) -> None:
        """A backend was chosen in Claude Code's own picker. Raises nothing: what goes wrong is a
        notice, and requests stay where they were."""
        with suppress(BackendError, ConfigError):
            await self.switch(name)

    async def restart_backend(self) -> None:
        """Stop and start the active backend. Raises BackendError."""
        await self.switchboard.restart()

    async def models(self, name: str) -> Sequence[ModelInfo]:
        """The models that a backend offers. Raises BackendError or ConfigError."""
        try:
            return await self.switchboard.backend(name).models()
        except HttpError as error:
            raise BackendError(f"{name} does not tell its models: {error}") from error

    async def claude_version(self) -> tuple[str | None, str | None]:
        """Path and version of Claude Code; None for what is not there or does not tell."""
        from anyclaude_tui.claude_code import version

        command = find(self.settings.claude)
        if command is None:
            return None, None
        return command, await asyncio.to_thread(version.ask, command)

    async def discover(self) -> Discovery:
        """The other usable backends on this machine, ours left out. Raises nothing."""
        from anyclaude_tui.backends.discovery import USUAL_PORTS, discover

        ours = [status.url for status in self.switchboard.statuses() if status.supervised]
        ports = [urlsplit(url).port or 0 for url in (self.url, *ours) if url]
        where = self.settings.discovery
        return await discover(
            self.settings.backends,
            ports=(*USUAL_PORTS, *where.ports),
            not_ports=ports,
            model_folders=where.model_folders,
        )

    async def estimate(self, name: str) -> Estimate | None:
        """The memory that a model on disk needs; None where it cannot be told."""
        from anyclaude_tui.backends.models import memory
        from anyclaude_tui.backends.models.files import is_path

        try:
            settings = self.settings_of(name)
            if settings.model is None or not is_path(settings.model):
                return None
            path = Path(settings.model).expanduser()
            return await asyncio.to_thread(memory.of_path, path, settings.context_window)
        except (ConfigError, BackendError, OSError):
            return None

    async def claude(self, mode: str = "start") -> Launch:
        """Make the launch of Claude Code on this session. Raises ClaudeMissing."""
        with suppress(TimeoutError, BackendError):
            await asyncio.wait_for(self.ready(), LAUNCH_PATIENCE_S)
        status = next(iter(self.switchboard.statuses()), None)
        model = status.model if status else None
        if not model and not (status and kinds.client_names(status.kind)):
            name = status.name if status else self.first
            model = name if "/" not in name else None  # a URL's last part is no model's name
            model = model or UNKNOWN_MODEL
        window_tokens = status.window_tokens if status else None
        env = session_env(self.url, self.token, model, window_tokens)
        from anyclaude_tui.proxy.web_search import is_a_service

        elsewhere = status is not None and is_a_service(status)
        self.picked.offer(offers(self._statuses()), launched=model)
        made = launch(
            self.settings.claude,
            env,
            self._claude_args,
            mode=mode,
            cwd=self._cwd,
            fetch_check=self.settings.claude.fetch_check or elsewhere,
            auto_mode=elsewhere,
            picker=self.picked.setting,
        )
        concerns = [] if mode == "shell" or made.note else [old(made.argv[0])]
        if model is not None and window_tokens is None:
            concerns.append(assumed_window(status.name if status else self.first))
        made = replace(made, concerns=tuple(filter(None, concerns)))
        for words in made.concerns:
            if words not in self._said:
                self._said.add(words)
                self.hub.notice("warning", words)
        return made

    def settings_of(self, name: str) -> BackendSettings:
        """The settings of a backend by its name. Raises ConfigError."""
        return self._with_secrets.get(name) or resolve(name, self.settings)[1]

    def wanted(self, name: str) -> RequestSettings:
        """The user's settings for every request to a backend, from the next one on."""
        try:
            its = self.settings_of(name)
        except ConfigError:  # it was taken out of the settings while it runs
            its = self._used.get(name) or BackendSettings(kind="")
        return its.wanted(self.settings.tools)

    def _make_backend(self, name: str) -> Backend:
        return create(name, self.settings_of(name), self.home, self.settings.cache)

    def _known(self, given: str | None, settings: Settings) -> str:
        """The name that a backend is kept and shown under. Raises ConfigError."""
        if given is not None and given in self._with_secrets:
            return given
        name, its = resolve(given, settings)
        if given and name != given:
            self._with_secrets[name] = its
        return name

    def _roles(self, settings: Settings) -> dict[Role, str]:
        """The roles that have a backend of their own. Raises ConfigError."""
        wanted = {
            Role.BACKGROUND: settings.roles.background,
            Role.SUBAGENT: settings.roles.subagent,
        }
        return {role: self._known(name, settings) for role, name in wanted.items() if name}

    def _statuses(self) -> tuple[BackendStatus, ...]:
        """The backends configured and those that were used in this session, each in a place
        that it keeps: the number in the list is the key that switches to it."""
        listed = self._used | self.settings.backends
        found = {name: _unused(name, settings) for name, settings in listed.items()}
        for status in self.switchboard.statuses():
            configured = found.get(status.name)
            if configured is not None and not status.kind:  # it could not be made
                status = replace(configured, state=status.state, reason=status.reason)
            elif configured is None:
                with suppress(ConfigError):
                    self._used[status.name] = self.settings_of(status.name)
            found[status.name] = status
        for name in found:
            self._places.setdefault(name, len(self._places))
        listed_now = sorted(found.values(), key=lambda status: self._places[status.name])
        return tuple(replace(status, wanted=self.wanted(status.name)) for status in listed_now)


async def _preloaded() -> None:
    await asyncio.sleep(PRELOAD_AFTER_S)
    from anyclaude_tui.proxy.toolcalls.validation import preload

    await asyncio.to_thread(preload)


def stable_front(settings: Settings) -> StableFront:
    """The setting, which was checked when it was read."""
    return cast(StableFront, settings.proxy.stable_front)


def _unused(name: str, settings: BackendSettings) -> BackendStatus:
    """A configured backend that nobody has asked for yet."""
    return BackendStatus(
        name=name,
        kind=settings.kind,
        state=BackendState.STOPPED,
        model=settings.model and Path(settings.model).name,
        url=settings.url and shown(settings.url),
        window_tokens=settings.context_window,
        slots=of_setting(settings.slots),
        simulated=KINDS[settings.kind].simulated,
    )
