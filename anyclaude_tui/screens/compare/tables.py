"""A comparison's tables: the figures side by side, and every run. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from anyclaude_tui import figures
from anyclaude_tui.compare.report.rich_text import MENTIONED, NOTE, why
from anyclaude_tui.compare.report.saved import Saved
from anyclaude_tui.compare.report.table import Row, Section
from anyclaude_tui.compare.samples import Comparison, Sample
from anyclaude_tui.figures import UNKNOWN, Figure, estimated, measured
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets import current_request, format, plot
from anyclaude_tui.widgets.lines import (
    Line,
    Tone,
    clean,
    fit,
    pad,
    spread,
    text,
    width_of,
    wrapped,
)

NAME, NAME_LEAST = 36, 24
CELL, CELL_LEAST = 19, 9
DEVIATION = 14
"""A narrower column leaves the deviation out."""
RATIO = 12
GAP = 3
"""Between two tables side by side."""


def heading(title: str, right: Line, width: int) -> Line:
    """A section's title."""
    return spread(text(title, Tone.STRONG), right, width)


def side_by_side(left: list[Line], right: list[Line], size: int, gap: Line) -> list[Line]:
    """Two blocks beside each other, the left one in `size` cells."""
    both = zip_longest(left, right, fillvalue=())
    return [(*pad(one, size), *gap, *other) for one, other in both]


def figure_lines(saved: Saved, width: int) -> list[Line]:
    """Medians, spread, and the last target's over the first's; where the window is wide enough
    the sections stand in two columns."""
    names = [target.shown for target in saved.comparison.targets]
    note = text(NOTE, Tone.FAINT)
    beside = width_of(note) + 12 <= width
    lines = [heading("Figures", note if beside else (), width)]
    foot = [] if beside else wrapped(NOTE, width, 2, Tone.FAINT)
    half = (width - GAP) // 2
    if table_sizes(len(names), half).roomy and len(saved.summary) > 1:
        sizes = table_sizes(len(names), half)
        left, right = _halves(saved.summary)
        one, other = _table(left, names, sizes), _table(right, names, sizes)
        return lines + side_by_side(one, other, half, text(" " * GAP))
    return [*lines, *_table(saved.summary, names, table_sizes(len(names), width)), *foot]


def _halves(sections: Sequence[Section]) -> tuple[Sequence[Section], Sequence[Section]]:
    """Cut where both sides come nearest to the same length."""
    sizes = [len(section.rows) + 1 for section in sections]
    cut = min(range(1, len(sizes)), key=lambda at: abs(sum(sizes[:at]) - sum(sizes[at:])))
    return sections[:cut], sections[cut:]


def _table(sections: Sequence[Section], names: Sequence[str], sizes: Sizes) -> list[Line]:
    lines = [_head(names, sizes)]
    for section in sections:
        lines += [text(clean(section.title), Tone.STRONG), *_rows(section, sizes)]
    return lines


@dataclass(frozen=True, slots=True)
class Sizes:
    """Cells of a table: the name, each target, the ratio."""

    name: int
    cell: int
    ratio: int
    roomy: bool
    """Nothing has to be cut short."""


