"""The largest part of one target's time, and its faults, found from its own samples.

A fault need not be so, whatever the model: time lost in the proxy, in a queue, in loading
again and again, in reading a prompt that the cache should hold, or one far too large.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from anyclaude_tui import figures
from anyclaude_tui.compare.diagnosis.causes import Cause, Finding
from anyclaude_tui.compare.diagnosis.significance import Level, shift
from anyclaude_tui.compare.diagnosis.time_breakdown import (
    TimeBreakdown,
    breakdowns,
    seconds_per_token,
    waiting_free_ttft_s,
)
from anyclaude_tui.compare.samples import Prefix, Sample, Target, Way, select
from anyclaude_tui.telemetry.metrics import percentile

LARGE_PROMPT_TOKENS = 16_000
"""About what Claude Code's own system text and all its tools take: more is history, files."""
LARGE_WINDOW_SHARE = 0.6
CONTEXT_SHARE = 0.5
"""Reading the prompt takes more than this share of the time: it is what one waits for."""
FAULT_SHARE, FAULT_S = 0.15, 0.1
"""A smaller loss is not worth a finding."""
KEPT_REUSE = 0.5
"""A warm prompt of which less than this came from the cache has lost its prefix."""
CACHE_PROMPT_TOKENS = 200
STEADY = 0.3
"""Waits of which the middle 80 % lie within this share of the median are the same thing
each time: a load, no queue."""


def examine(target: Target, samples: Iterable[Sample]) -> list[Finding]:
    """Findings for one target, faults first, then by seconds; empty without good samples."""
    own = [sample for sample in samples if sample.target == target.name]
    parts = breakdowns(own, target.name)
    if not parts:
        return []
    total = sum(part.total_s for part in parts)
    found = [
        _proxy(target, own, parts),
        _queue(target, parts),
        _wait_in_backend(target, own, parts),
        *_prompt(target, parts),
        *_decode(target, parts),
    ]
    findings = [
        Finding(target.name, target.shown, cause, lost / len(parts), lost / total, fault, evidence)
        for cause, lost, fault, evidence in found
        if lost > 0 and total > 0
    ]
    findings = [f for f in findings if not f.fault or _matters(f)]
    return sorted(findings, key=lambda finding: (not finding.fault, -finding.seconds))


_Found = tuple[Cause, float, bool, str]
"""Cause, seconds over all parts, whether it is a fault, the evidence."""


def _matters(finding: Finding) -> bool:
    return finding.share >= FAULT_SHARE and finding.seconds >= FAULT_S


def _proxy(target: Target, own: Sequence[Sample], parts: Sequence[TimeBreakdown]) -> _Found:
    lost = sum(part.proxy_s for part in parts)
    first, decode = [], []
    for part in parts:
        both = [
            select(own, workload=part.workload, prefix=part.prefix, way=way)
            for way in (Way.DIRECT, Way.PROXY)
        ]
        first.append(tuple([waiting_free_ttft_s(s) for s in side] for side in both))
        decode.append(tuple(seconds_per_token(side) for side in both))
    shifts = [shift((a, b) for a, b in groups) for groups in (first, decode)]
    sure = any(s is not None and s.level is Level.CLEAR and s.ratio > 1 for s in shifts)
    direct = _middle_ttft(own, Way.DIRECT)
    through = _middle_ttft(own, Way.PROXY)
    evidence = (
        f"TTFT {figures.seconds(through)} through the proxy, {figures.seconds(direct)} direct; "
        f"decode {_speeds(own, Way.PROXY)} tokens/s through, {_speeds(own, Way.DIRECT)} direct"
    )
    return Cause.PROXY, lost if sure else 0.0, True, evidence


def _queue(target: Target, parts: Sequence[TimeBreakdown]) -> _Found:
    lost = sum(part.queue_s for part in parts)
    evidence = f"{figures.seconds(lost / len(parts))} per request in the proxy's queue"
    return Cause.QUEUE, lost, True, evidence


