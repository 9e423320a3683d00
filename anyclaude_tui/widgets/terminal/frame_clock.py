"""The time to paint: at once after silence, else at a steady rate, faster after a key.

Also how much of a flood to parse before the screen, the keys and the proxy get their
turn: a time budget, because what a byte costs differs by a factor of ten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

FRAME_S = 1 / 30
FAST_FRAME_S = 1 / 120
BOOST_S = 0.150
"""After a key, for this long, frames come fast: the echo of what was typed is awaited."""
SYNC_LIMIT_S = 0.100
"""A synchronized frame (mode 2026) that does not end is shown after this long all the same."""
BUDGET_S = 0.008
"""Parsing per frame. The kernel holds the rest, and then the program."""


class FrameClock:
    """Calls `paint` soon after each `request`, never more often than the frame rate.

    `paint` says whether it has painted: if not (a frame is being written), the next
    chance is not put off.
    """

    def __init__(self, paint: Callable[[], bool]) -> None:
        self._paint = paint
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._last = 0.0
        self._boosted_until = 0.0
        self._urgent = False
        self.spent_s = 0.0
        """Parsing time since the last tick; the owner adds to it."""

    @property
    def due(self) -> bool:
        """True if a frame may be painted now."""
        return self._loop.time() >= self._earliest

    @property
    def boosted(self) -> bool:
        """True if a key was pressed just now."""
        return self._loop.time() < self._boosted_until

    @property
    def _earliest(self) -> float:
        if self._urgent:
            return 0.0
        return self._last + (FAST_FRAME_S if self.boosted else FRAME_S)

    def boost(self) -> None:
        """A key was pressed: the next frame waits for nothing."""
        self._boosted_until = self._loop.time() + BOOST_S
        self._urgent = True
        if self._handle is not None:
            self.request()

    def request(self, after_s: float = 0.0) -> None:
        """Paint at the next chance, at the earliest `after_s` from now."""
        at = max(self._earliest, self._loop.time() + after_s)
        if self._handle is not None:
            if self._handle.when() <= at:
                return
            self._handle.cancel()
        self._handle = self._loop.call_at(at, self._tick)

    def painted(self) -> None:
        """A frame was painted: the next one comes a period later."""
        self._last = self._loop.time()
        self._urgent = False

    def stop(self) -> None:
        """No more frames."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tick(self) -> None:
        self._handle = None
        self.spent_s = 0.0
        if self._paint():
            self.painted()
