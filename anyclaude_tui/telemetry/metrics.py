"""From facts to numbers: what each metric means, in one place.

Pure functions over a `RequestRecord`; the definitions are those of docs/metrics.md. `view()`
freezes them for a screen, a file or a report.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from anyclaude_tui.figures import UNKNOWN, Figure, Source, estimated, measured
from anyclaude_tui.telemetry.events import (
    Outcome,
    Phase,
    RequestRecord,
    Role,
    Truncation,
    WebSearch,
    counts,
)

WHOLE_CALL = 1.5
"""More output tokens than this per delta, with tool calls: they came whole."""


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The value below which `percent` of the values lie (linear interpolation); None if empty.

    The same rule as numpy's default, so that figures compare with vLLM's `bench serve`.
    """
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(0.0, end - start)


def ttft_s(record: RequestRecord) -> float | None:
    """Time to first token: first non-empty delta − request accepted."""
    return _between(record.accepted_at, record.attempt.first_delta_at)


def queue_s(record: RequestRecord, now: float) -> float:
    """Accepted → sent; still growing while it waits."""
    attempt = record.attempt
    end = attempt.sent_at if attempt.sent_at is not None else record.ended_at
    return max(0.0, (now if end is None else end) - record.accepted_at)


def waited_s(record: RequestRecord) -> float:
    """The part of `queue_s` that was spent waiting: accepted → admitted. The rest is our own
    work: the translation, and the count of the prompt's tokens."""
    end = record.attempt.sent_at if record.admitted_at is None else record.admitted_at
    return _between(record.accepted_at, end) or 0.0


def prefill_start(record: RequestRecord) -> Figure:
    """The time when the backend began on the prompt: monotonic seconds.

    Seen only where its first report says 0 tokens done. A first report in the middle
    (mlx_lm: after the first step) is followed back at the speed of the rest: *estimated*, as is
    the end of a load that was only asked about every second.
    """
    attempt = record.attempt
    first, at, end = attempt.prefill_first_tokens, attempt.prefill_at, attempt.first_delta_at
    if at is None and attempt.loaded_at is not None:
        return estimated(attempt.loaded_at)
    if at is None or not first:
        return measured(at)
    rest = (attempt.prefill_total_tokens or 0) - first
    if end is None or rest <= 0:
        return UNKNOWN
    start = at - first * (end - at) / rest
    return estimated(start if attempt.sent_at is None else max(start, attempt.sent_at))


def load_s(record: RequestRecord) -> Figure:
    """Sent → the backend starts on the prompt. Known only where it reports its progress."""
    start = prefill_start(record)
    return Figure(_between(record.attempt.sent_at, start.value), start.source) if start else UNKNOWN


def prefill_s(record: RequestRecord) -> Figure:
    """Prefill: the backend starts → first non-empty delta.

    Where its start is not known, load is counted in, and the figure is *estimated*. What the
    server reports comes first (llama.cpp, mlx-vlm).
    """
    attempt = record.attempt
    whole = _between(attempt.sent_at, attempt.first_delta_at)
    told = attempt.prefill_s.value
    if told is not None and (whole is None or told <= whole):  # else it counts something else
        return attempt.prefill_s
    start = prefill_start(record)
    if not start:
        return estimated(_between(attempt.sent_at, attempt.first_delta_at))
    span = _between(start.value, attempt.first_delta_at)
    return UNKNOWN if span is None else Figure(span, start.source)


def uncached_tokens(record: RequestRecord) -> Figure:
    """Prompt tokens that had to be prefilled; no better known than its parts."""
    attempt = record.attempt
    if attempt.prompt_tokens.value is None or attempt.cached_tokens.value is None:
        return UNKNOWN
    value = max(0.0, attempt.prompt_tokens.value - attempt.cached_tokens.value)
    both_reported = attempt.prompt_tokens.source is attempt.cached_tokens.source is Source.REPORTED
    return Figure(value, Source.REPORTED if both_reported else Source.ESTIMATED)


def prefill_tokens_per_s(record: RequestRecord) -> Figure:
    """(prompt − cached tokens) / prefill."""
    tokens, seconds = uncached_tokens(record), prefill_s(record)
    if not tokens.value or not seconds.value:
        return UNKNOWN
    known = tokens.source is Source.REPORTED and seconds.source is not Source.ESTIMATED
    return Figure(tokens.value / seconds.value, seconds.source if known else Source.ESTIMATED)


