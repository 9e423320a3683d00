"""The evidence for a verdict: numbers with units, both sides, the interval, the seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median

from anyclaude_tui import figures
from anyclaude_tui.compare.diagnosis.causes import Finding, Part
from anyclaude_tui.compare.diagnosis.significance import Level, Shift, shift
from anyclaude_tui.compare.diagnosis.time_breakdown import (
    TimeBreakdown,
    breakdowns,
    prefill_seconds_per_token,
)
from anyclaude_tui.compare.samples import Prefix, Sample, Target, Way, select

SHOWN_PARTS = 3
SHOWN_SHARE = 0.05
"""Smaller parts of the difference are not mentioned."""

_Value = Callable[[Sample], float | None]


def of_whole(change: Shift) -> str:
    """The comparison of the whole times, in words."""
    sure = {
        Level.EQUAL: "inside the noise",
        Level.CLOSE: "a close call",
        Level.CLEAR: "a clear difference",
    }[change.level]
    if not change.repeated:
        return f"whole time {figures.times(change.ratio)} (one run each, so no interval)"
    return (
        f"whole time {figures.times(change.ratio)} "
        f"(95 % interval {figures.times(change.low)} to {figures.times(change.high)}): {sure}"
    )


def of_difference(
    samples: Sequence[Sample], fast: Target, slow: Target, change: Shift, parts: Sequence[Part]
) -> Iterator[str]:
    """The evidence that `slow` is slower than `fast`: the whole, its parts, then the figures."""
    yield of_whole(change)
    added = sum(part.seconds for part in parts if part.seconds > 0)
    shown = [p for p in parts if added and p.seconds > SHOWN_SHARE * added][:SHOWN_PARTS]
    if shown:
        each = ", ".join(f"{part.cause} +{figures.seconds(part.seconds)}" for part in shown)
        yield f"per request: {each}"
    yield from _speed(samples, fast, slow, "decode", lambda s: s.tokens_per_s.value)
    yield from _speed(samples, fast, slow, "prefill", _prefill_speed)
    ours = {(part.workload, part.prefix): part for part in breakdowns(samples, slow.name)}
    theirs = {(part.workload, part.prefix): part for part in breakdowns(samples, fast.name)}
    both = [(ours[key], theirs[key]) for key in ours if key in theirs]
    if both:
        yield from _of_breakdowns(both)
    direct = _pair(samples, fast, slow, lambda s: s.view.elapsed_s, Way.DIRECT)
    if direct is not None and direct.level is Level.CLEAR:
        faster = "slower" if direct.ratio > 1 else "faster"
        ratio = direct.ratio if direct.ratio > 1 else 1 / direct.ratio
        yield f"direct, without the proxy: {figures.times(ratio)} {faster} as well"
    elif direct is not None:
        yield "direct, without the proxy: no clear difference"


def of_logging(samples: Sequence[Sample]) -> Iterator[str]:
    """The cost of full logging, where that was measured."""
    groups: dict[tuple[str, str, str], tuple[list[float], list[float]]] = {}
    for side, way in enumerate((Way.PROXY, Way.LOGGED)):
        for sample in select(samples, way=way):
            key = (sample.target, sample.workload, sample.prefix.value)
            groups.setdefault(key, ([], []))[side].append(sample.view.elapsed_s)
    change = shift(groups.values())
    if change is None:
        return
    ratio = figures.times(change.ratio)
    if change.level is Level.CLEAR and change.ratio > 1:
        yield f"full logging makes requests {ratio} slower: use it only to look for a fault"
    else:
        yield f"full logging costs nothing that shows (whole time {ratio})"


def of_main_parts(findings: Iterable[Finding]) -> Iterator[str]:
    """The part that each target spends most of its time on."""
    seen: set[str] = set()
    for finding in sorted(findings, key=lambda finding: -finding.share):
        if finding.target not in seen:
            seen.add(finding.target)
            share = figures.share(finding.share)
            yield f"{finding.label}: {share} of its time is {finding.cause}; {finding.evidence}"


def _prefill_speed(sample: Sample) -> float | None:
    per_token = prefill_seconds_per_token(sample)
    return 1 / per_token if per_token else None


def _speed(
    samples: Sequence[Sample], fast: Target, slow: Target, name: str, get: _Value
) -> Iterator[str]:
    """`decode 12.0 tokens/s against 65.1 (5.4×)`; nothing when one side is unknown."""
    sides = []
    for target in (slow, fast):
        values = [v for s in select(samples, target=target.name) if (v := get(s)) is not None]
        if not values:
            return
        sides.append(figures.rate(median(values)))
    text = f"{name} {sides[0]} tokens/s against {sides[1]}"
    change = _pair(samples, fast, slow, get, None)
    if change is not None:
        ratio = figures.times(max(change.ratio, 1 / change.ratio))
        text += " (equal)" if change.level is Level.EQUAL else f" ({ratio})"
    yield text


def _of_breakdowns(both: Sequence[tuple[TimeBreakdown, TimeBreakdown]]) -> Iterator[str]:
    """First token, thinking and prompt, each where the two differ the most."""
    ours, theirs = max(both, key=lambda pair: abs(_first_s(pair[0]) - _first_s(pair[1])))
    yield (
        f"first token ({ours.workload}, {ours.prefix}): {figures.seconds(_first_s(ours))} "
        f"against {figures.seconds(_first_s(theirs))}"
    )
    ours, theirs = max(both, key=lambda pair: abs(_thoughts(pair[0]) - _thoughts(pair[1])))
    if _thoughts(ours) or _thoughts(theirs):
        yield (
            f"thinking ({ours.workload}): {figures.exact(_thoughts(ours))} of "
            f"{figures.exact(_output(ours))} tokens against {figures.exact(_thoughts(theirs))} of "
            f"{figures.exact(_output(theirs))}"
        )
    ours, theirs = max(both, key=lambda pair: pair[0].prompt_tokens or 0)
    if ours.prompt_tokens and theirs.prompt_tokens:
        yield (
            f"prompt ({ours.workload}): {figures.exact(ours.prompt_tokens)} tokens against "
            f"{figures.exact(theirs.prompt_tokens)}"
        )
    warm = [pair for pair in both if pair[0].prefix is Prefix.WARM]
    if warm:
        ours, theirs = max(warm, key=lambda pair: pair[0].prompt_tokens or 0)
        yield (
            f"cache ({ours.workload}, the same prompt again): {figures.share(ours.reuse)} "
            f"reused against {figures.share(theirs.reuse)}"
        )


def _first_s(part: TimeBreakdown) -> float:
    return part.queue_s + part.load_s + part.prefill_s + part.proxy_s


def _thoughts(part: TimeBreakdown) -> float:
    return part.thinking_tokens


def _output(part: TimeBreakdown) -> float:
    return part.thinking_tokens + part.answer_tokens


def _pair(
    samples: Sequence[Sample], fast: Target, slow: Target, get: _Value, way: Way | None
) -> Shift | None:
    """The shift from fast to slow over all workloads, ways and prefixes that both have."""
    groups: dict[tuple[str, str, str], tuple[list[float], list[float]]] = {}
    for side, target in enumerate((fast, slow)):
        for sample in select(samples, target=target.name, way=way):
            value = get(sample)
            if value is not None:
                key = (sample.workload, sample.way.value, sample.prefix.value)
                groups.setdefault(key, ([], []))[side].append(value)
    return shift(groups.values())
