"""One plain sentence on the slowest part of a request: the dashboard's **Why**.

Pure. The phases are those of docs/metrics.md; a number that is not
known is not said, an estimated one is "about".
"""

from __future__ import annotations

from anyclaude_tui.figures import Figure, Source, counted, estimated, size
from anyclaude_tui.prefix.divergence import KEPT, Cause, Comparison
from anyclaude_tui.telemetry.events import Outcome, RequestRecord, Truncation
from anyclaude_tui.telemetry.metrics import decode_tokens_per_s, prefill_start, uncached_tokens

MOSTLY = 0.5
"""From this share of the decode time on thinking is named instead of decode."""
LITTLE_REUSE = 0.5
"""Less of a prompt reused than this share of what was there before is worth a reason."""


def why(record: RequestRecord, comparison: Comparison | None) -> str:
    """The sentence for a request that has ended."""
    bad = _bad_ending(record)
    if bad:
        return bad
    if record.searches:
        return _search(record)
    spans = _spans(record)
    if not spans:
        return _ended_early(record)
    part = max(spans, key=lambda name: spans[name])
    seconds = spans[part]
    if part == "queue":
        return _queue(record, seconds)
    if part == "proxy":
        return f"proxy: {_seconds(seconds)} to translate {size(record.prompt_bytes)} of request"
    if part == "load":
        return f"load: {_seconds(seconds)} before the first step of prefill"
    if part == "prefill":
        return _prefill(record, comparison, seconds) + _read_before(record)
    return _decode(record, seconds) + _read_before(record)


def _read_before(record: RequestRecord) -> str:
    """The tokens that need not be read because they were restored, or read ahead; in words."""
    parts = []
    if record.restored_tokens:
        parts.append(f"{record.restored_tokens:,} tokens were restored from disk")
    if record.warmed_tokens:
        noun = "" if parts else " tokens"
        parts.append(f"{record.warmed_tokens:,}{noun} had been read ahead")
    if not parts:
        return ""
    saved = f", about {_seconds(record.saved_s)} saved" if record.saved_s else ""
    return f"; {' and '.join(parts)}{saved}"


def _spans(record: RequestRecord) -> dict[str, float]:
    """Seconds of the parts that are known, in their order."""
    attempt = record.attempt
    if attempt.sent_at is None:
        return {}
    end = record.ended_at if attempt.first_delta_at is None else attempt.first_delta_at
    start = prefill_start(record).value
    admitted = attempt.sent_at if record.admitted_at is None else record.admitted_at
    parts = {
        "queue": (record.accepted_at, admitted),
        "proxy": (admitted, attempt.sent_at),
        "load": (attempt.sent_at, start),
        "prefill": (attempt.sent_at if start is None else start, end),
        "decode": (attempt.first_delta_at, attempt.last_delta_at),
    }
    return {
        name: max(0.0, stop - begin)
        for name, (begin, stop) in parts.items()
        if begin is not None and stop is not None
    }


def _bad_ending(record: RequestRecord) -> str:
    if record.outcome is Outcome.ERROR or record.truncation not in (None, Truncation.MAX_TOKENS):
        words = {
            Truncation.CUT: "the reply was cut off",
            Truncation.STALL: "the backend fell silent",
            Truncation.MALFORMED: "the backend sent nonsense",
        }
        default = words.get(record.truncation, "an error") if record.truncation else "an error"
        return f"ended: {record.reason or default}"
    if record.outcome is Outcome.CANCELLED:
        took = _seconds((record.ended_at or record.accepted_at) - record.accepted_at)
        return f"ended: {record.reason or 'the client left'} after {took}, {_stage(record)}"
    return ""


def _search(record: RequestRecord) -> str:
    """The longest of its web searches; no model answered this request."""
    timed = [one for one in record.searches if one.ended_at is not None]
    if not timed:
        return ""
    one = max(timed, key=lambda search: (search.ended_at or 0.0) - search.started_at)
    seconds = _seconds((one.ended_at or one.started_at) - one.started_at)
    return f"search: {counted(one.results, 'result')} from {one.provider} in {seconds}"


def _stage(record: RequestRecord) -> str:
    attempt = record.attempt
    if attempt.sent_at is None:
        return "still waiting in the queue"
    if attempt.first_delta_at is None:
        done, total = attempt.prefill_done_tokens, attempt.prefill_total_tokens
        if done is not None and total:
            return f"in prefill ({done:,} of {total:,} tokens done)"
        return "before the first token"
    return "in mid-reply"


def _ended_early(record: RequestRecord) -> str:
    return f"ended: {record.reason}" if record.reason else ""


