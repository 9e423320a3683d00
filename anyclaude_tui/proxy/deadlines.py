"""The deadline or keepalive of one request that is due next. Pure: times in, a verdict out.

docs/architecture.md, "The promise on streams", 2 and 3. `exchange.py` tells it what happens and
sleeps until `next_due`; nothing is computed per chunk but one assignment.
"""

from __future__ import annotations

from enum import Enum, auto

from anyclaude_tui.config.settings import Limits

TAIL_S = 5.0
"""After the finish reason: how long usage and [DONE] may still take before we end without."""


class Stage(Enum):
    """The event that the request waits for."""

    WAITING = auto()
    """In the queue, for a switch, or for a backend that is being brought back."""
    FIRST_DELTA = auto()
    """Sent; load and prefill."""
    NEXT_DELTA = auto()
    TAIL = auto()
    """The finish reason is there; usage and [DONE] may follow."""


class Due(Enum):
    """The action that is due now."""

    COMMIT = auto()
    """Begin the reply, so that keepalives can be sent."""
    KEEPALIVE = auto()
    FIRST_DELTA_LATE = auto()
    STALL = auto()
    TAIL_LATE = auto()
    CLIENT_STUCK = auto()


class Timers:
    """The deadlines of one request, all in the clock's seconds."""

    def __init__(self, limits: Limits, now: float, *, quiet_commit_s: float | None = None) -> None:
        """`quiet_commit_s` replaces `limits.commit_s` (a reply that is not streamed)."""
        self.limits = limits
        """The backend's own, once it is known which one it is."""
        self._accepted_at = now
        self._commit_s = limits.commit_s if quiet_commit_s is None else quiet_commit_s
        self.stage = Stage.WAITING
        self.committed = False
        self.silent_calls = False
        """The backend may be silent while it generates a tool call."""
        self.heard_at = now
        """Last sign of work from the backend (a delta, a step of prefill)."""
        self.told_at = now
        """Last bytes given to the client."""
        self.writing_since: float | None = None
        """The client is slow: a write has waited since then."""

    def enter(self, stage: Stage, now: float) -> None:
        """The request waits for something else from now on."""
        self.stage = stage
        self.heard_at = now

    def next_due(self, now: float) -> float:
        """Seconds from `now` until `due` may have something to say (never negative)."""
        times = [self._deadline()]
        if self.writing_since is None:
            times.append(self._tell_at())
        return max(0.0, min(times) - now)

    def due(self, now: float) -> Due | None:
        """The action that is due at `now`, the most severe first; None if none is."""
        if now >= self._deadline():
            if self.writing_since is not None:
                return Due.CLIENT_STUCK
            if self.stage is Stage.FIRST_DELTA:
                return Due.FIRST_DELTA_LATE
            if self.stage is Stage.NEXT_DELTA:
                return Due.STALL
            return Due.TAIL_LATE
        if self.writing_since is None and now >= self._tell_at():
            return Due.KEEPALIVE if self.committed else Due.COMMIT
        return None

    def _tell_at(self) -> float:
        if not self.committed:
            return self._accepted_at + self._commit_s
        return self.told_at + self.limits.keepalive_s

    def _deadline(self) -> float:
        """The deadline in force. Time in which the client holds us up is not the backend's."""
        if self.writing_since is not None:
            return self.writing_since + self.limits.client_stall_s
        if self.stage is Stage.FIRST_DELTA:
            return self.heard_at + self.limits.first_byte_s
        if self.stage is Stage.NEXT_DELTA:
            allowed = self.limits.between_deltas_s
            if self.silent_calls:
                allowed = max(allowed, self.limits.tool_call_s)
            return self.heard_at + allowed
        if self.stage is Stage.TAIL:
            return self.heard_at + TAIL_S
        return float("inf")  # the queue and the recovery have their own limits
