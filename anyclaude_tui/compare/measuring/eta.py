"""The remaining time of a comparison, from the times of its runs so far. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean, median

from anyclaude_tui.compare.measuring.plan import Step
from anyclaude_tui.compare.samples import Prefix


class Eta:
    """The times of the runs so far by kind, and the estimate; unknown before the first."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str, Prefix], list[float]] = {}
        self._warm_ups: dict[str, float] = {}

    def note(self, step: Step, seconds: float) -> None:
        """A run took so long."""
        if step.run == 0:
            self._warm_ups[step.target] = seconds
        else:
            key = (step.target, step.workload, step.prefix)
            self._taken.setdefault(key, []).append(seconds)

    def left_s(self, steps: Iterable[Step]) -> float | None:
        """Seconds for the steps that are left; None while nothing is known."""
        if not self._taken:
            return None
        return sum(self.one_s(step) for step in steps)

    def one_s(self, step: Step) -> float:
        """Seconds for one run: from the same kind, else from the nearest (the same on
        another target, as much slower or faster as their warm-ups were; another on the
        same target; any)."""
        if step.run == 0:
            return fmean(self._warm_ups.values()) if self._warm_ups else 0.0
        same = self._taken.get((step.target, step.workload, step.prefix))
        if same:
            return median(same)
        kind = (step.workload, step.prefix)
        for known in (
            [
                median(taken) * self._slower(step.target, key[0])
                for key, taken in self._taken.items()
                if key[1:] == kind
            ],
            [median(taken) for key, taken in self._taken.items() if key[0] == step.target],
            [median(taken) for taken in self._taken.values()],
        ):
            if known:
                return fmean(known)
        return 0.0

    def _slower(self, target: str, than: str) -> float:
        """The factor by which a target is slower than another, from warm-ups; 1 if unknown."""
        mine, other = self._warm_ups.get(target), self._warm_ups.get(than)
        return mine / other if mine and other else 1.0
