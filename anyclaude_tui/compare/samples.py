"""What a comparison is made of: targets, and one sample for every timed run.

A sample holds a `RequestView`, made by `telemetry/metrics.py` from the same kind of record
that the proxy keeps: each number has one definition, wherever it was measured. All of it
is frozen and goes to JSON and back with msgspec.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from anyclaude_tui.telemetry.events import Outcome, Truncation
from anyclaude_tui.telemetry.metrics import RequestView

TEXT_KEPT = 2_000
"""Characters of a reply kept with its sample."""


class Way(StrEnum):
    """How the model was reached."""

    PROXY = "proxy"
    """As Claude Code reaches it."""
    LOGGED = "logged"
    """Through the proxy with full logging and traces."""
    DIRECT = "direct"
    """The backend itself, without the proxy."""


class Prefix(StrEnum):
    """What the server's prefix cache can do for the prompt."""

    COLD = "cold"
    """A nonce stands at the front: nothing of it can be cached."""
    WARM = "warm"
    """The same request was sent just before."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One timed run. A run that failed is a sample too; `view.reason` says why."""

    target: str
    workload: str
    way: Way
    prefix: Prefix
    run: int
    """From 1; 0 is the warm-up, which no median counts."""
    view: RequestView
    text: str = ""
    """The start of the reply."""
    timeline: tuple[tuple[float, int], ...] = ()
    """(seconds since sent, deltas so far), thinned out, for a chart."""

    @property
    def ok(self) -> bool:
        """It ended as it should: whole, or at the limit of tokens that it was given."""
        view = self.view
        return (
            view.outcome in (Outcome.COMPLETE, Outcome.LIMIT)
            and view.truncation in (None, Truncation.MAX_TOKENS)
            and view.ttft_s.value is not None
        )

    @property
    def thinking_share(self) -> float | None:
        """Thinking deltas among all deltas; None when there were none."""
        return self.view.thinking_deltas / self.view.deltas if self.view.deltas else None


@dataclass(frozen=True, slots=True)
class Target:
    """A backend that was measured."""

    name: str
    kind: str
    model: str = ""
    simulated: bool = False
    supervised: bool = False
    window_tokens: int | None = None
    bring_up_s: float | None = None
    """From the start of the backend until it served, model load included; None when it
    ran already."""
    error: str = ""
    """Why it could not be measured (or not to the end)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that was measured, complete or as far as it got."""

    started_wall: float
    seconds: float
    targets: tuple[Target, ...]
    workloads: tuple[str, ...]
    samples: tuple[Sample, ...]
    runs: int
    stopped: bool = False
    """The user stopped it: what there is was kept."""

    def target(self, name: str) -> Target:
        """The target of that name. Raises KeyError."""
        for target in self.targets:
            if target.name == name:
                return target
        raise KeyError(name)


def select(
    samples: Iterable[Sample],
    *,
    target: str | None = None,
    workload: str | None = None,
    way: Way | None = None,
    prefix: Prefix | None = None,
) -> list[Sample]:
    """The good samples that match, warm-ups left out."""
    return [
        sample
        for sample in samples
        if sample.ok
        and sample.run > 0
        and target in (None, sample.target)
        and workload in (None, sample.workload)
        and way in (None, sample.way)
        and prefix in (None, sample.prefix)
    ]