def decode_tokens_per_s(record: RequestRecord) -> Figure:
    """(n − 1) / (last delta − first delta); n from usage, else the counted deltas (estimated).

    Unknown where tool calls came whole: mlx_lm and vllm-mlx send nothing while they write
    one (`docs/protocol/mlx-lm.md`, "Tool calls"), so its tokens count, but not the time they took.
    What the server reports comes first.
    """
    attempt = record.attempt
    if attempt.tokens_per_s:
        return attempt.tokens_per_s
    span = _between(attempt.first_delta_at, attempt.last_delta_at)
    if not span:
        return UNKNOWN
    output = attempt.output_tokens.value or 0.0
    if record.tool_calls and output > WHOLE_CALL * max(1, attempt.deltas):
        return UNKNOWN
    if attempt.output_tokens.source is Source.REPORTED and attempt.output_tokens.value:
        tokens, source = attempt.output_tokens.value, Source.MEASURED
    else:
        tokens, source = float(attempt.deltas), Source.ESTIMATED
    return UNKNOWN if tokens < 2 else Figure((tokens - 1) / span, source)


def reuse_percent(record: RequestRecord) -> Figure:
    """Share of the prompt that the prefix cache held."""
    attempt = record.attempt
    prompt, cached = attempt.prompt_tokens.value, attempt.cached_tokens.value
    if not prompt or cached is None:
        return UNKNOWN
    return Figure(min(100.0, 100 * cached / prompt), attempt.cached_tokens.source)


def prefill_eta_s(record: RequestRecord, now: float) -> Figure:
    """Seconds until the prefill is done, from its speed so far; unknown before two steps."""
    attempt = record.attempt
    done, total, start = (
        attempt.prefill_done_tokens,
        attempt.prefill_total_tokens,
        attempt.prefill_at,
    )
    if not done or not total or start is None or attempt.first_delta_at is not None:
        return UNKNOWN
    speed = prefill_speed_so_far(record, now).value
    if not speed:
        return UNKNOWN
    told_at = now if attempt.progress_at is None else attempt.progress_at
    return estimated(max(0.0, (total - done) / speed - (now - told_at)))


def prefill_speed_so_far(record: RequestRecord, now: float) -> Figure:
    """Prompt tokens/s of a prefill that runs, between the first and the last step that the
    backend told; unknown before two steps, and once it is over."""
    attempt = record.attempt
    done, start = attempt.prefill_done_tokens, attempt.prefill_at
    if not done or start is None or attempt.first_delta_at is not None:
        return UNKNOWN
    told_at = now if attempt.progress_at is None else attempt.progress_at
    since_first = done - attempt.prefill_first_tokens
    if since_first <= 0 or told_at <= start:
        return UNKNOWN
    return estimated(since_first / (told_at - start))


def context_percent(record: RequestRecord) -> Figure:
    """Prompt and output so far, of the window; no better known than either."""
    attempt = record.attempt
    prompt, out = attempt.prompt_tokens, attempt.output_tokens
    if not record.window_tokens or prompt.value is None:
        return UNKNOWN
    used = prompt.value + (attempt.deltas if out.value is None else out.value)
    counted = attempt.deltas > 0 and out.source is not Source.REPORTED
    source = Source.ESTIMATED if counted else prompt.source
    return Figure(100 * used / record.window_tokens, source)


