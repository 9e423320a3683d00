"""The moments of a request in order: for the trace and the waterfall of the details screen."""

from __future__ import annotations

from dataclasses import dataclass

from anyclaude_tui.figures import counted
from anyclaude_tui.telemetry.events import RequestRecord


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, in milliseconds after the request was accepted."""

    at_ms: float
    event: str
    detail: str = ""


def timeline(record: RequestRecord) -> tuple[Moment, ...]:
    """The moments that are known so far, in order of time."""
    attempt = record.attempt
    sent = f"to {record.backend}" + (f", attempt {record.retries + 1}" if record.retries else "")
    prefill = ""
    if attempt.prefill_total_tokens is not None:
        prefill = counted(attempt.prefill_total_tokens, "token")
    end = ": ".join(text for text in (str(record.outcome or ""), record.reason) if text)
    marks: tuple[tuple[float | None, str, str], ...] = (
        (record.accepted_at, "accepted", counted(record.prompt_bytes, "byte")),
        (record.admitted_at, "admitted", ""),
        (attempt.sent_at, "sent", sent),
        (attempt.headers_at, "headers", ""),
        (attempt.first_byte_at, "first byte", ""),
        (attempt.prefill_at, "prefill", prefill),
        (attempt.first_delta_at, "first delta", ""),
        (attempt.first_text_at, "first visible text", ""),
        (attempt.last_delta_at, "last delta", counted(attempt.deltas, "delta")),
        (record.ended_at, "ended", end),
    )
    for search in record.searches:
        found = search.error or counted(search.results, "result")
        marks = (*marks, (search.started_at, "search", search.query))
        marks = (*marks, (search.ended_at, "search ended", found))
    moments = (
        Moment(round(1000 * (at - record.accepted_at), 1), event, detail)
        for at, event, detail in marks
        if at is not None
    )
    return tuple(sorted(moments, key=lambda moment: moment.at_ms))
