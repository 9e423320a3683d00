"""A comparison for people in a terminal: the verdict on top, then the table, with rich.

The same picture as SVG, for an issue or a chat.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from anyclaude_tui import figures
from anyclaude_tui.compare.diagnosis.causes import Cause, Confidence
from anyclaude_tui.compare.diagnosis.verdict import Verdict
from anyclaude_tui.compare.report.saved import Saved
from anyclaude_tui.compare.report.table import Row
from anyclaude_tui.compare.samples import Comparison, Sample
from anyclaude_tui.printable import printable

SVG_COLUMNS = 110
MENTIONED = 0.01
"""A smaller deviation is not mentioned."""
NOTE = "medians ± median absolute deviation; ~ estimated, – unknown; warm-ups not counted"


def render(saved: Saved) -> RenderableType:
    """Everything, for a rich console."""
    comparison = saved.comparison
    parts: list[RenderableType] = [
        _verdict(saved.verdict),
        Text(),
        _targets(comparison),
        _table(saved),
    ]
    failed = list(failures(comparison))
    if failed:
        parts += [Text("Runs that failed", style="bold"), *(Text(f"  {line}") for line in failed)]
    parts.append(Text(NOTE, style="dim"))
    return _Printable(Group(*parts))


@dataclass(frozen=True)
class _Printable:
    """Names and errors in it are a backend's: nothing in them may reach the terminal as more
    than text."""

    inner: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.inner, options):
            yield Segment(printable(segment.text, lines=True), segment.style, segment.control)


def to_text(saved: Saved, columns: int = SVG_COLUMNS) -> str:
    """The report as plain text."""
    out = io.StringIO()
    Console(file=out, width=columns, color_system=None).print(render(saved))
    return out.getvalue()


def to_svg(saved: Saved, columns: int = SVG_COLUMNS) -> str:
    """The report as a picture."""
    console = Console(file=io.StringIO(), width=columns, record=True, force_terminal=True)
    console.print(render(saved))
    names = " against ".join(target.shown for target in saved.comparison.targets)
    return console.export_svg(title=f"anyclaude-tui compare: {names}")


def failures(comparison: Comparison) -> Iterator[str]:
    """A line for each run that did not end well, and each target that did not come up."""
    for target in comparison.targets:
        if target.error:
            yield f"{target.name}: {target.error}"
    for sample in comparison.samples:
        if not sample.ok and (sample.run or not sample.ended_well):
            yield f"{run_name(sample)}: {why(sample)}"


def run_name(sample: Sample) -> str:
    """`NAME long, cold, direct, run 2`."""
    number = f"run {sample.run}" if sample.run else "warm-up"
    return f"{sample.target} {sample.workload}, {sample.prefix}, {sample.way}, {number}"


def why(sample: Sample) -> str:
    """The reason why a run failed, in words."""
    view = sample.view
    if sample.ended_well:
        return "it ended before there was a first token"
    if view.reason:
        return view.reason
    return f"cut short ({view.truncation})" if view.truncation else "no reply"


def _verdict(verdict: Verdict) -> RenderableType:
    lines: list[RenderableType] = [Text(verdict.headline, style="bold")]
    lines += [Text(f"  {line}") for line in verdict.evidence]
    if verdict.cause not in (Cause.EQUAL, Cause.FAILED):
        sure = {
            Confidence.HIGH: "one cause explains most of it",
            Confidence.LIKELY: "the largest of several causes",
            Confidence.LOW: "several causes share the blame",
        }[verdict.confidence]
        lines.append(Text(f"  confidence: {verdict.confidence} ({sure})", style="dim"))
    lines.append(Text("What to do", style="bold"))
    lines += [Text(f"  · {line}") for line in verdict.remedies]
    colour = {Cause.EQUAL: "green", Cause.FAILED: "red"}.get(verdict.cause, "yellow")
    return Panel(Group(*lines), title="Verdict", title_align="left", border_style=colour)


def _targets(comparison: Comparison) -> RenderableType:
    lines = []
    for target in comparison.targets:
        facts = [target.kind, target.model]
        if target.simulated:
            facts.append("SIMULATED")
        if target.window_tokens:
            facts.append(f"window {figures.exact(target.window_tokens)} tokens")
        if target.bring_up_s is not None:
            facts.append(f"up in {figures.seconds(target.bring_up_s)}")
        lines.append(Text(f"{target.shown}: " + ", ".join(fact for fact in facts if fact)))
    good = sum(sample.ok and sample.run > 0 for sample in comparison.samples)
    said = f"{good} good runs in {figures.seconds(comparison.seconds)}"
    lines.append(Text(said + (", stopped before the end" if comparison.stopped else "")))
    return Group(*lines, Text())


def _table(saved: Saved) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for target in saved.comparison.targets:
        table.add_column(target.shown, justify="right", overflow="fold")
    if len(saved.comparison.targets) > 1:
        table.add_column("last / first", justify="right", style="dim")
    for section in saved.summary:
        table.add_row(Text(section.title, style="bold"))
        for row in section.rows:
            table.add_row(f"  {row.name}", *_cells(row))
        table.add_section()
    return table


def _cells(row: Row) -> list[Text]:
    best = row.best()
    cells = []
    for place, cell in enumerate(row.cells):
        text = Text(row.written(place), style="green" if place == best else "")
        scatter = cell.mad / cell.value if cell.mad and cell.value else 0.0
        if scatter > MENTIONED and row.unit != "count":
            text.append(f" ± {figures.share(scatter)}", style="dim")
        cells.append(text)
    ratio = row.ratio()
    if len(row.cells) > 1:
        cells.append(Text(figures.times(ratio) if ratio and row.better else ""))
    return cells
