"""What the tabs about one request say. Pure: views and traces in, lines out."""

from __future__ import annotations

import itertools
from typing import Any

from anyclaude_tui.proxy.divergence import KEPT, Cause, Comparison, short_diff
from anyclaude_tui.proxy.segments import Part, Prompt, Segment
from anyclaude_tui.telemetry.events import Figure, Source, estimated, measured
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets import charts, format, now, signs
from anyclaude_tui.widgets.lines import (
    Line,
    Tone,
    clean,
    columns,
    fit,
    joined,
    pad,
    spread,
    text,
    wrapped,
)
from anyclaude_tui.widgets.longtext import json_lines, text_lines
from anyclaude_tui.widgets.waterfall import waterfall

READABLE = 116
"""Wider, a number stands too far from its name."""
NOT_KEPT = (
    "It is not kept any more (the last 100 requests are, up to 64 MB), or it never went to a "
    "backend. With ANYCLAUDE_DEBUG=3 every request is kept in ~/.anyclaude/traces."
)


def heading(request: RequestView, width: int) -> Line:
    """How it ended or where it is, of what and for whom."""
    model = clean(request.model or request.requested_model)
    parts = [
        (signs.sign(request), (" " + signs.words(request), Tone.STRONG)),
        text(format.seconds(request.elapsed_s)),
        text(str(request.role), Tone.LABEL),
        text(clean(request.backend), Tone.LABEL),
        text(model, Tone.LABEL),
        # Some models' names say so themselves.
        text("simulated", Tone.WARN) if request.simulated and "simulated" not in model else (),
        text(f"HTTP {request.status}", Tone.LABEL) if request.status else (),
        () if request.streaming else text("not streamed", Tone.LABEL),
    ]
    return fit(joined(parts), width)


