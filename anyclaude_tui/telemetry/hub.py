"""The place where the facts of a session come together, and the snapshots that screens read.

The hub lives on the session's loop. A snapshot is made only when somebody asks; between
two of them a chunk costs what it writes into its own record and nothing else.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from anyclaude_tui.backends.base import BackendStatus
from anyclaude_tui.figures import UNKNOWN, Figure, estimated, measured
from anyclaude_tui.prefix.divergence import Comparison
from anyclaude_tui.printable import printable
from anyclaude_tui.redaction import clean
from anyclaude_tui.telemetry.events import COUNTERS, Outcome, RequestRecord, counts
from anyclaude_tui.telemetry.metrics import (
    RequestView,
    decode_tokens_per_s,
    percentile,
    ttft_s,
    view,
)
from anyclaude_tui.telemetry.warmth import COLD, Warmth
from anyclaude_tui.telemetry.why_now import left_s, why_now

RECENT_KEPT = 500
"""Ended requests kept in memory for the screens; all of them are in the journal."""
WINDOW = 200
"""Requests that the session's percentiles look back on."""
PREFILLS_KEPT = 8
"""Prefill speeds of each backend that a guess at the next one is made from."""
LEAST_PREFILL_TOKENS = 500
"""Fewer tokens say nothing about the speed."""
RATE_SAMPLES = 120
"""One-second samples of the decode rate kept for the sparkline."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The session so far, or one backend's part of it."""

    requests: int = 0
    complete: int = 0
    limits: int = 0
    errors: int = 0
    cancelled: int = 0
    truncations: tuple[tuple[str, int], ...] = ()
    """(kind, count), only kinds that occurred."""
    ttft_p50_s: Figure = UNKNOWN
    ttft_p95_s: Figure = UNKNOWN
    tokens_per_s: Figure = UNKNOWN
    """Median over the last requests."""
    reuse_percent: Figure = UNKNOWN
    saved_s: Figure = UNKNOWN
    """The seconds that restored and warmed prompts would have taken to read again."""
    prompt_tokens: int = 0
    output_tokens: int = 0
    chunks: int = 0
    deltas: int = 0
    thinking_deltas: int = 0
    upstream_bytes: int = 0
    stalls: int = 0
    keepalives: int = 0
    retries: int = 0
    tool_calls: int = 0
    repaired_calls: int = 0
    rescued_calls: int = 0
    dropped_calls: int = 0
    web_searches: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the user: what happened and what to do."""

    wall: float
    level: str
    """info, warning or error."""
    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a screen may show, at one moment. Immutable; made on the session's loop."""

    at: float
    wall: float
    proxy_url: str
    active: str
    """Name of the backend that new requests go to."""
    backends: tuple[BackendStatus, ...]
    in_flight: tuple[RequestView, ...]
    recent: tuple[RequestView, ...]
    """Ended requests, newest first."""
    totals: Totals
    rates: tuple[float, ...]
    """Deltas per second in each of the last seconds, oldest first (a live decode rate)."""
    notices: tuple[Notice, ...]
    per_backend: tuple[tuple[str, Totals], ...] = ()
    """The totals of each backend that has answered something, by name, the last to answer first."""
    switching: str = ""
    """The step of a switch that is under way, in words; empty when none is."""
    warmth: Warmth = COLD
    """The state of the active backend's prompt cache."""
    prefill_speeds: tuple[tuple[str, Figure], ...] = ()
    """Tokens per second of the last prompts that each backend has read, by its name."""

    def prefill_speed(self, backend: str) -> Figure:
        """Tokens per second at which a backend reads prompts; unknown before it has read one."""
        return dict(self.prefill_speeds).get(backend, UNKNOWN)

    @property
    def backend(self) -> BackendStatus | None:
        """The active backend's status."""
        return next((b for b in self.backends if b.name == self.active), None)


