"""The phases of one request over time, one under the other. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from anyclaude_tui.figures import Figure, Source, measured
from anyclaude_tui.telemetry.events import Phase
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets import format
from anyclaude_tui.widgets.lines import Line, Tone, pad, spread, text

NAME = 10
TIME = 9
SHARE = 8
_STEPS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60)
_TICK = 9
"""Cells that a tick with its label takes."""


@dataclass(frozen=True, slots=True)
class Span:
    """One phase: seconds after the request was accepted."""

    name: str
    start_s: float
    time_s: Figure
    running: bool = False


def spans(request: RequestView) -> list[Span]:
    """The phases that are known, in their order, without those that took no time at all."""
    if request.searches:
        return [
            Span("search", one.start_s, measured(one.time_s), one.running)
            for one in request.searches
        ]
    first = request.ttft_s.value
    found: list[Span] = []
    sent = request.phase not in (Phase.ACCEPTED, Phase.QUEUED)
    ended = request.outcome is not None
    if not sent and not ended:
        return [Span("queue", 0.0, measured(request.queue_s), running=True)]
    found.append(Span("queue", 0.0, measured(request.queue_s)))
    if request.queue_s >= request.elapsed_s and first is None:
        return found
    at = request.queue_s
    load = request.load_s.value
    if load is not None:
        found.append(Span("load", at, request.load_s))
        at += load
    name = "prefill" if load is not None else "load+prefill"
    if first is None:
        rest = Figure(max(0.0, request.elapsed_s - at), Source.MEASURED)
        if load is None and not ended and request.phase is Phase.SENT:
            name = "load"
        return [*found, Span(name, at, rest, running=not ended)]
    source = request.prefill_s.source if request.prefill_s else Source.ESTIMATED
    found.append(Span(name, at, Figure(max(0.0, first - at), source)))
    return [*found, *_reply(request, first, ended)]


def _reply(request: RequestView, first: float, ended: bool) -> list[Span]:
    """Thinking, the visible text or tool calls, and what came after the last token."""
    last = first + (request.decode_s.value or 0.0)
    stop = last if ended else request.elapsed_s
    text_at = request.first_text_s.value
    found: list[Span] = []
    if request.thinking_deltas and text_at is not None and text_at > first:
        found.append(Span("thinking", first, measured(text_at - first)))
        found.append(Span("decode", text_at, measured(max(0.0, stop - text_at))))
    elif request.thinking_deltas and request.thinking_deltas == request.deltas:
        found.append(Span("thinking", first, measured(stop - first)))
    else:
        found.append(Span("decode", first, measured(stop - first)))
    if not ended:
        tail = found.pop()
        return [*found, Span(tail.name, tail.start_s, tail.time_s, running=True)]
    rest = request.elapsed_s - last
    if rest > 0.01 * request.elapsed_s:
        found.append(Span("ending", last, measured(rest)))
    return found


def waterfall(request: RequestView, width: int) -> list[Line]:
    """A line per phase, and the axis of time under them."""
    shown = spans(request)
    total = max((span.start_s + (span.time_s.value or 0.0) for span in shown), default=0.0)
    total = max(total, request.elapsed_s, 1e-6)
    name = max(NAME, max((len(span.name) for span in shown), default=0) + 2)
    room = max(8, width - name - TIME - SHARE)
    longest = max(shown, key=lambda span: span.time_s.value or 0.0)
    lines: list[Line] = []
    for span in shown:
        seconds = span.time_s.value or 0.0
        slow = span is longest
        tone = Tone.LIVE if span.running or slow else Tone.HOT3
        time = format.value(span.time_s, format.clock_s if span.running else format.seconds)
        share = text(format.percent(100 * seconds / total), Tone.LABEL)
        label = text(span.name, Tone.STRONG if slow else Tone.LABEL)
        lines.append(
            (
                *pad(label, name),
                *_bar(span.start_s / total, seconds / total, room, tone),
                *spread((), time, TIME),
                *spread((), share, SHARE),
            )
        )
    lines.append(pad((*text(" " * name), *time_axis(total, room)), width))
    if origin := _reused(request):
        lines.append(pad((*pad(text("reused", Tone.LABEL), name), *text(origin)), width))
    return lines


def _reused(request: RequestView) -> str:
    """The origin of the reused tokens, where it is not the backend's memory alone."""
    restored, warmed = request.restored_tokens, request.warmed_tokens
    if not (restored or warmed):
        return ""
    memory = max(0, round(request.cached_tokens.value or 0) - restored - warmed)
    parts = ((restored, "from disk"), (warmed, "read ahead"), (memory, "in memory"))
    return " · ".join(f"{tokens:,} {words}" for tokens, words in parts if tokens)


def _bar(start: float, share: float, width: int, tone: Tone) -> Line:
    """From `start` for `share` of the width, in half cells; never less than one half."""
    halves = 2 * width
    begin = min(halves - 1, round(start * halves))
    end = max(begin + 1, min(halves, round((start + share) * halves)))
    cells = ""
    for cell in range(width):
        left = begin <= 2 * cell < end
        right = begin <= 2 * cell + 1 < end
        cells += "━" if left and right else "╸" if left else "╺" if right else " "
    kept = cells.rstrip()
    lead = len(kept) - len(kept.lstrip())
    return (
        (" " * lead, Tone.TEXT),
        (kept[lead:], tone),
        (" " * (width - len(kept)), Tone.TEXT),
    )


def time_axis(total_s: float, width: int) -> Line:
    """`0 ───┴─── 5 s …`: ticks at round times."""
    most = max(1, width // _TICK)
    step = next((s for s in _STEPS_S if total_s / s <= most), None)
    if step is None:
        step = 60.0
        while total_s / step > most:
            step *= 2
    line = ""
    number = 0
    while number * step <= total_s:
        at = round(number * step / total_s * width)
        label = f"╵{_tick(number * step)}" if number else "╵0"
        if at + len(label) <= width:
            line = line.ljust(at) + label
        number += 1
    return pad(text(line, Tone.FAINT), width)


def _tick(value: float) -> str:
    """A round time: 500 ms, 2 s, 1m."""
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:g} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}m {rest:02d}s" if rest else f"{minutes}m"