def _queue(record: RequestRecord, seconds: float) -> str:
    if record.retries:
        times = f"{record.retries + 1} times"
        return f"retry: sent {times}, {_seconds(seconds)} until the last: the backend failed before"
    if record.waits_for:
        return f"queue: waited {_seconds(seconds)} for {record.waits_for}"
    behind = record.queued_behind
    if behind:
        return f"queue: waited {_seconds(seconds)} behind {counted(behind, 'other')}"
    return f"queue: waited {_seconds(seconds)} for the backend"


def _prefill(record: RequestRecord, comparison: Comparison | None, seconds: float) -> str:
    attempt = record.attempt
    prompt, cached = attempt.prompt_tokens, attempt.cached_tokens
    if prompt.value is None:
        return f"prefill: {_seconds(seconds)}"
    text = f"prefill: {_tokens(prompt)}"
    if cached.value is None:
        text += f" in {_seconds(seconds)}"
    else:
        text += f", {_about(cached)}{cached.value:,.0f} reused"
    reason = _reason(record, comparison)
    return f"{text}: {reason}" if reason else text


def _reason(record: RequestRecord, comparison: Comparison | None) -> str:
    """The reason why so much had to be prefilled."""
    attempt = record.attempt
    if comparison is None:
        return ""
    cause, where = comparison.cause, comparison.where
    if cause is Cause.FIRST:
        return f"the first prompt of its kind on {record.backend}"
    if cause is Cause.SWITCH:
        return comparison.what
    if cause is Cause.RENDERED:
        return f"{comparison.what}, from {comparison.place or 'its middle'} on"
    if cause not in KEPT and cause is not Cause.REWOUND:
        return f"the prompt changed at {where}"
    expected = comparison.tokens(comparison.shared_bytes, attempt.prompt_tokens.value)
    cached = attempt.cached_tokens
    reported = cached.value if cached.source is Source.REPORTED else None
    if expected and reported is not None and reported < LITTLE_REUSE * expected:
        kept = "little" if reported else "nothing"
        since = f" ({comparison.between})" if comparison.between else ""
        fronts = {Cause.SAME: "it is the same as before", Cause.EXTENDED: "it only grew"}
        front = fronts.get(cause, "its front did not change")
        return f"{front}, but the backend kept {kept} of it{since}"
    if cause is Cause.REWOUND:
        return f"the conversation went back to {comparison.place}"
    new = uncached_tokens(record)
    if cause is Cause.NEW:
        return "a new conversation behind the same system text and tools"
    return f"{_tokens(new)} are new" if new.value else ""


def _decode(record: RequestRecord, seconds: float) -> str:
    attempt = record.attempt
    thinking = _thinking(record, seconds)
    if thinking:
        return thinking
    count = attempt.output_tokens
    rate = decode_tokens_per_s(record)
    text = "decode: "
    text += _tokens(count) if count.value is not None else _seconds(seconds)
    if rate.value is not None:
        text += f" at {_about(rate)}{_rate(rate.value)} tokens/s"
    if attempt.stalls:
        text += f", {counted(attempt.stalls, 'stall')} in between"
    if record.truncation is Truncation.MAX_TOKENS:
        text += ", up to its limit"
    return text


def _thinking(record: RequestRecord, seconds: float) -> str:
    """Thinking, when most of the decode time went into it."""
    attempt = record.attempt
    if not attempt.thinking_deltas or not attempt.deltas or attempt.first_delta_at is None:
        return ""
    said = attempt.output_tokens
    total = said if said.value else estimated(attempt.deltas)
    share = (total.value or 0.0) * attempt.thinking_deltas / attempt.deltas
    # Exact only where a delta is a token.
    tokens = total if total.value == attempt.deltas else estimated(share)
    words = f"thinking: {_about(tokens)}{share:,.0f} of {_tokens(total)}"
    if attempt.first_text_at is None:
        if attempt.thinking_deltas < attempt.deltas:
            return ""
        return f"thinking: all {_tokens(total)}, no visible text"
    if attempt.first_text_at - attempt.first_delta_at < MOSTLY * seconds:
        return ""
    return f"{words} before the first visible text"


def _tokens(figure: Figure) -> str:
    return f"{_about(figure)}{figure.value:,.0f} tokens"


def _about(figure: Figure) -> str:
    return "about " if figure.source is Source.ESTIMATED and figure.value else ""


def _rate(value: float) -> str:
    """Like the seconds, rounder than beside it on the panels: a sentence is read, not compared."""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _seconds(value: float) -> str:
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 10:
        return f"{value:.1f} s"
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.0f} min"
