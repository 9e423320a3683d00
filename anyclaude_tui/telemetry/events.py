"""The facts about one request, as the proxy writes them down.

A `RequestRecord` belongs to the session's loop, which alone changes it: a chunk costs a
few attribute writes. Screens never see it; they get a `RequestView` in a snapshot
(`metrics.py`), made ten times a second and only while somebody looks.
Definitions of the numbers: docs/metrics.md.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from anyclaude_tui.figures import UNKNOWN, Figure, Source, estimated


class Phase(StrEnum):
    """The life of a request, in this order; every path leads to `ended`."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    SENT = "sent"
    """Sent upstream; model load, tokenising, waiting for a slot in the backend."""
    PREFILL = "prefill"
    DECODE = "decode"
    ENDED = "ended"


class Role(StrEnum):
    """The purpose of a request; the queue serves `main` first."""

    MAIN = "main"
    SUBAGENT = "subagent"
    BACKGROUND = "background"
    COMPARE = "compare"
    """A run of the comparison's: nobody's work, so it is in no figure of the session."""
    WARMING = "warming"
    """A prompt that is read before anybody asks: nobody's work either."""

    @property
    def is_work(self) -> bool:
        """True if it is somebody's work, which the session's figures are about."""
        return self not in (Role.COMPARE, Role.WARMING)


class Outcome(StrEnum):
    """The four proper endings of docs/architecture.md, "The promise on streams"."""

    COMPLETE = "complete"
    LIMIT = "limit"
    """An honest limit: max_tokens, or a cut that is told so that Claude Code carries on."""
    ERROR = "error"
    CANCELLED = "cancelled"


class Truncation(StrEnum):
    """The ways in which a reply is cut short."""

    CUT = "cut"
    STALL = "stall"
    MALFORMED = "malformed"
    MAX_TOKENS = "max_tokens"


GAPS_KEPT = 512
"""Inter-token gaps kept per request for the percentiles."""


@dataclass(slots=True)
class AttemptRecord:
    """The facts of one try to have a request answered; a retry begins a new one.

    Times are monotonic seconds; None = not (yet).
    """

    sent_at: float | None = None
    headers_at: float | None = None
    loaded_at: float | None = None
    """A backend that had said that it loads its model took the request."""
    first_byte_at: float | None = None
    prefill_at: float | None = None
    """The moment when the backend began with the prompt, worked back from its progress reports."""
    first_delta_at: float | None = None
    first_text_at: float | None = None
    last_delta_at: float | None = None
    prefill_done_tokens: int | None = None
    prefill_total_tokens: int | None = None
    prefill_first_tokens: int = 0
    """Tokens done at `prefill_at`: mlx_lm tells of its first step when that is over."""
    progress_at: float | None = None
    """The last sign of prefill progress."""

    upstream_bytes: int = 0
    chunks: int = 0
    """Data events from the backend; comments are not chunks."""
    deltas: int = 0
    """Non-empty deltas: text, thinking or tool call."""
    thinking_deltas: int = 0
    stalls: int = 0
    gaps_s: deque[float] = field(default_factory=lambda: deque(maxlen=GAPS_KEPT))
    overhead_s: float = 0.0
    """Sum over chunks of the time between arrival and hand-over to the client's socket."""

    prompt_tokens: Figure = UNKNOWN
    cached_tokens: Figure = UNKNOWN
    output_tokens: Figure = UNKNOWN
    prefill_s: Figure = UNKNOWN
    """As the server reports it; else it is measured from here."""
    tokens_per_s: Figure = UNKNOWN
    """The same for the decode."""

    def note_prefill(self, done_tokens: int, total_tokens: int | None) -> None:
        """A report of the backend's. The prompt is no shorter than what is to be read of it, so
        that an estimate below it is corrected."""
        self.prefill_done_tokens, self.prefill_total_tokens = done_tokens, total_tokens
        known, total = self.prompt_tokens, total_tokens or 0
        if known.source is not Source.REPORTED and total > (known.value or 0):
            self.prompt_tokens = estimated(total)


@dataclass(slots=True)
class WebSearch:
    """One search that the proxy made for a request. Times are monotonic seconds."""

    provider: str
    query: str
    """As it may be shown: without secrets."""
    started_at: float
    ended_at: float | None = None
    results: int = 0
    error: str = ""
    """The reason for no results, in words."""
    sent: bool = False
    """The query has left for the provider."""