def _wait_in_backend(
    target: Target, own: Sequence[Sample], parts: Sequence[TimeBreakdown]
) -> _Found:
    """Before the backend starts on the prompt: steady waits are loads, others a busy slot."""
    lost = sum(part.load_s for part in parts)
    waits = [s.view.load_s.value for s in select(own) if s.view.load_s.value is not None]
    steady = True
    low, high = percentile(waits, 10), percentile(waits, 90)
    if low is not None and high is not None:
        steady = high - low <= STEADY * median(waits)
    each = figures.seconds(lost / len(parts))
    if steady:
        return Cause.LOAD, lost, True, f"{each} per request before the prompt: model load"
    return Cause.QUEUE, lost, True, f"{each} per request waiting for a slot in the backend"


def _prompt(target: Target, parts: Sequence[TimeBreakdown]) -> list[_Found]:
    """Reading the prompt: too large, read again in vain, or what the model needs."""
    found: list[_Found] = []
    read_s = sum(part.prefill_s for part in parts)
    again_s = 0.0
    for part in parts:
        if _lost_prefix(part, parts):
            again_s += part.prefill_s
    if again_s:
        reuse = min(part.reuse or 0.0 for part in parts if part.prefix is Prefix.WARM)
        tokens = max(part.prompt_tokens or 0.0 for part in parts)
        evidence = (
            f"the same prompt again, and only {figures.share(reuse)} of its "
            f"{figures.exact(tokens)} tokens came from the cache"
        )
        found.append((Cause.CACHE, again_s, True, evidence))
    tokens = max((part.prompt_tokens or 0.0 for part in parts), default=0.0)
    rest_s, total = read_s - again_s, sum(part.total_s for part in parts)
    window = target.window_tokens or 0
    large = tokens >= LARGE_PROMPT_TOKENS or (window and tokens > LARGE_WINDOW_SHARE * window)
    evidence = f"{figures.exact(tokens)} tokens to read"
    if window:
        evidence += f", {figures.share(tokens / window)} of the window"
    speeds = [1 / s for part in parts if (s := part.prefill_s_per_token)]
    if speeds:
        evidence += f", at {figures.rate(median(speeds))} tokens/s"
    if large and read_s > CONTEXT_SHARE * total:
        found.append((Cause.CONTEXT, rest_s, True, evidence))
    else:
        found.append((Cause.PREFILL, rest_s, False, evidence))
    return found


def _lost_prefix(part: TimeBreakdown, parts: Sequence[TimeBreakdown]) -> bool:
    if part.prefix is not Prefix.WARM or part.reuse is None or part.reuse >= KEPT_REUSE:
        return False
    return part.prompt_tokens is None or part.prompt_tokens >= CACHE_PROMPT_TOKENS


def _decode(target: Target, parts: Sequence[TimeBreakdown]) -> list[_Found]:
    tokens = sum(part.thinking_tokens + part.answer_tokens for part in parts)
    thinking = sum(part.thinking_tokens for part in parts)
    speeds = [1 / s for part in parts if (s := part.decode_s_per_token)]
    speed = figures.rate(median(speeds)) if speeds else figures.UNKNOWN_TEXT
    each = len(parts)
    return [
        (
            Cause.THINKING,
            sum(part.thinking_s for part in parts),
            False,
            f"{figures.exact(thinking / each)} of {figures.exact(tokens / each)} tokens are "
            f"thinking, at {speed} tokens/s",
        ),
        (
            Cause.DECODE,
            sum(part.answer_s for part in parts),
            False,
            f"{figures.exact((tokens - thinking) / each)} tokens of answer at {speed} tokens/s",
        ),
    ]


def _middle_ttft(own: Sequence[Sample], way: Way) -> float | None:
    values = [s.view.ttft_s.value for s in select(own, way=way) if s.view.ttft_s.value]
    return median(values) if values else None


def _speeds(own: Sequence[Sample], way: Way) -> str:
    values = [s.tokens_per_s.value for s in select(own, way=way) if s.tokens_per_s.value]
    return figures.rate(median(values) if values else None)
