"""A comparison held against an older one: what has changed since, target by target. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterable

from anyclaude_tui import figures
from anyclaude_tui.compare.diagnosis.significance import Level, Shift, shift
from anyclaude_tui.compare.report.saved import Saved
from anyclaude_tui.compare.report.table import SHORT_S, Cell, Row
from anyclaude_tui.compare.samples import Comparison, Target, Way, select
from anyclaude_tui.screens.compare.tables import GAP, side_by_side
from anyclaude_tui.widgets import plot
from anyclaude_tui.widgets.lines import Line, Tone, clean, pad, spread, text, wrapped

NUMBER = 12
NAME = 34
LEAST = 72
"""Targets stand side by side where each has so many cells."""
TOLD = ("whole time", "TTFT", "decode", "prefill", "thinking", "output tokens", "prompt tokens")
"""Figures of which it matters that they have changed."""


def before(saved: Saved, older: Saved, width: int) -> list[Line]:
    """Then and now for each target that both have measured."""
    now_, then = saved.comparison, older.comparison
    lines: list[Line] = [
        spread(text("Then and now", Tone.STRONG), text(f"then: {when(then)}", Tone.LABEL), width)
    ]
    common = [
        (place, target, then.target(target.name))
        for place, target in enumerate(now_.targets)
        if any(other.name == target.name for other in then.targets)
    ]
    if not common:
        names = " and ".join(clean(target.shown) for target in then.targets)
        words_ = f"Nothing to compare: that one measured {names}, none of which is in this one."
        return [*lines, *wrapped(words_, width, 3, Tone.WARN)]
    half = (width - GAP) // 2
    wide = half >= LEAST and len(common) > 1
    size = half if wide else width
    blocks = [_target(*one, saved, older, size) for one in common]
    while wide and len(blocks) > 1:
        left, right, *blocks = blocks
        lines += side_by_side(left, right, half, text(" " * GAP))
    return lines + [line for block in blocks for line in block]


def when(comparison: Comparison) -> str:
    """`2026-01-31 14:03`, local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(comparison.started_wall))


def _target(
    place: int, target: Target, other: Target, saved: Saved, older: Saved, width: int
) -> list[Line]:
    change = whole(saved.comparison, older.comparison, target.name)
    head: Line = (plot.mark(place), (f" {clean(target.shown)}", Tone.STRONG))
    lines: list[Line] = [(), (*head, (f"  {_said(change)}", _tone(change)))]
    if target.model != other.model:
        said = f"another model then: {clean(other.model) or 'not known'}"
        lines += wrapped(said, width, 1, Tone.WARN)
    room = min(width, NAME + 3 * NUMBER + 6)
    name = room - 3 * NUMBER
    head = text(" " * name)
    for label in ("then", "now", "now/then"):
        head += spread((), text(label, Tone.FAINT), NUMBER)
    rows = list(_rows(target, other, saved, older, name))
    return lines + ([head, *rows] if rows else [text("  no figure in common", Tone.LABEL)])


def _rows(target: Target, other: Target, saved: Saved, older: Saved, name: int) -> Iterable[Line]:
    at = saved.comparison.targets.index(target)
    at_then = older.comparison.targets.index(other)
    known = {(section.title, row.name): row for section in older.summary for row in section.rows}
    for section in saved.summary:
        for row in section.rows:
            past = known.get((section.title, row.name))
            if past is None or not row.name.startswith(TOLD):
                continue
            now_cell, then_cell = row.cells[at], past.cells[at_then]
            if now_cell.value is None or then_cell.value is None:
                continue
            label = row.name if section is saved.summary[0] else f"{section.title}: {row.name}"
            line = pad(text(f"  {clean(label)}", Tone.LABEL), name - 1)
            line = pad(line, name)
            line += spread((), text(past.written(at_then)), NUMBER)
            line += spread((), text(row.written(at)), NUMBER)
            yield (*line, *spread((), _ratio(row, now_cell, then_cell), NUMBER))


def _ratio(row: Row, now_cell: Cell, then_cell: Cell) -> Line:
    if not now_cell.value or not then_cell.value:
        return ()
    ratio = now_cell.value / then_cell.value
    if row.unit == "s" and max(now_cell.value, then_cell.value) < SHORT_S:
        return text(figures.times(ratio), Tone.FAINT)
    if not row.better or 1 / 1.05 <= ratio <= 1.05:
        return text(figures.times(ratio), Tone.LABEL)
    better = (ratio < 1) == (row.better == "low")
    return text(figures.times(ratio), Tone.OK if better else Tone.WARN)


def whole(now_: Comparison, then: Comparison, target: str) -> Shift | None:
    """The change of the whole times of the target's runs; None without runs in common."""

    def groups(comparison: Comparison) -> dict[tuple[str, str], list[float]]:
        found: dict[tuple[str, str], list[float]] = {}
        for sample in select(comparison.samples, target=target, way=Way.PROXY):
            key = (sample.workload, str(sample.prefix))
            found.setdefault(key, []).append(sample.view.elapsed_s)
        return found

    past, present = groups(then), groups(now_)
    return shift((past[key], present[key]) for key in past if key in present)


def _said(change: Shift | None) -> str:
    if change is None:
        return "no run in common"
    if change.level is Level.EQUAL:
        return f"as fast as then ({figures.times(change.ratio)}, inside the noise)"
    slower = change.ratio > 1
    ratio = figures.times(change.ratio if slower else 1 / change.ratio)
    said = f"{ratio} {'slower' if slower else 'faster'} than then"
    return f"perhaps {said}: too close to call" if change.level is Level.CLOSE else said


def _tone(change: Shift | None) -> Tone:
    if change is None or change.level is not Level.CLEAR:
        return Tone.LABEL
    return Tone.WARN if change.ratio > 1 else Tone.OK
