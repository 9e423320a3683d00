"""A comparison on the session's loop: started, watched and stopped from a screen.

The backend in use is lent: it is measured as it runs and goes on running. Every other
target is brought up beside it in a session of its own and stopped afterwards.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anyclaude_tui.compare import history
from anyclaude_tui.compare.progress import Progress
from anyclaude_tui.compare.samples import Target, labels
from anyclaude_tui.compare.saved import Saved, save
from anyclaude_tui.compare.workload import Workload
from anyclaude_tui.door import Door
from anyclaude_tui.screens.compare_live import Live, after, begin

if TYPE_CHECKING:
    from anyclaude_tui.compare.runs import Comparer
    from anyclaude_tui.session import Session


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be compared."""

    targets: tuple[str, ...]
    workloads: tuple[Workload, ...]
    runs: int
    kinds: tuple[str, ...] = ()
    """The targets' kinds of backend, for the screen before they are up."""


@dataclass(frozen=True, slots=True)
class Result:
    """A comparison that has ended, and where it is kept."""

    saved: Saved
    path: Path | None
    problem: str = ""
    """Why it could not be kept."""


class Job:
    """`start()`, look at `live`, `stop()`; the future has the `Result`."""

    def __init__(self, door: Door, order: Order) -> None:
        self._door = door
        self._order = order
        self._comparer: Comparer | None = None
        self._stopped = False
        self.live: Live = begin(shown_targets(order), time.monotonic())
        """The last value; written on the session's thread."""

    def start(self) -> concurrent.futures.Future[Result]:
        """Begin. The future raises ConfigError when a target's name is wrong."""
        return self._door.call(self._run)

    def stop(self) -> None:
        """End it now: the future gives what there is."""

        async def stop(_: Session) -> None:
            self._stopped = True
            if self._comparer is not None:
                self._comparer.stop()

        self._door.call(stop)

    async def _run(self, session: Session) -> Result:
        from anyclaude_tui.compare.runs import Comparer

        order, active = self._order, session.switchboard.active
        lend = {active: session} if active in order.targets else {}
        self._comparer = Comparer(
            session.settings,
            session.home,
            order.targets,
            order.workloads,
            runs=order.runs,
            listen=self._tell,
            lend=lend,
        )
        comparison = await self._comparer.run()
        saved = await asyncio.to_thread(save, comparison)
        try:
            path = await asyncio.to_thread(history.keep, session.home, saved)
        except OSError as error:
            return Result(saved, None, str(error))
        return Result(saved, path)

    def _tell(self, progress: Progress) -> None:
        self.live = after(self.live, progress, time.monotonic())


def shown_targets(order: Order) -> Sequence[Target]:
    """The targets before anything is known of them."""
    short = labels(order.targets)
    kinds = order.kinds or ("",) * len(order.targets)
    return [
        Target(name, kind, short[name]) for name, kind in zip(order.targets, kinds, strict=True)
    ]
