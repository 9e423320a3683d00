"""The signs for states, phases and outcomes: readable without colour, the same everywhere."""

from __future__ import annotations

from anyclaude_tui.backends.base import BackendState, BackendStatus
from anyclaude_tui.telemetry.endings import ending as ending
from anyclaude_tui.telemetry.events import Outcome, Phase, Role, Truncation
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets.lines import Line, Seg, Tone

STATES: dict[BackendState, Seg] = {
    BackendState.READY: ("●", Tone.OK),
    BackendState.STARTING: ("◐", Tone.LIVE),
    BackendState.LOADING: ("◐", Tone.LIVE),
    BackendState.STOPPING: ("◐", Tone.LIVE),
    BackendState.DEGRADED: ("▲", Tone.WARN),
    BackendState.FAILED: ("✗", Tone.BAD),
    BackendState.STOPPED: ("○", Tone.FAINT),
}
OUTCOMES: dict[Outcome, Seg] = {
    Outcome.COMPLETE: ("✓", Tone.OK),
    Outcome.LIMIT: ("!", Tone.WARN),
    Outcome.ERROR: ("✗", Tone.BAD),
    Outcome.CANCELLED: ("⊘", Tone.FAINT),
}
RUNNING: dict[Phase, Seg] = {
    Phase.ACCEPTED: ("…", Tone.LABEL),
    Phase.QUEUED: ("…", Tone.LABEL),
    Phase.SENT: ("»", Tone.LIVE),
    Phase.PREFILL: ("»", Tone.LIVE),
    Phase.DECODE: ("▸", Tone.LIVE),
    Phase.ENDED: ("✓", Tone.LABEL),
}
LEGEND: tuple[tuple[Seg, str], ...] = (
    (OUTCOMES[Outcome.COMPLETE], "complete"),
    (OUTCOMES[Outcome.LIMIT], "cut short: an honest limit or a truncation"),
    (OUTCOMES[Outcome.ERROR], "error"),
    (OUTCOMES[Outcome.CANCELLED], "cancelled by the client"),
    (RUNNING[Phase.QUEUED], "waits in the queue"),
    (RUNNING[Phase.PREFILL], "the backend loads or reads the prompt"),
    (RUNNING[Phase.DECODE], "the reply streams"),
)
"""The help screen's words for the signs of requests."""


def sign(request: RequestView) -> Seg:
    """The sign of a request, running or ended."""
    if request.outcome is None:
        return RUNNING[request.phase]
    if request.truncation is not None and request.outcome is Outcome.COMPLETE:
        return OUTCOMES[Outcome.LIMIT]
    return OUTCOMES[request.outcome]


def simulated(status: BackendStatus) -> Line:
    """The label that every simulated backend has wherever it is shown."""
    return (("simulated", Tone.WARN),) if status.simulated else ()


def focus(snapshot: Snapshot) -> RequestView | None:
    """The request that `Now` is about: the running main one first, else the last that ended."""
    if snapshot.in_flight:
        return min(snapshot.in_flight, key=_rank)
    return snapshot.recent[0] if snapshot.recent else None


def truncations(counts: tuple[tuple[str, int], ...]) -> int:
    """Truncations without the model's own limit, which is counted apart."""
    return sum(number for kind, number in counts if kind != Truncation.MAX_TOKENS)


def _rank(request: RequestView) -> tuple[bool, bool, float]:
    waits = request.phase in (Phase.ACCEPTED, Phase.QUEUED)
    return (waits, request.role is not Role.MAIN, request.accepted_wall)
