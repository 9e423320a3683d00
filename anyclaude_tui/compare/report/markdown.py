"""A comparison as markdown: what one hands to somebody else.

Keepalives, tokens/s direct and through the proxy, prompt sizes and chunk counts come
first, then every figure, then what failed: enough to paste into an issue.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from anyclaude_tui import figures
from anyclaude_tui.compare.report.rich_text import NOTE, failures
from anyclaude_tui.compare.report.saved import Saved
from anyclaude_tui.compare.report.table import Row, Section
from anyclaude_tui.compare.samples import Comparison, Sample, Way, select
from anyclaude_tui.printable import printable


def to_markdown(saved: Saved) -> str:
    """The report."""
    return printable("\n".join(_lines(saved)), lines=True) + "\n"


def _lines(saved: Saved) -> Iterator[str]:
    comparison, verdict = saved.comparison, saved.verdict
    names = [target.shown for target in comparison.targets]
    yield f"# {' against '.join(names)}"
    yield ""
    yield f"**{_plain(verdict.headline)}**"
    yield ""
    for line in verdict.evidence:
        yield f"- {_plain(line)}"
    yield ""
    yield f"Confidence: {verdict.confidence}. What to do:"
    yield ""
    for line in verdict.remedies:
        yield f"- {_plain(line)}"
    yield ""
    yield "## Report your findings"
    yield ""
    yield from _findings(comparison)
    yield ""
    yield "## What was measured"
    yield ""
    for target in comparison.targets:
        simulated = ", **simulated**" if target.simulated else ""
        model = f", model {_plain(target.model)}" if target.model else ""
        yield f"- `{target.shown}`: {target.kind}{model}{simulated}"
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(comparison.started_wall))
    stopped = ", stopped before the end" if comparison.stopped else ""
    yield (
        f"- {when}, {comparison.runs} runs of each kind after a warm-up, "
        f"{figures.seconds(comparison.seconds)} in all{stopped}, anyclaude-tui {saved.program}"
    )
    yield f"- {NOTE}"
    yield ""
    for section in saved.summary:
        yield from _section(section, names)
    failed = list(failures(comparison))
    if failed:
        yield "## Runs that failed"
        yield ""
        for line in failed:
            yield f"- {_plain(line)}"
        yield ""


def _findings(comparison: Comparison) -> Iterator[str]:
    """The guide's list, a column for each target."""
    rows: list[tuple[str, list[str]]] = []

    def add(name: str, cells: Iterable[str]) -> None:
        rows.append((name, list(cells)))

    groups = [select(comparison.samples, target=t.name) for t in comparison.targets]
    through = [[s for s in group if s.way is Way.PROXY] for group in groups]
    direct = [[s for s in group if s.way is Way.DIRECT] for group in groups]
    add("keepalives per request (most)", (_most(g, "keepalives") for g in through))
    add("tokens/s through the proxy", map(_speed, through))
    add("tokens/s direct", map(_speed, direct))
    for workload in comparison.workloads:
        own = [[s for s in group if s.workload == workload] for group in through]
        add(f"prompt size, {workload}", map(_size, own))
        add(f"chunks, {workload}", (_most(g, "chunks") for g in own))
    yield from _grid([t.shown for t in comparison.targets], rows)


def _section(section: Section, names: Sequence[str]) -> Iterator[str]:
    yield f"### {section.title}"
    yield ""
    yield from _grid(
        names,
        [
            (row.name.strip(), [_cell(row, place) for place in range(len(row.cells))])
            for row in section.rows
        ],
    )
    yield ""


def _cell(row: Row, place: int) -> str:
    cell = row.cells[place]
    text = row.written(place)
    if cell.low is None or cell.high is None or cell.n < 2 or cell.low == cell.high:
        return text
    return f"{text} (n = {cell.n})"


def _grid(names: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> Iterator[str]:
    yield "| | " + " | ".join(f"`{name}`" for name in names) + " |"
    yield "|---|" + "---:|" * len(names)
    for name, cells in rows:
        yield f"| {name} | " + " | ".join(cells) + " |"


def _most(samples: Iterable[Sample], name: str) -> str:
    values = [getattr(sample.view, name) for sample in samples]
    return figures.exact(max(values)) if values else figures.UNKNOWN_TEXT


def _speed(samples: Iterable[Sample]) -> str:
    values = sorted(v for s in samples if (v := s.tokens_per_s.value) is not None)
    return figures.rate(values[len(values) // 2]) if values else figures.UNKNOWN_TEXT


def _size(samples: Sequence[Sample]) -> str:
    if not samples:
        return figures.UNKNOWN_TEXT
    view = samples[0].view
    return (
        f"{figures.size(view.prompt_bytes)}, {figures.exact(view.prompt_tokens.value)} tokens "
        f"(system {figures.size(view.system_bytes)}, tools "
        f"{figures.size(view.tools_bytes)}, messages {figures.size(view.messages_bytes)})"
    )


def _plain(text: str) -> str:
    """Words of others must not become markup."""
    for mark in "\\`*_<>|[]":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
