"""A finished comparison as one page: verdict, charts, figures, runs. Pure.

The verdict stands on top; the sections can be jumped to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from anyclaude_tui.compare import words
from anyclaude_tui.compare.causes import Cause, Confidence
from anyclaude_tui.compare.diagnosis import Verdict
from anyclaude_tui.compare.report import MENTIONED, NOTE
from anyclaude_tui.compare.samples import Comparison, Prefix, Sample, Target, Way, select
from anyclaude_tui.compare.saved import Saved
from anyclaude_tui.compare.table import Row, Section
from anyclaude_tui.screens.compare_before import before
from anyclaude_tui.screens.compare_columns import WAYS, ended_row
from anyclaude_tui.widgets import format, plot
from anyclaude_tui.widgets.lines import Line, Tone, clean, fit, joined, pad, spread, text, wrapped

WIDE = 116
"""From this width on the bars stand beside the verdict."""
VERDICT_SHARE = 0.54
PLOT_ROWS = 9
LABEL = 30
"""Cells for the name of a figure."""
SURE = {
    Confidence.HIGH: "one cause explains most of it",
    Confidence.LIKELY: "the largest of several causes",
    Confidence.LOW: "several causes share the blame",
}


@dataclass(frozen=True, slots=True)
class Page:
    """Lines, and where each section begins."""

    lines: list[Line]
    sections: tuple[tuple[str, int], ...]


def page(saved: Saved, width: int, older: Saved | None = None) -> Page:
    """All of it in `width` cells; `older`: a comparison to hold it against."""
    comparison = saved.comparison
    parts: list[tuple[str, list[Line]]] = []
    if width >= WIDE:
        left = int(width * VERDICT_SHARE)
        right = width - left - 3
        both = beside(verdict(saved, left), bars(saved, right), left)
        parts.append(("Verdict", both))
        over = over_time(comparison, width)
        if over:
            parts.append(("Over time", over))
    else:
        parts.append(("Verdict", verdict(saved, width)))
        charts = [*bars(saved, width), *over_time(comparison, width)]
        if charts:
            parts.append(("Charts", charts))
    if older is not None:
        parts.insert(1, ("Then and now", before(saved, older, width)))
    parts.append(("Figures", figures(saved, width)))
    parts.append(("Runs", runs(comparison, width)))
    lines: list[Line] = []
    sections: list[tuple[str, int]] = []
    for name, made in parts:
        lines += [()] if lines else []
        sections.append((name, len(lines)))
        lines += made
    return Page([fit(line, width) for line in lines], tuple(sections))


def beside(left: list[Line], right: list[Line], size: int) -> list[Line]:
    """Two blocks side by side, a thin line between them."""
    return [
        (*pad(one or (), size), (" │ ", Tone.RULE), *(other or ()))
        for one, other in zip_longest(left, right)
    ]


def heading(words_: str, right: Line, width: int) -> Line:
    """A section's title."""
    return spread(text(words_, Tone.STRONG), right, width)


# --- the verdict ------------------------------------------------------------------------


def verdict(saved: Saved, width: int) -> list[Line]:
    """Cause, evidence, confidence, remedies, and what was compared."""
    said = saved.verdict
    tone = {Cause.EQUAL: Tone.OK, Cause.FAILED: Tone.BAD}.get(said.cause, Tone.WARN)
    lines = _strong(said.headline, width, tone)
    lines += [(), *_named(said, width)]
    lines += [(), text("Evidence", Tone.STRONG)]
    lines += [line for one in said.evidence for line in _item("·", one, width)]
    lines += [(), text("What to do", Tone.STRONG)]
    lines += [line for one in said.remedies for line in _item("→", one, width)]
    return [*lines, (), *targets(saved.comparison, width)]


def _strong(words_: str, width: int, tone: Tone) -> list[Line]:
    """The headline: a coloured bar at its left, so that it is seen first."""
    rows = wrapped(words_, width - 2, 4, Tone.STRONG)
    return [(("▌ ", tone), *row) for row in rows]


def _named(said: Verdict, width: int) -> list[Line]:
    facts: list[tuple[str, str]] = []
    if said.cause not in (Cause.EQUAL, Cause.FAILED):
        facts.append(("Cause", str(said.cause)))
        if said.scenario is not None:
            facts.append(("Scenario", f"{said.scenario} (the debugging guide's)"))
        facts.append(("Confidence", f"{said.confidence}: {SURE[said.confidence]}"))
    else:
        sure = "a close call: these runs do not tell" if said.close else str(said.confidence)
        facts.append(("Confidence", sure))
    return [
        fit((*pad(text(name, Tone.LABEL), 12), (what, Tone.TEXT)), width) for name, what in facts
    ]


