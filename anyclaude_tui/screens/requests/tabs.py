"""The lines of the tabs about one request. Pure: views and traces in, lines out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from anyclaude_tui.figures import measured
from anyclaude_tui.screens.requests.prompt_tabs import READABLE
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets import current_request, format, status_signs
from anyclaude_tui.widgets.lines import (
    Line,
    Tone,
    clean,
    columns,
    fit,
    joined_within,
    pad,
    spread,
    text,
    wrapped,
)
from anyclaude_tui.widgets.longtext import MOST_LINES, json_lines, text_lines
from anyclaude_tui.widgets.waterfall import waterfall


def heading(request: RequestView, width: int) -> Line:
    """The ending of the request or its state, with model, backend and role."""
    model = clean(request.model or request.requested_model)
    parts = [
        (status_signs.sign(request), (" " + status_signs.ending(request), Tone.STRONG)),
        text(format.seconds(request.elapsed_s)),
        text(str(request.role), Tone.LABEL),
        text(clean(request.backend), Tone.LABEL),
        text(model, Tone.LABEL),
        # Some models' names say so themselves.
        text("simulated", Tone.WARN) if request.simulated and "simulated" not in model else (),
        text(f"HTTP {request.status}", Tone.LABEL) if request.status else (),
        () if request.streaming else text("not streamed", Tone.LABEL),
    ]
    return joined_within(parts, width)


def overview(request: RequestView, moments: Sequence[Any], width: int) -> list[Line]:
    """The cause, the waterfall, the numbers and the events."""
    lines = wrapped(request.why, width, 3)
    if request.reason and request.reason not in request.why:
        lines += wrapped(request.reason, width, 3, Tone.WARN)
    lines += [()] if lines else []
    lines += waterfall(request, width)
    width = min(width, READABLE)
    lines += [(), *columns(numbers(request), max(2, min(4, width // 29)), width)]
    lines.append(current_request.context(request, width))
    lines += searches(request, width)
    if request.sampling:
        words = ", ".join(
            f"{name} {value:g} ({source})" for name, value, source in request.sampling
        )
        lines += [(), *wrapped(f"sampling: {words}", width, 3, Tone.LABEL)]
    for notice in request.notices:
        lines += [*([()] if notice is request.notices[0] else [])]
        lines += wrapped(f"note: {notice}", width, 3, Tone.LABEL)
    if moments:
        lines += [(), text("Events", Tone.STRONG), *_events(moments, width)]
    return lines


def searches(request: RequestView, width: int) -> list[Line]:
    """The web searches: what was asked of whom, and what came."""
    lines: list[Line] = []
    for one in request.searches:
        found = f"{one.results} results" if not one.error else one.error
        head = f"{one.provider}: {clean(one.query)}"
        lines += [(), *wrapped(head, width, 3, Tone.STRONG)]
        words = "searching…" if one.running else f"{found} in {format.seconds(one.time_s)}"
        lines += wrapped(clean(words), width, 3, Tone.WARN if one.error else Tone.LABEL)
    return lines


def numbers(request: RequestView) -> list[tuple[str, Line]]:
    """All figures, those of the dashboard first."""
    milliseconds = _gap
    calls = request.tool_calls
    return [
        *current_request.numbers(request),
        ("cached", format.value(request.cached_tokens, format.exact)),
        ("thinking", format.tally(request.thinking_deltas)),
        ("first byte", format.value(request.first_byte_s, format.seconds)),
        ("visible text", format.value(request.first_text_s, format.seconds)),
        ("gap p50", format.value(request.gap_p50_s, milliseconds)),
        ("gap p95", format.value(request.gap_p95_s, milliseconds)),
        ("gap p99", format.value(request.gap_p99_s, milliseconds)),
        ("proxy/chunk", format.value(request.overhead_ms, lambda ms: f"{ms:.2f} ms")),
        ("stalls", format.tally(request.stalls, Tone.WARN)),
        ("retries", format.tally(request.retries, Tone.WARN)),
        ("tool calls", format.tally(calls)),
        ("repaired", format.tally(request.repaired_calls)),
        ("rescued", format.tally(request.rescued_calls)),
        ("dropped", format.tally(request.dropped_calls, Tone.BAD)),
        ("request", text(format.size(request.prompt_bytes))),
        ("messages", format.tally(request.message_count)),
    ]


def _gap(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 0.0995 else format.seconds(value)


def _events(moments: Sequence[Any], width: int) -> list[Line]:
    lines: list[Line] = []
    before = 0.0
    for moment in moments:
        at = float(moment.get("atMs") or 0.0)
        gap = f"+{format.seconds((at - before) / 1000)}" if lines else ""
        before = at
        lines.append(
            fit(
                (
                    *spread((), text(format.seconds(at / 1000) if at else "0"), 9),
                    *spread((), text(gap, Tone.FAINT), 10),
                    *pad(text(f"  {clean(str(moment.get('event')))}"), 22),
                    (clean(str(moment.get("detail") or "")), Tone.LABEL),
                ),
                width,
            )
        )
    return lines


# --- bodies -----------------------------------------------------------------------------------


def json_tab(value: Any, width: int) -> list[Line]:
    """A request or a trace."""
    return json_lines(value, width)


def response(trace: dict[str, Any], width: int, raw: bool = False) -> list[Line]:
    """The reply that the client got: text, thinking and calls put together; `raw`: the events."""
    answer = trace.get("response") or {}
    lines: list[Line] = []
    if answer.get("reason"):
        lines += [*wrapped(str(answer["reason"]), width, 4, Tone.WARN), ()]
    if answer.get("eventsCut"):
        words = "The reply was longer than what is kept of it: its end is missing here."
        lines += [*wrapped(words, width, 2, Tone.WARN), ()]
    message = answer.get("message")
    if isinstance(message, dict) and isinstance(message.get("content"), list) and not raw:
        return lines + _message(message, width)
    if message is not None and not raw:
        return lines + json_lines(message, width)
    events = str(answer.get("events") or "")
    if not events:
        return [*lines, text("Nothing was sent to the client (yet).", Tone.LABEL)]
    return [*lines, *itertools.islice(text_lines(events, width), MOST_LINES)]


def _message(message: dict[str, Any], width: int) -> list[Line]:
    """A message's content blocks, each as it is read."""
    lines: list[Line] = []
    for block in message["content"]:
        lines += [*_block(block, width), ()]
    usage = message.get("usage") or {}
    facts = [text(str(message["stop_reason"]), Tone.LABEL)] if message.get("stop_reason") else []
    facts += [
        text(f"{format.exact(usage[name])} tokens {words}", Tone.LABEL)
        for name, words in (
            ("input_tokens", "in"),
            ("cache_read_input_tokens", "from the cache"),
            ("output_tokens", "out"),
        )
        if isinstance(usage.get(name), int)
    ]
    if message.get("error"):
        lines += [*wrapped(f"error: {message['error']}", width, 6, Tone.BAD), ()]
    return [*lines, joined_within(facts, width)]