@dataclass(slots=True)
class RequestRecord:
    """Everything known about one request. Times are monotonic seconds; None = not (yet)."""

    id: str
    backend: str
    accepted_at: float
    accepted_wall: float
    """Unix time, for people and files."""
    kind: str = ""
    """The backend's kind (simulator, mlx_lm, …)."""
    simulated: bool = False
    role: Role = Role.MAIN
    session_id: str = ""
    agent_id: str = ""
    requested_model: str = ""
    model: str = ""
    streaming: bool = True
    client_resumes: bool = False
    """The client carries on by itself after an error behind a finished block."""
    client_compacts: bool = False
    """The client compacts when an overflow is told there."""

    prompt_bytes: int = 0
    """Size of the request body as received."""
    system_bytes: int = 0
    tools_bytes: int = 0
    messages_bytes: int = 0
    tool_count: int = 0
    message_count: int = 0
    max_tokens: int | None = None
    window_tokens: int | None = None
    sampling: tuple[tuple[str, float, str], ...] = ()
    """The parameters of sampling that went upstream: name, value, where it is from."""
    left_out: tuple[str, ...] = ()
    """Tools of the client's that the user leaves out."""
    client_version: str = ""
    """Claude Code's, as its first request of a conversation tells."""
    has_anchors: bool | None = None
    """True if a conversation began with the anchors of a stable front; None for other requests."""

    phase: Phase = Phase.ACCEPTED
    queue_position: int | None = None
    """1 = next in line; None when it does not wait."""
    queued_behind: int | None = None
    """Its place when it joined the queue, with one slot the requests before it; it stays."""
    waits_for: str = ""
    """Whom it waits for in the queue, or has waited for, in words."""
    admitted_at: float | None = None
    """It has its place at the backend: what follows until it is sent is our own work."""
    ended_at: float | None = None
    attempt: AttemptRecord = field(default_factory=AttemptRecord)
    """The try that is under way, or was the last: replaced as a whole."""

    keepalives: int = 0
    retries: int = 0
    repaired_calls: int = 0
    rescued_calls: int = 0
    dropped_calls: int = 0
    tool_calls: int = 0
    web_searches: int = 0
    """Searches that were sent to a provider."""
    searches: list[WebSearch] = field(default_factory=list)
    """All that were asked for, in their order."""

    stop_reason: str | None = None
    outcome: Outcome | None = None
    truncation: Truncation | None = None
    reason: str = ""
    """The reason why it ended badly, or what it waits for, in words."""
    status: int | None = None
    """HTTP status that the client got."""
    notices: list[str] = field(default_factory=list)
    """The parts that the translation left out or changed, for the details screen."""
    why: str = ""
    """The one sentence on its slowest part, written when it has ended."""
    restored_tokens: int = 0
    """Of the cached tokens those that the backend had read from disk."""
    warmed_tokens: int = 0
    """Of the cached tokens those that were read before anybody asked."""
    saved_s: float = 0.0
    """The seconds of reading both again, at this backend's own measured prefill speed."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One thing that is counted for every request, and summed over a session."""

    name: str
    """The member of the record, of a `RequestView` and of `Totals`."""
    text: str
    """The description of the counter, as `GET /metrics` has it."""
    per_attempt: bool = False
    """It stands in the attempt's record, so a retry begins it anew."""

    def of(self, record: RequestRecord) -> int:
        """The count of this request."""
        return int(getattr(record.attempt if self.per_attempt else record, self.name))


COUNTERS = (
    Counter("chunks", "Data events from the backend.", per_attempt=True),
    Counter("deltas", "Non-empty deltas: text, thinking or tool call.", per_attempt=True),
    Counter("thinking_deltas", "Deltas of thinking.", per_attempt=True),
    Counter("upstream_bytes", "Bytes of replies from the backend.", per_attempt=True),
    Counter("stalls", "Gaps over 10 times the median and over 1 s.", per_attempt=True),
    Counter("keepalives", "Keepalives sent while the backend was silent."),
    Counter("retries", "Requests sent again by the proxy."),
    Counter("tool_calls", "Tool calls that reached the client."),
    Counter("repaired_calls", "Tool calls with mended arguments."),
    Counter("rescued_calls", "Tool calls that were written as text."),
    Counter("dropped_calls", "Tool calls that could not be used."),
    Counter("web_searches", "Web searches sent to a provider."),
)
"""All counters: hub, journal, metrics and Prometheus walk this list."""


def counts(record: RequestRecord) -> dict[str, int]:
    """All counters of a request, by name."""
    return {counter.name: counter.of(record) for counter in COUNTERS}
