"""Signals that end us: what runs ends properly then, children and files too."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)
"""Asked to end; the terminal window was closed."""


@contextmanager
def on_signals(act: Callable[[int], None], *numbers: int) -> Iterator[None]:
    """While inside, `act` is called with each of these signals, in the main thread between any
    two of its steps. One that is ignored (nohup) stays so."""
    before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
    for number in numbers:
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, lambda number, _: act(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Stop:
    """The first ending signal asks for a proper end, a second one of any kind ends at once."""

    def __init__(self, ask: Callable[[], object]) -> None:
        """`ask` is called for the first one, in the main thread between any two of its steps."""
        self._ask = ask
        self.number = 0
        """The signal that came, 0 before that."""

    def __call__(self, number: int) -> None:
        if self.number:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.number = number
        self._ask()
