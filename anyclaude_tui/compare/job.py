"""A comparison on the session's loop: started, watched and stopped from a screen.

The backend in use is lent: it is measured as it runs and goes on running. Every other
target is brought up beside it in a session of its own and stopped afterwards. Where two
models do not fit, the one in use makes room until all is over: it is stopped, requests
wait, and every target has the memory for itself.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anyclaude_tui.compare.measuring.live import Live, after, begin
from anyclaude_tui.compare.measuring.progress import Progress
from anyclaude_tui.compare.report import history
from anyclaude_tui.compare.report.saved import Saved, save
from anyclaude_tui.compare.samples import Target, labels
from anyclaude_tui.compare.workload import Workload
from anyclaude_tui.session.client import SessionClient

if TYPE_CHECKING:
    from anyclaude_tui.compare.measuring.comparer import Comparer
    from anyclaude_tui.session.session import Session


@dataclass(frozen=True, slots=True)
class Order:
    """The order for a comparison."""

    targets: tuple[str, ...]
    workloads: tuple[Workload, ...]
    runs: int
    kinds: tuple[str, ...] = ()
    """The targets' kinds of backend, for the screen before they are up."""
    stop_active: bool = False
    """The backend in use is stopped meanwhile."""


@dataclass(frozen=True, slots=True)
class Result:
    """A comparison that has ended, and where it is kept."""

    saved: Saved
    path: Path | None
    problem: str = ""
    """The reason why it could not be kept."""


class Job:
    """`start()`, look at `live` and `result`, `stop()`."""

    def __init__(self, client: SessionClient, order: Order) -> None:
        self._client = client
        self._order = order
        self._comparer: Comparer | None = None
        self._stopped = False
        self.live: Live = begin(shown_targets(order), time.monotonic())
        """The last value; written on the session's thread."""
        self.result: Result | None = None
        """The result; there as soon as all runs have ended."""

    def start(self) -> concurrent.futures.Future[None]:
        """Begin. The future is done when all is as it was before: after the result, where the
        backend in use had made room. It raises ConfigError when a target's name is wrong, and
        BackendError when there is no backend to make room.
        """
        return self._client.call(self._run)

    def stop(self) -> None:
        """End it now: the result is what there is."""

        async def stop(_: Session) -> None:
            self._stopped = True
            if self._comparer is not None:
                self._comparer.stop()

        self._client.call(stop)

    async def _run(self, session: Session) -> None:
        if not self._order.stop_active:
            self.result = await self._compare(session)
            return
        async with session.switchboard.aside("comparing"):
            self.result = await self._compare(session)

    async def _compare(self, session: Session) -> Result:
        from anyclaude_tui.compare.measuring.comparer import Comparer

        order, active = self._order, session.switchboard.active
        lent = active in order.targets and not order.stop_active
        comparer = self._comparer = Comparer(
            session.settings,
            session.home,
            order.targets,
            order.workloads,
            runs=order.runs,
            listen=self._tell,
            lend={active: session} if lent else {},
        )
        if self._stopped:  # while room was made
            asyncio.get_running_loop().call_soon(comparer.stop)
        comparison = await comparer.run()
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
