"""The work of the request in flight: its phases, its progress and its numbers.

With nothing in flight it shows the last request, so that its numbers can still be read.
"""

from __future__ import annotations

from dataclasses import dataclass

from anyclaude_tui.figures import UNKNOWN, Figure, estimated
from anyclaude_tui.telemetry.events import Phase
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets import charts, format, status_signs
from anyclaude_tui.widgets.big_figures import ROWS, big
from anyclaude_tui.widgets.lines import (
    Line,
    Tone,
    clean,
    columns,
    fit,
    joined,
    joined_within,
    pad,
    spread,
    text,
)

SILENT_S = 3.0
"""A reply that stands still for longer is told in place of its speed."""
CHART_ROWS = 8
"""Higher charts say no more."""
PHASES = ("queue", "load", "prefill", "decode")


@dataclass(frozen=True, slots=True)
class Body:
    """A panel's content: the words at the right of its title, and its lines."""

    right: Line
    lines: list[Line]


def now(snapshot: Snapshot, width: int, height: int) -> Body:
    """The Now panel."""
    request = status_signs.focus(snapshot)
    if request is None:
        return Body(text("idle", Tone.LABEL), [text("Waiting for the first request.", Tone.LABEL)])
    phases, facts = phase_rows(request, width), columns(numbers(request), 2, width)
    others = len(phases) + len(facts) + 2
    lines = [
        *phases,
        *headline(request, width, 1 if height < others + ROWS else ROWS),
        spread(detail(request, width, left=False), (), width),
        *facts,
        context(request, width),
    ]
    return Body(heading(snapshot, request), lines + live(snapshot, width, height - len(lines)))


def headline(request: RequestView, width: int, rows: int) -> list[Line]:
    """The most important facts, large where there are `ROWS` rows for them: the time left, or the
    speed; beside it the model and its backend. One line once it has ended."""
    who = joined_within(of_whom(request), width)
    figure, words, tone = glance(request)
    if request.outcome is not None or not figure:
        return [who]
    if rows < ROWS:
        left: Line = ((f"{figure} {words}", Tone.KEY if tone is Tone.LIVE else tone),)
        return [spread(who, left, width)]
    exact = figure.removeprefix("~")
    drawn = big(exact, tone)
    words += ", estimated" if exact != figure else ""  # a sign so large would be noise
    beside = [who, text(doing(request), Tone.LABEL), text(words, tone)]
    return [
        fit((*large, ("  ", Tone.TEXT), *small), width)
        for large, small in zip(drawn, beside, strict=True)
    ]


def of_whom(request: RequestView) -> list[Line]:
    """The backend and the model of a request."""
    model = clean(request.model or request.requested_model)
    simulated = request.simulated and "simulated" not in model
    return [
        text(clean(request.backend)) if request.backend else (),
        text(model, Tone.STRONG),
        text("simulated", Tone.WARN) if simulated else (),
    ]


def glance(request: RequestView) -> tuple[str, str, Tone]:
    """The one figure that matters in its phase, its unit in words, and its tone."""
    if request.outcome is not None:
        return "", "", Tone.LABEL
    if request.phase is Phase.DECODE:
        rate = request.tokens_per_s
        if (request.silent_s or 0.0) >= SILENT_S:
            return *_clock(request.silent_s or 0.0, "", "silent"), Tone.WARN
        if rate.value is None:
            return "–", "tok/s", Tone.LIVE
        return (
            format.figure(rate, lambda v: f"{v:.0f}" if v >= 9.95 else f"{v:.1f}"),
            "tok/s",
            Tone.LIVE,
        )
    if request.phase in (Phase.ACCEPTED, Phase.QUEUED) and request.queue_position:
        return f"{request.queue_position}", "in line", Tone.LABEL
    left = request.prefill_eta_s
    if left.value is not None:
        return *_clock(left.value, "~", "left"), Tone.LIVE
    return *_clock(request.elapsed_s, "", "so far"), Tone.LIVE


def _clock(seconds: float, about: str, words: str) -> tuple[str, str]:
    """(`~6`, `s left`), (`~1:24`, `min left`), (`1:03`, `h so far`)."""
    whole = round(seconds)
    if whole < 100:
        return f"{about}{whole}", f"s {words}"
    if whole < 3600:
        return f"{about}{whole // 60}:{whole % 60:02d}", f"min {words}"
    return f"{about}{whole // 3600}:{whole % 3600 // 60:02d}", f"h {words}"


def heading(snapshot: Snapshot, request: RequestView) -> Line:
    """`main · 12.4 s`, with how many others there are; or `idle`."""
    if request.outcome is not None:
        since = snapshot.wall - request.accepted_wall - request.elapsed_s
        return text(f"idle · ended {format.ago(since)}", Tone.LABEL)
    others = len(snapshot.in_flight) - 1
    more = text(f"+{others} more", Tone.LABEL) if others else ()
    running = text(format.clock_s(request.elapsed_s), Tone.LIVE)
    return joined([more, text(str(request.role), Tone.LABEL), running])


