"""Bars and lines over time."""

from __future__ import annotations

import pytest

from anyclaude_tui.widgets import format, plot
from anyclaude_tui.widgets.lines import Tone, plain, text, width_of


def bar(value: float | None) -> plot.Bar:
    return plot.Bar(plot.mark(0), value, text("7 s"))


def test_bars_share_a_scale() -> None:
    lines = plot.bars([bar(10.0), bar(5.0), bar(0.01), bar(None), bar(0.0)], 48, 10.0, 4)
    counts = [plain(line).count("▆") for line in lines]
    assert counts == [40, 20, 0, 0, 0]
    assert "▏" in plain(lines[2])  # never nothing of something
    assert "▏" not in plain(lines[3]) + plain(lines[4])
    assert all(width_of(line) == 48 for line in lines)


def test_more_things_than_marks() -> None:
    assert plot.mark(4) == plot.mark(0)
    assert len({plot.mark(n) for n in range(4)}) == 4


def line(*points: tuple[float, float], place: int = 0) -> plot.Series:
    return plot.Series(plot.mark(place), points)


def drawn(row: str) -> str:
    """What stands right of the axis."""
    return row[8:]


def test_a_line_waits_for_its_first_point_and_ends_with_its_mark() -> None:
    lines = [plain(one) for one in plot.plot([line((5, 10), (10, 100))], 60, 10, format.count)]
    assert len(lines) == 12
    assert lines[0].startswith("    100┤")
    assert "●" in lines[0][-3:]
    assert not drawn(lines[0])[:40].strip()
    assert not drawn(lines[9])[:20].strip()
    assert drawn(lines[8])[20:30].strip()
    assert lines[10].startswith("      0└───")
    assert "╵8 s" in lines[11]


def test_lines_are_told_apart_by_tone() -> None:
    lines = plot.plot([line((1, 1), (2, 90)), line((4, 1), (9, 50), place=1)], 60, 8, format.count)
    tones = {tone for one in lines for words, tone in one if words.strip()}
    assert {Tone.ONE, Tone.TWO} <= tones


@pytest.mark.parametrize("points", [(), ((0.0, 0.0),), ((0.0, 3.0),), ((2.0, 1.0), (2.0, 9.0))])
def test_odd_lines(points: tuple[tuple[float, float], ...]) -> None:
    for width in (8, 20, 61):
        lines = plot.plot([plot.Series(plot.mark(0), points)], width, 5, format.count)
        assert all(width_of(one) <= width for one in lines)
        assert len(lines) in (0, 7)
