"""The journal: one line of JSON per request in `request-logs/YYYY-MM-DD.jsonl`.

The names of its members are those that users' `jq` scripts know (docs/architecture.md, "Files"). A
number that is not known is null, never 0.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from anyclaude_tui.config.settings import LogSettings
from anyclaude_tui.figures import Figure
from anyclaude_tui.prefix.divergence import Comparison
from anyclaude_tui.redaction import OWN
from anyclaude_tui.telemetry.events import COUNTERS, RequestRecord
from anyclaude_tui.telemetry.files import Writer, append_line, heal, prune
from anyclaude_tui.telemetry.metrics import RequestView, view

FOLDER = "request-logs"


def timestamp(wall: float) -> str:
    """Unix time as `2026-11-21T03:15:02.123Z`."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def day_file(folder: Path, wall: float) -> Path:
    """The file of that day (UTC, as the timestamps are)."""
    return folder / f"{timestamp(wall)[:10]}.jsonl"


def entry(
    record: RequestRecord, ended: RequestView | None = None, comparison: Comparison | None = None
) -> dict[str, Any]:
    """The line of a request that has ended, as a dict."""
    attempt = record.attempt
    at_end = record.ended_at if record.ended_at is not None else record.accepted_at
    shown = ended or view(record, at_end)
    translated = record.message_count > 0  # else it was refused before anything was counted
    return {
        "timestamp": timestamp(record.accepted_wall),
        "requestId": record.id,
        "provider": record.backend or None,
        "kind": record.kind or None,
        "simulated": record.simulated,
        "model": record.model or record.requested_model or None,
        "requestedModel": record.requested_model or None,
        "role": str(record.role),
        "sessionId": record.session_id or None,
        "agentId": record.agent_id or None,
        "streaming": record.streaming,
        "promptBytes": record.prompt_bytes,
        "systemSize": record.system_bytes if translated else None,
        "toolsSize": record.tools_bytes if translated else None,
        "messagesSize": record.messages_bytes if translated else None,
        "toolCount": record.tool_count if translated else None,
        "messageCount": record.message_count if translated else None,
        "maxTokens": record.max_tokens,
        "windowTokens": record.window_tokens,
        "sampling": {name: value for name, value, _ in record.sampling},
        "samplingFrom": {name: source for name, _, source in record.sampling},
        "leftOutTools": list(record.left_out),
        "clientVersion": record.client_version or None,
        "hasAnchors": record.has_anchors,
        "promptTokens": _whole(attempt.prompt_tokens),
        "cachedTokens": _whole(attempt.cached_tokens),
        "outputTokens": _whole(attempt.output_tokens),
        "restoredTokens": record.restored_tokens,
        "warmedTokens": record.warmed_tokens,
        "savedMs": _ms(record.saved_s or None),
        "reusePercent": _figure(shown.reuse_percent, 1),
        **_counts(record),
        "queueMs": _ms(shown.queue_s),
        "loadMs": _ms(shown.load_s.value),
        "prefillMs": _ms(shown.prefill_s.value),
        "firstByteMs": _ms(shown.first_byte_s.value),
        "ttftMs": _ms(shown.ttft_s.value),
        "firstTextMs": _ms(shown.first_text_s.value),
        "decodeMs": _ms(shown.decode_s.value),
        "totalMs": _ms(shown.elapsed_s),
        "tokensPerSecond": _figure(shown.tokens_per_s, 2),
        "prefillTokensPerSecond": _figure(shown.prefill_tokens_per_s, 1),
        "interTokenP50Ms": _ms(shown.gap_p50_s.value),
        "interTokenP95Ms": _ms(shown.gap_p95_s.value),
        "interTokenP99Ms": _ms(shown.gap_p99_s.value),
        "proxyOverheadMs": _figure(shown.overhead_ms, 3),
        "status": record.status,
        "stopReason": record.stop_reason,
        "outcome": record.outcome,
        "truncation": record.truncation,
        "reason": record.reason or None,
        "why": record.why or None,
        "prefix": prefix_entry(comparison, attempt.prompt_tokens.value),
        "notices": list(record.notices),
        "searches": [
            {
                "provider": one.provider,
                "query": one.query,
                "ms": _ms(None if one.ended_at is None else one.ended_at - one.started_at),
                "results": None if one.error else one.results,
                "error": one.error or None,
                "sent": one.sent,
            }
            for one in record.searches
        ],
        "sources": {
            "promptTokens": attempt.prompt_tokens.source,
            "cachedTokens": attempt.cached_tokens.source,
            "outputTokens": attempt.output_tokens.source,
            "loadMs": shown.load_s.source,
            "prefillMs": shown.prefill_s.source,
            "tokensPerSecond": shown.tokens_per_s.source,
            "prefillTokensPerSecond": shown.prefill_tokens_per_s.source,
        },
    }


