"""`GET /metrics`: the session's sums in Prometheus' text form.

Names are those of OpenTelemetry's GenAI conventions where there are some (dots become
underscores, the unit is appended), else `anyclaude_…`. Source: open-telemetry's
semantic-conventions-genai, the page on metrics. Counting costs a few additions per request; the
library is imported when somebody asks for the first time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anyclaude_tui.telemetry.events import COUNTERS, Outcome, RequestRecord, counts
from anyclaude_tui.telemetry.metrics import RequestView

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# The conventions' buckets, and further ones for local models, which take minutes.
# fmt: off
_TTFT = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    30.0, 60.0, 120.0, 300.0, 900.0,
)
_PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_DURATION = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
    300.0, 900.0,
)
# fmt: on
_TOKENS = tuple(float(4**power) for power in range(11))

_LABELS = ("gen_ai_provider_name", "gen_ai_response_model", "anyclaude_backend")
_OPERATION = ("gen_ai_operation_name", "chat")


@dataclass(slots=True)
class _Histogram:
    """The counts per bucket and label values."""

    bounds: Sequence[float]
    counts: dict[tuple[str, ...], list[int]] = field(default_factory=dict)
    sums: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def add(self, labels: tuple[str, ...], value: float) -> None:
        counts = self.counts.setdefault(labels, [0] * (len(self.bounds) + 1))
        counts[bisect_left(self.bounds, value)] += 1
        self.sums[labels] += value  # type: ignore[assignment]

    def buckets(self, labels: tuple[str, ...]) -> list[tuple[str, float]]:
        """(upper bound, count up to it), as the text form wants them."""
        total, out = 0, []
        for bound, count in zip([*map(str, self.bounds), "+Inf"], self.counts[labels], strict=True):
            total += count
            out.append((bound, float(total)))
        return out


class Meter:
    """The sums. Used on the session's loop."""

    def __init__(self) -> None:
        self._ttft = _Histogram(_TTFT)
        self._per_token = _Histogram(_PER_TOKEN)
        self._duration = _Histogram(_DURATION)
        self._tokens = _Histogram(_TOKENS)
        self._requests: Counter[tuple[str, str]] = Counter()
        self._truncations: Counter[tuple[str, str]] = Counter()
        self._sums: dict[str, Counter[str]] = {one.name: Counter() for one in COUNTERS}
        self._cached: Counter[tuple[str, str]] = Counter()

    def ended(self, record: RequestRecord, ended: RequestView) -> None:
        """Count one request."""
        labels = (record.kind, record.model, record.backend)
        outcome = str(record.outcome or "")
        failed = outcome if record.outcome in (Outcome.ERROR, Outcome.CANCELLED) else ""
        self._duration.add((*labels, failed), ended.elapsed_s)
        if ended.ttft_s.value is not None:
            self._ttft.add(labels, ended.ttft_s.value)
        if ended.tokens_per_s.value:
            self._per_token.add(labels, 1 / ended.tokens_per_s.value)
        for kind, figure in (("input", ended.prompt_tokens), ("output", ended.output_tokens)):
            if figure.value is not None:
                self._tokens.add((*labels, kind), figure.value)
        if ended.cached_tokens.value is not None:
            key = (record.backend, str(ended.cached_tokens.source))
            self._cached[key] += round(ended.cached_tokens.value)
        self._requests[record.backend, outcome] += 1
        if record.truncation is not None:
            self._truncations[record.backend, str(record.truncation)] += 1
        for name, count in counts(record).items():
            self._sums[name][record.backend] += count

    def text(self, in_flight: Iterable[RequestRecord] = ()) -> bytes:
        """All of it, as `GET /metrics` answers."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collected(list(self._metrics(in_flight))))
        return generate_latest(registry)

    def _metrics(self, in_flight: Iterable[RequestRecord]) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        yield _family(
            "gen_ai_server_time_to_first_token_seconds",
            "Request accepted until the first non-empty delta.",
            self._ttft,
            _LABELS,
        )
        yield _family(
            "gen_ai_server_time_per_output_token_seconds",
            "Time per output token after the first one.",
            self._per_token,
            _LABELS,
        )
        yield _family(
            "gen_ai_server_request_duration_seconds",
            "Request accepted until its end.",
            self._duration,
            (*_LABELS, "error_type"),
        )
        yield _family(
            "gen_ai_client_token_usage",
            "Tokens of a request's prompt (input) and reply (output).",
            self._tokens,
            (*_LABELS, "gen_ai_token_type"),
        )
        requests = CounterMetricFamily(
            "anyclaude_requests", "Requests by their ending.", labels=("backend", "outcome")
        )
        for pair, count in self._requests.items():
            requests.add_metric(pair, count)
        yield requests
        truncations = CounterMetricFamily(
            "anyclaude_truncations", "Replies cut short.", labels=("backend", "kind")
        )
        for pair, count in self._truncations.items():
            truncations.add_metric(pair, count)
        yield truncations
        cached = CounterMetricFamily(
            "anyclaude_cached_tokens",
            "Prompt tokens that the prefix cache held, and who says so.",
            labels=("backend", "source"),
        )
        for pair, count in self._cached.items():
            cached.add_metric(pair, count)
        yield cached
        for one in COUNTERS:
            family = CounterMetricFamily(f"anyclaude_{one.name}", one.text, labels=("backend",))
            for backend, count in self._sums[one.name].items():
                family.add_metric((backend,), count)
            yield family
        running = GaugeMetricFamily(
            "anyclaude_requests_in_flight", "Requests now, by phase.", labels=("backend", "phase")
        )
        now = Counter((record.backend, str(record.phase)) for record in in_flight)
        for pair, count in now.items():
            running.add_metric(pair, count)
        yield running


class _Collected:
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def _family(name: str, text: str, histogram: _Histogram, labels: tuple[str, ...]) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(name, text, labels=(*labels, _OPERATION[0]))
    for values, total in histogram.sums.items():
        family.add_metric((*values, _OPERATION[1]), histogram.buckets(values), sum_value=total)
    return family
