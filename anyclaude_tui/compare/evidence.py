"""The evidence for a verdict: numbers with units, both sides, the interval, the seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median

from anyclaude_tui.compare import words
from anyclaude_tui.compare.anatomy import prefill_seconds_per_token
from anyclaude_tui.compare.causes import Finding, Part
from anyclaude_tui.compare.noise import Level, Shift, shift
from anyclaude_tui.compare.samples import Sample, Target, Way, select

SHOWN_PARTS = 3
SHOWN_SHARE = 0.05
"""Smaller parts of the difference are not mentioned."""

_Value = Callable[[Sample], float | None]


def of_whole(change: Shift) -> str:
    """How the whole times compare."""
    sure = {
        Level.EQUAL: "inside the noise",
        Level.CLOSE: "a close call",
        Level.CLEAR: "a clear difference",
    }[change.level]
    return (
        f"whole time {words.times(change.ratio)} "
        f"(95 % interval {words.times(change.low)} to {words.times(change.high)}): {sure}"
    )


def of_difference(
    samples: Sequence[Sample], fast: Target, slow: Target, change: Shift, parts: Sequence[Part]
) -> Iterator[str]:
    """Why `slow` is slower than `fast`: the whole, its parts, then the figures."""
    yield of_whole(change)
    added = sum(part.seconds for part in parts if part.seconds > 0)
    shown = [p for p in parts if added and p.seconds > SHOWN_SHARE * added][:SHOWN_PARTS]
    if shown:
        each = ", ".join(f"{part.cause} +{words.seconds(part.seconds)}" for part in shown)
        yield f"per request: {each}"
    figures: tuple[tuple[str, _Value, Callable[[float | None], str]], ...] = (
        ("decode, tokens/s", lambda s: s.view.tokens_per_s.value, words.rate),
        ("prefill, tokens/s", _prefill_speed, words.rate),
        ("TTFT", lambda s: s.view.ttft_s.value, words.seconds),
        ("thinking share", lambda s: s.thinking_share, words.percent),
        ("prompt tokens", lambda s: s.view.prompt_tokens.value, words.count),
        ("output tokens", lambda s: s.view.output_tokens.value, words.count),
    )
    for name, get, write in figures:
        line = _both(samples, fast, slow, name, get, write)
        if line:
            yield line
    direct = _pair(samples, fast, slow, lambda s: s.view.elapsed_s, Way.DIRECT)
    if direct is not None and direct.level is Level.CLEAR:
        faster = "slower" if direct.ratio > 1 else "faster"
        ratio = direct.ratio if direct.ratio > 1 else 1 / direct.ratio
        yield f"direct, without the proxy: {words.times(ratio)} {faster} as well"
    elif direct is not None:
        yield "direct, without the proxy: no clear difference"


def of_main_parts(findings: Iterable[Finding]) -> Iterator[str]:
    """What each target spends most of its time on."""
    seen: set[str] = set()
    for finding in sorted(findings, key=lambda finding: -finding.share):
        if finding.target not in seen:
            seen.add(finding.target)
            share = words.percent(finding.share)
            yield f"{finding.target}: {share} of its time is {finding.cause}; {finding.evidence}"


def _prefill_speed(sample: Sample) -> float | None:
    per_token = prefill_seconds_per_token(sample)
    return 1 / per_token if per_token else None


def _both(
    samples: Sequence[Sample],
    fast: Target,
    slow: Target,
    name: str,
    get: _Value,
    write: Callable[[float | None], str],
) -> str:
    """`name: X against Y (Z×)`, over all good runs; nothing when one side is unknown."""
    sides = []
    for target in (slow, fast):
        values = [v for s in select(samples, target=target.name) if (v := get(s)) is not None]
        if not values:
            return ""
        sides.append(median(values))
    text = f"{name}: {write(sides[0])} against {write(sides[1])}"
    change = _pair(samples, fast, slow, get, None)
    if change is None or name == "thinking share":
        return text
    if change.level is Level.EQUAL:
        return f"{text} (equal)"
    return f"{text} ({words.times(max(change.ratio, 1 / change.ratio))})"


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
