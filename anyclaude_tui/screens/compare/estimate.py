"""The time that a comparison will take, estimated before it begins: from what the session has
measured on its targets. Pure; once it runs `measuring/eta.py` knows better."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import msgspec

from anyclaude_tui.compare.measuring.plan import make_plan
from anyclaude_tui.compare.samples import Prefix
from anyclaude_tui.compare.workload import CHARS_PER_TOKEN, Workload
from anyclaude_tui.telemetry.metrics import RequestView

LEAST_PREFILL_TOKENS = 500
"""Fewer tokens that were read say nothing about the speed."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens per second of one target; None where nothing was measured."""

    prefill: float | None
    decode: float | None


@dataclass(frozen=True, slots=True)
class Guess:
    """At most so long: every answer is counted as long as it may be."""

    seconds: float | None
    """None where nothing is known of any target."""
    unknown: tuple[str, ...] = ()
    """Targets that nothing is known of: they are counted like the others."""


def speed(name: str, requests: Iterable[RequestView]) -> Speed:
    """The median speeds of a backend in these requests."""
    own = [one for one in requests if one.backend == name]
    prefill = [
        one.prefill_tokens_per_s.value
        for one in own
        if one.prefill_tokens_per_s.value
        and (one.prompt_tokens.value or 0) - (one.cached_tokens.value or 0) >= LEAST_PREFILL_TOKENS
    ]
    decode = [one.tokens_per_s.value for one in own if one.tokens_per_s.value]
    return Speed(median(prefill) if prefill else None, median(decode) if decode else None)


def guess(
    targets: Sequence[str],
    workloads: Sequence[Workload],
    runs: int,
    requests: Sequence[RequestView],
) -> Guess:
    """The time that all runs take at most, from the speeds in these requests."""
    speeds = {name: speed(name, requests) for name in targets}
    unknown = tuple(name for name, one in speeds.items() if one.decode is None)
    known = [one for one in speeds.values() if one.decode is not None]
    if not known or not workloads:
        return Guess(None, unknown)
    prefills = [one.prefill for one in known if one.prefill]
    usual = Speed(
        fmean(prefills) if prefills else None, fmean(one.decode for one in known if one.decode)
    )
    sizes = {work.name: _tokens(work) for work in workloads}
    seconds = 0.0
    for visit in make_plan(targets, workloads, runs, together=True):
        own = speeds[visit.target]
        prefill, decode = own.prefill or usual.prefill, own.decode or usual.decode
        for step in visit.steps:
            prompt, most = sizes[step.workload]
            if prefill and step.prefix is Prefix.COLD:
                seconds += prompt / prefill
            seconds += most / decode if decode else 0.0
    return Guess(seconds, unknown)


def _tokens(workload: Workload) -> tuple[float, float]:
    """Of the prompt, about; and of the answer at most."""
    prompt = len(msgspec.json.encode(workload.body)) / CHARS_PER_TOKEN
    return prompt, float(workload.body.get("max_tokens") or 0)
