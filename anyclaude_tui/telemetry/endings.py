"""The ending of a request, or the phase that it is in, in a word or two: on screens, in the filter,
on the command line."""

from __future__ import annotations

from anyclaude_tui.telemetry.events import Outcome, Phase
from anyclaude_tui.telemetry.metrics import RequestView


def ending(request: RequestView) -> str:
    """`end_turn`, `cut`, `error 502`, `cancelled`; while it runs `queue 2`, `prefill`."""
    if request.outcome is None:
        if request.phase in (Phase.ACCEPTED, Phase.QUEUED):
            return f"queue {request.queue_position}" if request.queue_position else "queue"
        if request.searches:
            return "search"
        return "load" if request.phase is Phase.SENT else str(request.phase)
    if request.truncation is not None:
        return str(request.truncation)
    if request.outcome is Outcome.ERROR:
        return f"error {request.status}" if (request.status or 0) >= 400 else "error"
    if request.outcome is Outcome.CANCELLED:
        return "cancelled"
    return request.stop_reason or str(request.outcome)
