"""The comparison itself: targets brought up, runs made in the planned order, one at a time.

A failed run is a row, no abort; a stop keeps what there is; whatever happens, what was
started is stopped at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.compare.measuring import timed_run
from anyclaude_tui.compare.measuring.eta import Eta
from anyclaude_tui.compare.measuring.plan import Step, Visit, make_plan
from anyclaude_tui.compare.measuring.progress import (
    TAIL_CHARS,
    BringingUp,
    BroughtUp,
    Finished,
    Listener,
    Planned,
    Progress,
    RunEnded,
    Running,
    TargetFailed,
)
from anyclaude_tui.compare.measuring.run import Run, Taken
from anyclaude_tui.compare.measuring.targets import MeasuredTarget, can_stand_together
from anyclaude_tui.compare.samples import TEXT_KEPT, Comparison, Prefix, Sample, Target, Way, labels
from anyclaude_tui.compare.workload import Workload, with_nonce
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.events import Role

LOOK_S = 0.1
"""A run is shown this often."""
GIVE_UP_AFTER = 3
"""Failed runs in a row, after which a target's other runs are left out."""
WARM_UP_TOKENS = 8


class Comparer:
    """One comparison: `await run()`, once; `stop()` at any time from the same loop."""

    def __init__(
        self,
        settings: Settings,
        home: Path,
        targets: Sequence[str],
        workloads: Sequence[Workload],
        *,
        runs: int = 3,
        listen: Listener = lambda progress: None,
        lend: Mapping[str, Session] | None = None,
        together: bool | None = None,
    ) -> None:
        """`lend`: running sessions by target name; they are used and never stopped.
        `together`: all targets up at once (default: when at most one loads a model).

        Raises ConfigError when a target's name is wrong.
        """
        lent = lend or {}
        made = [
            MeasuredTarget(name, settings, home, lent.get(name)) for name in dict.fromkeys(targets)
        ]
        self._measured = {measured.name: measured for measured in made}
        self._workloads = {workload.name: workload for workload in workloads}
        self._runs = runs
        self._limits = settings.limits
        self._listen = listen
        self._together = can_stand_together(made) if together is None else together
        short = labels(list(self._measured))
        self._targets = {
            measured.name: Target(measured.name, measured.kind, short[measured.name])
            for measured in made
        }
        self._samples: list[Sample] = []
        self._failed_in_a_row: dict[str, int] = dict.fromkeys(self._measured, 0)
        self._nonces: dict[tuple[str, str, Way, int], str] = {}
        self._eta = Eta()
        self._left: list[Step] = []
        self._number = self._total = 0
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def stop(self) -> None:
        """End it now; `run()` returns what there is."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> Comparison:
        """Do it all. Raises only CancelledError (then everything is stopped too)."""
        started, wall = time.monotonic(), time.time()
        self._task = asyncio.create_task(self._all())
        try:
            await asyncio.wait([self._task])
        finally:
            self._task.cancel()
            await asyncio.wait([self._task])
            await asyncio.gather(*(measured.take_down() for measured in self._measured.values()))
        if not self._task.cancelled():
            self._task.result()
        comparison = Comparison(
            started_wall=wall,
            seconds=time.monotonic() - started,
            targets=tuple(self._targets.values()),
            workloads=tuple(self._workloads),
            samples=tuple(self._samples),
            runs=self._runs,
            stopped=self._stopped,
        )
        self._tell(Finished(comparison))
        return comparison

    async def _all(self) -> None:
        workloads = list(self._workloads.values())
        visits = make_plan(list(self._measured), workloads, self._runs, together=self._together)
        self._left = [step for visit in visits for step in visit.steps]
        self._total = len(self._left)
        self._tell(Planned(visits, self._total))
        for number, visit in enumerate(visits):
            if not self._gives_up(visit.target):
                await self._visit(visit)
            if not self._together and not _comes_next(visit, visits[number + 1 :]):
                await self._measured[visit.target].take_down()
            self._left = [step for later in visits[number + 1 :] for step in later.steps]

    async def _visit(self, visit: Visit) -> None:
        measured = self._measured[visit.target]
        if not measured.up and not await self._bring_up(measured):
            return
        for step in visit.steps:
            if self._gives_up(step.target):
                return
            self._left = self._left[1:]
            self._number = self._total - len(self._left)
            await self._step(measured, step)

    async def _bring_up(self, measured: MeasuredTarget) -> bool:
        """Bring a target up; True if it serves now. If not, its reason is kept and told."""
        self._tell(BringingUp(measured.name))
        try:
            target = await measured.bring_up()
        except (BackendError, ConfigError, OSError) as error:
            self._fail(measured.name, str(error))
            return False
        known = self._targets[measured.name]
        target = replace(target, label=known.label)
        if known.bring_up_s is not None:  # a second visit: the first start counts
            target = replace(target, bring_up_s=known.bring_up_s)
        self._targets[measured.name] = target
        self._tell(BroughtUp(target))
        return True

    async def _step(self, measured: MeasuredTarget, step: Step) -> None:
        run = Run(measured.name)
        watch = asyncio.create_task(self._watch(step, run))
        started = time.monotonic()
        try:
            taken = await self._take(measured, step, run)
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        seconds = time.monotonic() - started
        sample = Sample(
            target=step.target,
            workload=step.workload,
            way=step.way,
            prefix=step.prefix,
            run=step.run,
            view=taken.view,
            text=taken.text[:TEXT_KEPT],
            timeline=taken.timeline,
        )
        self._samples.append(sample)
        self._eta.note(step, seconds)
        self._failed_in_a_row[step.target] = (
            0 if sample.ended_well else self._failed_in_a_row[step.target] + 1
        )
        self._tell(RunEnded(step, sample, self._number, self._total, self._eta.left_s(self._left)))
        if self._gives_up(step.target):
            self._fail(step.target, f"{GIVE_UP_AFTER} runs in a row failed: {sample.view.reason}")

    async def _take(self, measured: MeasuredTarget, step: Step, run: Run) -> Taken:
        body = self._body(step)
        session = measured.session
        if step.way is Way.DIRECT:
            try:
                endpoint = measured.endpoint
            except BackendError as error:
                return timed_run.failed(run, str(error))
            return await timed_run.direct(run, measured.http, endpoint, body, self._limits)
        proxy = await measured.logged() if step.way is Way.LOGGED else session
        return await timed_run.through_proxy(
            run, measured.http, proxy.url, proxy.token, proxy.hub, body, Role.COMPARE
        )

    def _body(self, step: Step) -> dict[str, Any]:
        """The step's request. A warm one repeats the nonce of the cold one before it."""
        key = (step.target, step.workload, step.way, step.run)
        if step.prefix is Prefix.COLD or key not in self._nonces:
            self._nonces[key] = secrets.token_hex(4)
        body = self._workloads[step.workload].body
        made = with_nonce(body, self._nonces[key], again=int(step.prefix is Prefix.WARM))
        if step.run == 0:
            made["max_tokens"] = min(WARM_UP_TOKENS, made.get("max_tokens") or WARM_UP_TOKENS)
        return made

    async def _watch(self, step: Step, run: Run) -> None:
        """Tell how the run goes, until it is over."""
        started = time.monotonic()
        while True:
            left = self._eta.left_s(self._left)
            if left is not None:
                left += max(0.0, self._eta.one_s(step) - (time.monotonic() - started))
            self._tell(
                Running(
                    step=step,
                    number=self._number,
                    total=self._total,
                    eta_s=left,
                    view=run.look(),
                    text=run.reader.text[-TAIL_CHARS:],
                    timeline=run.line.points,
                )
            )
            await asyncio.sleep(LOOK_S)

    def _gives_up(self, target: str) -> bool:
        return self._failed_in_a_row[target] >= GIVE_UP_AFTER

    def _fail(self, target: str, reason: str) -> None:
        self._targets[target] = replace(self._targets[target], error=reason)
        self._failed_in_a_row[target] = GIVE_UP_AFTER
        self._tell(TargetFailed(target, reason))

    def _tell(self, progress: Progress) -> None:
        self._listen(progress)


def _comes_next(visit: Visit, later: Sequence[Visit]) -> bool:
    return bool(later) and later[0].target == visit.target