def phase_rows(request: RequestView, width: int) -> list[Line]:
    """The four phases, done, running or to come, and how long each took."""
    if request.searches:
        return _search_rows(request, width)
    at = _place(request)
    ended = request.outcome is not None
    failed = ended and not request.ttft_s
    names: Line = ()
    times: Line = ()
    gap = max(1, (width - sum(len(name) + 2 for name in PHASES)) // (len(PHASES) - 1))
    for place, (name, span) in enumerate(zip(PHASES, _spans(request, at), strict=True)):
        last = place == len(PHASES) - 1
        size = len(name) + 2 + (0 if last else gap)
        if place < at or (ended and place == at and not failed):
            seg = (f"✓ {name}", Tone.LABEL)
        elif place == at and failed:
            seg = (f"{status_signs.sign(request)[0]} {name}", status_signs.sign(request)[1])
        elif place == at:
            seg = (f"● {name}", Tone.LIVE)
        else:
            seg = (f"○ {name}", Tone.FAINT)
        names += pad((seg,), size)
        times += ((("  ", Tone.TEXT), *span)) if last else pad((("  ", Tone.TEXT), *span), size)
    return [fit(names, width), fit(times, width)]


def _search_rows(request: RequestView, width: int) -> list[Line]:
    """In place of the phases: the web search that runs, or ran last."""
    one = request.searches[-1]
    sign, tone = (
        ("●", Tone.LIVE) if one.running else ("✗", Tone.BAD) if one.error else ("✓", Tone.LABEL)
    )
    seconds = (format.clock_s if one.running else format.seconds)(one.time_s)
    name = ((f"{sign} search", tone), (f"  {one.provider}", Tone.LABEL))
    return [fit(name, width), fit((("  ", Tone.TEXT), *text(seconds)), width)]


def doing(request: RequestView) -> str:
    """The work of the request at the moment, in a word or two."""
    if request.searches:
        return "searches the web"
    if request.phase is Phase.DECODE:
        return "thinks" if request.thinking_deltas and not request.first_text_s else "answers"
    if request.phase in (Phase.ACCEPTED, Phase.QUEUED):
        return "waits"
    return "reads the prompt" if request.phase is Phase.PREFILL else "waits for the first token"


def _place(request: RequestView) -> int:
    """Index of the phase it is in, or ended in."""
    if request.outcome is None:
        order = (Phase.QUEUED, Phase.SENT, Phase.PREFILL, Phase.DECODE)
        return order.index(request.phase) if request.phase in order else 0
    if not request.sent:
        return 0
    if request.ttft_s:
        return 3
    return 2 if request.load_s else 1


def _spans(request: RequestView, at: int) -> list[Line]:
    """Queue, load, prefill and decode times; the running one counts up."""
    ended = request.outcome is not None
    spans: list[Line] = [
        format.known(request.queue_s, format.seconds),
        format.value(request.load_s, format.seconds),
        format.value(request.prefill_s, format.seconds),
        format.value(request.decode_s, format.seconds),
    ]
    if not ended:
        before = request.queue_s if at else 0.0
        before += (request.load_s.value or 0.0) if at == 2 else 0.0
        before = (request.ttft_s.value or 0.0) if at == 3 else before
        spans[at] = text(format.clock_s(max(0.0, request.elapsed_s - before)), Tone.LIVE)
        spans[at + 1 :] = [text(format.UNKNOWN_TEXT, Tone.FAINT)] * (3 - at)
    return spans


def detail(request: RequestView, width: int, *, left: bool = True) -> Line:
    """One line on what is going on in the phase, with a bar where the end is known; `left`: with
    the time that is left."""
    if request.outcome is not None:
        return ending(request, width)
    if request.searches:
        return fit(text(clean(request.searches[-1].query), Tone.LABEL), width)
    if request.phase in (Phase.ACCEPTED, Phase.QUEUED):
        place = request.queue_position
        waits = f"{place} in line" if place else "waits"
        return fit(joined([text(waits), text(clean(request.reason), Tone.LABEL)]), width)
    if request.phase is Phase.DECODE:
        return _decoding(request, width)
    done, total = request.prefill_done_tokens, request.prefill_total_tokens
    if done is None or not total:
        prompt = format.value(request.prompt_tokens, format.count)
        words = clean(request.reason) or "no progress reported yet"
        return fit((*prompt, (" prompt tokens", Tone.LABEL), (f" · {words}", Tone.LABEL)), width)
    tail = _progress(done, total, request.prefill_eta_s if left else UNKNOWN)
    return (*charts.bar(done / total, max(4, width - len(tail) - 1)), (" " + tail, Tone.TEXT))


def _progress(done: int, total: int, eta_s: Figure) -> str:
    """`12.3k/18.5k ~6 s left`, in the same unit and width from start to end: the bar stays."""
    of = format.count(total)
    words = f"{done / 1000:.1f}k" if of.endswith("k") else format.count(done)
    left = f"{format.figure(eta_s, format.about):>5} left" if eta_s else ""
    return f"{words:>{len(of)}}/{of} {left}".rstrip()


def _decoding(request: RequestView, width: int) -> Line:
    parts: list[Line] = [
        (*format.value(output(request), format.count), (" tokens out", Tone.LABEL))
    ]
    if request.thinking_deltas:
        parts.append(text(f"{format.count(request.thinking_deltas)} thinking", Tone.LABEL))
    if request.tool_calls:
        parts.append(text(format.counted(request.tool_calls, "tool call"), Tone.LABEL))
    if request.stalls:
        parts.append(text(f"{request.stalls} stalled", Tone.WARN))
    return joined_within(parts, width)


def ending(request: RequestView, width: int) -> Line:
    """The end of a request: sign, words, total time, reason."""
    parts = [
        (status_signs.sign(request), (" " + status_signs.ending(request), Tone.TEXT)),
        text(f"{format.seconds(request.elapsed_s)} in all", Tone.LABEL),
        text(clean(request.reason), Tone.LABEL),
    ]
    return fit(joined(parts), width)


def output(request: RequestView) -> Figure:
    """Tokens out: from usage, else the deltas so far, which is an estimate."""
    if request.output_tokens:
        return request.output_tokens
    return estimated(float(request.deltas)) if request.deltas else request.output_tokens


def numbers(request: RequestView) -> list[tuple[str, Line]]:
    """The figures of one request."""
    return [
        ("TTFT", format.value(request.ttft_s, format.seconds)),
        ("tok/s", format.value(request.tokens_per_s, format.rate)),
        ("prompt", format.value(request.prompt_tokens, format.exact)),
        ("output", format.value(output(request), format.exact)),
        ("reused", format.value(request.reuse_percent, format.percent)),
        ("prefill/s", format.value(request.prefill_tokens_per_s, format.rate)),
        *read_before(request),
        *counters(request),
    ]


def read_before(request: RequestView) -> list[tuple[str, Line]]:
    """Of the reused tokens those that came from disk, and those that were read ahead."""
    cells = [("restored", request.restored_tokens), ("warmed", request.warmed_tokens)]
    return [(name, format.tally(tokens)) for name, tokens in cells if tokens]


def counters(request: RequestView) -> list[tuple[str, Line]]:
    """The counters that are shown only where they are not 0."""
    cells = [
        ("keepalives", request.keepalives, Tone.TEXT),
        ("retries", request.retries, Tone.WARN),
        ("stalls", request.stalls, Tone.WARN),
        ("repaired", request.repaired_calls, Tone.TEXT),
        ("rescued", request.rescued_calls, Tone.TEXT),
        ("dropped", request.dropped_calls, Tone.BAD),
    ]
    return [(label, format.tally(number, tone)) for label, number, tone in cells if number]


def context(request: RequestView, width: int) -> Line:
    """The used share of the context window."""
    share, window = request.context_percent, request.window_tokens
    label = text("context ", Tone.LABEL)
    if share.value is None or not window:
        of = f" of {format.count(window)}" if window else ""
        return spread(label, ((format.UNKNOWN_TEXT, Tone.FAINT), (of, Tone.LABEL)), width)
    tone = Tone.BAD if share.value >= 95 else Tone.WARN if share.value >= 80 else Tone.HOT2
    tail: Line = (
        (" ", Tone.TEXT),
        *format.value(share, format.percent),
        (f" of {format.count(window)}", Tone.LABEL),
    )
    room = max(4, width - 8 - sum(len(words) for words, _ in tail))
    return (*label, *charts.bar(share.value / 100, room, tone), *tail)


def live(snapshot: Snapshot, width: int, height: int) -> list[Line]:
    """The rate of the last seconds as a chart over the rows that are left, or nothing."""
    if height < 1:
        return []
    rates = snapshot.rates[-(width if height > 1 else width - 12) :]
    latest = f"{rates[-1]:.0f}/s" if rates else format.UNKNOWN_TEXT
    if height == 1:
        return [
            (("live ", Tone.LABEL), *charts.spark(rates, width - 12), (f"{latest:>7}", Tone.TEXT))
        ]
    peak = f"peak {max(rates):.0f}/s in {len(rates)} s" if rates and max(rates) > 0 else ""
    head = spread((("live ", Tone.LABEL), (latest, Tone.TEXT)), text(peak, Tone.FAINT), width)
    return [head, *charts.area(rates, width, min(CHART_ROWS, height - 1))]
