"""The state of a backend's prompt cache before the next request, and the words for it.

Pure. The dashboard's line under *Backend*; docs/prompt-cache.md, "Warming".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from anyclaude_tui.backends.base import BackendStatus
from anyclaude_tui.figures import UNKNOWN, Figure


class Warming(StrEnum):
    """The progress of the reading ahead."""

    NONE = ""
    RUNS = "runs"
    DONE = "done"
    STOPPED = "stopped"
    """A request went first."""
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Warmth:
    """One look at it. Tokens; seconds."""

    warming: Warming = Warming.NONE
    fresh: bool = False
    """The backend has become ready, and nothing has been asked yet."""
    done_tokens: int = 0
    total_tokens: int = 0
    """0 where it is not known."""
    left_s: Figure = UNKNOWN
    conversation: bool = False
    """It is the running conversation that is read; else what a new one begins with."""
    share: float = 0.0
    """The part of a new conversation's first prompt that is read, 0 to 1."""
    why: str = ""
    """The reason why it was given up, or the result."""
    used_tokens: int | None = None
    """The tokens that the next request reused, once there was one; None before."""

    @property
    def part(self) -> float | None:
        """The part that is read, 0 to 1; None where it is not known."""
        return min(1.0, self.done_tokens / self.total_tokens) if self.total_tokens else None


COLD = Warmth()
COLD_WORDS = "cold: the first prompt will be read whole"


def words(warmth: Warmth, status: BackendStatus | None) -> str:
    """The line; "" where there is nothing to say."""
    cache = status.cache if status is not None else None
    own = _warming(warmth)
    if own and not (cache is not None and cache.evicted_tokens):
        return own
    if cache is None:
        return COLD_WORDS if warmth.fresh else ""
    if cache.restored_tokens and warmth.fresh:
        return f"restored {cache.restored_tokens:,} tokens in {_seconds(cache.restored_s)}"
    if cache.evicted_tokens:
        by = f" by a {cache.evicted_by} request" if cache.evicted_by else ""
        return f"evicted{by}: {cache.evicted_tokens:,} tokens of the main conversation"
    if cache.off:
        return f"prompt cache: {cache.off}"
    return COLD_WORDS if warmth.fresh else ""


def _warming(warmth: Warmth) -> str:
    part = warmth.part
    percent = f" {part:.0%}".replace("%", " %") if part is not None else ""
    match warmth.warming:
        case Warming.RUNS:
            left = f" · {warmth.left_s.value:.0f} s left" if warmth.left_s.value else ""
            return f"warming{percent}{left}"
        case Warming.DONE if warmth.used_tokens is not None:
            return warmth.why
        case Warming.DONE if warmth.conversation:
            return f"warm: {warmth.total_tokens:,} tokens of this conversation"
        case Warming.DONE:
            return f"warm: {warmth.share:.0%} of a new conversation".replace("%", " %")
        case Warming.STOPPED:
            at = f" at{percent}" if percent else ""
            return f"your request went first; warming stopped{at}"
        case Warming.GIVEN_UP:
            return f"not warmed: {warmth.why}"
    return ""


def judged(warmth: Warmth, cached_tokens: int, changed: str) -> Warmth:
    """After the next request: what it reused of it. `changed`: where its prompt parted."""
    read = warmth.done_tokens
    if read and cached_tokens < read / 2:
        why = f"not used: {changed or 'the prompt was another'}"
    else:
        why = f"warm: {cached_tokens:,} tokens were reused"
    return replace(warmth, used_tokens=cached_tokens, why=why, fresh=False)


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