@dataclass(frozen=True, slots=True)
class SearchView:
    """One web search, as it is shown."""

    provider: str
    query: str
    start_s: float
    """After the request was accepted."""
    time_s: float
    """Still growing while it runs."""
    running: bool
    results: int
    error: str


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request as a screen, a file or a report shows it. Seconds, bytes, tokens."""

    id: str
    backend: str
    kind: str
    simulated: bool
    role: Role
    model: str
    requested_model: str
    session_id: str
    streaming: bool
    accepted_wall: float
    phase: Phase
    queue_position: int | None
    elapsed_s: float
    queue_s: float
    load_s: Figure
    prefill_s: Figure
    prefill_eta_s: Figure
    prefill_done_tokens: int | None
    prefill_total_tokens: int | None
    ttft_s: Figure
    first_byte_s: Figure
    first_text_s: Figure
    decode_s: Figure
    tokens_per_s: Figure
    prefill_tokens_per_s: Figure
    gap_p50_s: Figure
    gap_p95_s: Figure
    gap_p99_s: Figure
    overhead_ms: Figure
    """Mean time that a chunk spent in the proxy."""
    prompt_bytes: int
    system_bytes: int
    tools_bytes: int
    messages_bytes: int
    tool_count: int
    message_count: int
    prompt_tokens: Figure
    cached_tokens: Figure
    output_tokens: Figure
    reuse_percent: Figure
    context_percent: Figure
    window_tokens: int | None
    upstream_bytes: int
    chunks: int
    deltas: int
    thinking_deltas: int
    keepalives: int
    stalls: int
    retries: int
    tool_calls: int
    repaired_calls: int
    rescued_calls: int
    dropped_calls: int
    web_searches: int
    stop_reason: str | None
    outcome: Outcome | None
    truncation: Truncation | None
    reason: str
    status: int | None
    why: str
    notices: tuple[str, ...]
    silent_s: float | None = None
    """Since the last delta, while the reply streams."""
    restored_tokens: int = 0
    warmed_tokens: int = 0
    saved_s: Figure = UNKNOWN
    sent: bool = True
    """True if it went to a backend at all."""
    searches: tuple[SearchView, ...] = ()
    sampling: tuple[tuple[str, float, str], ...] = ()
    left_out: tuple[str, ...] = ()


def _search(search: WebSearch, accepted_at: float, now: float) -> SearchView:
    end = now if search.ended_at is None else search.ended_at
    return SearchView(
        search.provider,
        search.query,
        start_s=max(0.0, search.started_at - accepted_at),
        time_s=max(0.0, end - search.started_at),
        running=search.ended_at is None,
        results=search.results,
        error=search.error,
    )


def _silent(record: RequestRecord, now: float) -> float | None:
    last = record.attempt.last_delta_at
    return None if record.ended_at is not None or last is None else max(0.0, now - last)


def view(record: RequestRecord, now: float) -> RequestView:
    """The record frozen at the monotonic time `now`."""
    attempt = record.attempt
    end = now if record.ended_at is None else record.ended_at
    gaps = sorted(attempt.gaps_s)  # each percentile sorts: what is sorted costs it little
    return RequestView(
        id=record.id,
        backend=record.backend,
        kind=record.kind,
        simulated=record.simulated,
        role=record.role,
        model=record.model,
        requested_model=record.requested_model,
        session_id=record.session_id,
        streaming=record.streaming,
        accepted_wall=record.accepted_wall,
        phase=record.phase,
        queue_position=record.queue_position,
        elapsed_s=max(0.0, end - record.accepted_at),
        queue_s=queue_s(record, now),
        load_s=load_s(record),
        prefill_s=prefill_s(record),
        prefill_eta_s=prefill_eta_s(record, now),
        prefill_done_tokens=attempt.prefill_done_tokens,
        prefill_total_tokens=attempt.prefill_total_tokens,
        ttft_s=measured(ttft_s(record)),
        first_byte_s=measured(_between(record.accepted_at, attempt.first_byte_at)),
        first_text_s=measured(_between(record.accepted_at, attempt.first_text_at)),
        decode_s=measured(_between(attempt.first_delta_at, attempt.last_delta_at)),
        tokens_per_s=decode_tokens_per_s(record),
        prefill_tokens_per_s=(
            prefill_speed_so_far(record, now)
            if record.outcome is None and attempt.first_delta_at is None
            else prefill_tokens_per_s(record)
        ),
        gap_p50_s=measured(percentile(gaps, 50)),
        gap_p95_s=measured(percentile(gaps, 95)),
        gap_p99_s=measured(percentile(gaps, 99)),
        overhead_ms=measured(
            1000 * attempt.overhead_s / attempt.chunks if attempt.chunks else None
        ),
        prompt_bytes=record.prompt_bytes,
        system_bytes=record.system_bytes,
        tools_bytes=record.tools_bytes,
        messages_bytes=record.messages_bytes,
        tool_count=record.tool_count,
        message_count=record.message_count,
        prompt_tokens=attempt.prompt_tokens,
        cached_tokens=attempt.cached_tokens,
        output_tokens=attempt.output_tokens,
        reuse_percent=reuse_percent(record),
        context_percent=context_percent(record),
        window_tokens=record.window_tokens,
        **counts(record),
        stop_reason=record.stop_reason,
        outcome=record.outcome,
        truncation=record.truncation,
        reason=record.reason,
        status=record.status,
        why=record.why,
        notices=tuple(record.notices),
        silent_s=_silent(record, now),
        restored_tokens=record.restored_tokens,
        warmed_tokens=record.warmed_tokens,
        saved_s=estimated(record.saved_s) if record.saved_s else UNKNOWN,
        sent=attempt.sent_at is not None,
        searches=tuple(_search(one, record.accepted_at, end) for one in record.searches),
        sampling=record.sampling,
        left_out=record.left_out,
    )
