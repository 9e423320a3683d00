"""The queue before a backend: at most its number of requests at once, main before the rest.

A local server that gets two prompts at once evicts one's KV cache for the other's, so
order matters more than throughput (`docs/protocol/messages.md`, "What users suffer from", 12).
One that batches reads two prompts at once more than twice as slowly as one: while it reads the
main conversation's, the others wait, also where a slot is free.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Protocol

from anyclaude_tui.figures import counted
from anyclaude_tui.telemetry.events import Role

_RANK = {Role.MAIN: 0, Role.SUBAGENT: 1, Role.BACKGROUND: 2, Role.COMPARE: 3, Role.WARMING: 4}


class Guest(Protocol):
    """A user of the backend while nobody else uses it: the warming."""

    async def give_way(self) -> None:
        """Stop; returns when a request would not be held up any more."""


class Moved(Exception):
    """The queue was closed while waiting: ask again where to go."""


class Place:
    """A slot that a request holds."""

    __slots__ = ("_gate", "alone", "role")

    def __init__(self, gate: Gate, role: Role, alone: bool) -> None:
        self._gate = gate
        self.role = role
        self.alone = alone
        """Its prompt is being read, and nobody less important comes in meanwhile."""

    def read(self) -> None:
        """Its prompt has been read. Safe to call again."""
        if self.alone:
            self.alone = False
            self._gate.prompt_read()


class _Waiter:
    __slots__ = ("future", "key", "moved", "place")

    def __init__(self, key: tuple[int, int], place: Place, moved: Callable[[int], None]) -> None:
        self.key = key
        self.place = place
        self.moved = moved
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __lt__(self, other: _Waiter) -> bool:
        return self.key < other.key


class Gate:
    """One backend's slots. Used on the session's loop only."""

    def __init__(self, slots: int) -> None:
        self._slots = max(1, slots)
        self._inside: list[Place] = []
        self._waiting: list[_Waiter] = []
        self._arrivals = count()
        self._idle = asyncio.Event()
        self._idle.set()
        self.closed = False
        self.guest: Guest | None = None
        """It has no slot, and gives way to whoever gets one."""

    @property
    def busy(self) -> int:
        """Requests that are let in now."""
        return len(self._inside)

    def ahead_of(self, role: Role) -> str:
        """Whom a request of this role waits for now, in words; "" where it need not wait."""
        if len(self._inside) < self._slots:
            return "the main conversation's prefill, which goes alone" if self._held(role) else ""
        roles = Counter(place.role for place in self._inside)
        return " and ".join(counted(roles[r], f"{r} request") for r in _RANK if roles[r])

    def prompt_read(self) -> None:
        """A prompt that went alone has been read: who waited for that comes in."""
        self._let_in()

    def resize(self, slots: int) -> None:
        """The backend takes another number of requests at once now."""
        if slots != self._slots:
            self._slots = max(1, slots)
            self._let_in()

    @asynccontextmanager
    async def enter(
        self, role: Role, moved: Callable[[int], None], *, alone: bool = False
    ) -> AsyncIterator[Place]:
        """Wait in line, then hold a slot. `moved(n)` tells the place in line (1 = next).

        `alone`: the server does one prompt at a time best, so that the main conversation's goes
        alone. Raises Moved when the gate closes before the request got in.
        """
        if self.closed:
            raise Moved
        place = Place(self, role, alone and role is Role.MAIN)
        if len(self._inside) >= self._slots or self._waiting or self._held(role):
            waiter = _Waiter((_RANK[role], next(self._arrivals)), place, moved)
            heapq.heappush(self._waiting, waiter)
            self._let_in()  # a slot may be free, for others than those who wait for a prefill
            try:
                await waiter.future
            except BaseException:
                self._forget(waiter)
                raise
        else:
            self._take(place)
        try:
            if self.guest is not None:
                await self.guest.give_way()
            yield place
        finally:
            self._release(place)

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
        """Wait until nobody is inside."""
        await self._idle.wait()

    def _held(self, role: Role) -> bool:
        """True while a prompt that goes alone is being read before it."""
        return role is not Role.MAIN and any(place.alone for place in self._inside)

    def _take(self, place: Place) -> None:
        self._inside.append(place)
        self._idle.clear()

    def _release(self, place: Place) -> None:
        self._inside.remove(place)
        if not self._inside:
            self._idle.set()
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and len(self._inside) < self._slots:
            if self._held(self._waiting[0].place.role):  # then all behind it are
                break
            waiter = heapq.heappop(self._waiting)
            if not waiter.future.done():
                self._take(waiter.place)
                waiter.future.set_result(None)
        self._tell_places()

    def _forget(self, waiter: _Waiter) -> None:
        """The one who waited left: give its place, or its slot if it just got one, on."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
            heapq.heapify(self._waiting)
            self._tell_places()
        elif not waiter.future.cancelled() and waiter.future.exception() is None:
            self._release(waiter.place)

    def _tell_places(self) -> None:
        for place, waiter in enumerate(sorted(self._waiting), 1):
            waiter.moved(place)
