"""The columns of a table of requests: what each says, how wide it is, what it sorts by.

The dashboard's panel and the requests screen show the same columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from anyclaude_tui.figures import Figure
from anyclaude_tui.telemetry.events import Outcome
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets import format, status_signs
from anyclaude_tui.widgets.current_request import output
from anyclaude_tui.widgets.lines import Line, Tone, clean, fit, text, width_of

Cell = Callable[[RequestView], Line]
Order = Callable[[RequestView], float | str | None]


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    label: str
    size: int
    """Cells; 0 takes the rest of the row."""
    cell: Cell
    least: int = 0
    """Shown from this width of the table on."""
    left: bool = False
    """Words stand at the left, numbers at the right."""
    order: Order | None = None
    """The value that the table sorts by; None: it cannot be sorted by this."""
    needs: int = 0
    """Of a column that takes the rest: the cells without which others that may be left out are."""


def _plain(number: Figure, write: Callable[[float], str]) -> Line:
    """Without the mark of what is reported: in a column of them it says nothing."""
    return text(format.figure(number, write), Tone.TEXT if number else Tone.FAINT)


def _end(request: RequestView) -> Line:
    tone = status_signs.sign(request)[1]
    return text(status_signs.ending(request), Tone.LABEL if tone is Tone.OK else tone)


def _ending(request: RequestView) -> Line:
    """The ending with its reason, where it went badly."""
    bad = request.outcome in (Outcome.ERROR, Outcome.CANCELLED) or request.truncation is not None
    reason = clean(request.reason)
    return (*_end(request), (f"  {reason}", Tone.LABEL)) if bad and reason else _end(request)


def _model(request: RequestView) -> Line:
    return text(clean(request.model or request.requested_model), Tone.LABEL)


ENDING = 9
"""Cells for the usual endings in one word: `tool_use`, `cancelled`, `error 529`."""
SIGN = Column("", 1, lambda r: (status_signs.sign(r),), left=True)
PANEL: tuple[Column, ...] = (
    SIGN,
    Column("time", 5, lambda r: text(format.clock(r.accepted_wall)[:5], Tone.LABEL), 40, True),
    Column("role", 10, lambda r: text(str(r.role), Tone.LABEL), 80, True),
    Column("in", 6, lambda r: _plain(r.prompt_tokens, format.count)),
    Column("reused", 6, lambda r: _plain(r.reuse_percent, format.percent), 56),
    Column("out", 5, lambda r: _plain(output(r), format.count)),
    Column("TTFT", 6, lambda r: format.value(r.ttft_s, format.seconds)),
    Column("tok/s", 5, lambda r: format.value(r.tokens_per_s, format.rate)),
    Column("total", 7, lambda r: text(format.seconds(r.elapsed_s), Tone.LABEL), 64),
    Column("model", 24, _model, 110, True),
    Column("end", 0, _end, left=True, needs=ENDING),
)
"""The panel on the dashboard."""
SCREEN: tuple[Column, ...] = (
    SIGN,
    Column(
        "time",
        8,
        lambda r: text(format.clock(r.accepted_wall), Tone.LABEL),
        0,
        True,
        lambda r: r.accepted_wall,
    ),
    Column("role", 10, lambda r: text(str(r.role), Tone.LABEL), 90, True, lambda r: str(r.role)),
    Column(
        "backend",
        14,
        lambda r: text(clean(r.backend), Tone.LABEL),
        140,
        True,
        lambda r: r.backend,
    ),
    Column("model", 26, _model, 124, True, lambda r: r.model or r.requested_model),
    Column(
        "in",
        7,
        lambda r: _plain(r.prompt_tokens, format.count),
        order=lambda r: r.prompt_tokens.value,
    ),
    Column(
        "reused",
        7,
        lambda r: _plain(r.reuse_percent, format.percent),
        70,
        order=lambda r: r.reuse_percent.value,
    ),
    Column(
        "out",
        6,
        lambda r: _plain(output(r), format.count),
        order=lambda r: output(r).value,
    ),
    Column(
        "queue",
        7,
        lambda r: text(format.seconds(r.queue_s), Tone.LABEL),
        104,
        order=lambda r: r.queue_s,
    ),
    Column(
        "prefill",
        8,
        lambda r: format.value(r.prefill_s, format.seconds),
        112,
        order=lambda r: r.prefill_s.value,
    ),
    Column(
        "TTFT",
        7,
        lambda r: format.value(r.ttft_s, format.seconds),
        order=lambda r: r.ttft_s.value,
    ),
    Column(
        "tok/s",
        6,
        lambda r: format.value(r.tokens_per_s, format.rate),
        order=lambda r: r.tokens_per_s.value,
    ),
    Column("total", 7, lambda r: text(format.seconds(r.elapsed_s)), order=lambda r: r.elapsed_s),
    Column("end", 0, _ending, left=True, needs=ENDING, order=lambda r: status_signs.ending(r)),
)
"""The requests screen."""


def columns_for(columns: Sequence[Column], width: int) -> list[Column]:
    """Those that a table of this width has room for: the last to come are the first to go."""
    shown = [column for column in columns if width >= column.least]
    needed = sum(max(column.size, column.needs) + 1 for column in shown) - 1
    optional = sorted((c for c in shown if c.least), key=lambda column: -column.least)
    for column in optional:
        if needed <= width:
            break
        shown.remove(column)
        needed -= column.size + 1
    return shown


def head(columns: Sequence[Column], width: int, sorted_by: str = "", down: bool = True) -> Line:
    """The labels; an arrow stands at the column that the table is sorted by."""
    arrow = "↓" if down else "↑"
    cells: list[tuple[Column, Line]] = []
    for column in columns:
        words = text(column.label, Tone.FAINT)
        if column.label and column.label == sorted_by:
            words = text(f"{column.label}{arrow}", Tone.STRONG)
        cells.append((column, words))
    return _row(cells, width)


def row(columns: Sequence[Column], request: RequestView, width: int) -> Line:
    """One request."""
    return _row(((column, column.cell(request)) for column in columns), width)


def column_at(columns: Sequence[Column], x: int, width: int) -> Column | None:
    """The column that stands at cell `x`."""
    start = 0
    for column in columns:
        size = column.size or max(0, width - start)
        if start <= x <= start + size:
            return column
        start += size + 1
    return None


def ordered(
    requests: Iterable[RequestView], column: Column, down: bool = True
) -> list[RequestView]:
    """Sorted by a column; those whose value is not known stand last either way."""
    order = column.order
    if order is None:
        return list(requests)
    known: list[tuple[float | str, RequestView]] = []
    unknown: list[RequestView] = []
    for request in requests:
        value = order(request)
        if value is None:
            unknown.append(request)
        else:
            known.append((value, request))
    known.sort(key=lambda pair: pair[0], reverse=down)
    return [request for _, request in known] + unknown


def _row(cells: Iterable[tuple[Column, Line]], width: int) -> Line:
    line: Line = ()
    for column, value in cells:
        size = column.size or max(0, width - width_of(line) - 1)
        line += ((" ", Tone.TEXT),) if line else ()
        value = fit(value, size)
        gap = ((" " * (size - width_of(value)), Tone.TEXT),)
        line += (*value, *gap) if column.left else (*gap, *value)
    return line
