"""The events of a comparison while it runs: frozen, for a screen and for a terminal alike.

`Running` comes at most ten times a second, and each replaces the one before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anyclaude_tui.compare.measuring.plan import Step, Visit
from anyclaude_tui.compare.samples import Comparison, Sample, Target
from anyclaude_tui.telemetry.metrics import RequestView

TAIL_CHARS = 600
"""Of the streaming text a screen gets this much, the newest."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The order of it all, before anything starts."""

    visits: tuple[Visit, ...]
    total: int
    """Timed runs, warm-ups included."""


@dataclass(frozen=True, slots=True)
class BringingUp:
    """A backend is being started (or asked whether it is there)."""

    target: str


@dataclass(frozen=True, slots=True)
class BroughtUp:
    """It serves."""

    target: Target


@dataclass(frozen=True, slots=True)
class TargetFailed:
    """It does not serve; its runs are left out."""

    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Running:
    """A run at this moment."""

    step: Step
    number: int
    """From 1 to `total`."""
    total: int
    eta_s: float | None
    """Seconds until all is done; None while nothing is known."""
    view: RequestView | None
    """The figures so far; None before it was sent."""
    text: str = ""
    """The newest part of the reply, thinking included."""
    timeline: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run has ended, well or not."""

    step: Step
    sample: Sample
    number: int
    total: int
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Finished:
    """All runs are done, or it was stopped."""

    comparison: Comparison


Progress = Planned | BringingUp | BroughtUp | TargetFailed | Running | RunEnded | Finished
Listener = Callable[[Progress], None]
