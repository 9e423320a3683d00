"""The watcher of one request: keepalives and deadlines, kept beside the reading.

What is due is decided by `deadlines.py`; here it is waited for and done. Nothing of it
costs a chunk anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from anyclaude_tui.proxy.clock import Clock
from anyclaude_tui.proxy.deadlines import Due, Timers
from anyclaude_tui.proxy.downstream import Downstream

LOOK_S = 1.0
"""The watcher looks this often at least: what it waits for may have changed meanwhile."""


class Watcher:
    """`async with Watcher(…):` around what it watches; it ends with it."""

    def __init__(
        self,
        timers: Timers,
        clock: Clock,
        *,
        late: Callable[[Due], None],
        failed: Callable[[Exception], None],
        client: Downstream | None = None,
    ) -> None:
        """`late`: told of a backend's deadline that has passed. `failed`: told of a fault of
        the watcher's own, after which nothing would keep the deadlines any more. `client`:
        who gets the keepalives; None where nobody waits.
        """
        self._timers = timers
        self._clock = clock
        self._late = late
        self._failed = failed
        self._client = client
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._wait()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _wait(self) -> None:
        """Look when the next thing is due. Most requests end before anything is: a timer costs
        them a tenth of what a task of its own would."""
        wait_s = self._timers.next_due(self._clock.now()) + 0.001
        self._timer = self._clock.call_later(min(wait_s, LOOK_S), self._look)

    def _look(self) -> None:
        try:
            if self._timers.due(self._clock.now()) is None:
                self._wait()
            else:
                self._task = asyncio.create_task(self._act())
        except Exception as error:
            self._failed(error)

    async def _act(self) -> None:
        try:
            if await self._done():
                self._wait()
        except ConnectionError:
            pass  # the reading side meets it too
        except Exception as error:
            self._failed(error)

    async def _done(self) -> bool:
        """Do what is due; False when the watch is over."""
        due = self._timers.due(self._clock.now())
        if due is None:
            return True
        if due is Due.COMMIT or due is Due.KEEPALIVE:
            if self._client is not None:
                await self._client.keepalive(due)
        elif due is Due.CLIENT_STUCK:
            if self._client is not None:
                self._client.abort()  # the write that waits ends with a ConnectionError
            return False
        else:
            self._late(due)
        return True