def overview(request: RequestView, trace: dict[str, Any] | None, width: int) -> list[Line]:
    """Why, the waterfall, the numbers, the events."""
    lines = wrapped(request.why, width, 3)
    if request.reason and request.reason not in request.why:
        lines += wrapped(request.reason, width, 3, Tone.WARN)
    lines += [()] if lines else []
    lines += waterfall(request, width)
    width = min(width, READABLE)
    lines += [(), *columns(numbers(request), max(2, min(4, width // 29)), width)]
    lines.append(now.context(request, width))
    for notice in request.notices:
        lines += [*([()] if notice is request.notices[0] else [])]
        lines += wrapped(f"note: {notice}", width, 3, Tone.LABEL)
    moments = (trace or {}).get("timeline") or ()
    if moments:
        lines += [(), text("Events", Tone.STRONG), *_events(moments, width)]
    return lines


def numbers(request: RequestView) -> list[tuple[str, Line]]:
    """All figures, those of the dashboard first."""
    milliseconds = _gap
    calls = request.tool_calls
    return [
        *now.numbers(request),
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


def _events(moments: Any, width: int) -> list[Line]:
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


# --- sizes ------------------------------------------------------------------------------------

_PARTS = (
    (Part.SETTINGS, "Settings"),
    (Part.SYSTEM, "System text"),
    (Part.TOOL, "Tools"),
    (Part.MESSAGE, "Messages"),
)


def sizes(
    request: RequestView,
    prompt: Prompt | None,
    comparison: Comparison | None,
    width: int,
    by_size: bool,
) -> list[Line]:
    """The prompt piece by piece: bytes, tokens, share; a mark where the prefix ends."""
    if prompt is None or not prompt.segments:
        return wrapped(NOT_KEPT, width, 4, Tone.LABEL)
    width = min(width, READABLE)
    total = prompt.size_bytes or 1
    tokens = request.prompt_tokens
    order = "largest first" if by_size else "in the prompt's order"
    head = joined(
        [
            text(f"{format.size(total)} of prompt"),
            (*format.value(tokens, format.exact), (" tokens", Tone.LABEL)),
            text(order, Tone.LABEL),
        ]
    )
    lines: list[Line] = [fit(head, width), _size_head(width)]
    largest = max(len(segment.text) for segment in prompt.segments)
    ends = list(itertools.accumulate(len(segment.text) for segment in prompt.segments))
    for part, title in _PARTS:
        chosen = [
            (segment, end)
            for segment, end in zip(prompt.segments, ends, strict=True)
            if segment.part is part
        ]
        if not chosen:
            continue
        size = sum(len(segment.text) for segment, _ in chosen)
        name: Line = ((title, Tone.STRONG), (f" {len(chosen)}", Tone.LABEL))
        lines += [(), _size_row(name, size, total, tokens, width)]
        if by_size:
            chosen.sort(key=lambda pair: len(pair[0].text), reverse=True)
        for segment, end in chosen:
            size = len(segment.text)
            bar = charts.bar(size / largest, _bar_room(width), Tone.HOT3)
            mark = _kept(segment, end, comparison)
            words = (*text("  "), *_piece(segment))
            lines.append(_size_row(words, size, total, tokens, width, mark, bar))
    return lines


def _bar_room(width: int) -> int:
    return max(0, min(30, width - 80)) if width >= 92 else 0


def _size_head(width: int) -> Line:
    right: Line = ()
    for label, size in (("bytes", 9), ("tokens", 8), ("share", 7)):
        right += spread((), text(label, Tone.FAINT), size)
    return spread((), right, width)


def _size_row(
    name: Line,
    size: int,
    total: int,
    tokens: Figure,
    width: int,
    mark: Line = (),
    bar: Line = (),
) -> Line:
    share = size / total
    count = estimated(None if tokens.value is None else tokens.value * share)
    right = (
        *pad(mark, 8),
        *(bar or text(" " * _bar_room(width))),
        *spread((), text(format.size(size)), 9),
        *spread((), format.value(count, format.count), 8),
        *spread((), text(format.percent(100 * share), Tone.LABEL), 7),
    )
    return spread(name, right, width)


def _piece(segment: Segment) -> Line:
    words = text(clean(segment.place))
    about = clean(segment.detail or ("" if segment.part is Part.TOOL else segment.name))
    if segment.part is Part.MESSAGE and segment.detail:
        about = f"{segment.name}, {about}"
    return (*words, (f"  {about}", Tone.LABEL)) if about and about not in segment.place else words


def _kept(segment: Segment, end: int, comparison: Comparison | None) -> Line:
    """Nothing for what the earlier prompt began with, too; else why it has to be read."""
    if comparison is None or comparison.cause in (Cause.FIRST, Cause.SWITCH):
        return ()
    start, shared = end - len(segment.text), comparison.shared_bytes
    if end <= shared:
        return ()
    if start < shared and comparison.place:
        return text("changed", Tone.WARN)
    if start < shared + comparison.cost_bytes:
        return text("again", Tone.WARN)
    return text("new", Tone.LABEL)


# --- prefix -----------------------------------------------------------------------------------


def prefix(request: RequestView, comparison: Comparison | None, width: int) -> list[Line]:
    """Where the prompt parts from the one before, what changed, and what that costs."""
    if comparison is None:
        words = (
            "Nothing is known of its prefix: it never went to a backend, or it is older than "
            "the last 500 requests."
        )
        return wrapped(words, width, 4, Tone.LABEL)
    width = min(width, READABLE)
    good = comparison.cause in KEPT
    mark = ("✓", Tone.OK) if good else ("!", Tone.WARN)
    lines: list[Line] = [(mark, (f" {comparison.cause}", Tone.STRONG))]
    where = comparison.where
    if where:
        lines += wrapped(f"The prompt parts at {where}.", width, 3)
    elif comparison.what:
        lines += wrapped(f"{comparison.what}.".capitalize(), width, 3)
    size = comparison.size_bytes or 1
    lines += [(), *_prefix_bar(comparison, width), ()]
    tokens = request.prompt_tokens
    cells = [
        ("prompt", _amount(size, tokens.value, size)),
        ("as before", _amount(comparison.shared_bytes, tokens.value, size)),
        ("read again", _amount(comparison.cost_bytes, tokens.value, size)),
        ("cached", format.value(request.cached_tokens, format.exact)),
        ("costs", _cost(request, comparison)),
        ("reused", format.value(request.reuse_percent, format.percent)),
    ]
    lines += columns(cells, 2 if width >= 64 else 1, width)
    changed = short_diff(comparison)
    if changed:
        lines += [(), text("What changed", Tone.STRONG)]
        for row in changed:
            tone = Tone.BAD if row.startswith("-") else Tone.OK
            lines += text_lines(row, width, tone, "  ")
    extra = [
        f"compared with {comparison.against}" if comparison.against else "",
        comparison.between,
        comparison.note,
    ]
    notes = [row for words in extra if words for row in wrapped(words, width, 2, Tone.LABEL)]
    return [*lines, *([()] if notes else []), *notes]


def _prefix_bar(comparison: Comparison, width: int) -> list[Line]:
    size = comparison.size_bytes or 1
    same = round(width * comparison.shared_bytes / size)
    again = round(width * comparison.cost_bytes / size)
    if comparison.cost_bytes and not again:
        again = 1
    same = min(same, width - again)
    rest = width - same - again
    bar: Line = (("━" * same, Tone.HOT3), ("━" * again, Tone.WARN), ("━" * rest, Tone.TEXT))
    legend = joined(
        [
            (("━ ", Tone.HOT3), ("as before", Tone.LABEL)) if same else (),
            (("━ ", Tone.WARN), ("read again", Tone.LABEL)) if again else (),
            (("━ ", Tone.TEXT), ("new", Tone.LABEL)) if rest else (),
        ],
        "   ",
    )
    return [bar, legend]


def _amount(part: int, tokens: float | None, size: int) -> Line:
    """`18.4 kB · ~4,210 tokens`."""
    words = text(format.size(part))
    if tokens is None:
        return words
    count = format.value(estimated(tokens * part / size), format.count)
    return (*words, (" · ", Tone.FAINT), *count, (" tokens", Tone.LABEL))


def _cost(request: RequestView, comparison: Comparison) -> Line:
    """About how long the part that is read again took."""
    tokens = comparison.tokens(comparison.cost_bytes, request.prompt_tokens.value)
    rate = request.prefill_tokens_per_s.value
    if not tokens or not rate:
        known = tokens == 0
        return text("nothing", Tone.LABEL) if known else text(format.UNKNOWN, Tone.FAINT)
    return format.value(Figure(tokens / rate, Source.ESTIMATED), format.about)


# --- bodies -----------------------------------------------------------------------------------


def json_tab(value: Any, width: int) -> list[Line]:
    """A request or a trace."""
    return json_lines(value, width)


def response(trace: dict[str, Any], width: int) -> list[Line]:
    """What the client got: the message put together."""
    answer = trace.get("response") or {}
    lines: list[Line] = []
    if answer.get("reason"):
        lines += [*wrapped(str(answer["reason"]), width, 4, Tone.WARN), ()]
    if answer.get("eventsCut"):
        words = "The reply was longer than what is kept of it: its end is missing here."
        lines += [*wrapped(words, width, 2, Tone.WARN), ()]
    message = answer.get("message")
    if message is not None:
        return lines + json_lines(message, width)
    events = str(answer.get("events") or "")
    if not events:
        return [*lines, text("Nothing was sent to the client (yet).", Tone.LABEL)]
    return [*lines, *itertools.islice(text_lines(events, width), 20_000)]


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
        ("output", format.value(now.output(request), format.exact)),
        ("queue", format.value(measured(request.queue_s), format.seconds)),
        ("prefill", format.value(request.prefill_s, format.seconds)),
        ("TTFT", format.value(request.ttft_s, format.seconds)),
        ("tok/s", format.value(request.tokens_per_s, format.rate)),
        ("total", format.known(request.elapsed_s, format.seconds)),
        ("ended", (signs.sign(request), (" " + signs.words(request), Tone.TEXT))),
    ]