def _item(sign: str, words_: str, width: int) -> list[Line]:
    rows = wrapped(words_, width - 2, 6)
    return [((f"{sign if not n else ' '} ", Tone.LIVE), *row) for n, row in enumerate(rows)]


def targets(comparison: Comparison, width: int) -> list[Line]:
    """What was compared, a line each, and how many runs ended well."""
    lines: list[Line] = []
    for place, target in enumerate(comparison.targets):
        facts = [
            text(clean(target.shown), Tone.STRONG),
            text(clean(target.model.rpartition("/")[2])),
            text("simulated", Tone.WARN) if target.simulated else text(target.kind, Tone.LABEL),
            _maybe("window ", target.window_tokens, format.exact),
            _maybe("up in ", target.bring_up_s, format.seconds),
        ]
        lines.append(fit((plot.mark(place), (" ", Tone.TEXT), *joined(facts)), width))
    good = sum(sample.ok and sample.run > 0 for sample in comparison.samples)
    bad = sum(not sample.ended_well for sample in comparison.samples)
    counted = joined(
        [
            text(f"{good} good runs", Tone.LABEL),
            text(f"{bad} failed", Tone.BAD) if bad else (),
            text(f"{format.seconds(comparison.seconds)} in all", Tone.LABEL),
            text("stopped before the end", Tone.WARN) if comparison.stopped else (),
        ]
    )
    return [*lines, fit((*text("  "), *counted), width)]


def _maybe(before_: str, value: float | None, write: Callable[[float], str]) -> Line:
    return () if value is None else text(before_ + write(value), Tone.LABEL)


# --- charts -----------------------------------------------------------------------------


def bars(saved: Saved, width: int) -> list[Line]:
    """TTFT by workload, then decode and prefill speed: a group of bars for each figure."""
    lines: list[Line] = []
    for section in saved.summary[1:]:
        rows = [row for row in section.rows if row.name.startswith("TTFT")]
        lines += _group(f"TTFT, {section.title}", "shorter is better", rows, "TTFT, ", width)
    speeds = saved.summary[0].rows if saved.summary else ()
    for kind in ("decode", "prefill"):
        rows = [row for row in speeds if row.name.startswith(kind)]
        names = f"{kind}, "
        lines += _group(f"{kind.capitalize()}, tokens/s", "longer is better", rows, names, width)
    return lines[1:]


def _group(title: str, hint: str, rows: Sequence[Row], prefix: str, width: int) -> list[Line]:
    """The bars of several rows on one scale."""
    known = [cell.value for row in rows for cell in row.cells if cell.value is not None]
    if not known:
        return []
    lines: list[Line] = [(), heading(title, text(hint, Tone.FAINT), width)]
    names = {row.name: _short(row.name, prefix) for row in rows}
    size = max(len(name) for name in names.values()) + 2
    for row in rows:
        drawn = plot.bars(
            [
                plot.Bar(plot.mark(place), cell.value, _value(row, place))
                for place, cell in enumerate(row.cells)
            ],
            width - size,
            max(known),
        )
        for number, line in enumerate(drawn):
            label = names[row.name] if number == 0 else ""
            lines.append((*pad(text(label, Tone.LABEL), size), *line))
    return lines


def _short(name: str, prefix: str) -> str:
    """`TTFT, cold, direct` → `cold, direct`."""
    short = name.removeprefix(prefix).removesuffix("tokens/s").strip(", ")
    return short.replace("through the proxy", "proxy") or "all"


def _value(row: Row, place: int) -> Line:
    """A figure with its spread."""
    cell = row.cells[place]
    tone = Tone.FAINT if cell.value is None else Tone.TEXT
    return ((row.written(place), tone), *_spread(row, place))


def _spread(row: Row, place: int) -> Line:
    cell = row.cells[place]
    if cell.mad and cell.value and cell.mad > MENTIONED * cell.value:
        return text(f" ±{words.percent(cell.mad / cell.value)}", Tone.FAINT)
    return ()


def over_time(comparison: Comparison, width: int) -> list[Line]:
    """Tokens over time of one run of each target: the workload with the longest replies, cold,
    through the proxy; of its runs the one in the middle."""
    chosen = _typical(comparison)
    if not chosen:
        return []
    series = [
        plot.Series(plot.mark(place), [(s, float(n)) for s, n in sample.timeline])
        for place, sample in chosen
    ]
    drawn = plot.plot(series, width, PLOT_ROWS, format.count)
    if not drawn:
        return []
    first = chosen[0][1]
    what = f"{first.workload}, {first.prefix}, {WAYS[first.way]}"
    legend = joined(
        [
            (plot.mark(place), (f" {clean(comparison.targets[place].shown)}", Tone.TEXT))
            for place, _ in chosen
        ],
        "  ",
    )
    title: Line = (("Tokens over time", Tone.STRONG), (f"  {what}", Tone.LABEL))
    return [spread(title, legend, width), *drawn]