def table_sizes(targets: int, width: int) -> Sizes:
    """Room for each column; the figures do not run over the whole width of a wide window."""
    ratio = RATIO if targets > 1 else 0
    name = max(NAME_LEAST, min(NAME, width - ratio - targets * DEVIATION))
    cell = max(CELL_LEAST, min(CELL, (width - name - ratio) // targets))
    return Sizes(name, cell, ratio, name == NAME and cell >= DEVIATION)


def _head(names: Sequence[str], sizes: Sizes) -> Line:
    """The targets' marks and names over their columns."""
    line: Line = text(" " * sizes.name)
    for place, name in enumerate(names):
        cell = (plot.mark(place), (" ", Tone.TEXT), *fit(text(clean(name)), sizes.cell - 4))
        line += spread((), cell, sizes.cell)
    ratio = spread((), text("last/first", Tone.FAINT), sizes.ratio) if sizes.ratio else ()
    return (*line, *ratio)


def _rows(section: Section, sizes: Sizes) -> Iterable[Line]:
    """The rows of one section."""
    for row in section.rows:
        best = row.best()
        name = row.name.replace("through the proxy", "proxy")
        line = pad(fit(text(f"  {name}", Tone.LABEL), sizes.name - 1), sizes.name)
        for place, cell in enumerate(row.cells):
            tone = Tone.FAINT if cell.value is None else Tone.OK if place == best else Tone.TEXT
            around = deviation(row, place) if sizes.cell >= DEVIATION else ()
            line += spread((), ((row.written(place), tone), *around), sizes.cell)
        ratio = row.ratio()
        if sizes.ratio:
            said = figures.times(ratio) if ratio and row.better else ""
            line += spread((), text(said, Tone.LABEL), sizes.ratio)
        yield line


def deviation(row: Row, place: int) -> Line:
    """` ±6 %`, where it is worth a word."""
    cell = row.cells[place]
    if cell.mad and cell.value and cell.mad > MENTIONED * cell.value:
        return text(f" ±{figures.share(cell.mad / cell.value)}", Tone.FAINT)
    return ()


# --- every run --------------------------------------------------------------------------


def runs(comparison: Comparison, width: int) -> list[Line]:
    """Every run in the order it was made; one that failed says why."""
    places = {target.name: place for place, target in enumerate(comparison.targets)}
    lines = [heading("Runs", text("in the order they were made", Tone.FAINT), width)]
    for target in comparison.targets:
        if target.error:
            said = f"{clean(target.shown)} was left out: {target.error}"
            first: Line = (("✗ ", Tone.BAD), plot.mark(places[target.name]), *text(" "))
            rows = wrapped(said, width - 4, 3, Tone.BAD)
            lines += [(*(text("    ") if n else first), *row) for n, row in enumerate(rows)]
    if not comparison.samples:
        return lines
    longest = max(len(clean(name)) for name in comparison.workloads)
    lines.append(runs_head(longest, width, marks=True))
    return lines + [run_row(one, longest, width, places[one.target]) for one in comparison.samples]


_CELLS = (
    ("TTFT", 9),
    ("tok/s", 8),
    ("in all", 9),
    ("out", 7),
    ("thinking", 9),
    ("chunks", 8),
    ("keepal.", 8),
    ("reused", 8),
)
"""The cells of a row with their widths, the most important first."""


def _name_size(longest: int) -> int:
    return 9 + min(16, longest) + 2 + 6 + 7


def runs_head(longest: int, width: int, *, marks: bool) -> Line:
    """The names over the columns of `run_row`."""
    start = _name_size(longest) + (4 if marks else 2)
    line: Line = text(" " * start)
    for label, size in _CELLS:
        if width_of(line) + size > width:
            break
        line += spread((), text(label, Tone.FAINT), size)
    return line


def run_row(sample: Sample, longest: int, width: int, place: int | None = None) -> Line:
    """One run as a row: sign, the target's mark, which run, figures or why it failed."""
    view, good = sample.view, sample.ended_well
    sign = ("✓", Tone.OK) if good else ("✗", Tone.BAD)
    line: Line = (sign, (" ", Tone.TEXT))
    line += (plot.mark(place), (" ", Tone.TEXT)) if place is not None else ()
    run = f"run {sample.run}" if sample.run else "warm-up"
    size = min(16, longest) + 2
    line += pad(text(run, Tone.LABEL), 9)
    line += pad(fit(text(clean(sample.workload)), size - 1), size)
    line += pad(text(str(sample.prefix), Tone.LABEL), 6)
    line += pad(text(str(sample.way), Tone.LABEL), 7)
    if not good:
        return fit((*line, (f"  {clean(why(sample))}", Tone.BAD)), width)
    values = (
        format.value(view.ttft_s, format.seconds),
        format.value(sample.tokens_per_s, format.rate),
        text(format.seconds(view.elapsed_s)),
        format.value(current_request.output(view), format.exact),
        format.value(thinking_percent(view), format.percent),
        format.tally(view.chunks),
        format.tally(view.keepalives),
        format.value(view.reuse_percent, format.percent),
    )
    for (_, cells), value in zip(_CELLS, values, strict=True):
        if width_of(line) + cells > width:
            break
        line += spread((), value, cells)
    return line


def thinking_percent(view: RequestView) -> Figure:
    """Share of the deltas that were thinking: exact where a delta is a token."""
    if not view.deltas:
        return UNKNOWN
    share = 100 * view.thinking_deltas / view.deltas
    return estimated(share) if share else measured(0.0)
