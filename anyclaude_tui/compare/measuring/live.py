"""A comparison while it runs, as one immutable value: what it tells is folded into it. Pure.

The session's thread makes the next value, the screen reads the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from anyclaude_tui.compare.measuring.plan import Step
from anyclaude_tui.compare.measuring.progress import (
    BringingUp,
    BroughtUp,
    Planned,
    Progress,
    RunEnded,
    Running,
    TargetFailed,
)
from anyclaude_tui.compare.samples import Sample, Target
from anyclaude_tui.telemetry.metrics import RequestView


class State(StrEnum):
    """The states of a target."""

    WAITING = "waiting"
    """Another one is measured."""
    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Column:
    """One target."""

    target: Target
    planned: int = 0
    """Its runs, warm-ups included."""
    state: State = State.WAITING
    since: float = 0.0
    """The time when the state began, in monotonic seconds."""
    running: Running | None = None
    """The run that goes on; None between two."""
    ended: tuple[Sample, ...] = ()
    """The runs that have ended, well or not, the newest last."""

    @property
    def view(self) -> RequestView | None:
        """The figures of the run that goes on, else of the last one."""
        if self.running is not None:
            return self.running.view
        return self.ended[-1].view if self.ended else None

    @property
    def step(self) -> Step | None:
        """The step of that run."""
        if self.running is not None:
            return self.running.step
        if not self.ended:
            return None
        last = self.ended[-1]
        return Step(last.target, last.workload, last.way, last.prefix, last.run)

    @property
    def text(self) -> str:
        """The text that that run has written, its end."""
        if self.running is not None:
            return self.running.text
        return self.ended[-1].text if self.ended else ""

    @property
    def error(self) -> str:
        """The reason why it is left out."""
        return self.target.error


@dataclass(frozen=True, slots=True)
class Live:
    """All of it."""

    columns: tuple[Column, ...]
    started: float
    """Monotonic seconds."""
    number: int = 0
    """Runs that have begun."""
    total: int = 0
    ended: int = 0
    eta_s: float | None = None
    told: float = 0.0
    """The time when `eta_s` was said."""

    def left_s(self, now: float) -> float | None:
        """Seconds until the end at the monotonic time `now`; None while nothing is known."""
        return None if self.eta_s is None else max(0.0, self.eta_s - (now - self.told))


def begin(targets: Sequence[Target], now: float) -> Live:
    """Before anything is told."""
    return Live(tuple(Column(target, since=now) for target in targets), now)


def after(live: Live, progress: Progress, now: float) -> Live:
    """The value after one piece of news."""
    if isinstance(progress, Planned):
        columns = tuple(
            replace(
                column,
                planned=sum(len(v.steps) for v in progress.visits if v.target == _name(column)),
            )
            for column in live.columns
        )
        return replace(live, columns=columns, total=progress.total)
    if isinstance(progress, BringingUp):
        return _changed(live, progress.target, state=State.STARTING, since=now)
    if isinstance(progress, BroughtUp):
        name = progress.target.name
        return _changed(live, name, target=progress.target, state=State.RUNNING, since=now)
    if isinstance(progress, TargetFailed):
        column = next(c for c in live.columns if _name(c) == progress.target)
        target = replace(column.target, error=progress.reason)
        name = progress.target
        return _changed(live, name, target=target, state=State.FAILED, since=now, running=None)
    if isinstance(progress, Running):
        live = _others_wait(live, progress.step.target, now)
        live = _changed(live, progress.step.target, state=State.RUNNING, running=progress)
        return replace(live, number=progress.number, eta_s=progress.eta_s, told=now)
    if isinstance(progress, RunEnded):
        column = next(c for c in live.columns if _name(c) == progress.step.target)
        ended = (*column.ended, progress.sample)
        live = _changed(live, progress.step.target, ended=ended, running=None)
        count = sum(len(column.ended) for column in live.columns)
        return replace(live, number=progress.number, ended=count, eta_s=progress.eta_s, told=now)
    return live


def _name(column: Column) -> str:
    return column.target.name


def _changed(live: Live, name: str, **changes: object) -> Live:
    columns = tuple(
        replace(column, **changes) if _name(column) == name else column  # type: ignore[arg-type]
        for column in live.columns
    )
    return replace(live, columns=columns)


def _others_wait(live: Live, name: str, now: float) -> Live:
    """One runs at a time."""
    columns = tuple(
        replace(column, state=State.WAITING, since=now)
        if column.state is State.RUNNING and _name(column) != name
        else column
        for column in live.columns
    )
    return replace(live, columns=columns)
