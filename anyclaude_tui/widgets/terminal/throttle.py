"""The limit on what a program may do to the user only so often: ring, notify, copy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
PERIOD_S = 1.0


class OnceASecond(Generic[T]):
    """Calls `do` at once, and at most once a second: of what comes in between, the newest is
    done when the second is over. `later` calls a function after so many seconds."""

    def __init__(
        self, do: Callable[[T], None], later: Callable[[float, Callable[[], None]], object]
    ) -> None:
        self._do = do
        self._later = later
        self._done_at = -PERIOD_S
        self._waiting: list[T] = []

    def __call__(self, item: T) -> None:
        """Do it now, or when it is allowed."""
        left_s = self._done_at + PERIOD_S - time.monotonic()
        if left_s <= 0 and not self._waiting:
            self._done_at = time.monotonic()
            self._do(item)
            return
        if not self._waiting:
            self._later(max(0.0, left_s), self._due)
        self._waiting[:] = [item]

    def _due(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._done_at = time.monotonic()
        for item in waiting:
            self._do(item)