@dataclass(slots=True)
class _Tally:
    """Running sums behind `Totals`."""

    outcomes: Counter[str] = field(default_factory=Counter)
    truncations: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    saved_s: float = 0.0
    ttft_s: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))
    tokens_per_s: deque[Figure] = field(default_factory=lambda: deque(maxlen=WINDOW))
    reuse: deque[tuple[float, float, Figure]] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def add(self, record: RequestRecord) -> None:
        self.outcomes[record.outcome or "?"] += 1
        if record.truncation is not None:
            self.truncations[record.truncation] += 1
        self.sums.update(counts(record))
        self.sums["prompt_tokens"] += int(record.attempt.prompt_tokens.value or 0)
        self.saved_s += record.saved_s
        self.sums["output_tokens"] += int(record.attempt.output_tokens.value or 0)
        first = ttft_s(record)
        if first is not None:
            self.ttft_s.append(first)
        rate = decode_tokens_per_s(record)
        if rate.value is not None:
            self.tokens_per_s.append(rate)
        prompt, cached = record.attempt.prompt_tokens.value, record.attempt.cached_tokens
        if prompt and cached.value is not None:
            self.reuse.append((prompt, cached.value, cached))

    def totals(self) -> Totals:
        return Totals(
            requests=sum(self.outcomes.values()),
            complete=self.outcomes[Outcome.COMPLETE],
            limits=self.outcomes[Outcome.LIMIT],
            errors=self.outcomes[Outcome.ERROR],
            cancelled=self.outcomes[Outcome.CANCELLED],
            truncations=tuple(sorted(self.truncations.items())),
            ttft_p50_s=measured(percentile(self.ttft_s, 50)),
            ttft_p95_s=measured(percentile(self.ttft_s, 95)),
            tokens_per_s=_median(self.tokens_per_s),
            reuse_percent=self._reuse(),
            saved_s=estimated(self.saved_s) if self.saved_s else UNKNOWN,
            prompt_tokens=self.sums["prompt_tokens"],
            output_tokens=self.sums["output_tokens"],
            **{counter.name: self.sums[counter.name] for counter in COUNTERS},
        )

    def _reuse(self) -> Figure:
        if not self.reuse:
            return UNKNOWN
        prompt = sum(p for p, _, _ in self.reuse)
        worst = _weakest([figure for _, _, figure in self.reuse])
        return Figure(100 * sum(c for _, c, _ in self.reuse) / prompt, worst.source)


def _weakest(figures: list[Figure]) -> Figure:
    """The one whose provenance is the weakest: it decides what may be said of them all."""
    order = ("unknown", "estimated", "reported", "measured")
    return min(figures, key=lambda figure: order.index(figure.source))


def _median(figures: deque[Figure]) -> Figure:
    middle = percentile([f.value for f in figures if f.value is not None], 50)
    return UNKNOWN if middle is None else Figure(middle, _weakest(list(figures)).source)


