"""The parts of a comparison: targets, and one sample for every timed run.

A sample holds a `RequestView`, made by `telemetry/metrics.py` from the same kind of record
that the proxy keeps: each number has one definition, wherever it was measured. All of it
is frozen and goes to JSON and back with msgspec.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from anyclaude_tui.figures import Figure
from anyclaude_tui.telemetry.events import Outcome, Truncation
from anyclaude_tui.telemetry.metrics import RequestView

TEXT_KEPT = 2_000
"""Characters of a reply kept with its sample."""


class Way(StrEnum):
    """The way on which the model was reached."""

    PROXY = "proxy"
    """As Claude Code reaches it."""
    LOGGED = "logged"
    """Through the proxy with full logging and traces."""
    DIRECT = "direct"
    """The backend itself, without the proxy."""


class Prefix(StrEnum):
    """The state of the server's prefix cache for the prompt."""

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
    def ended_well(self) -> bool:
        """It ended as it should: whole, or at the limit of tokens that it was given."""
        view = self.view
        if view.truncation is not None:
            return view.truncation is Truncation.MAX_TOKENS
        return view.outcome in (Outcome.COMPLETE, Outcome.LIMIT)

    @property
    def ok(self) -> bool:
        """It ended well and has something to measure."""
        return self.ended_well and self.view.ttft_s.value is not None

    @property
    def tokens_per_s(self) -> Figure:
        """Decode speed."""
        return self.view.tokens_per_s

    @property
    def thinking_share(self) -> float | None:
        """Thinking deltas among all deltas; None when there were none."""
        return self.view.thinking_deltas / self.view.deltas if self.view.deltas else None


@dataclass(frozen=True, slots=True)
class Target:
    """A backend that was measured."""

    name: str
    kind: str
    label: str = ""
    """A short name for tables and sentences, unique in its comparison."""
    model: str = ""
    simulated: bool = False
    supervised: bool = False
    window_tokens: int | None = None
    bring_up_s: float | None = None
    """From the start of the backend until it served, model load included; None when it
    ran already."""
    error: str = ""
    """The reason why it could not be measured (or not to the end)."""

    @property
    def shown(self) -> str:
        """The name for people."""
        return self.label or self.name


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


def labels(names: Sequence[str]) -> dict[str, str]:
    """Short names: `mlx_lm:model-dir` for a path, `openai:host:port` for a URL; the whole
    name where two would be alike."""
    short = {name: _label(name) for name in names}
    made = list(short.values())
    return {name: label if made.count(label) == 1 else name for name, label in short.items()}


def _label(name: str) -> str:
    kind, colon, rest = name.partition(":")
    if not colon or "/" not in rest:
        return name
    if "://" in rest:
        return f"{kind}:{rest.split('://', 1)[1].split('/', 1)[0]}"
    return f"{kind}:{rest.rstrip('/').rsplit('/', 1)[-1]}"
