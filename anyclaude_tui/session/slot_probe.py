"""The measurement of how many requests at once a server takes that does not say so.

Before the first prompt, while the model is loaded and nobody waits: then nothing is in its cache
that a short request could drive out. Where that moment was missed, once the server has shown that
it keeps a conversation's prompt beside others. Never where somebody may have to pay, and never a
request that would load a model. docs/backends.md, "Requests at once".
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from anyclaude_tui.backends.base import Backend, BackendError, Endpoint
from anyclaude_tui.backends.http import PROBE_TOKENS
from anyclaude_tui.backends.slots import overlap
from anyclaude_tui.backends.slots.overlap import TOGETHER, Timing
from anyclaude_tui.backends.slots.source import SlotsFrom
from anyclaude_tui.proxy.context import Route, Services
from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.session.kept_prompts import KeptPrompts
from anyclaude_tui.session.own_record import own_record
from anyclaude_tui.telemetry.events import RequestRecord
from anyclaude_tui.telemetry.metrics import RequestView

GRACE_S = 1.0
"""A server's first request waits so long for the end of the measurement, once."""
LONGEST_S = 30.0
"""A measurement that takes longer is given up: it is not told then."""
REPEATS = 2
"""So often in all, and the most counts, where not all of them ran at once: mlx_lm (0.32.2) looks
for new requests only every half second while one runs, so that short ones may miss each other."""
GIVES_WAY = 8
"""It is not begun anew for ever, where a request has always gone first."""
WORDS = "Count from {} to ninety."
"""Each of them a little different, as requests are."""


@dataclass(slots=True)
class _Server:
    """One server and model, and what is known of it."""

    begun: int = 0
    over: bool = False
    """Measured, or it cannot be told."""
    slots: int | None = None
    prompts: KeptPrompts = field(default_factory=KeptPrompts)


class _Guest:
    """A measurement that runs; see Guest."""

    def __init__(self, task: asyncio.Task[None], grace_s: float) -> None:
        self._task = task
        self._until = time.monotonic() + grace_s

    async def give_way(self) -> None:
        """See Guest."""
        left_s = self._until - time.monotonic()
        if left_s > 0:
            await asyncio.wait([self._task], timeout=left_s)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])


class SlotProbe:
    """`begin(route)` for every route that is about to be used, `ended` for every request."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._servers: dict[str, _Server] = {}
        self._generations: WeakKeyDictionary[Backend, int] = WeakKeyDictionary()
        self._routes: dict[str, Route] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, route: Route) -> None:
        """A request is about to take this route, or its backend has become ready: what was
        measured is told to it, else measured if now is the time. Returns at once."""
        self._routes[route.backend.name] = route
        found = self._asked(route)
        if found is None:
            return
        endpoint, server = found
        if server.slots is not None:
            self._tell(route, server.slots)
        elif not server.begun:
            server.begun = 1
            if endpoint.probes == "now":
                self._start(route, endpoint, server, GRACE_S)

    async def measured(self, route: Route) -> None:
        """The same; returns when nothing is measured any more."""
        self.begin(route)
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Nothing is measured any more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def ended(self, record: RequestRecord, _: RequestView) -> None:
        """A request has ended: a model that has just answered is loaded."""
        route = self._routes.get(record.backend) if record.role.is_work else None
        found = self._asked(route) if route is not None else None
        if route is None or found is None:
            return
        endpoint, server = found
        kept = server.prompts.see(record)
        if kept and endpoint.probes and not server.over and 0 < server.begun < GIVES_WAY:
            server.begun += self._start(route, endpoint, server, 0.0)

    # --- how ------------------------------------------------------------------------------------

    def _asked(self, route: Route) -> tuple[Endpoint, _Server] | None:
        """The endpoint and what is known of it, where nobody says how many it takes."""
        backend = route.backend
        try:
            endpoint = backend.endpoint
        except BackendError:
            return None
        if endpoint.slots.source is not SlotsFrom.ASSUMED or endpoint.native:
            return None
        if self._generations.get(backend, backend.generation) != backend.generation:
            self._servers.pop(endpoint.server, None)
        self._generations[backend] = backend.generation
        return endpoint, self._servers.setdefault(endpoint.server, _Server())

    def _start(self, route: Route, endpoint: Endpoint, server: _Server, grace_s: float) -> bool:
        """True once it has begun: it does not where somebody uses the backend."""
        gate = route.gate
        if gate.busy or gate.guest is not None or gate.closed:
            return False
        task = asyncio.create_task(self._run(route, endpoint, server))
        guest = gate.guest = _Guest(task, grace_s)
        self._tasks.add(task)

        def over(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if gate.guest is guest:
                gate.guest = None

        task.add_done_callback(over)
        return True

    async def _run(self, route: Route, endpoint: Endpoint, server: _Server) -> None:
        found, together = 0, max(TOGETHER, endpoint.slots.number)
        try:
            with suppress(TimeoutError, ApiError, BackendError):
                async with asyncio.timeout(LONGEST_S):
                    for _ in range(REPEATS):
                        found = max(found, await self._found(route.backend, together))
                        if found == together:
                            break
        except Exception as error:  # nobody's request hangs on it
            words = f"fault in measuring {route.backend.name}'s slots: {error!r}"
            self._services.hub.notice("error", words)
        server.over = True
        if found:
            server.slots = found
            self._tell(route, found)

    async def _found(self, backend: Backend, number: int) -> int:
        """So many of `number` ran at once; 0 where that cannot be told."""
        alone = await self._short(backend, 0)
        if alone.failed:
            return 0
        shorts = (self._short(backend, place) for place in range(1, 1 + number))
        return overlap.slots(alone, await asyncio.gather(*shorts)) or 0

    async def _short(self, backend: Backend, number: int) -> Timing:
        """One short request. Raises BackendError."""
        services, now = self._services, self._services.clock.now()
        record = own_record(backend, now)
        body = {
            "model": backend.endpoint.model,
            "max_tokens": PROBE_TOKENS,
            "stream": True,
            "messages": [{"role": "user", "content": WORDS.format(number)}],
        }
        endpoint = services.endpoint(backend, record, body)
        # A start that measures nothing does without.
        from anyclaude_tui.proxy.warm_request import WarmRun
        from anyclaude_tui.proxy.wire_format import WireFormat

        request = await WireFormat.for_(endpoint).request(body, services.memory)
        good = False
        with suppress(ApiError):
            good = await WarmRun(services, endpoint, request, record).run()
        attempt = record.attempt
        return Timing(
            attempt.sent_at or now, attempt.first_delta_at, attempt.last_delta_at, failed=not good
        )

    def _tell(self, route: Route, slots: int) -> None:
        route.backend.measured(slots)
        with suppress(BackendError):
            route.gate.resize(route.backend.endpoint.slots.number)