def _counts(record: RequestRecord) -> dict[str, int | None]:
    """The counters; what counts the stream is unknown where nothing was sent."""
    sent = record.attempt.sent_at is not None
    return {
        camel(counter.name): None if counter.per_attempt and not sent else counter.of(record)
        for counter in COUNTERS
    }


def camel(name: str) -> str:
    """A member's name in the journal: `tool_calls` is `toolCalls`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def prefix_entry(comparison: Comparison | None, prompt_tokens: float | None) -> Any:
    """The explainer's findings, for the journal and the trace."""
    if comparison is None:
        return None
    return {
        "cause": comparison.cause,
        "place": comparison.place or None,
        "offsetBytes": comparison.offset_bytes if comparison.place else None,
        "what": comparison.what or None,
        "sharedBytes": comparison.shared_bytes,
        "sizeBytes": comparison.size_bytes,
        "costTokens": comparison.tokens(comparison.cost_bytes, prompt_tokens),
        "against": comparison.against or None,
        "between": comparison.between or None,
        "note": comparison.note or None,
    }


class Journal:
    """The writer of the journal's lines, on the thread for files."""

    def __init__(
        self,
        folder: Path,
        settings: LogSettings,
        writer: Writer,
        soon: Callable[[Callable[[], None]], None] = lambda flush: flush(),
    ) -> None:
        """`soon` calls what it is given now or a little later, so that the lines of many requests
        at once are written together."""
        self._folder = folder
        self._settings = settings
        self._writer = writer
        self._soon = soon
        self._waiting: list[tuple[float, bytes, dict[str, Any]]] = []
        self._day: Path | None = None

    def add(self, line: dict[str, Any], wall: float) -> None:
        """One request has ended. Returns at once."""
        self._waiting.append((wall, msgspec.json.encode(line), line))
        if len(self._waiting) == 1:
            self._soon(self.flush)

    def flush(self) -> None:
        """Hand over what waits to be written."""
        lines, self._waiting = self._waiting, []
        if lines:
            self._writer.submit("journal", lambda: self._write(lines))

    def _write(self, lines: list[tuple[float, bytes, dict[str, Any]]]) -> None:
        for path, those in groupby(lines, key=lambda one: day_file(self._folder, one[0])):
            append_line(path, b"\n".join(_cleaned(data, line) for _, data, line in those))
            if path != self._day:  # the first line of a day, or of a session
                self._day = path
                self._tidy()

    def _tidy(self) -> None:
        limit = self._settings.max_mb * 1_000_000
        prune(self._folder.glob("*.jsonl"), limit, self._settings.max_days, time.time())
        for path in self._folder.glob("*.jsonl"):
            heal(path)


def _cleaned(data: bytes, line: dict[str, Any]) -> bytes:
    """The line as it is written; `data` is its JSON. Its names are ours, and a number is no
    secret: its texts are looked at, a fifth of it; and all of it where there is one in them."""
    texts = "\n".join(_texts(line))
    return data if OWN.clean_text(texts) == texts else OWN.clean(data)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            if item.__class__ in (dict, list) or isinstance(item, str):
                yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def read_back(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of all days, newest first. What is no JSON object is passed over."""
    for path in sorted(folder.glob("*.jsonl"), reverse=True):
        try:
            lines = path.read_bytes().splitlines()
        except OSError:
            continue
        for line in reversed(lines):
            try:
                value = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue
            if isinstance(value, dict):
                yield value


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 1)


def _whole(figure: Figure) -> int | None:
    return None if figure.value is None else round(figure.value)


def _figure(figure: Figure, digits: int) -> float | None:
    return None if figure.value is None else round(figure.value, digits)