class Hub:
    """The session's facts. Used on the session's loop only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.in_flight: dict[str, RequestRecord] = {}
        self.settle: Callable[[], None] = lambda: None
        """Has done what is left to be done about requests that have ended."""
        self._recent: deque[RequestView] = deque(maxlen=RECENT_KEPT)
        self._leaving: dict[str, RequestRecord] = {}
        """Requests that have ended, and are not counted yet."""
        self.notices: deque[Notice] = deque(maxlen=50)
        self.comparison: Callable[[str], Comparison | None] = lambda request_id: None
        """The relation of a request's prompt to the one before: the explainer's."""
        self.ended_listeners: list[Callable[[RequestRecord, RequestView], None]] = []
        self.notice_listeners: list[Callable[[Notice], None]] = []
        self._all = _Tally()
        self._by_backend: OrderedDict[str, _Tally] = OrderedDict()
        self._prefills: dict[str, deque[float]] = {}
        self._rates: deque[float] = deque(maxlen=RATE_SAMPLES)
        self._rate_at = clock()
        self._deltas_ended = 0
        self._deltas_seen = 0

    def begin(self, record: RequestRecord) -> None:
        """A request was accepted."""
        self.in_flight[record.id] = record

    @property
    def recent(self) -> deque[RequestView]:
        """The requests that have ended, the newest first, whole: what is left to be done about
        them is done now."""
        self.settle()
        return self._recent

    def leave(self, record: RequestRecord) -> None:
        """It has ended; `end` is still to come. Until then it is shown with what is known of it."""
        self.in_flight.pop(record.id, None)
        self._leaving[record.id] = record

    def end(self, record: RequestRecord) -> None:
        """It has ended, and is counted; called once per request, whatever the ending."""
        self.in_flight.pop(record.id, None)
        self._leaving.pop(record.id, None)
        ended = view(record, self.clock())
        if record.role.is_work:
            self._deltas_ended += record.attempt.deltas
            self._all.add(record)
            self._count_for_backend(record, ended)
            self._recent.appendleft(ended)
        for listener in self.ended_listeners:
            listener(record, ended)

    def notice(self, level: str, text: str) -> None:
        """Tell the user something that is no request's business."""
        notice = Notice(time.time(), level, printable(clean(text)))
        self.notices.append(notice)
        for listener in self.notice_listeners:
            listener(notice)

    def snapshot(
        self,
        *,
        proxy_url: str = "",
        active: str = "",
        backends: tuple[BackendStatus, ...] = (),
        switching: str = "",
        warmth: Warmth | None = None,
        recent: int = RECENT_KEPT,
    ) -> Snapshot:
        """All of it, frozen. `recent`: how many ended requests to include."""
        now = self.clock()
        self._sample_rate(now)
        return Snapshot(
            at=now,
            wall=time.time(),
            proxy_url=proxy_url,
            active=active,
            backends=backends,
            in_flight=tuple(self._running(record, now) for record in self.in_flight.values()),
            recent=(*self._just_ended(now), *self._recent)[:recent],
            totals=self._all.totals(),
            per_backend=tuple(
                (name, tally.totals()) for name, tally in reversed(self._by_backend.items())
            ),
            rates=tuple(self._rates),
            notices=tuple(self.notices),
            switching=switching,
            warmth=warmth or COLD,
            prefill_speeds=tuple(
                (name, estimated(percentile(speeds, 50))) for name, speeds in self._prefills.items()
            ),
        )

    def _just_ended(self, now: float) -> list[RequestView]:
        """Those not counted yet, the newest first; what is not worked out of them is unknown."""
        work = (record for record in self._leaving.values() if record.role.is_work)
        return [view(record, now) for record in work][::-1]

    def _count_for_backend(self, record: RequestRecord, ended: RequestView) -> None:
        """Its own medians, and how fast it reads prompts."""
        if not record.backend or record.attempt.sent_at is None:
            return
        self._by_backend.setdefault(record.backend, _Tally()).add(record)
        self._by_backend.move_to_end(record.backend)
        speed, prompt, cached = (
            ended.prefill_tokens_per_s.value,
            ended.prompt_tokens.value,
            ended.cached_tokens.value,
        )
        if speed and prompt is not None and prompt - (cached or 0.0) >= LEAST_PREFILL_TOKENS:
            kept = self._prefills.setdefault(record.backend, deque(maxlen=PREFILLS_KEPT))
            kept.append(speed)

    def _running(self, record: RequestRecord, now: float) -> RequestView:
        """With the time that is left and the sentence about it."""
        comparison = self.comparison(record.id)
        usual = percentile(self._prefills.get(record.backend, ()), 50) or 0.0
        left = left_s(record, now, comparison, usual)
        words = why_now(record, now, comparison, left)
        return replace(view(record, now), prefill_eta_s=left, why=words)

    def _sample_rate(self, now: float) -> None:
        """Add the deltas per second since the last sample, at most once a second."""
        span = now - self._rate_at
        if span < 1.0:
            return
        all_of_them = (*self.in_flight.values(), *self._leaving.values())
        running = [record for record in all_of_them if record.role.is_work]
        seen = self._deltas_ended + sum(record.attempt.deltas for record in running)
        # A request that is sent again begins to count again.
        rate = max(0, seen - self._deltas_seen) / span
        self._rates.extend([rate] * min(int(span), 5) if span < 5 else [0.0, rate])
        self._deltas_seen = seen
        self._rate_at = now
