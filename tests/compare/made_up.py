"""Measurements made up from a model of a model: known causes, honest noise.

They are made as `RequestRecord`s, so the real definitions in `telemetry/metrics.py` turn
them into numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from anyclaude_tui.compare.samples import Comparison, Prefix, Sample, Target, Way
from anyclaude_tui.figures import UNKNOWN, estimated, reported
from anyclaude_tui.telemetry.events import Outcome, RequestRecord
from anyclaude_tui.telemetry.metrics import view

RUNS = 3
NOISE = 0.05
"""Standard deviation of every speed, as on a laptop that does other things too."""


@dataclass(frozen=True)
class Made:
    """How a made-up target behaves."""

    prefill_tokens_per_s: float = 800.0
    decode_tokens_per_s: float = 40.0
    thinking_tokens: int = 60
    answer_tokens: int = 100
    prompt_tokens: int = 3000
    warm_reuse: float = 0.99
    reports_usage: bool = True
    reports_progress: bool = True
    queue_s: Callable[[Random], float] = lambda random: 0.0
    load_s: Callable[[Random], float] = lambda random: 0.0
    first_load_s: float = 0.0
    """Load that only the warm-up meets."""
    proxy_first_s: float = 0.003
    proxy_per_token_s: float = 0.00002
    fails: str = ""


def comparison(
    seed: int,
    *made: Made,
    runs: int = RUNS,
    noise: float = NOISE,
    workloads: Sequence[str] = ("turn",),
    ways: Sequence[Way] = (Way.PROXY, Way.DIRECT),
) -> Comparison:
    """A comparison of targets a, b, c … with everything known but the noise."""
    random = Random(seed)
    samples: list[Sample] = []
    for name, one in zip("abcdef", made, strict=False):
        samples.append(_sample(random, name, one, 0, workloads[0], Way.PROXY, Prefix.COLD, noise))
        samples += [
            _sample(random, name, one, run, workload, way, prefix, noise)
            for run in range(1, runs + 1)
            for workload in workloads
            for way in ways
            for prefix in Prefix
        ]
    targets = tuple(
        Target(name=name, kind="mlx_lm", model=f"model {name}", window_tokens=131_072)
        for name, _ in zip("abcdef", made, strict=False)
    )
    return Comparison(0.0, 60.0, targets, tuple(workloads), tuple(samples), runs)


def _sample(
    random: Random,
    name: str,
    made: Made,
    run: int,
    workload: str,
    way: Way,
    prefix: Prefix,
    noise: float,
) -> Sample:
    def near(value: float) -> float:
        return value * random.lognormvariate(0.0, noise)

    proxied = way is not Way.DIRECT
    cached = int(made.prompt_tokens * made.warm_reuse) if prefix is Prefix.WARM else 0
    output = made.thinking_tokens + made.answer_tokens
    record = RequestRecord(id="made-up", backend=name, accepted_at=1000.0, accepted_wall=0.0)
    record.attempt.sent_at = 1000.0 + (near(0.001) + made.queue_s(random) if proxied else 0.0)
    load_s = near(0.004) + made.load_s(random) + (made.first_load_s if run == 0 else 0.0)
    record.attempt.prefill_at = record.attempt.sent_at + load_s
    read_s = near((made.prompt_tokens - cached) / made.prefill_tokens_per_s)
    record.attempt.first_delta_at = record.attempt.prefill_at + read_s + near(0.004)
    per_token = near(1 / made.decode_tokens_per_s)
    if proxied:
        record.attempt.first_delta_at += near(made.proxy_first_s)
        per_token += near(made.proxy_per_token_s)
    record.attempt.last_delta_at = record.attempt.first_delta_at + per_token * (output - 1)
    record.ended_at = record.attempt.last_delta_at + near(0.002)
    record.attempt.deltas, record.attempt.chunks = output, output + 2
    record.attempt.thinking_deltas = made.thinking_tokens
    record.attempt.prompt_tokens = reported(made.prompt_tokens)
    record.attempt.cached_tokens = reported(cached) if made.reports_usage else UNKNOWN
    record.attempt.output_tokens = reported(output)
    if not made.reports_usage:
        record.attempt.prompt_tokens, record.attempt.output_tokens = (
            estimated(made.prompt_tokens),
            UNKNOWN,
        )
    if not made.reports_progress:
        record.attempt.prefill_at = None
    record.outcome = Outcome.COMPLETE
    if made.fails:
        record.outcome, record.reason = Outcome.ERROR, made.fails
    return Sample(name, workload, way, prefix, run, view(record, record.ended_at))
