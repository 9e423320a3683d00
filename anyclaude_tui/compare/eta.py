"""How long a comparison will still take: from what its runs took so far. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean, median

from anyclaude_tui.compare.plan import Step
from anyclaude_tui.compare.samples import Prefix


class Eta:
    """Learns the time of each kind of run; knows nothing before the first."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str, Prefix], list[float]] = {}

    def note(self, step: Step, seconds: float) -> None:
        """A run took so long."""
        if step.run > 0:
            self._taken.setdefault((step.target, step.workload, step.prefix), []).append(seconds)

    def left_s(self, steps: Iterable[Step]) -> float | None:
        """Seconds for the steps that are left; None while nothing is known."""
        if not self._taken:
            return None
        return sum(self.one_s(step) for step in steps)

    def one_s(self, step: Step) -> float:
        """Seconds for one run: from the same kind, else the nearest (its workload, its
        target, any). A warm-up is short and counts as nothing."""
        if step.run == 0:
            return 0.0
        same = self._taken.get((step.target, step.workload, step.prefix))
        if same:
            return median(same)
        for alike in (
            lambda key: key[:2] == (step.target, step.workload),
            lambda key: key[0] == step.target,
            lambda key: key[1:] == (step.workload, step.prefix),
            lambda key: True,
        ):
            known = [median(values) for key, values in self._taken.items() if alike(key)]
            if known:
                return fmean(known)
        return 0.0
