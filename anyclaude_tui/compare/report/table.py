"""The figures of a comparison side by side: medians and spread, by section. Pure.

One table for the terminal, the markdown report, the JSON file and the Compare screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anyclaude_tui import figures
from anyclaude_tui.compare.diagnosis.significance import spread
from anyclaude_tui.compare.diagnosis.time_breakdown import prefill_seconds_per_token
from anyclaude_tui.compare.samples import Comparison, Prefix, Sample, Way, select
from anyclaude_tui.figures import UNKNOWN, Figure, Source, estimated, measured

SHORT_S = 0.02
"""Times below this are nobody's wait."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One target's figure: the median of its runs. `value` is None when unknown."""

    value: float | None
    mad: float | None
    """Median absolute deviation; None with a single run."""
    low: float | None
    high: float | None
    source: Source
    """The weakest of the runs."""
    n: int


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of all targets, in the comparison's order of targets."""

    name: str
    unit: str
    """s, tokens/s, share, bytes, count or ms."""
    cells: tuple[Cell, ...]
    better: str = ""
    """low or high, where one of them is better."""

    def written(self, place: int) -> str:
        """A cell as text, `~` before an estimated one."""
        cell = self.cells[place]
        return figures.marked(Figure(cell.value, cell.source), write(cell.value, self.unit))

    def ratio(self) -> float | None:
        """The last target's figure over the first's; None of times too short to matter."""
        first, last = self.cells[0].value, self.cells[-1].value
        if not first or not last or len(self.cells) < 2:
            return None
        if self.unit == "s" and max(first, last) < SHORT_S:
            return None
        return last / first

    def best(self) -> int | None:
        """The place of the better cell, where they differ by more than a twentieth."""
        known = [
            (one.value, place) for place, one in enumerate(self.cells) if one.value is not None
        ]
        if not self.better or len(known) < 2 or self.ratio() is None:
            return None
        low, high = min(known), max(known)
        if high[0] <= 1.05 * low[0]:
            return None
        return (low if self.better == "low" else high)[1]


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that belong together."""

    title: str
    rows: tuple[Row, ...]


def write(value: float | None, unit: str) -> str:
    """A figure with its unit, short."""
    if unit == "s":
        return figures.seconds(value)
    if unit == "ms":
        return figures.UNKNOWN_TEXT if value is None else f"{value:.2f} ms"
    if unit == "share":
        return figures.share(value)
    if unit == "bytes":
        return figures.size(value)
    return figures.rate(value) if unit == "tokens/s" else figures.exact(value)


def sections(comparison: Comparison) -> tuple[Section, ...]:
    """All figures: over everything first, then by workload."""
    made = [Section("all workloads", _rows(comparison, _OVERALL, None))]
    made += [
        Section(workload, _rows(comparison, _BY_WORKLOAD, workload))
        for workload in comparison.workloads
    ]
    return tuple(made)


_Get = Callable[[Sample], Figure]
_Line = tuple[str, str, str, Way | None, Prefix | None, _Get]
"""Name, unit, which is better, way, prefix, figure."""


def _prefill_speed(sample: Sample) -> Figure:
    per_token = prefill_seconds_per_token(sample)
    if not per_token:
        return UNKNOWN
    # Where the cache is not reported, a cold prompt is taken as read whole.
    source = sample.view.prefill_tokens_per_s.source
    return Figure(1 / per_token, Source.ESTIMATED if source is Source.UNKNOWN else source)


def _decode(sample: Sample) -> Figure:
    return sample.tokens_per_s


def _reuse(sample: Sample) -> Figure:
    percent = sample.view.reuse_percent
    return UNKNOWN if percent.value is None else Figure(percent.value / 100, percent.source)


def _thinking(sample: Sample) -> Figure:
    """Counted in deltas: exact where a delta is a token."""
    return estimated(sample.thinking_share)


def _counted(name: str) -> _Get:
    return lambda sample: measured(getattr(sample.view, name))


def _figure(name: str) -> _Get:
    def get(sample: Sample) -> Figure:
        found = getattr(sample.view, name)
        assert isinstance(found, Figure)
        return found

    return get


_OVERALL: tuple[_Line, ...] = (
    (
        "decode, through the proxy, tokens/s",
        "tokens/s",
        "high",
        Way.PROXY,
        None,
        _decode,
    ),
    ("decode, direct, tokens/s", "tokens/s", "high", Way.DIRECT, None, _decode),
    (
        "decode, full logging, tokens/s",
        "tokens/s",
        "high",
        Way.LOGGED,
        None,
        _decode,
    ),
    ("prefill, tokens/s", "tokens/s", "high", None, Prefix.COLD, _prefill_speed),
    ("gap between deltas, p50", "s", "low", Way.PROXY, None, _figure("gap_p50_s")),
    ("gap between deltas, p95", "s", "low", Way.PROXY, None, _figure("gap_p95_s")),
    ("gap between deltas, p99", "s", "low", Way.PROXY, None, _figure("gap_p99_s")),
    ("proxy's work per chunk", "ms", "low", Way.PROXY, None, _figure("overhead_ms")),
    ("wait in the proxy's queue", "s", "low", Way.PROXY, None, _counted("queue_s")),
    ("wait in the backend (load, slot)", "s", "low", None, None, _figure("load_s")),
)

_BY_WORKLOAD: tuple[_Line, ...] = (
    ("whole time, cold", "s", "low", Way.PROXY, Prefix.COLD, _counted("elapsed_s")),
    ("whole time, warm", "s", "low", Way.PROXY, Prefix.WARM, _counted("elapsed_s")),
    ("TTFT, cold", "s", "low", Way.PROXY, Prefix.COLD, _figure("ttft_s")),
    ("TTFT, warm", "s", "low", Way.PROXY, Prefix.WARM, _figure("ttft_s")),
    ("TTFT, cold, direct", "s", "low", Way.DIRECT, Prefix.COLD, _figure("ttft_s")),
    ("TTFT, warm, direct", "s", "low", Way.DIRECT, Prefix.WARM, _figure("ttft_s")),
    ("TTFT, cold, full logging", "s", "low", Way.LOGGED, Prefix.COLD, _figure("ttft_s")),
    ("first visible text, cold", "s", "low", Way.PROXY, Prefix.COLD, _figure("first_text_s")),
    ("decode, tokens/s", "tokens/s", "high", Way.PROXY, None, _decode),
    ("thinking share", "share", "", None, None, _thinking),
    ("output tokens", "count", "", None, None, _figure("output_tokens")),
    ("prompt tokens", "count", "", None, None, _figure("prompt_tokens")),
    ("prompt reused, warm", "share", "high", None, Prefix.WARM, _reuse),
    ("prompt size", "bytes", "", Way.PROXY, None, _counted("prompt_bytes")),
    ("prompt size: system", "bytes", "", Way.PROXY, None, _counted("system_bytes")),
    ("prompt size: tools", "bytes", "", Way.PROXY, None, _counted("tools_bytes")),
    ("prompt size: messages", "bytes", "", Way.PROXY, None, _counted("messages_bytes")),
    ("tools, number", "count", "", Way.PROXY, None, _counted("tool_count")),
    ("messages, number", "count", "", Way.PROXY, None, _counted("message_count")),
    ("chunks", "count", "", Way.PROXY, None, _counted("chunks")),
    ("keepalives", "count", "", Way.PROXY, None, _counted("keepalives")),
    ("tool calls", "count", "", Way.PROXY, None, _counted("tool_calls")),
)


def _rows(comparison: Comparison, lines: Sequence[_Line], workload: str | None) -> tuple[Row, ...]:
    """The rows of which at least one target has a figure; zeros only of keepalives."""
    made: list[Row] = []
    for name, unit, better, way, prefix, get in lines:
        cells = tuple(
            _cell(
                [
                    get(sample)
                    for sample in select(
                        comparison.samples,
                        target=target.name,
                        workload=workload,
                        way=way,
                        prefix=prefix,
                    )
                ]
            )
            for target in comparison.targets
        )
        if any(cell.value for cell in cells) or (
            name == "keepalives" and any(cell.n for cell in cells)
        ):
            made.append(Row(name, unit, cells, better))
    if workload is not None:
        made.append(_ended_well(comparison, workload))
    return tuple(made)


_STRENGTH = (Source.ESTIMATED, Source.REPORTED, Source.MEASURED)


def _cell(figures: Sequence[Figure]) -> Cell:
    known = [figure for figure in figures if figure.value is not None]
    found = spread([figure.value for figure in known if figure.value is not None])
    if found is None:
        return Cell(None, None, None, None, Source.UNKNOWN, 0)
    source = min((figure.source for figure in known), key=_STRENGTH.index)
    mad = found.mad if found.n > 1 else None
    return Cell(found.median, mad, found.low, found.high, source, found.n)


def _ended_well(comparison: Comparison, workload: str) -> Row:
    cells = []
    for target in comparison.targets:
        own = [
            sample
            for sample in comparison.samples
            if (sample.target, sample.workload) == (target.name, workload) and sample.run > 0
        ]
        good = sum(sample.ok for sample in own)
        cells.append(Cell(good, None, None, None, Source.MEASURED, len(own)))
    return Row("runs completed", "count", tuple(cells))
