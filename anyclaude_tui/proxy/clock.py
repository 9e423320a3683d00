"""Time, injectable: tests run the same deadlines on a clock that is a hundred times faster."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """Monotonic seconds, and waiting for them."""

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait this many of this clock's seconds."""
        await asyncio.sleep(seconds)


class FastClock(Clock):
    """A clock that runs `factor` times faster than the wall's, for tests."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def now(self) -> float:
        return time.monotonic() * self.factor

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.factor)
