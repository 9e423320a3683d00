"""The lines of each panel about a snapshot: pure functions from (snapshot, width, height).

`PANELS` is the one list of them; `framed` puts the title rule and the edge around a body.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anyclaude_tui.backends.base import BackendState, BackendStatus
from anyclaude_tui.figures import measured
from anyclaude_tui.telemetry import warmth
from anyclaude_tui.telemetry.events import Truncation
from anyclaude_tui.telemetry.hub import Snapshot, Totals
from anyclaude_tui.telemetry.logtail import last_warning
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.telemetry.warmth import Warming
from anyclaude_tui.widgets import charts, format, request_table, status_signs
from anyclaude_tui.widgets.current_request import CHART_ROWS, Body, now
from anyclaude_tui.widgets.lines import (
    Line,
    Tone,
    clean,
    columns,
    fit,
    joined,
    joined_within,
    pad,
    plain,
    spread,
    text,
    width_of,
    wrapped,
)


def backend(snapshot: Snapshot, width: int, height: int) -> Body:
    """The Backend panel: what runs the model, and how it is."""
    status = snapshot.backend
    if status is None:
        words = snapshot.switching or "No backend is active."
        return Body(text("none", Tone.LABEL), wrapped(words, width, height, Tone.LABEL))
    mark = status_signs.STATES[status.state]
    lines: list[Line] = []
    if snapshot.switching:
        lines += wrapped(f"switching: {snapshot.switching}", width, 2, Tone.LIVE)
    tone = _REASON.get(status.state, Tone.LABEL)
    lines += wrapped(status.reason, width, 3, tone)
    simulated = status_signs.simulated(status)
    model = text(clean(status.model), Tone.STRONG) if status.model else text("–", Tone.FAINT)
    lines.append(spread(model, simulated, width))
    failed = status.state is BackendState.FAILED
    lines += [] if failed else _machine(status, width)
    place = [text(status.name), text(clean(status.url or ""), Tone.LABEL)]
    if status.pid is not None:
        place.append(text(f"pid {status.pid}", Tone.LABEL))
    if status.name != status.kind and not status.name.startswith(f"{status.kind}:"):
        place.append(text(status.kind, Tone.LABEL))
    if status.server:
        place.append(text(status.server, Tone.LABEL))
    lines.append(joined_within(place, width))
    if not failed:
        lines += wrapped(warmth.words(snapshot.warmth, status), width, 2, _warmth_tone(snapshot))
    rows = 3 if len(status.warnings) == 1 else 2
    lines += [line for words in status.warnings for line in wrapped(words, width, rows, Tone.WARN)]
    lines += _last_words(status, width, height - len(lines))
    return Body((mark, (f" {status.state}", Tone.TEXT)), lines)


def _warmth_tone(snapshot: Snapshot) -> Tone:
    runs = snapshot.warmth.warming is Warming.RUNS
    return Tone.LIVE if runs else Tone.LABEL


def _last_words(status: BackendStatus, width: int, height: int) -> list[Line]:
    """Of its log: all that there is room for once it has failed, the last line while it comes
    up, and the last warning while it serves."""
    if status.state is BackendState.FAILED:
        return [
            fit(text(clean(words), Tone.FAINT), width)
            for words in status.log_tail[-max(1, height) :]
        ]
    if status.state in (BackendState.STARTING, BackendState.LOADING):
        return [fit(text(clean(words), Tone.FAINT), width) for words in status.log_tail[-1:]]
    warning = last_warning(status.log_tail)
    return wrapped(warning, width, 2, Tone.WARN) if warning else []


_REASON = {BackendState.FAILED: Tone.BAD, BackendState.DEGRADED: Tone.WARN}


def _machine(status: BackendStatus, width: int) -> list[Line]:
    used = status.memory_pressure
    tone = Tone.TEXT if used is None or used < 0.85 else Tone.WARN if used < 0.95 else Tone.BAD
    cells = [
        ("window", format.known(status.window_tokens, format.exact)),
        ("memory", format.known(status.memory_bytes, format.size)),
        ("RAM used", format.value(measured(used and used * 100), format.percent, tone)),
        ("CPU", format.known(status.cpu_percent, format.percent)),
        *([("restarts", format.tally(status.restarts, Tone.WARN))] if status.restarts else []),
    ]
    slots = format.known(status.slots.number if status.slots else None, format.exact)
    source = text(f" ({status.slots.source})", Tone.LABEL) if status.slots else ()
    return [*columns(cells, 2, width), spread(text("slots", Tone.LABEL), (*slots, *source), width)]


def session(snapshot: Snapshot, width: int, height: int) -> Body:
    """The Session panel: all requests so far."""
    totals = snapshot.totals
    outcomes = joined(
        [
            _outcome("✓", totals.complete, Tone.OK),
            _outcome("!", totals.limits, Tone.WARN),
            _outcome("✗", totals.errors, Tone.BAD),
            _outcome("⊘", totals.cancelled, Tone.LABEL),
        ],
        "  ",
    )
    lines = [
        spread(text("outcomes", Tone.LABEL), outcomes, width),
        *_speeds(snapshot, width),
        *columns(_tokens(totals), 2, width),
        *_saved(totals, width),
        *_mishaps(totals, width),
    ]
    plural = "" if totals.requests == 1 else "s"
    return Body(text(f"{format.count(totals.requests)} request{plural}", Tone.LABEL), lines)


def _outcome(mark: str, number: int, tone: Tone) -> Line:
    return ((f"{mark} ", tone if number else Tone.FAINT), *format.tally(number))


def _speeds(snapshot: Snapshot, width: int) -> list[Line]:
    """Medians, a row for each backend where several have answered: together they say nothing."""
    several = snapshot.per_backend[:BACKENDS_SHOWN]
    if len(several) < 2:
        totals = snapshot.totals
        cells = [
            ("TTFT p50", format.value(totals.ttft_p50_s, format.seconds)),
            ("p95", format.value(totals.ttft_p95_s, format.seconds)),
            ("tok/s", format.value(totals.tokens_per_s, format.rate)),
            ("reused", format.value(totals.reuse_percent, format.percent)),
        ]
        return columns(cells, 2, width)
    head = text(f"{'TTFT p50':>9}{'tok/s':>7}{'reused':>8}", Tone.FAINT)
    lines = [spread(text("medians", Tone.LABEL), head, width)]
    for name, totals in several:
        figures = (
            *spread((), format.value(totals.ttft_p50_s, format.seconds), 9),
            *spread((), format.value(totals.tokens_per_s, format.rate), 7),
            *spread((), format.value(totals.reuse_percent, format.percent), 8),
        )
        lines.append(spread(text(clean(name)), figures, width))
    return lines


BACKENDS_SHOWN = 3


def _saved(totals: Totals, width: int) -> list[Line]:
    """The seconds that restored and warmed prompts saved; a row only where there were any."""
    if not totals.saved_s:
        return []
    label = text("wait saved", Tone.LABEL)
    return [spread(label, format.value(totals.saved_s, format.seconds), width)]


def _tokens(totals: Totals) -> list[tuple[str, Line]]:
    return [
        ("tokens in", format.tally(totals.prompt_tokens)),
        ("out", format.tally(totals.output_tokens)),
    ]


def _mishaps(totals: Totals, width: int) -> list[Line]:
    """The faults and repairs, by kind; a kind that has not happened has no row."""
    cut = [
        text(f"{kind} {format.count(number)}", Tone.WARN)
        for kind, number in totals.truncations
        if kind != Truncation.MAX_TOKENS
    ]
    limits = dict(totals.truncations).get(Truncation.MAX_TOKENS, 0)
    rows: list[Line] = []
    if cut:
        rows.append(spread(text("truncations", Tone.LABEL), joined(cut), width))
    cells = [
        ("at max_tokens", format.tally(limits)),
        ("retries", format.tally(totals.retries, Tone.WARN)),
        ("stalls", format.tally(totals.stalls, Tone.WARN)),
        ("calls repaired", format.tally(totals.repaired_calls)),
        ("rescued", format.tally(totals.rescued_calls)),
        ("calls dropped", format.tally(totals.dropped_calls, Tone.BAD)),
        ("keepalives", format.tally(totals.keepalives)),
        ("web searches", format.tally(totals.web_searches)),
    ]
    happened = [(label, value) for label, value in cells if value[0][0] != "0"]
    rows += columns(happened, 2, width)
    if not rows and totals.requests:
        rows.append(fit(text("nothing cut, mended or sent again", Tone.FAINT), width))
    return rows


def requests(
    snapshot: Snapshot, width: int, height: int, first: int = 0, cursor: int | None = None
) -> Body:
    """The Requests panel: those in flight, then the last ones, newest first. `first`: the row at
    the top; `cursor`: the one that is chosen, counted from all."""
    rows = request_rows(snapshot)
    columns_ = request_table.PANEL if width < ALL_COLUMNS else request_table.SCREEN
    shown = request_table.columns_for(columns_, width)
    lines = [request_table.head(shown, width)]
    for place, one in enumerate(rows[first : first + max(0, height - 1)], first):
        row = request_table.row(shown, one, width)
        lines.append(chosen(row, width) if place == cursor else row)
    if not rows:
        lines.append(text("none yet", Tone.FAINT))
    right = text(
        f"{len(snapshot.in_flight)} running", Tone.LIVE if snapshot.in_flight else Tone.LABEL
    )
    return Body(right, lines)


ALL_COLUMNS = 112
"""From this width on the panel has the columns of the requests screen."""


def request_rows(snapshot: Snapshot) -> tuple[RequestView, ...]:
    """The requests in the Requests panel, from the top."""
    return (*snapshot.in_flight, *snapshot.recent)


def chosen(row: Line, width: int) -> Line:
    """The row under the cursor: readable without colour."""
    return tuple((words, Tone.KEY) for words, _ in pad(row, width))


def why(snapshot: Snapshot, width: int, height: int) -> Body:
    """The Why panel: what the running request waits for, else what took the last one so long."""
    now = status_signs.focus(snapshot)
    if now is not None and now.outcome is None and now.why:
        return Body(text("now", Tone.LIVE), wrapped(now.why, width, height))
    last = next((request for request in snapshot.recent if request.why), None)
    if last is None:
        words = "What takes the time of a request is said here: while it runs, and afterwards."
        return Body((), wrapped(words, width, height, Tone.FAINT))
    right = joined(
        [
            text(format.clock(last.accepted_wall), Tone.LABEL),
            format.known(last.elapsed_s, format.seconds),
        ]
    )
    return Body(right, wrapped(last.why, width, height))


AXIS = 5
"""Cells at the left of a chart: its upper end and its 0."""


def trend(snapshot: Snapshot, width: int, height: int) -> Body:
    """The Trend panel: TTFT and tokens/s of the last requests, one column each, over an axis."""
    half = (width - 3) // 2
    ended = list(reversed(snapshot.recent[: max(1, half - AXIS)]))
    sides = (
        ("TTFT", [r.ttft_s.value for r in ended], half, format.seconds),
        ("tok/s", [r.tokens_per_s.value for r in ended], width - half - 3, format.rate),
    )
    rows = max(1, min(CHART_ROWS, height - 1))
    blocks: list[list[Line]] = []
    for label, values, size, write in sides:
        known = [v for v in values if v is not None]
        last = f"last {write(known[-1])}" if known else format.UNKNOWN_TEXT
        head = spread(text(label, Tone.LABEL), text(last, Tone.FAINT), size)
        blocks.append([head, *_chart(values, size, rows)])
    lines = [
        (*pad(left, half), ("   ", Tone.TEXT), *right) for left, right in zip(*blocks, strict=True)
    ]
    if not ended:
        return Body((), lines)
    span = format.about_span(ended[-1].accepted_wall - ended[0].accepted_wall)
    words = f"last {len(ended)} requests, {span}" if len(ended) > 1 else "1 request"
    return Body(text(words, Tone.LABEL), lines)


def _chart(values: list[float | None], size: int, rows: int) -> list[Line]:
    """Columns over an axis from 0 to a round number above the largest."""
    top = charts.round_top(max((v for v in values if v is not None), default=0.0))
    area = charts.area(values, max(1, size - AXIS), rows, top or None)
    lines: list[Line] = []
    for place, row in enumerate(area):
        label = f"{top:g}" if place == 0 and top else "0" if place == rows - 1 else ""
        mark = "┤" if label else "│"
        lines.append(((f"{label:>{AXIS - 1}}{mark}", Tone.FAINT), *row))
    return lines


@dataclass(frozen=True, slots=True)
class PanelKind:
    """One kind of panel: its name, its title, its content."""

    name: str
    title: str
    body: Callable[..., Body]
    """From a snapshot, width and height; of one with rows also the first and the chosen."""
    has_rows: bool = False


PANELS: dict[str, PanelKind] = {
    kind.name: kind
    for kind in (
        PanelKind("now", "Now", now),
        PanelKind("backend", "Backend", backend),
        PanelKind("session", "Session", session),
        PanelKind("trend", "Trend", trend),
        PanelKind("requests", "Requests", requests, has_rows=True),
        PanelKind("why", "Why", why),
    )
}


def rule(title: str, right: Line, width: int, edge: str = "", focused: bool = False) -> Line:
    """A title rule: `├─ Now ─────────── main · 12.4 s ─`; `edge` is its first character. With the
    focus it is `├─▶ Now`."""
    start = f"{edge}─{'▶' if focused else ''} " if edge else f"{'▶' if focused else ''} "
    tone = Tone.KEY if focused else Tone.STRONG
    left: Line = ((start, Tone.LIVE if focused else Tone.RULE), (title, tone), (" ", Tone.TEXT))
    end: Line = ((" ", Tone.TEXT), *right, (" ", Tone.TEXT)) if plain(right) else ()
    end = (*fit(end, max(0, width - width_of(left) - 3)), ("─", Tone.RULE))
    return (*left, ("─" * max(0, width - width_of(left) - width_of(end)), Tone.RULE), *end)


def framed(
    kind: PanelKind,
    snapshot: Snapshot,
    width: int,
    height: int,
    edge: str = "",
    foot: Line = (),
    *,
    focused: bool = False,
    first: int = 0,
    cursor: int | None = None,
) -> list[Line]:
    """A panel's whole text in exactly `width` × `height` cells, `foot` under what it says.

    With an `edge` other than `─` a thin line runs down the left side and joins the rules.
    """
    side: Line = (("│ " if edge not in ("", "─") else " ", Tone.RULE),)
    inner = width - width_of(side) - 1
    foot = foot if height > 2 else ()
    room = height - 1 - bool(foot)
    body = (
        kind.body(snapshot, inner, room, first, cursor)
        if kind.has_rows
        else kind.body(snapshot, inner, room)
    )
    said = [*body.lines[:room], *([foot] if foot else [])]
    lines = [rule(kind.title, body.right, width, edge, focused)]
    lines += [pad((*side, *fit(line, inner)), width) for line in said]
    return lines + [pad(side, width)] * (height - len(lines))
