"""The number of requests at once, told from the moments at which their tokens came. Pure.

One short request is sent alone, then `TOGETHER` at once. Those that run at once write at the same
time: in the middle of one reply another one is in its own middle. Those that wait in line do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

TOGETHER = 4
"""As many are sent at once, and as many slots are found at most: each running request takes
decode speed from the others, and the servers that we start get no more either."""
WHOLE_LEAST_S = 0.25
"""The shortest reply that is told by its time alone, where it comes whole: less is all noise."""
WHOLE_AT_ONCE = 1.5
"""Replies that come whole ran at once where all of them took less than so often the time of one."""
WHOLE_IN_LINE = 0.75
"""And one after the other from this share of the sum on."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The moments of one short request: sent, first token, last token. Monotonic seconds."""

    sent_s: float
    first_s: float | None = None
    last_s: float | None = None
    failed: bool = False
    """It was refused (429, 503, busy), or broke off."""


def slots(alone: Timing, together: Sequence[Timing]) -> int | None:
    """The number of them that ran at once; None where that cannot be told.

    A server that refuses, or fails at, what is beside another takes as many as it answered.
    """
    if alone.failed or alone.first_s is None or alone.last_s is None:
        return None
    spans = [
        (one.first_s, one.last_s)
        for one in together
        if not one.failed and one.first_s is not None and one.last_s is not None
    ]
    if not spans:
        return None
    at_once = _at_once(spans)
    if at_once >= 2:
        return at_once
    if len(spans) == 1:
        return 1 if any(one.failed for one in together) else None
    if all(last > first for first, last in spans):
        ordered = sorted(spans)
        in_line = all(after[0] >= before[1] for before, after in pairwise(ordered))
        return 1 if in_line else None
    if any(last > first for first, last in (*spans, (alone.first_s, alone.last_s))):
        return None  # it streams: what came whole has waited in our own socket
    alone_s = alone.last_s - alone.sent_s
    all_s = max(last for _, last in spans) - min(one.sent_s for one in together)
    if alone_s < WHOLE_LEAST_S:
        return None
    if all_s <= WHOLE_AT_ONCE * alone_s:
        return len(spans)
    return 1 if all_s >= WHOLE_IN_LINE * len(spans) * alone_s else None


def _at_once(spans: Sequence[tuple[float, float]]) -> int:
    """The most replies that were being written in the middle of one of them. Not at its edges: a
    reader who was held up sees the end of one and the begin of the next at the same moment."""
    middles = [(first + last) / 2 for first, last in spans if last > first]
    return max((sum(a <= middle <= b for a, b in spans) for middle in middles), default=0)
