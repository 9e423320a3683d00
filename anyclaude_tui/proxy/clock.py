"""Time, injectable: tests run the same deadlines on a clock that is a hundred times faster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class Clock:
    """Monotonic seconds, and waiting for them."""

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait this many of this clock's seconds."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Have `callback` called after this many of this clock's seconds."""
        return asyncio.get_running_loop().call_later(seconds, callback)
