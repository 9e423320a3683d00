"""The input typed before the program in the pane reads: kept, and delivered once it does.

Before it is launched nobody would get it. From its start until it reads, the terminal would echo it
across the first screen, and make a line feed of Enter (Claude Code 2.1.332 takes that for a new
line of the prompt; it reads when it turns on bracketed paste, 0.7 to 2.5 s after its start).
"""

from __future__ import annotations

from collections.abc import Callable

KEPT_MOST = 2_000
"""Keys and pastes; more are dropped, the newest first."""
HELD_S = 10.0
"""A program that has not said by then that it reads gets them all the same."""


class HeldInput:
    """The keys and pastes that wait, in their order."""

    def __init__(self) -> None:
        self.holding = True
        self._kept: list[Callable[[], None]] = []

    def hold(self) -> None:
        """From now on what is typed waits."""
        self.holding = True

    def keep(self, deliver: Callable[[], None]) -> None:
        """One key or paste: `deliver` hands it on."""
        if len(self._kept) < KEPT_MOST:
            self._kept.append(deliver)

    def release(self) -> None:
        """The program reads: it gets what waits, and from now on everything at once."""
        self.holding = False
        kept, self._kept = self._kept, []
        for deliver in kept:
            deliver()

    def drop(self) -> None:
        """The program has ended: what was meant for it goes to nobody else."""
        self.holding = False
        self._kept = []
