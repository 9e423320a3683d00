"""Requests of earlier days and sessions: the journal's lines as what screens show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from anyclaude_tui.figures import UNKNOWN, Figure, Source, measured
from anyclaude_tui.telemetry import journal
from anyclaude_tui.telemetry.events import COUNTERS, Outcome, Phase, Role, Truncation
from anyclaude_tui.telemetry.metrics import RequestView, SearchView

E = TypeVar("E", bound=StrEnum)


def earlier(
    home: Path, wanted: Callable[[RequestView], bool] = lambda view: True
) -> Iterator[RequestView]:
    """The journal's requests that are wanted, the newest first. Reads the files as it goes."""
    for line in journal.read_back(home / journal.FOLDER):
        view = view_of(line)
        if view is not None and wanted(view):
            yield view


def view_of(line: Mapping[str, Any]) -> RequestView | None:
    """A line of the journal as a request that has ended; None when it is none of ours. What an
    older version did not write is unknown."""
    try:
        at = datetime.fromisoformat(str(line["timestamp"])).timestamp()
        request_id = str(line["requestId"])
    except (KeyError, ValueError):
        return None
    counters: dict[str, Any] = {
        one.name: _whole(line, journal.camel(one.name)) or 0 for one in COUNTERS
    }
    return RequestView(
        id=request_id,
        backend=_text(line, "provider"),
        kind=_text(line, "kind"),
        simulated=line.get("simulated") is True,
        role=_member(Role, line.get("role")) or Role.MAIN,
        model=_text(line, "model"),
        requested_model=_text(line, "requestedModel"),
        session_id=_text(line, "sessionId"),
        streaming=line.get("streaming") is not False,
        accepted_wall=at,
        phase=Phase.ENDED,
        queue_position=None,
        elapsed_s=_seconds(line, "totalMs").value or 0.0,
        queue_s=_seconds(line, "queueMs").value or 0.0,
        load_s=_seconds(line, "loadMs"),
        prefill_s=_seconds(line, "prefillMs"),
        prefill_eta_s=UNKNOWN,
        prefill_done_tokens=None,
        prefill_total_tokens=None,
        ttft_s=_seconds(line, "ttftMs"),
        first_byte_s=_seconds(line, "firstByteMs"),
        first_text_s=_seconds(line, "firstTextMs"),
        decode_s=_seconds(line, "decodeMs"),
        tokens_per_s=_figure(line, "tokensPerSecond"),
        prefill_tokens_per_s=_figure(line, "prefillTokensPerSecond"),
        gap_p50_s=_seconds(line, "interTokenP50Ms"),
        gap_p95_s=_seconds(line, "interTokenP95Ms"),
        gap_p99_s=_seconds(line, "interTokenP99Ms"),
        overhead_ms=_figure(line, "proxyOverheadMs"),
        prompt_bytes=_whole(line, "promptBytes") or 0,
        system_bytes=_whole(line, "systemSize") or 0,
        tools_bytes=_whole(line, "toolsSize") or 0,
        messages_bytes=_whole(line, "messagesSize") or 0,
        tool_count=_whole(line, "toolCount") or 0,
        message_count=_whole(line, "messageCount") or 0,
        prompt_tokens=_figure(line, "promptTokens"),
        cached_tokens=_figure(line, "cachedTokens"),
        output_tokens=_figure(line, "outputTokens"),
        reuse_percent=_figure(line, "reusePercent", "cachedTokens"),
        context_percent=_context(line),
        window_tokens=_whole(line, "windowTokens"),
        **counters,
        stop_reason=_text(line, "stopReason") or None,
        outcome=_member(Outcome, line.get("outcome")) or Outcome.ERROR,
        truncation=_member(Truncation, line.get("truncation")),
        reason=_text(line, "reason"),
        status=_whole(line, "status"),
        why=_text(line, "why"),
        notices=tuple(str(one) for one in line.get("notices") or ()),
        sent=line.get("chunks") is not None,
        searches=tuple(_search(one) for one in line.get("searches") or () if isinstance(one, dict)),
    )


def _text(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name)
    return value if isinstance(value, str) else ""


def _number(line: Mapping[str, Any], name: str) -> float | None:
    value = line.get(name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and value is not None else None


def _whole(line: Mapping[str, Any], name: str) -> int | None:
    value = _number(line, name)
    return None if value is None else round(value)


def _figure(line: Mapping[str, Any], name: str, source: str = "") -> Figure:
    """A number with the source that the line gives for it; measured where it gives none."""
    value = _number(line, name)
    if value is None:
        return UNKNOWN
    found = _member(Source, (line.get("sources") or {}).get(source or name))
    return Figure(value, found if found not in (None, Source.UNKNOWN) else Source.MEASURED)


def _seconds(line: Mapping[str, Any], name: str) -> Figure:
    found = _figure(line, name)
    return found if found.value is None else Figure(found.value / 1000, found.source)


def _context(line: Mapping[str, Any]) -> Figure:
    window, prompt = _number(line, "windowTokens"), _figure(line, "promptTokens")
    if not window or prompt.value is None:
        return UNKNOWN
    return Figure(
        100 * (prompt.value + (_number(line, "outputTokens") or 0)) / window, prompt.source
    )


def _member(kind: type[E], value: Any) -> E | None:
    try:
        return kind(value)
    except ValueError:
        return None


def _search(one: Mapping[str, Any]) -> SearchView:
    took = measured(_number(one, "ms"))
    return SearchView(
        provider=_text(one, "provider"),
        query=_text(one, "query"),
        start_s=0.0,
        time_s=(took.value or 0.0) / 1000,
        running=False,
        results=_whole(one, "results") or 0,
        error=_text(one, "error"),
    )
