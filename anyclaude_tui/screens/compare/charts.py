"""A comparison's charts: bars of TTFT and speeds, and tokens over time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anyclaude_tui.compare.report.saved import Saved
from anyclaude_tui.compare.report.table import Row
from anyclaude_tui.compare.samples import Comparison, Prefix, Sample, Target, Way, select
from anyclaude_tui.screens.compare.run_columns import WAYS
from anyclaude_tui.screens.compare.tables import deviation, heading
from anyclaude_tui.widgets import format, plot
from anyclaude_tui.widgets.lines import Line, Tone, clean, joined, pad, spread, text, width_of

PLOT_ROWS = 10


@dataclass(frozen=True, slots=True)
class _Group:
    """Bars on one scale: rows of the table, each with a short name."""

    title: str
    hint: str
    rows: Sequence[tuple[str, Row]]

    @property
    def top(self) -> float:
        return max(cell.value or 0.0 for _, row in self.rows for cell in row.cells)


def bars(saved: Saved, width: int) -> list[Line]:
    """TTFT by workload, then decode and prefill speed: a group of bars for each figure."""
    groups = [
        _group(f"TTFT, {clean(section.title)}", "shorter is better", section.rows, "TTFT")
        for section in saved.summary[1:]
    ]
    speeds = saved.summary[0].rows if saved.summary else ()
    groups += [
        _group(f"{kind.capitalize()}, tokens/s", "longer is better", speeds, kind)
        for kind in ("decode", "prefill")
    ]
    groups = [group for group in groups if group.rows and group.top]
    names = [name for group in groups for name, _ in group.rows]
    size = max((len(name) for name in names), default=0) + 2
    tail = max((width_of(w) for g in groups for _, row in g.rows for w in _words(row)), default=0)
    lines: list[Line] = []
    for group in groups:
        lines += [()] if lines else []
        lines.append(heading(group.title, text(group.hint, Tone.FAINT), width))
        for name, row in group.rows:
            made = [
                plot.Bar(plot.mark(place), cell.value, said)
                for place, (cell, said) in enumerate(zip(row.cells, _words(row), strict=True))
            ]
            for number, line in enumerate(plot.bars(made, width - size, group.top, tail)):
                label = "" if number else name
                lines.append((*pad(text(label, Tone.LABEL), size), *line))
    return lines


def _group(title: str, hint: str, rows: Sequence[Row], kind: str) -> _Group:
    chosen = [(_short(row.name, kind), row) for row in rows if row.name.startswith(kind)]
    return _Group(title, hint, chosen)


def _short(name: str, kind: str) -> str:
    """`TTFT, cold, direct` → `cold, direct`."""
    short = name.removeprefix(kind).removesuffix("tokens/s").strip(", ")
    return short.replace("through the proxy", "proxy") or "cold"


def _words(row: Row) -> list[Line]:
    """The figures with their deviation."""
    return [
        (
            (row.written(place), Tone.FAINT if cell.value is None else Tone.TEXT),
            *deviation(row, place),
        )
        for place, cell in enumerate(row.cells)
    ]


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
