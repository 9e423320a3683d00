"""The same sentence while a request runs: what it waits for, why, and about how long still.

Pure; what is said when it has ended is in `why.py`. A guess at the time left comes from the
backend's own progress, else from its speed at earlier prompts, and is "about".
"""

from __future__ import annotations

from anyclaude_tui.config.kinds import is_prefix_cached
from anyclaude_tui.figures import UNKNOWN, Figure, counted, estimated
from anyclaude_tui.prefix.divergence import KEPT, Cause, Comparison
from anyclaude_tui.telemetry.events import Phase, RequestRecord
from anyclaude_tui.telemetry.metrics import (
    decode_tokens_per_s,
    prefill_eta_s,
    uncached_tokens,
)

SILENT_S = 3.0
"""A reply that stands still for longer is said to."""
FEW_TOKENS = 200
"""Below this many new tokens nobody asks why."""


def new_tokens(record: RequestRecord, comparison: Comparison | None) -> Figure:
    """Prompt tokens that the backend has to read: as it reports, else by what the prompt shares
    with the one before; unknown before either is."""
    known = uncached_tokens(record)
    prompt = record.attempt.prompt_tokens
    if known or prompt.value is None:
        return known
    if not is_prefix_cached(record.kind):
        return prompt
    if comparison is None:
        return UNKNOWN
    if comparison.cause in (Cause.FIRST, Cause.SWITCH):
        return prompt
    shared = comparison.tokens(comparison.shared_bytes, prompt.value) or 0
    return estimated(max(0.0, prompt.value - shared))


def left_s(
    record: RequestRecord, now: float, comparison: Comparison | None, usual_tokens_per_s: float
) -> Figure:
    """Seconds until the first token, estimated; `usual_tokens_per_s`: the backend's prefill at
    earlier prompts, 0 where there was none. Unknown once the guess has proved too short."""
    told = prefill_eta_s(record, now)
    attempt = record.attempt
    if told or attempt.sent_at is None or attempt.first_delta_at is not None:
        return told
    tokens = new_tokens(record, comparison)
    if tokens.value is None or usual_tokens_per_s <= 0:
        return UNKNOWN
    left = tokens.value / usual_tokens_per_s - (now - attempt.sent_at)
    return estimated(left) if left > 0 else UNKNOWN


def why_now(record: RequestRecord, now: float, comparison: Comparison | None, left: Figure) -> str:
    """The sentence for a request in flight; `left`: as `left_s` says."""
    if record.searches and record.searches[-1].ended_at is None:
        return f"searching the web: {record.searches[-1].provider} was asked"
    attempt = record.attempt
    if attempt.sent_at is None:
        return _queued(record)
    if record.phase is Phase.DECODE or attempt.first_delta_at is not None:
        return _answering(record, now)
    words = _reading(record, comparison)
    if left.value is not None:
        return f"{words}; about {in_words(left.value)} left"
    if attempt.prefill_done_tokens is None:
        return f"{words}; {record.backend} does not say how far it is"
    return words


def _queued(record: RequestRecord) -> str:
    if not record.backend and not record.reason:  # the router has none yet that it could go to
        return "waiting until the backend is ready"
    behind = (record.queue_position or 1) - 1
    words = (
        f"waiting behind {counted(behind, 'other request')}" if behind else "waiting for its turn"
    )
    if record.waits_for:
        words = f"waiting for {record.waits_for}"
    if record.retries:
        words = "waiting to be sent again: the backend failed before"
    return f"{words}: {record.reason}" if record.reason else f"{words} at {record.backend}"


def _reading(record: RequestRecord, comparison: Comparison | None) -> str:
    tokens = new_tokens(record, comparison)
    prompt = record.attempt.prompt_tokens
    if tokens.value is None:
        if prompt.value is None:
            return "waiting for the first token"
        return f"reading a prompt of {_tokens(prompt)}"
    cause = comparison.cause if comparison is not None else None
    if comparison is None or (cause in KEPT and cause is not Cause.FIRST):
        if prompt.value and tokens.value < prompt.value:
            return f"reading {_tokens(tokens)} that are new, of {prompt.value:,.0f}"
        return f"reading {_tokens(tokens)}"
    words = f"reading {_tokens(tokens)} anew"
    if tokens.value < FEW_TOKENS:
        return words
    if cause is Cause.FIRST:
        return f"{words}: the first prompt of its kind on {record.backend}"
    if cause is Cause.SWITCH:
        return f"{words}: {comparison.what}"
    if cause is Cause.REWOUND:
        return f"{words}: the conversation went back to {comparison.place}"
    return f"{words}: the prompt changed at {comparison.where}"


def _answering(record: RequestRecord, now: float) -> str:
    attempt = record.attempt
    thinking = attempt.thinking_deltas and attempt.first_text_at is None
    words = "thinking" if thinking else "answering"
    words += f": about {attempt.deltas:,} tokens so far"
    rate = decode_tokens_per_s(record)
    if rate.value is not None:
        words += f", {rate.value:.0f}/s"
    silent = now - (attempt.last_delta_at or now)
    if silent >= SILENT_S:
        words += f"; silent for {in_words(silent)}"
    return words


def _tokens(figure: Figure) -> str:
    about = "about " if figure.source == "estimated" and figure.value else ""
    return f"{about}{figure.value:,.0f} tokens"


def in_words(seconds: float) -> str:
    """8 s, 1 min 20 s, 12 min."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    rest = whole % 60 // 10 * 10
    return f"{whole // 60} min {rest} s" if whole < 600 and rest else f"{whole // 60} min"
