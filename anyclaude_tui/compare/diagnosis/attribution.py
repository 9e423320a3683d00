"""The causes for which B takes longer than A, each with its share of the difference in seconds.

A product (tokens × seconds per token) changes for two reasons at once; each gets its part
at the mean of the other (the Shapley value of two factors), so the parts add up.
"""

from __future__ import annotations

from collections.abc import Sequence

from anyclaude_tui.compare.diagnosis.causes import Cause, Part
from anyclaude_tui.compare.diagnosis.time_breakdown import TimeBreakdown


def attribute(a: Sequence[TimeBreakdown], b: Sequence[TimeBreakdown]) -> list[Part]:
    """The seconds per request that each cause adds to B over A, the largest first.

    Only workloads that both have count. Negative parts (where B is the faster) come last.
    """
    theirs = {(one.workload, one.prefix): one for one in a}
    pairs = [(theirs[key], one) for one in b if (key := (one.workload, one.prefix)) in theirs]
    sums: dict[Cause, float] = {}
    for one, other in pairs:
        for part in _difference(one, other):
            sums[part.cause] = sums.get(part.cause, 0.0) + part.seconds / len(pairs)
    parts = [Part(cause, seconds) for cause, seconds in sums.items()]
    return sorted(parts, key=lambda part: -part.seconds)


def _difference(a: TimeBreakdown, b: TimeBreakdown) -> list[Part]:
    return [
        Part(Cause.QUEUE, b.queue_s - a.queue_s),
        Part(Cause.LOAD, b.load_s - a.load_s),
        Part(Cause.PROXY, b.proxy_s - a.proxy_s),
        *_prefill(a, b),
        *_decode(a, b),
    ]


def _prefill(a: TimeBreakdown, b: TimeBreakdown) -> list[Part]:
    """Reading the prompt: its size, what the cache spared, and the speed for the rest."""
    difference = b.prefill_s - a.prefill_s
    speeds = [s for s in (a.prefill_s_per_token, b.prefill_s_per_token) if s is not None]
    if not speeds or a.prompt_tokens is None or b.prompt_tokens is None:
        return [Part(Cause.PREFILL, difference)]
    per_token = sum(speeds) / len(speeds)
    computed_a, computed_b = 1 - (a.reuse or 0.0), 1 - (b.reuse or 0.0)
    grown = b.prompt_tokens - a.prompt_tokens
    context = grown * (computed_a + computed_b) / 2 * per_token
    cache = (a.prompt_tokens + b.prompt_tokens) / 2 * (computed_b - computed_a) * per_token
    return [
        Part(Cause.CONTEXT, context),
        Part(Cause.CACHE, cache),
        Part(Cause.PREFILL, difference - context - cache),
    ]


def _decode(a: TimeBreakdown, b: TimeBreakdown) -> list[Part]:
    """Writing: the speed, and more tokens, which are thinking or answer.

    Thinking that only takes the place of answer (both cut at max_tokens) costs no time:
    no more than all additional tokens is put down to it.
    """
    speeds = [s for s in (a.decode_s_per_token, b.decode_s_per_token) if s is not None]
    if not speeds:
        return []
    count_a = a.thinking_tokens + a.answer_tokens
    count_b = b.thinking_tokens + b.answer_tokens
    per_token = sum(speeds) / len(speeds)
    slower = 0.0
    if len(speeds) == 2:
        slower = (speeds[1] - speeds[0]) * max(0.0, (count_a + count_b) / 2 - 1)
    more = count_b - count_a
    thoughts = b.thinking_tokens - a.thinking_tokens
    thoughts = min(max(thoughts, 0.0), more) if more > 0 else max(min(thoughts, 0.0), more)
    return [
        Part(Cause.DECODE, slower),
        Part(Cause.THINKING, thoughts * per_token),
        Part(Cause.LENGTH, (more - thoughts) * per_token),
    ]
