"""The causes that a verdict can name, and the three places where they are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """A cause that makes a target slow."""

    PREFILL = "model prefill"
    DECODE = "model decode"
    THINKING = "thinking"
    LENGTH = "answer length"
    PROXY = "proxy"
    CONTEXT = "context"
    CACHE = "cache"
    QUEUE = "queue"
    LOAD = "load"
    EQUAL = "equal"
    FAILED = "failed"


class Scenario(StrEnum):
    """The place where most of the time goes."""

    BACKEND = "the backend is the bottleneck"
    PROXY = "the proxy is the bottleneck"
    CONTEXT = "the context is the bottleneck"


SCENARIOS = {
    Cause.PREFILL: Scenario.BACKEND,
    Cause.DECODE: Scenario.BACKEND,
    Cause.THINKING: Scenario.BACKEND,
    Cause.LENGTH: Scenario.BACKEND,
    Cause.QUEUE: Scenario.BACKEND,
    Cause.LOAD: Scenario.BACKEND,
    Cause.PROXY: Scenario.PROXY,
    Cause.CONTEXT: Scenario.CONTEXT,
    Cause.CACHE: Scenario.CONTEXT,
}


class Confidence(StrEnum):
    """The confidence in the named cause."""

    HIGH = "high"
    LIKELY = "likely"
    LOW = "low"
    """Several causes share the blame."""


@dataclass(frozen=True, slots=True)
class Part:
    """A cause and the seconds that it accounts for, per request."""

    cause: Cause
    seconds: float


@dataclass(frozen=True, slots=True)
class Finding:
    """The largest part of one target's time, or a fault of the target."""

    target: str
    label: str
    """The target's short name."""
    cause: Cause
    seconds: float
    """Per request, over the workloads that were measured."""
    share: float
    """Of the target's whole time."""
    fault: bool
    """It need not be so: not just the largest part."""
    evidence: str
