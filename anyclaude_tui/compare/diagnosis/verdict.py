"""Measurements in, verdict out: which target is slow, by how much, why, and what to do.

Pure. The fastest target is compared with the slowest. When they differ clearly, the
difference is shared out among the causes (`attribution.py`) and the largest is named.
When they do not, a fault that all of them have (`findings.py`) is named; else they are
equal, and a close call is called close.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from anyclaude_tui import figures
from anyclaude_tui.compare.diagnosis import evidence
from anyclaude_tui.compare.diagnosis.attribution import attribute
from anyclaude_tui.compare.diagnosis.causes import (
    SCENARIOS,
    Cause,
    Confidence,
    Finding,
    Part,
    Scenario,
)
from anyclaude_tui.compare.diagnosis.findings import examine
from anyclaude_tui.compare.diagnosis.remedies import remedies
from anyclaude_tui.compare.diagnosis.significance import Level, Shift, shift
from anyclaude_tui.compare.diagnosis.time_breakdown import breakdowns
from anyclaude_tui.compare.samples import Comparison, Prefix, Sample, Target, Way, select
from anyclaude_tui.telemetry.metrics import RequestView

MAIN_SHARE, LIKELY_SHARE = 0.6, 0.4
"""Share of the difference that the named cause explains, for high and likely confidence."""
SECOND_SHARE = 0.25
"""The second cause's remedies are given as well when it explains this much."""
FIRST_S = 1.0
"""A first request that took this much longer than the others was held up by a load …"""
FIRST_RATIO = 1.5
"""… if it took this many times as long."""
OTHER_LENGTH = 1.25
"""From this ratio of output tokens on the whole time alone says little."""
SAME_EACH = 1.1
MORE_RUNS = "compare again with more runs: these do not tell"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a comparison."""

    cause: Cause
    scenario: Scenario | None
    """The place where most of the time goes; None when the targets are equal and sound."""
    headline: str
    confidence: Confidence
    evidence: tuple[str, ...]
    remedies: tuple[str, ...]
    close: bool = False
    """A close call: there may be a difference, these runs do not show it."""
    fastest: str = ""
    slowest: str = ""
    shift: Shift | None = None
    """Whole time of the slowest over that of the fastest."""
    parts: tuple[Part, ...] = ()
    """The difference in seconds per request, by cause, the largest first."""
    findings: tuple[Finding, ...] = ()
    """Per target: what it spends its time on, faults first."""


def judge(comparison: Comparison) -> Verdict:
    """The verdict on a comparison, complete or stopped half-way."""
    verdict = _judge(comparison)
    logging = tuple(evidence.of_logging(comparison.samples))
    return replace(verdict, evidence=(*verdict.evidence, *logging))


def _judge(comparison: Comparison) -> Verdict:
    samples = comparison.samples
    measured = [t for t in comparison.targets if select(samples, target=t.name)]
    findings = tuple(f for target in measured for f in examine(target, samples))
    if len(measured) < len(comparison.targets) or not measured:
        return _failed(comparison, measured, findings)
    if len(measured) == 1:
        return _alone(measured[0], findings)
    order = sorted(measured, key=lambda target: _typical_s(samples, target.name))
    fast, slow = order[0], order[-1]
    change = _whole_shift(samples, fast.name, slow.name)
    if change is not None and change.level is Level.CLEAR:
        return _different(comparison, fast, slow, change, findings)
    loads = [target for target in order if _first_excess_s(samples, target.name)]
    if loads and len(loads) < len(order):
        return _first_was_slow(samples, loads[-1], change, findings)
    return _alike(order, change, findings)


def _different(
    comparison: Comparison,
    fast: Target,
    slow: Target,
    change: Shift,
    findings: tuple[Finding, ...],
) -> Verdict:
    samples = comparison.samples
    parts = attribute(breakdowns(samples, fast.name), breakdowns(samples, slow.name))
    parts = _as_findings_say(parts, slow, findings)
    cause = parts[0].cause if parts and parts[0].seconds > 0 else Cause.DECODE
    added = sum(part.seconds for part in parts if part.seconds > 0)
    share = parts[0].seconds / added if added > 0 else 0.0
    worth = [cause, *(p.cause for p in parts[1:2] if p.seconds > SECOND_SHARE * added)]
    confidence = Confidence.LOW
    if share >= LIKELY_SHARE:
        confidence = Confidence.HIGH if share >= MAIN_SHARE else Confidence.LIKELY
    headline = f"{_by_how_much(samples, fast, slow, change)}: {SCENARIOS[cause]} ({cause})"
    return Verdict(
        cause=cause,
        scenario=SCENARIOS[cause],
        headline=headline,
        confidence=confidence,
        evidence=tuple(evidence.of_difference(samples, fast, slow, change, parts)),
        remedies=tuple(dict.fromkeys(line for one in worth for line in remedies(one, slow.kind))),
        fastest=fast.name,
        slowest=slow.name,
        shift=change,
        parts=tuple(parts),
        findings=findings,
    )


def _by_how_much(samples: Sequence[Sample], fast: Target, slow: Target, change: Shift) -> str:
    """The factor by which `slow` is slower, in words; per token too where the lengths differ."""
    words = f"{slow.shown} is {figures.times(change.ratio)} slower than {fast.shown}"
    lengths = _shift_of(samples, fast.name, slow.name, lambda view: view.output_tokens.value)
    if lengths is None or max(lengths.ratio, 1 / lengths.ratio) < OTHER_LENGTH:
        return words
    each = change.ratio / lengths.ratio
    wrote = f"writes {figures.times(max(lengths.ratio, 1 / lengths.ratio))} as "
    wrote += "many tokens" if lengths.ratio > 1 else "few tokens"
    if max(each, 1 / each) < SAME_EACH:
        return f"{words}, but {wrote}: for each token they are equal"
    faster = "slower" if each > 1 else "faster"
    return f"{words} and {wrote}: {figures.times(max(each, 1 / each))} {faster} for each token"


def _as_findings_say(parts: list[Part], slow: Target, findings: Iterable[Finding]) -> list[Part]:
    """Waiting inside the backend is a load or a queue: the findings have told them apart."""
    own = {finding.cause for finding in findings if finding.target == slow.name}
    if Cause.QUEUE in own and Cause.LOAD not in own:
        seconds = {part.cause: part.seconds for part in parts}
        seconds[Cause.QUEUE] = seconds.get(Cause.QUEUE, 0.0) + seconds.pop(Cause.LOAD, 0.0)
        parts = [Part(cause, value) for cause, value in seconds.items()]
    return sorted(parts, key=lambda part: -part.seconds)


def _alike(order: Sequence[Target], change: Shift | None, findings: tuple[Finding, ...]) -> Verdict:
    """No clear difference: a fault that they share, or equal."""
    names = " and ".join(target.shown for target in order)
    close = change is not None and change.level is Level.CLOSE
    said = evidence.of_whole(change) if change else "too few runs to tell them apart"
    shared = _shared_fault(order, findings)
    if shared is not None:
        return Verdict(
            cause=shared.cause,
            scenario=SCENARIOS[shared.cause],
            headline=f"{names} are about equal, and {SCENARIOS[shared.cause]} for each of "
            f"them ({shared.cause})",
            confidence=Confidence.HIGH if shared.share >= LIKELY_SHARE else Confidence.LIKELY,
            evidence=(*(f"{f.label}: {f.evidence}" for f in findings if f.fault), said),
            remedies=remedies(shared.cause, order[-1].kind),
            fastest=order[0].name,
            slowest=order[-1].name,
            shift=change,
            findings=findings,
        )
    headline = f"{names} are equal within the noise"
    if close and change is not None:
        headline = (
            f"too close to call: {order[-1].shown} may be {figures.times(change.ratio)} slower "
            f"than {order[0].shown}"
        )
    elif change is None:
        headline = f"{names} cannot be told apart: they share no workload that both finished"
    return Verdict(
        cause=Cause.EQUAL,
        scenario=None,
        headline=headline,
        confidence=Confidence.LOW if close or change is None else Confidence.HIGH,
        evidence=(said, *evidence.of_main_parts(findings)),
        remedies=(
            ("compare again with more runs: these do not tell",)
            if close
            else remedies(Cause.EQUAL, "")
        ),
        close=close,
        fastest=order[0].name,
        slowest=order[-1].name,
        shift=change,
        findings=findings,
    )


def _shared_fault(order: Sequence[Target], findings: Iterable[Finding]) -> Finding | None:
    """The largest fault among those that every target has."""
    faults = [finding for finding in findings if finding.fault]
    of_all = [
        fault
        for fault in faults
        if all(any(f.target == t.name and f.cause is fault.cause for f in faults) for t in order)
    ]
    return max(of_all, key=lambda finding: finding.seconds, default=None)


def _alone(target: Target, findings: tuple[Finding, ...]) -> Verdict:
    """One target: what it spends its time on."""
    main = findings[0] if findings else None
    cause = main.cause if main else Cause.DECODE
    share = main.share if main else 0.0
    return Verdict(
        cause=cause,
        scenario=SCENARIOS[cause],
        headline=f"{target.shown}: {SCENARIOS[cause]} ({cause}, {figures.share(share)} of the "
        "time)",
        confidence=Confidence.HIGH if share >= LIKELY_SHARE else Confidence.LIKELY,
        evidence=tuple(finding.evidence for finding in findings),
        remedies=remedies(cause, target.kind),
        fastest=target.name,
        slowest=target.name,
        findings=findings,
    )


def _first_was_slow(
    samples: Iterable[Sample],
    target: Target,
    change: Shift | None,
    findings: tuple[Finding, ...],
) -> Verdict:
    """Equal once they run, but the first request of one waited for its model."""
    excess_s = _first_excess_s(samples, target.name)
    said = [f"the first request to {target.shown} took {figures.seconds(excess_s)} longer"]
    if change:
        said.append(f"afterwards: {evidence.of_whole(change)}")
    return Verdict(
        cause=Cause.LOAD,
        scenario=SCENARIOS[Cause.LOAD],
        headline=f"equal once loaded; {target.shown} loads its model for "
        f"{figures.seconds(excess_s)} at the first request",
        confidence=Confidence.LIKELY,
        evidence=tuple(said),
        remedies=remedies(Cause.LOAD, target.kind),
        slowest=target.name,
        shift=change,
        findings=findings,
    )


def _failed(
    comparison: Comparison, measured: Sequence[Target], findings: tuple[Finding, ...]
) -> Verdict:
    """A target without a single good run."""
    missing = [target for target in comparison.targets if target not in measured]
    reasons = [f"{t.shown}: {_why_failed(comparison, t)}" for t in missing]
    names = " and ".join(target.shown for target in missing) or "nothing"
    return Verdict(
        cause=Cause.FAILED,
        scenario=None,
        headline=f"{names} could not be measured",
        confidence=Confidence.HIGH,
        evidence=(*reasons, *evidence.of_main_parts(findings)),
        remedies=remedies(Cause.FAILED, ""),
        findings=findings,
    )


def _why_failed(comparison: Comparison, target: Target) -> str:
    reasons = [s.view.reason for s in comparison.samples if s.target == target.name and not s.ok]
    stopped = "stopped before its first run" if comparison.stopped else "no run was completed"
    return target.error or next((reason for reason in reasons if reason), stopped)


def _ways(samples: Iterable[Sample]) -> Way:
    """The way that whole times are compared on: through the proxy where that was measured."""
    return Way.PROXY if any(sample.way is Way.PROXY for sample in samples) else Way.DIRECT


def _whole(
    samples: Sequence[Sample],
    target: str,
    get: Callable[[RequestView], float | None] = lambda view: view.elapsed_s,
) -> dict[tuple[str, Prefix], list[float]]:
    way = _ways(samples)
    found: dict[tuple[str, Prefix], list[float]] = {}
    for sample in select(samples, target=target, way=way):
        value = get(sample.view)
        if value is not None:
            found.setdefault((sample.workload, sample.prefix), []).append(value)
    return found


def _typical_s(samples: Sequence[Sample], target: str) -> float:
    """The sum of the median times over everything that was asked: for ordering."""
    return sum(median(values) for values in _whole(samples, target).values())


def _whole_shift(samples: Sequence[Sample], fast: str, slow: str) -> Shift | None:
    return _shift_of(samples, fast, slow, lambda view: view.elapsed_s)


def _shift_of(
    samples: Sequence[Sample], fast: str, slow: str, get: Callable[[RequestView], float | None]
) -> Shift | None:
    a, b = _whole(samples, fast, get), _whole(samples, slow, get)
    return shift((a[key], b[key]) for key in a if key in b)


def _first_excess_s(samples: Iterable[Sample], target: str) -> float:
    """The seconds by which the warm-up's first token came later than later cold ones; 0 if few."""
    own = [s for s in samples if s.target == target and s.view.ttft_s.value is not None]
    first = next((s for s in own if s.run == 0), None)
    if first is None:
        return 0.0
    later = select(own, workload=first.workload, way=first.way, prefix=first.prefix)
    if not later:
        return 0.0
    usual = median(s.view.ttft_s.value or 0.0 for s in later)
    took = first.view.ttft_s.value or 0.0
    return took - usual if took > FIRST_RATIO * usual and took - usual > FIRST_S else 0.0
