"""A clock that runs faster than the wall's, so that deadlines of minutes pass in a test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from anyclaude_tui.proxy.clock import Clock


class FastClock(Clock):
    """`factor` times faster than the wall's clock."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def now(self) -> float:
        return time.monotonic() * self.factor

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.factor)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds / self.factor, callback)
