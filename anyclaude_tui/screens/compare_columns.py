"""What the running comparison says: a column for each target, and how far all of it is. Pure."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from anyclaude_tui.compare.plan import Step
from anyclaude_tui.compare.report import why
from anyclaude_tui.compare.samples import Prefix, Sample, Way, select
from anyclaude_tui.screens.compare_live import Column, Live, State
from anyclaude_tui.telemetry.events import UNKNOWN, Figure, estimated, measured
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets import charts, format, now, plot
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
    width_of,
    wrapped,
)
from anyclaude_tui.widgets.longtext import chopped, printable
from anyclaude_tui.widgets.panels import rule

LEAST = 34
"""A narrower column cannot be read: the targets stand under each other then."""
PAIR = 18
"""Cells for a label and its number."""
TEXT_LEAST = 3
"""Rows that the reply's text always has."""
WAYS = {Way.PROXY: "through the proxy", Way.DIRECT: "direct", Way.LOGGED: "full logging"}


def body(live: Live, width: int, height: int, at: float) -> list[Line]:
    """All targets in exactly `height` lines; `at` is the monotonic time."""
    count = len(live.columns)
    each = (width + 1) // count
    if each < LEAST + 2:
        return _stacked(live, width, height, at)
    sizes = [each] * (count - 1) + [width - each * (count - 1)]
    blocks = [
        _block(place, column, size, height, at, first=place == 0)
        for place, (column, size) in enumerate(zip(live.columns, sizes, strict=True))
    ]
    return [tuple(seg for part in row for seg in part) for row in zip(*blocks, strict=True)]


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
    """The most important first; the reply's text takes what is left."""
    lines = _what(column, width, at)
    view = column.view
    if view is None:
        return lines[:height]
    lines += now.phase_rows(view, width) if width >= LEAST else []
    lines.append(fit(now.detail(view, width), width))
    cells = columns(figures(view), max(2, width // (PAIR + 3)), width)
    room = height - len(lines) - TEXT_LEAST
    lines += cells[: max(1, room)]
    lines += _so_far(column, width)[: max(0, height - len(lines) - TEXT_LEAST - 1)]
    return lines + _tail(column, width, height - len(lines))


def _what(column: Column, width: int, at: float) -> list[Line]:
    """Which run goes on, or why none does."""
    if column.state is State.FAILED:
        return wrapped(f"left out: {column.error}", width, 6, Tone.BAD)
    if column.running is not None:
        return [fit(text(run_words(column.running.step), Tone.LIVE), width)]
    if column.state is State.STARTING:
        waited = format.clock_s(max(0.0, at - column.since))
        return [fit(text(f"starting… {waited}", Tone.LIVE), width)]
    step = column.step
    if step is None:
        words = "waits its turn: one is measured at a time"
        return wrapped(words, width, 2, Tone.LABEL)
    last = column.ended[-1]
    if not last.ended_well:
        return wrapped(f"{run_words(step)}: {why(last)}", width, 2, Tone.BAD)
    return [fit(text(f"last: {run_words(step)}", Tone.LABEL), width)]


def run_words(step: Step) -> str:
    """`long · cold · through the proxy · run 2`."""
    run = f"run {step.run}" if step.run else "warm-up"
    return f"{run} · {clean(step.workload)} · {step.prefix} · {WAYS[step.way]}"


def figures(view: RequestView) -> list[tuple[str, Line]]:
    """The figures of one run."""
    return [
        ("TTFT", format.value(view.ttft_s, format.seconds)),
        ("tok/s", format.value(view.tokens_per_s, format.rate)),
        ("thinking", format.value(thinking_percent(view), format.percent)),
        ("output", format.value(now.output(view), format.exact)),
        ("keepalives", format.tally(view.keepalives)),
        ("chunks", format.tally(view.chunks)),
        ("prompt", format.known(view.prompt_bytes or None, format.size)),
        ("tokens", format.value(view.prompt_tokens, format.exact)),
        ("messages", format.known(view.message_count or None, format.exact)),
        ("tools", format.tally(view.tool_count)),
        ("reused", format.value(view.reuse_percent, format.percent)),
        ("prefill/s", format.value(now.prefill_rate(view), format.rate)),
    ]


def thinking_percent(view: RequestView) -> Figure:
    """Share of the deltas that were thinking: exact where a delta is a token."""
    return estimated(100 * view.thinking_deltas / view.deltas) if view.deltas else UNKNOWN


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
    return [(), fit(joined([text("medians", Tone.FAINT), *parts]), width)]


def _median(label: str, values: list[float | None], write: Callable[[float], str]) -> Line:
    known = [value for value in values if value is not None]
    if not known:
        return ()
    return ((f"{label} ", Tone.LABEL), *format.value(measured(median(known)), write))


def _tail(column: Column, width: int, height: int) -> list[Line]:
    """The end of the reply in the last rows, a blank line before it."""
    if height < 2:
        return []
    rows: list[str] = []
    for paragraph in column.text.splitlines():
        rows += chopped(printable(paragraph), width)
    tone = Tone.TEXT if column.running is not None else Tone.LABEL
    return [(), *(fit(text(row.rstrip(), tone), width) for row in rows[-(height - 1) :])]


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


def ended_row(sample: Sample, place: int, width: int) -> Line:
    """One run that has ended as a row: sign, which, figures or why not."""
    view = sample.view
    good = sample.ended_well
    sign = ("✓", Tone.OK) if good else ("✗", Tone.BAD)
    step = Step(sample.target, sample.workload, sample.way, sample.prefix, sample.run)
    left: Line = (sign, (" ", Tone.TEXT), plot.mark(place), (f" {run_words(step)}", Tone.LABEL))
    if not good:
        return fit((*left, (f"  {clean(why(sample))}", Tone.BAD)), width)
    cells = (
        (9, format.value(view.ttft_s, format.seconds)),
        (14, (*format.value(sample.tokens_per_s, format.rate), (" tok/s", Tone.LABEL))),
        (11, (*format.value(now.output(view), format.exact), (" out", Tone.LABEL))),
        (16, text(f"{format.seconds(view.elapsed_s)} in all", Tone.LABEL)),
    )
    right: Line = ()
    for size, cell in cells:
        if width_of(right) + size + LEAST <= width:
            right += spread((), cell, size)
    return spread(left, right, width)
