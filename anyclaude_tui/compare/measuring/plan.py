"""The order of the runs: pure, so that it can be shown before it starts.

The order alternates (A B, then B A), so that a machine that grows warm or busy is unfair
to nobody. A target that must be stopped for the next one is visited in few long visits
instead, A B B A: each start costs a model load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anyclaude_tui.compare.samples import Prefix, Way
from anyclaude_tui.compare.workload import Cell, Workload

RUNS_FOR_TWO_VISITS = 4
"""With so many runs a target that must make room is visited twice."""


@dataclass(frozen=True, slots=True)
class Step:
    """One timed run."""

    target: str
    workload: str
    way: Way
    prefix: Prefix
    run: int
    """From 1; 0 is a warm-up."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Consecutive runs on one target."""

    target: str
    steps: tuple[Step, ...]


def make_plan(
    targets: Sequence[str], workloads: Sequence[Workload], runs: int, *, together: bool
) -> tuple[Visit, ...]:
    """The visits in order. `together`: all targets are up at the same time.

    Every visit to a target that was not up begins with a warm-up.
    """
    size = 1 if together else (-(-runs // 2) if runs >= RUNS_FOR_TWO_VISITS else runs)
    blocks = [range(1, runs + 1)[start : start + size] for start in range(0, runs, size)]
    visits: list[Visit] = []
    for number, block in enumerate(blocks):
        for target in targets if number % 2 == 0 else reversed(targets):
            steps = [step for run in block for step in _round(target, workloads, run)]
            if visits and visits[-1].target == target:  # B B: it is still up
                visits[-1] = Visit(target, (*visits[-1].steps, *steps))
                continue
            if not together or number == 0:
                steps.insert(0, _warm_up(target, workloads[0]))
            visits.append(Visit(target, tuple(steps)))
    return tuple(visits)


def _round(target: str, workloads: Sequence[Workload], run: int) -> list[Step]:
    """Each cell of each workload once; every second round begins with the direct runs.

    A warm run follows its cold one at once: it is the same prompt again.
    """
    steps: list[Step] = []
    for workload in workloads:
        ways = list(dict.fromkeys(way for way, _ in workload.cells))
        for way in ways if run % 2 else reversed(ways):
            cells: list[Cell] = [cell for cell in workload.cells if cell[0] is way]
            cells.sort(key=lambda cell: cell[1] is Prefix.WARM)
            steps += [Step(target, workload.name, *cell, run) for cell in cells]
    return steps


def _warm_up(target: str, workload: Workload) -> Step:
    way, _ = workload.cells[0]
    return Step(target, workload.name, way, Prefix.COLD, 0)
