"""The essentials in three lines, for screens where the pane needs all the room (80 × 24)."""

from __future__ import annotations

from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets import charts, current_request, format, status_signs
from anyclaude_tui.widgets.lines import Line, Tone, clean, fit, joined, spread, text, width_of

SPARK = 18


def summary_lines(snapshot: Snapshot, width: int) -> list[Line]:
    """Backend; what is going on; the numbers. Each `width` cells wide, one margin at each side."""
    inner = width - 2
    rows = [_backend(snapshot, inner), _request(snapshot, inner), _numbers(snapshot, inner)]
    return [((" ", Tone.TEXT), *fit(row, inner)) for row in rows]


def _backend(snapshot: Snapshot, width: int) -> Line:
    status = snapshot.backend
    if status is None:
        return fit(text(snapshot.switching or "no backend is active", Tone.WARN), width)
    parts: list[Line] = [
        (status_signs.STATES[status.state], (f" {status.state}", Tone.TEXT)),
        text(clean(status.model or status.name), Tone.STRONG),
    ]
    if "simulated" not in (status.model or ""):  # some models' names say so themselves
        parts.append(status_signs.simulated(status))
    if snapshot.switching:
        parts.append(text(f"switching: {clean(snapshot.switching)}", Tone.LIVE))
    elif status.reason and not _failed(snapshot):
        bad = status.state is BackendState.FAILED
        parts.append(text(clean(status.reason), Tone.BAD if bad else Tone.LABEL))
    request = status_signs.focus(snapshot)
    right = current_request.heading(snapshot, request) if request else text("idle", Tone.LABEL)
    return spread(joined(parts), right, width)


def _failed(snapshot: Snapshot) -> str:
    """The reason why the backend serves no more, when nothing else goes on; a row of its own."""
    status = snapshot.backend
    if status is None or status.state is not BackendState.FAILED or snapshot.in_flight:
        return ""
    return clean(status.reason)


def _request(snapshot: Snapshot, width: int) -> Line:
    reason = _failed(snapshot)
    if reason:
        return fit(text(reason, Tone.BAD), width)
    request = status_signs.focus(snapshot)
    if request is None:
        return text("Waiting for the first request.", Tone.LABEL)
    right = charts.spark(snapshot.rates, min(SPARK, width // 4)) if any(snapshot.rates) else ()
    room = width - width_of(right) - 2
    if request.outcome is not None:
        return spread(current_request.ending(request, room), right, width)
    mark, tone = status_signs.sign(request)
    head: Line = ((f"{mark} {_PHASE.get(request.phase, 'queue')} ", tone),)
    return spread((*head, *current_request.detail(request, room - width_of(head))), right, width)


_PHASE = {"sent": "load", "prefill": "prefill", "decode": "decode"}


def _numbers(snapshot: Snapshot, width: int) -> Line:
    request, totals = status_signs.focus(snapshot), snapshot.totals
    cut = status_signs.truncations(totals.truncations)
    short = [("truncations", format.tally(cut, Tone.WARN))] if cut else []
    pairs = [("requests", format.tally(totals.requests)), *short]
    if request is not None:  # the first that do not fit are left out: the most important first
        pairs = [
            ("TTFT", format.value(request.ttft_s, format.seconds)),
            ("tok/s", format.value(request.tokens_per_s, format.rate)),
            *current_request.counters(request),
            *short,
            ("context", format.value(request.context_percent, format.percent)),
            ("reused", format.value(request.reuse_percent, format.percent)),
        ]
    line: Line = ()
    for label, value in pairs:
        part: Line = ((f"{label} ", Tone.LABEL), *value)
        wider = (*line, ("  ", Tone.TEXT), *part) if line else part
        if width_of(wider) > width:
            break
        line = wider
    return line
