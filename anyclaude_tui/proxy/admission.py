"""The queue before a backend: at most its number of requests at once, main before the rest.

A local server that gets two prompts at once evicts one's KV cache for the other's, so
order matters more than throughput (`docs/protocol/messages.md`, "What users suffer from", 12).
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

from anyclaude_tui.telemetry.events import Role

_RANK = {Role.MAIN: 0, Role.SUBAGENT: 1, Role.BACKGROUND: 2, Role.COMPARE: 3}


class Moved(Exception):
    """The queue was closed while waiting: ask again where to go."""


class _Waiter:
    __slots__ = ("future", "key", "moved")

    def __init__(self, key: tuple[int, int], moved: Callable[[int], None]) -> None:
        self.key = key
        self.moved = moved
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __lt__(self, other: _Waiter) -> bool:
        return self.key < other.key


class Gate:
    """One backend's slots. Used on the session's loop only."""

    def __init__(self, slots: int) -> None:
        self._slots = max(1, slots)
        self._busy = 0
        self._waiting: list[_Waiter] = []
        self._arrivals = count()
        self._idle = asyncio.Event()
        self._idle.set()
        self.closed = False

    @property
    def busy(self) -> int:
        """Requests that are let in now."""
        return self._busy

    def resize(self, slots: int) -> None:
        """The backend takes another number of requests at once now."""
        if slots != self._slots:
            self._slots = max(1, slots)
            self._let_in()

    @asynccontextmanager
    async def enter(self, role: Role, moved: Callable[[int], None]) -> AsyncIterator[None]:
        """Wait in line, then hold a slot. `moved(n)` tells the place in line (1 = next).

        Raises Moved when the gate closes before the request got in.
        """
        if self.closed:
            raise Moved
        if self._busy >= self._slots or self._waiting:
            waiter = _Waiter((_RANK[role], next(self._arrivals)), moved)
            heapq.heappush(self._waiting, waiter)
            self._tell_places()
            try:
                await waiter.future
            except BaseException:
                self._forget(waiter)
                raise
        else:
            self._take()
        try:
            yield
        finally:
            self._release()

    def close(self) -> None:
        """No more entries; those in line are sent away with Moved, those inside go on."""
        self.closed = True
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.future.done():
                waiter.future.set_exception(Moved())

    def open(self) -> None:
        """Entries are taken again."""
        self.closed = False

    async def drained(self) -> None:
        """Returns when nobody is inside."""
        await self._idle.wait()

    def _take(self) -> None:
        self._busy += 1
        self._idle.clear()

    def _release(self) -> None:
        self._busy -= 1
        if not self._busy:
            self._idle.set()
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._busy < self._slots:
            waiter = heapq.heappop(self._waiting)
            if not waiter.future.done():
                self._take()
                waiter.future.set_result(None)
        self._tell_places()

    def _forget(self, waiter: _Waiter) -> None:
        """The one who waited left: give its place, or its slot if it just got one, on."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
            heapq.heapify(self._waiting)
            self._tell_places()
        elif not waiter.future.cancelled() and waiter.future.exception() is None:
            self._release()

    def _tell_places(self) -> None:
        for place, waiter in enumerate(sorted(self._waiting), 1):
            waiter.moved(place)