def _block(block: Any, width: int) -> list[Line]:
    """Text as it is, thinking fainter, a call with its arguments; else its JSON."""
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text":
        return list(itertools.islice(text_lines(str(block.get("text") or ""), width), MOST_LINES))
    if kind == "thinking":
        words = str(block.get("thinking") or "")
        made = itertools.islice(text_lines(words, width, Tone.LABEL, "  "), MOST_LINES)
        return [text("thinking", Tone.FAINT), *made]
    if kind in ("tool_use", "server_tool_use"):
        name = clean(str(block.get("name") or "?"))
        return [
            (("call ", Tone.FAINT), (name, Tone.STRONG)),
            *json_lines(block.get("input"), width),
        ]
    return json_lines(block, width)


def beside(then: RequestView, again: RequestView, width: int) -> list[Line]:
    """A request and its replay, figure by figure."""
    rows: list[tuple[str, Line, Line]] = [
        ("", text("then", Tone.FAINT), text("now", Tone.FAINT)),
        ("backend", text(clean(then.backend)), text(clean(again.backend))),
        ("model", text(clean(then.model)), text(clean(again.model))),
    ]
    for (label, one), (_, other) in zip(_replayed(then), _replayed(again), strict=True):
        rows.append((label, one, other))
    half = max(10, (width - 14) // 2)
    return [
        (*pad(text(label, Tone.LABEL), 14), *spread((), one, half), *spread((), other, half))
        for label, one, other in rows
    ]


def _replayed(request: RequestView) -> list[tuple[str, Line]]:
    return [
        ("prompt", format.value(request.prompt_tokens, format.exact)),
        ("cached", format.value(request.cached_tokens, format.exact)),
        ("output", format.value(current_request.output(request), format.exact)),
        ("queue", format.value(measured(request.queue_s), format.seconds)),
        ("prefill", format.value(request.prefill_s, format.seconds)),
        ("TTFT", format.value(request.ttft_s, format.seconds)),
        ("tok/s", format.value(request.tokens_per_s, format.rate)),
        ("total", format.known(request.elapsed_s, format.seconds)),
        ("ended", (status_signs.sign(request), (" " + status_signs.ending(request), Tone.TEXT))),
    ]
