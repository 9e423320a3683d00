"""The lines of the running comparison: a column for each target, and the progress. Pure."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from anyclaude_tui.compare.measuring.client_reader import ANSWER, THINKING
from anyclaude_tui.compare.measuring.live import Column, Live, State
from anyclaude_tui.compare.measuring.plan import Step
from anyclaude_tui.compare.report.rich_text import why
from anyclaude_tui.compare.samples import Prefix, Way, select
from anyclaude_tui.figures import measured
from anyclaude_tui.screens.compare.tables import run_row, runs_head, thinking_percent
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets import charts, current_request, format, plot, status_signs
from anyclaude_tui.widgets.lines import (
    Line,
    Tone,
    clean,
    columns,
    fit,
    joined,
    pad,
    plain,
    text,
    width_of,
    wrapped,
)
from anyclaude_tui.widgets.longtext import chopped, printable
from anyclaude_tui.widgets.panels import rule

LEAST = 34
"""A narrower column cannot be read: the targets stand under each other then."""
PAIR = 18
"""Cells for a label and its number."""
TEXT_LEAST, TEXT_MOST = 4, 12
"""Rows for the reply's text, a blank one before it among them."""
RUNS_LEAST = 4
"""A list of the runs with fewer rows is left out."""
PLOT_ROWS = 8
TALL = 34
"""With so many rows the runs that go on stand in a chart as well."""
WAYS = {Way.PROXY: "through the proxy", Way.DIRECT: "direct", Way.LOGGED: "full logging"}


def body(live: Live, width: int, height: int, at: float) -> list[Line]:
    """All targets in exactly `height` lines; `at` is the monotonic time."""
    count = len(live.columns)
    each = (width + 1) // count
    if each < LEAST + 2:
        return _stacked(live, width, height, at)
    chart = _race(live, width) if height >= TALL else []
    room = height - len(chart)
    sizes = [each] * (count - 1) + [width - each * (count - 1)]
    blocks = [
        _block(place, column, size, room, at, first=place == 0)
        for place, (column, size) in enumerate(zip(live.columns, sizes, strict=True))
    ]
    rows = [tuple(seg for part in row for seg in part) for row in zip(*blocks, strict=True)]
    return [*rows, *chart]


def _race(live: Live, width: int) -> list[Line]:
    """The last run of each target as lines over time: the run that goes on, and the others'
    newest of the same kind."""
    steps = [column.running.step for column in live.columns if column.running is not None]
    steps += [column.step for column in live.columns if column.step is not None]
    if not steps:
        return []
    kind = (steps[0].workload, steps[0].way, steps[0].prefix)
    series: list[plot.Series] = []
    for place, column in enumerate(live.columns):
        points = _line_of(column, kind)
        series.append(plot.Series(plot.mark(place), [(s, float(n)) for s, n in points]))
    drawn = plot.plot(series, width - 2, PLOT_ROWS, format.count)
    blank = [()] * (PLOT_ROWS + 2 - len(drawn))  # so that nothing jumps when the first one comes
    title = joined([text(clean(kind[0])), text(kind[2]), text(WAYS[kind[1]])])
    head = rule("Tokens over time", tuple((w, Tone.LABEL) for w, _ in title), width, "─")
    return [head, *([*blank, *((*text(" "), *line) for line in drawn)])]


def _line_of(column: Column, kind: tuple[str, Way, Prefix]) -> tuple[tuple[float, int], ...]:
    running = column.running
    if running is not None:
        step = running.step
        return running.timeline if (step.workload, step.way, step.prefix) == kind else ()
    for sample in reversed(column.ended):
        if (sample.workload, sample.way, sample.prefix) == kind and sample.run:
            return sample.timeline
    return ()


