"""The backend that new requests go to, and the steps of a change.

Source: docs/architecture.md, "Supervision".

A switch: the new backend is brought up, new requests wait for it (kept alive), those in
flight end on the old one, then the old one stops. Where both do not fit into memory the old
one stops first. A failed switch goes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace

from anyclaude_tui.backends.base import Backend, BackendError, BackendState, BackendStatus
from anyclaude_tui.backends.models import memory
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.proxy.admission import Gate
from anyclaude_tui.proxy.context import Route
from anyclaude_tui.telemetry.events import Role
from anyclaude_tui.telemetry.hub import Hub

SERVING = (BackendState.READY, BackendState.DEGRADED)
Work = Callable[[Backend], Awaitable[None]]


class Switchboard:
    """The session's backends, one of them active. Used on the session's loop only."""

    def __init__(
        self,
        make: Callable[[str], Backend],
        hub: Hub,
        *,
        roles: Mapping[Role, str] | None = None,
        keep: bool = False,
        fit: Callable[[Backend, Backend], Awaitable[bool]] = memory.fit_together,
    ) -> None:
        """`make` builds a backend from its name; raises ConfigError.

        `roles`: backends for some roles, brought up by their first request. `keep`: an old
        backend is not stopped after a switch. `fit`: whether two may serve at once.
        """
        self.roles = dict(roles or {})
        self.changed = asyncio.Event()
        """Set whenever a backend's state or what is active may have changed; the one who waits for
        it (the warming) clears it before it looks."""
        self.keep = keep
        self._role_starts: dict[str, asyncio.Task[None]] = {}
        self._making = make
        self._fit = fit
        self._hub = hub
        self._routes: dict[str, Route] = {}
        self._change: asyncio.Future[None] | None = None
        self._lock = asyncio.Lock()
        self._stopped = False
        self._leaving: dict[asyncio.Task[None], Route] = {}
        self._coming: Backend | None = None
        self._failed: dict[str, BackendStatus] = {}
        self._step = ""
        self.active = ""
        self.taken: Callable[[Route], None] = lambda route: None
        """Told of each request's route before the request is in its queue."""

    def _make(self, name: str) -> Backend:
        """Raises BackendError or ConfigError."""
        made = self._making(name)
        made.on_change = self.changed.set
        return made

    @property
    def switching(self) -> str:
        """The step of a change that is under way, in words; empty when none is."""
        if self._step:
            return self._step
        left = ((route.gate.busy, route.backend.name) for route in self._leaving.values())
        return "; ".join(f"{busy} still running on {name}" for busy, name in left if busy)

    # --- asked by the proxy (Router) ----------------------------------------------------------

    async def route(self, role: Role) -> Route:
        """The route for a new request; waits through a change. Raises BackendError."""
        while True:
            name = self.roles.get(role)
            if name is not None and name != self.active:
                await self._start_for_role(role, name)
            if self._change is not None:
                await asyncio.shield(self._change)
                continue
            route = self.peek(role)
            if route.backend.status().state in SERVING:
                route.gate.resize(route.backend.endpoint.slots.number)  # it came up by itself
                self.taken(route)
                return route
            await self.recover(role, route)

    async def recover(self, role: Role, route: Route) -> None:
        """A request failed on this route: returns when it is worth asking for a route again,
        because its server serves or because requests go elsewhere. Raises BackendError."""
        if self._is_used(role, route):
            try:
                await self._revive(route.backend)
            except BackendError:  # it may have been stopped for a switch in the meantime
                if self._is_used(role, route):
                    raise

    def _is_used(self, role: Role, route: Route) -> bool:
        """True if new requests go to this route now."""
        return self._change is None and self.peek(role) is route

    def peek(self, role: Role) -> Route:
        """The route of requests at this moment. Raises BackendError when there is no backend."""
        route = self._routes.get(self.roles.get(role, ""))
        if route is None or route.gate.closed:  # closed: it is leaving
            route = self._routes.get(self.active)
        if route is None:
            raise BackendError("no backend is chosen yet")
        return route

    # --- asked by the user --------------------------------------------------------------------

    def statuses(self) -> tuple[BackendStatus, ...]:
        """A look at every backend in use, the active one first; then the one that is being
        brought up, and those that could not be, as they were at their end."""
        routes = sorted(self._routes, key=lambda name: name != self.active)
        found = {name: self._routes[name].backend.status() for name in routes}
        if self._coming is not None:
            found.setdefault(self._coming.name, self._coming.status())
        for name, status in self._failed.items():
            found.setdefault(name, status)
        return tuple(found.values())

    def backend(self, name: str) -> Backend:
        """A backend by its name, made but not started where it is not in use. Raises ConfigError
        or BackendError."""
        route = self._routes.get(name)
        return self._make(name) if route is None else route.backend

    def each(self, do: Callable[[Backend], None]) -> None:
        """Do something with every backend in use."""
        for route in self._routes.values():
            do(route.backend)

    async def switch(self, name: str) -> None:
        """Make NAME the active backend.

        Raises BackendError or ConfigError; all is then as it was.
        """
        async with self._alone():
            if name == self.active:
                await self._routes[name].backend.start()
            else:
                await self._change_to(name, f"starting {name}", lambda backend: backend.start())

    async def load_model(self, name: str, model: str, context_tokens: int | None = None) -> None:
        """Make NAME the active backend, with this model. Raises like `switch`."""

        def load(backend: Backend) -> Awaitable[None]:
            return backend.load_model(model, context_tokens)

        async with self._alone():
            if name == self.active:
                await self._within(f"loading {model}", load)
            else:
                await self._change_to(name, f"loading {model} on {name}", load)

    async def unload_model(self, name: str, model: str) -> None:
        """Free the memory of one of a backend's models. Raises BackendError or ConfigError."""
        async with self._alone():
            if name == self.active:
                await self._within(f"unloading {model}", lambda b: b.unload_model(model))
            else:
                await self.backend(name).unload_model(model)

    async def remedy(self) -> None:
        """Do what the active backend's status offers. Raises BackendError."""
        async with self._alone():
            words = self.peek(Role.MAIN).backend.status().remedy or "mending it"
            await self._within(words, lambda backend: backend.remedy())

    async def release(self, name: str) -> None:
        """Stop a backend that is kept beside the active one. Raises BackendError."""
        async with self._alone():
            if name == self.active:
                raise BackendError(f"{name} is in use: switch to another backend first")
            route = self._routes.get(name)
            if route is None:
                raise BackendError(f"{name} is not running")
            await self._stop_route(route)

    async def restart(self) -> None:
        """Stop and start the active backend: an empty prefix cache. Raises BackendError."""
        async with self._alone():
            await self._within(f"restarting {self.active}", lambda backend: backend.restart())

    @asynccontextmanager
    async def aside(self, why: str) -> AsyncIterator[None]:
        """The active backend is stopped meanwhile, so that another has its memory; requests
        wait. It serves again afterwards, or its status says why not. Raises BackendError when
        there is none.
        """
        async with self._alone():
            route = self.peek(Role.MAIN)
            name = route.backend.name
            with self._changing(f"{why}: waiting for what runs on {name}", route):
                await route.gate.drained()
                try:
                    self._step = f"{why}: {name} makes room"
                    await route.backend.stop()
                    yield
                finally:
                    if not self._stopped:
                        self._step = f"starting {name} again"
                        await self._start_again(route)

    async def _start_again(self, route: Route) -> None:
        try:
            await route.backend.start()
            route.gate.resize(route.backend.endpoint.slots.number)
        except BackendError as error:
            self._hub.notice("error", f"{route.backend.name}: {error}")

    async def stop(self) -> None:
        """Stop every backend that we started; nothing is started any more."""
        self._stopped = True
        tasks = [*self._leaving, *self._role_starts.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        backends = [route.backend for route in self._routes.values()]
        if self._coming is not None and self._coming not in backends:
            backends.append(self._coming)
        await asyncio.gather(*(backend.stop() for backend in backends), return_exceptions=True)

    # --- the steps ------------------------------------------------------------------------------

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """One change at a time, and none after the stop. Raises BackendError."""
        async with self._lock:
            if self._stopped:
                raise BackendError("anyclaude-tui is stopping")
            yield

    @contextmanager
    def _changing(self, step: str, old: Route | None) -> Iterator[None]:
        """New requests, and those in line, wait until the change is over."""
        self._step = step
        change = self._change = asyncio.get_running_loop().create_future()
        if old is not None:
            old.gate.close()
        try:
            yield
        finally:
            if old is not None and old.backend.name == self.active:
                old.gate.open()
            self._step = ""
            self._change = None
            change.set_result(None)
            self.changed.set()

    async def _start_for_role(self, role: Role, name: str) -> None:
        """Bring up a role's own backend; where that fails the role goes to the active one."""
        route = self._routes.get(name)
        if route is not None and route.backend.status().state in SERVING:
            return
        task = self._role_starts.get(name)
        if task is None:
            task = self._role_starts[name] = asyncio.create_task(self._start_beside(name))
            task.add_done_callback(lambda _: self._role_starts.pop(name, None))
        try:
            await asyncio.shield(task)
        except (BackendError, ConfigError) as error:
            if self.roles.pop(role, None) is not None:
                text = f"{name}: {error}; {role} requests go to {self.active} now"
                self._hub.notice("warning", text)

    async def _start_beside(self, name: str) -> None:
        route = self._routes.get(name) or Route(self._make(name), Gate(1))
        try:
            await route.backend.start()
        except asyncio.CancelledError:
            await asyncio.shield(route.backend.stop())
            raise
        route.gate.open()
        self._routes[name] = route

    async def _revive(self, backend: Backend) -> None:
        """Bring back the backend that requests go to. Raises BackendError."""
        status = backend.status()
        failed = status.state is BackendState.FAILED
        if self._stopped or (failed and status.supervised):
            raise BackendError(status.reason or f"{status.name} is {status.state}")
        if failed:
            await backend.start()  # its owner may have brought it back: it is asked once
        else:
            await backend.recover()

    async def _change_to(self, name: str, step: str, work: Work) -> None:
        """Another backend, brought up by `work`, becomes the active one."""
        old = self._routes.get(self.active)
        route = self._routes.get(name) or self._new_route(name)
        with self._changing(step, old):
            async with self._room_for(route.backend, old):
                self._step = step
                await self._bring_up(name, route, old, work)
        if old is not None and old.backend.name in self._routes:
            self._let_go(old)

    def _new_route(self, name: str) -> Route:
        """Raises BackendError or ConfigError where there can be no such backend: it is listed,
        as one that has failed."""
        try:
            return Route(self._make(name), Gate(1))
        except (BackendError, ConfigError) as error:
            self._hub.notice("error", f"{name}: {error}")
            self._failed[name] = BackendStatus(name, "", BackendState.FAILED, reason=str(error))
            raise

    @asynccontextmanager
    async def _room_for(self, new: Backend, old: Route | None) -> AsyncIterator[None]:
        """Make room: where both do not fit into memory the old backend is stopped before the new
        one starts; it comes back when that fails."""
        if old is None or await self._fit(old.backend, new):
            yield
            return
        name = old.backend.name
        if name in self.roles.values():  # its requests would bring it up again beside the new one
            self._hub.notice("warning", f"{name} and {new.name} may not both fit into memory")
            yield
            return
        try:
            self._step = f"{name} and {new.name} do not fit into memory: {name} makes room"
            await old.gate.drained()
            await old.backend.stop()
            yield
        except BaseException:
            if not self._stopped:
                self._step = f"starting {name} again"
                await self._start_again(old)
            raise
        del self._routes[name]

    async def _within(self, step: str, work: Work) -> None:
        """Change something in the active backend while no request runs on it.

        What fails is followed by a plain start: it serves again as it did before.
        """
        route = self.peek(Role.MAIN)
        with self._changing(step, route):
            if route.gate.busy:
                self._step = f"{step}: waiting for {route.gate.busy} running"
                await route.gate.drained()
                self._step = step
            try:
                await work(route.backend)
            except BackendError as error:
                self._hub.notice("error", f"{route.backend.name}: {error}")
                with suppress(BackendError):
                    await route.backend.start()
                raise
            finally:
                if route.backend.status().state in SERVING:
                    route.gate.resize(route.backend.endpoint.slots.number)

    async def _bring_up(self, name: str, route: Route, old: Route | None, work: Work) -> None:
        self._failed.pop(name, None)
        self._coming = route.backend  # so that screens see it start
        if old is None:
            self._routes[name] = route
            self.active = name
        try:
            await work(route.backend)
        except Exception as error:
            still = f"; still on {old.backend.name}" if old is not None else ""
            self._hub.notice("error", f"{name}: {error}{still}")
            if old is not None:
                await self._give_up(route, str(error))
            raise
        except asyncio.CancelledError:
            if self._routes.get(name) is not route:
                await asyncio.shield(route.backend.stop())
            raise
        finally:
            self._coming = None
        route.gate.resize(route.backend.endpoint.slots.number)
        route.gate.open()
        self._routes[name] = route
        self.active = name

    async def _give_up(self, route: Route, reason: str) -> None:
        """Let go of a backend that did not come up; its last status, the log's end in it, stays."""
        status = route.backend.status()
        if self._routes.get(status.name) is not route:
            await route.backend.stop()
        self._failed[status.name] = replace(status, state=BackendState.FAILED, reason=reason)

    def _let_go(self, old: Route) -> None:
        """Stop the old backend when its last request has ended."""
        name = old.backend.name
        if self.keep or name in self.roles.values():
            old.gate.open()
            return

        async def leave() -> None:
            await old.gate.drained()
            async with self._alone():  # a switch back to it waits until it is gone, its port free
                if name == self.active or self._routes.get(name) is not old:
                    return
                if name in self.roles.values():  # it is wanted again
                    old.gate.open()
                else:
                    await self._stop_route(old)

        task = asyncio.create_task(leave())
        self._leaving[task] = old
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        del self._leaving[task]
        self.changed.set()

    async def _stop_route(self, route: Route) -> None:
        """Stop a backend that is not active once it is idle; it stays if that is cancelled."""
        name = route.backend.name
        self._step = f"stopping {name}"
        was_closed, done = route.gate.closed, False
        route.gate.close()
        try:
            await route.gate.drained()
            await route.backend.stop()
            del self._routes[name]
            done = True
        finally:
            self._step = ""
            if not (done or was_closed):
                route.gate.open()
            self.changed.set()