def _typical(comparison: Comparison) -> list[tuple[int, Sample]]:
    """(target's place, its run) for each target that has one."""

    def runs_of(target: Target, workload: str) -> list[Sample]:
        for way in (Way.PROXY, Way.DIRECT):
            for prefix in Prefix:
                found = [
                    sample
                    for sample in select(
                        comparison.samples,
                        target=target.name,
                        workload=workload,
                        way=way,
                        prefix=prefix,
                    )
                    if len(sample.timeline) > 1
                ]
                if found:
                    return found
        return []

    def length(workload: str) -> int:
        groups = [runs_of(target, workload) for target in comparison.targets]
        return sum(max((s.view.deltas for s in group), default=0) for group in groups)

    if not comparison.workloads:
        return []
    workload = max(comparison.workloads, key=length)
    chosen: list[tuple[int, Sample]] = []
    for place, target in enumerate(comparison.targets):
        found = sorted(runs_of(target, workload), key=lambda sample: sample.view.elapsed_s)
        if found:
            chosen.append((place, found[len(found) // 2]))
    return chosen


# --- figures and runs --------------------------------------------------------------------


def figures(saved: Saved, width: int) -> list[Line]:
    """The table: medians, spread, and the last target's over the first's."""
    names = [target.shown for target in saved.comparison.targets]
    sizes = column_sizes(names, width)
    lines = [heading("Figures", text(NOTE, Tone.FAINT), width)]
    lines.append(table_head(names, sizes, "last/first" if len(names) > 1 else ""))
    for section in saved.summary:
        lines += [text(clean(section.title), Tone.STRONG), *section_rows(section, sizes)]
    return lines


@dataclass(frozen=True, slots=True)
class Sizes:
    """Cells of a table: the name, each target, the ratio."""

    name: int
    cell: int
    ratio: int


def column_sizes(names: Sequence[str], width: int) -> Sizes:
    """Room for each column; figures do not run over the whole width of a wide window."""
    ratio = 12 if len(names) > 1 else 0
    name = min(LABEL + 6, max(22, width // 3))
    longest = max(len(one) for one in names) + 4
    cell = max(9, min((width - name - ratio) // len(names), max(20, longest)))
    return Sizes(name, cell, ratio)


def table_head(names: Sequence[str], sizes: Sizes, ratio: str) -> Line:
    """The targets' marks and names over their columns."""
    line: Line = text(" " * sizes.name)
    for place, name in enumerate(names):
        cell = (plot.mark(place), (" ", Tone.TEXT), *fit(text(clean(name)), sizes.cell - 4))
        line += spread((), cell, sizes.cell)
    return (*line, *spread((), text(ratio, Tone.FAINT), sizes.ratio)) if sizes.ratio else line


def section_rows(section: Section, sizes: Sizes) -> Iterable[Line]:
    """The rows of one section."""
    for row in section.rows:
        best = best_place(row)
        line = pad(fit(text(f"  {row.name}", Tone.LABEL), sizes.name - 1), sizes.name)
        for place, cell in enumerate(row.cells):
            tone = Tone.FAINT if cell.value is None else Tone.OK if place == best else Tone.TEXT
            spread_words = _spread(row, place) if sizes.cell >= 16 else ()
            line += spread((), ((row.written(place), tone), *spread_words), sizes.cell)
        ratio = row.ratio()
        if sizes.ratio:
            said = words.times(ratio) if ratio and row.better else ""
            line += spread((), text(said, Tone.LABEL), sizes.ratio)
        yield line


def best_place(row: Row) -> int | None:
    """The place of the better cell, where they differ by more than a twentieth."""
    known = [(cell.value, place) for place, cell in enumerate(row.cells) if cell.value is not None]
    if not row.better or len(known) < 2 or row.ratio() is None:
        return None
    low, high = min(known), max(known)
    if high[0] <= 1.05 * low[0]:
        return None
    return (low if row.better == "low" else high)[1]


def runs(comparison: Comparison, width: int) -> list[Line]:
    """Every run in the order it was made; one that failed says why."""
    places = {target.name: place for place, target in enumerate(comparison.targets)}
    title = heading("Runs", text("in the order they were made", Tone.FAINT), width)
    lines = [title]
    for target in comparison.targets:
        if target.error:
            place = places[target.name]
            words_ = f"{clean(target.shown)} was left out: {target.error}"
            rows = wrapped(words_, width - 4, 3, Tone.BAD)
            lines += [
                (("✗ ", Tone.BAD), plot.mark(place), *text(" "), *row)
                if not n
                else (*text("    "), *row)
                for n, row in enumerate(rows)
            ]
    return lines + [ended_row(one, places[one.target], width) for one in comparison.samples]