def _stacked(live: Live, width: int, height: int, at: float) -> list[Line]:
    """Under each other; what runs has the room that the others do not need."""
    count = len(live.columns)
    small = min(5, max(2, height // (count + 1)))
    runs = next((n for n, c in enumerate(live.columns) if c.running is not None), 0)
    lines: list[Line] = []
    for place, column in enumerate(live.columns):
        size = height - small * (count - 1) if place == runs else small
        lines += _block(place, column, width, size, at, first=True)
    return lines[:height]


def _block(
    place: int, column: Column, width: int, height: int, at: float, *, first: bool
) -> list[Line]:
    """One target in exactly `width` × `height` cells, a thin line at its left."""
    side = text(" ") if first else text("│ ", Tone.RULE)
    head = _head(place, column, width, "─" if first else "┬")
    inner = width - width_of(side) - 1
    lines = [head, *(((*side, *one)) for one in _inner(column, inner, height - 1, at))]
    lines += [side] * (height - len(lines))
    return [pad(line, width) for line in lines[:height]]


def _head(place: int, column: Column, width: int, edge: str) -> Line:
    """`─ ● fast ─────── 3 of 11 ─`."""
    done = f"{len(column.ended)} of {column.planned}" if column.planned else ""
    bad = sum(not sample.ended_well for sample in column.ended)
    right = joined([text(f"{bad} failed", Tone.BAD) if bad else (), text(done, Tone.LABEL)])
    name = clean(column.target.shown)
    room = max(4, width - width_of(right) - 10)
    sign, tone = plot.mark(place)
    line = rule(f"{sign} {fit(text(name), room)[0][0]}", right, width, edge)
    if column.target.simulated and width > len(name) + width_of(right) + 24:
        right = joined([text("simulated", Tone.WARN), right])
        line = rule(f"{sign} {name}", right, width, edge)
    # The mark has its own tone, so that it is found again in the charts.
    return tuple(
        part
        for words, own in line
        for part in (
            ((sign, tone), (words[len(sign) :], own)) if words.startswith(sign) else ((words, own),)
        )
    )


def _inner(column: Column, width: int, height: int, at: float) -> list[Line]:
    """The most important first; the reply's text and the runs so far take what is left."""
    lines = _what(column, width, at)
    view = column.view
    if view is None:
        return lines[:height]
    lines += current_request.phase_rows(view, width) if width >= LEAST else []
    lines.append(_detail(column, view, width))
    cells = columns(figures(view), max(2, width // (PAIR + 3)), width)
    lines += cells[: max(1, height - len(lines) - TEXT_LEAST)]
    lines += _so_far(column, width)[: max(0, height - len(lines) - TEXT_LEAST)]
    room = height - len(lines)
    rows = _runs(column, width, room - TEXT_MOST)
    tail = _tail(column, width, room - len(rows))
    if rows:  # the list keeps its place while the text grows
        tail += [()] * (room - len(rows) - len(tail))
    return lines + tail + rows


def _detail(column: Column, view: RequestView, width: int) -> Line:
    """One line on the phase; a run that met the limit which it was given has ended well."""
    last = column.ended[-1] if column.ended and column.running is None else None
    if last is None or not last.ended_well:
        return fit(current_request.detail(view, width), width)
    words = joined(
        [
            (("✓ ", Tone.OK), (status_signs.ending(view), Tone.TEXT)),
            text(f"{format.seconds(view.elapsed_s)} in all", Tone.LABEL),
        ]
    )
    return fit(words, width)


def _runs(column: Column, width: int, most: int) -> list[Line]:
    """The runs that have ended, the newest last; nothing where there is no room for a list."""
    if most < RUNS_LEAST or not column.ended:
        return []
    longest = max(len(clean(sample.workload)) for sample in column.ended)
    rows = [run_row(sample, longest, width) for sample in column.ended[-(most - 2) :]]
    return [(), runs_head(longest, width, marks=False), *rows]


def _what(column: Column, width: int, at: float) -> list[Line]:
    """The run that goes on, or the reason why none does."""
    if column.state is State.FAILED:
        return wrapped(f"left out: {column.error}", width, 6, Tone.BAD)
    if column.running is not None:
        return [text(run_words(column.running.step, width), Tone.LIVE)]
    if column.state is State.STARTING:
        waited = format.clock_s(max(0.0, at - column.since))
        return [fit(text(f"starting… {waited}", Tone.LIVE), width)]
    step = column.step
    if step is None:
        words = "waits its turn: one is measured at a time"
        return wrapped(words, width, 2, Tone.LABEL)
    last = column.ended[-1]
    if not last.ended_well:
        return wrapped(f"{run_words(step, width)}: {why(last)}", width, 3, Tone.BAD)
    return [text(f"last: {run_words(step, width - 6)}", Tone.LABEL)]


def run_words(step: Step, width: int) -> str:
    """`run 2 · long · cold · through the proxy`; in less room `proxy`."""
    run = f"run {step.run}" if step.run else "warm-up"
    start = f"{run} · {clean(step.workload)} · {step.prefix} · "
    for words in (start + WAYS[step.way], f"{start}{step.way}"):
        if len(words) <= width:
            return words
    return plain(fit(text(f"{start}{step.way}"), width))


def figures(view: RequestView) -> list[tuple[str, Line]]:
    """The figures of one run."""
    return [
        ("TTFT", format.value(view.ttft_s, format.seconds)),
        ("tok/s", format.value(view.tokens_per_s, format.rate)),
        ("thinking", format.value(thinking_percent(view), format.percent)),
        ("output", format.value(current_request.output(view), format.exact)),
        ("keepalives", format.tally(view.keepalives)),
        ("chunks", format.tally(view.chunks)),
        ("prompt", format.known(view.prompt_bytes or None, format.size)),
        ("tokens", format.value(view.prompt_tokens, format.exact)),
        ("messages", format.known(view.message_count or None, format.exact)),
        ("tools", format.tally(view.tool_count)),
        ("reused", format.value(view.reuse_percent, format.percent)),
        ("prefill/s", format.value(view.prefill_tokens_per_s, format.rate)),
    ]


def _so_far(column: Column, width: int) -> list[Line]:
    """The medians of the runs that have ended."""
    name = column.target.name
    cold = select(column.ended, target=name, way=Way.PROXY, prefix=Prefix.COLD)
    warm = select(column.ended, target=name, way=Way.PROXY, prefix=Prefix.WARM)
    every = select(column.ended, target=name)
    if not every:
        return []
    parts = [
        _median("TTFT cold", [s.view.ttft_s.value for s in cold], format.seconds),
        _median("warm", [s.view.ttft_s.value for s in warm], format.seconds),
        _median("tok/s", [s.tokens_per_s.value for s in every], format.rate),
    ]
    line = joined([text("medians", Tone.FAINT), *parts])
    if width_of(line) > width:
        line = joined([(("median ", Tone.FAINT), *parts[0]) if parts[0] else (), parts[2]])
    return [fit(line, width)]


def _median(label: str, values: list[float | None], write: Callable[[float], str]) -> Line:
    known = [value for value in values if value is not None]
    if not known:
        return ()
    return ((f"{label} ", Tone.LABEL), *format.value(measured(median(known)), write))


def _tail(column: Column, width: int, height: int) -> list[Line]:
    """The end of the reply in the last rows, a blank line before it."""
    if height < 2:
        return []
    rows: list[Line] = []
    thinks = _thinks_first(column)
    for paragraph in column.text.splitlines():
        if paragraph in (ANSWER, THINKING):
            thinks = paragraph == THINKING
            rows.append(fit(text(paragraph, Tone.FAINT), width))
            continue
        tone = Tone.LABEL if thinks or column.running is None else Tone.TEXT
        pieces = chopped(printable(paragraph), width)
        rows += [fit(text(piece.rstrip(), tone), width) for piece in pieces]
    return [(), *rows[-(height - 1) :]]


def _thinks_first(column: Column) -> bool:
    """True if the text begins with thinking; it may be only the end of all that was written."""
    turns = [line for line in column.text.splitlines() if line in (ANSWER, THINKING)]
    if turns:
        return turns[0] == ANSWER
    return column.view is not None and 0 < column.view.deltas == column.view.thinking_deltas


def progress(live: Live, width: int, at: float, *, stopping: bool) -> Line:
    """`━━━━━──── 7 of 22 · 31 s · about 40 s left`."""
    ran = format.clock_s(max(0.0, at - live.started))
    left_s = live.left_s(at)
    left = "" if left_s is None else f"about {format.about(left_s)} left"
    words = joined(
        [
            text(f"{live.ended} of {live.total} runs") if live.total else text("starting"),
            text(ran, Tone.LABEL),
            text("stopping…", Tone.WARN) if stopping else text(left, Tone.LIVE),
        ]
    )
    share = live.ended / live.total if live.total else 0.0
    room = max(4, width - width_of(words) - 3)
    return (*text(" "), *charts.bar(share, room), *text(" "), *words)
