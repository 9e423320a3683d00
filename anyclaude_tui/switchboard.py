"""Which backend new requests go to, and the steps of a change (design.md, "Supervision").

A switch: the new backend is brought up, new requests wait for it (kept alive), those in
flight end on the old one, then the old one stops. A failed switch goes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from anyclaude_tui.backends.base import Backend, BackendError, BackendState, BackendStatus
from anyclaude_tui.config import ConfigError
from anyclaude_tui.proxy.admission import Gate
from anyclaude_tui.proxy.services import Lane
from anyclaude_tui.telemetry.events import Role
from anyclaude_tui.telemetry.hub import Hub

SERVING = (BackendState.READY, BackendState.DEGRADED)


class Switchboard:
    """The session's backends, one of them active. Used on the session's loop only."""

    def __init__(
        self,
        make: Callable[[str], Backend],
        hub: Hub,
        *,
        roles: Mapping[Role, str] | None = None,
        keep: bool = False,
    ) -> None:
        """`make` builds a backend from its name; raises ConfigError.

        `roles`: backends for some roles, brought up by their first request. `keep`: an old
        backend is not stopped after a switch.
        """
        self.roles = dict(roles or {})
        self._keep = keep
        self._role_starts: dict[str, asyncio.Task[None]] = {}
        self._make = make
        self._hub = hub
        self._lanes: dict[str, Lane] = {}
        self._change: asyncio.Future[None] | None = None
        self._lock = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()
        self.active = ""
        self.switching = ""
        """The step of a change that is under way, in words."""

    # --- asked by the proxy (Routes) ----------------------------------------------------------

    async def lane(self, role: Role) -> Lane:
        """The lane for a new request; waits through a change. Raises BackendError."""
        while True:
            name = self.roles.get(role)
            if name is not None and name != self.active:
                await self._start_for_role(role, name)
            if self._change is not None:
                await asyncio.shield(self._change)
                continue
            lane = self.peek(role)
            status = lane.backend.status()
            if status.state in SERVING:
                return lane
            if status.state in (BackendState.FAILED, BackendState.STOPPED):
                raise BackendError(status.reason or f"{status.name} is {status.state}")
            await lane.backend.recover()

    def peek(self, role: Role) -> Lane:
        """Where requests go at this moment. Raises BackendError when there is no backend."""
        lane = self._lanes.get(self.roles.get(role, "")) or self._lanes.get(self.active)
        if lane is None:
            raise BackendError("no backend is chosen yet")
        return lane

    # --- asked by the user --------------------------------------------------------------------

    def statuses(self) -> tuple[BackendStatus, ...]:
        """A look at every backend in use, the active one first."""
        lanes = sorted(self._lanes, key=lambda name: name != self.active)
        return tuple(self._lanes[name].backend.status() for name in lanes)

    async def switch(self, name: str) -> None:
        """Make NAME the active backend.

        Raises BackendError or ConfigError; all is then as it was.
        """
        async with self._lock:
            if name == self.active:
                await self._lanes[name].backend.start()
                return
            old = self._lanes.get(self.active)
            lane = self._lanes.get(name) or Lane(self._make(name), Gate(1))
            with self._changing(f"starting {name}", old):
                await self._bring_up(name, lane, old)
            if old is not None:
                self._let_go(old)

    async def restart(self) -> None:
        """Stop and start the active backend: an empty prefix cache. Raises BackendError."""
        async with self._lock:
            lane = self.peek(Role.MAIN)
            with self._changing(f"restarting {self.active}", lane):
                await lane.gate.drained()
                await lane.backend.restart()

    async def stop(self) -> None:
        """Stop every backend that we started."""
        tasks = [*self._leaving, *self._role_starts.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        stops = (lane.backend.stop() for lane in self._lanes.values())
        await asyncio.gather(*stops, return_exceptions=True)

    # --- the steps ------------------------------------------------------------------------------

    @contextmanager
    def _changing(self, step: str, old: Lane | None) -> Iterator[None]:
        """New requests, and those in line, wait until the change is over."""
        self.switching = step
        change = self._change = asyncio.get_running_loop().create_future()
        if old is not None:
            old.gate.close()
        try:
            yield
        finally:
            if old is not None and old.backend.name == self.active:
                old.gate.open()
            self.switching = ""
            self._change = None
            change.set_result(None)

    async def _start_for_role(self, role: Role, name: str) -> None:
        """Bring up a role's own backend; where that fails the role goes to the active one."""
        lane = self._lanes.get(name)
        if lane is not None and lane.backend.status().state in SERVING:
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
        lane = self._lanes.get(name) or Lane(self._make(name), Gate(1))
        await lane.backend.start()
        lane.gate.resize(lane.backend.endpoint.slots)
        self._lanes[name] = lane

    async def _bring_up(self, name: str, lane: Lane, old: Lane | None) -> None:
        if old is None:
            self._lanes[name] = lane  # so that screens see the first one start
            self.active = name
        try:
            await lane.backend.start()
        except BackendError as error:
            still = f"; still on {old.backend.name}" if old is not None else ""
            self._hub.notice("error", f"{name}: {error}{still}")
            raise
        lane.gate.resize(lane.backend.endpoint.slots)
        lane.gate.open()
        self._lanes[name] = lane
        self.active = name

    def _let_go(self, old: Lane) -> None:
        """Stop the old backend when its last request has ended."""
        name = old.backend.name
        if self._keep or name in self.roles.values():
            old.gate.open()
            return

        async def leave() -> None:
            if old.gate.busy:
                self.switching = f"{old.gate.busy} still running on {name}"
            await old.gate.drained()
            if name != self.active:
                self.switching = f"stopping {name}"
                del self._lanes[name]
                await old.backend.stop()
            self.switching = ""

        task = asyncio.create_task(leave())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
