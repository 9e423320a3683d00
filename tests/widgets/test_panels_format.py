"""Numbers, lines and charts: the small pieces that panels are made of."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.figures import UNKNOWN, estimated, measured, reported
from anyclaude_tui.widgets import charts, format
from anyclaude_tui.widgets.lines import (
    Line,
    Tone,
    clean,
    columns,
    fit,
    joined_within,
    pad,
    plain,
    spread,
    text,
    width_of,
    wrapped,
)


@pytest.mark.parametrize(
    ("write", "value", "words"),
    [
        (format.seconds, 0.0004, "0 ms"),
        (format.seconds, 0.43, "430 ms"),
        (format.seconds, 0.9996, "1.00 s"),
        (format.seconds, 9.996, "10.0 s"),
        (format.seconds, 59.96, "1m 00s"),
        (format.seconds, 3600, "1h 00m"),
        (format.clock_s, 0.31, "0.3 s"),
        (format.about, 5.65, "6 s"),
        (format.count, 9999, "9,999"),
        (format.count, 9999.6, "10.0k"),
        (format.count, 99_949, "99.9k"),
        (format.count, 131_072, "131k"),
        (format.count, 1_240_000, "1.24M"),
        (format.rate, 4.268, "4.27"),
        (format.rate, 38.24, "38.2"),
        (format.rate, 2568, "2,568"),
        (format.percent, 0.4, "0.4 %"),
        (format.percent, 84.4, "84 %"),
        (format.size, 512, "512 B"),
        (format.size, 18_400, "18.4 kB"),
        (format.size, 999_600, "1.0 MB"),
        (format.size, 1_840_000_000, "1.84 GB"),
        (format.ago, 1.0, "just now"),
        (format.ago, 130, "2 min ago"),
    ],
)
def test_numbers_are_short(write: Callable[[float], str], value: float, words: str) -> None:
    assert write(value) == words


def test_provenance_is_visible() -> None:
    assert format.figure(UNKNOWN, format.rate) == "–"
    assert format.figure(estimated(38.2), format.rate) == "~38.2"
    assert format.figure(measured(38.2), format.rate) == "38.2"
    assert format.value(reported(38.2), format.rate) == (("38.2", Tone.REPORTED),)
    assert format.value(UNKNOWN, format.rate) == (("–", Tone.FAINT),)


words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Mn", "Me", "Cf"]), max_size=30)
lines = st.lists(st.tuples(words, st.sampled_from(Tone)), max_size=4).map(tuple)


@given(lines, st.integers(0, 40))
def test_fit_and_pad_keep_to_the_width(line: Line, width: int) -> None:
    assert width_of(fit(line, width)) <= width
    assert width_of(pad(line, width)) == width


@given(lines, lines, st.integers(2, 60))
def test_spread_fills_the_width(left: Line, right: Line, width: int) -> None:
    assert width_of(spread(left, right, width)) == width


@given(st.text(max_size=200), st.integers(1, 40), st.integers(0, 5))
def test_wrapped_keeps_to_its_rows_and_columns(long: str, width: int, rows: int) -> None:
    made = wrapped(long, width, rows)
    assert len(made) <= rows
    assert all(width_of(line) <= width for line in made)


def test_what_is_cut_off_is_marked() -> None:
    assert plain(fit(text("gpt-oss-20b"), 8)) == "gpt-oss…"


def test_control_characters_never_reach_the_screen() -> None:
    assert clean("\x1b[31mred\x07\n\x9bnext") == "red ext"


def test_columns_align() -> None:
    made = columns([("a", text("1")), ("bb", text("22")), ("c", text("3"))], 2, 21)
    assert [plain(line) for line in made] == ["a       1   bb     22", "c       3"]


def test_a_bar_is_as_long_as_its_share() -> None:
    assert plain(charts.bar(0.0, 4)) == "────"
    assert plain(charts.bar(0.5, 4)) == "━━──"
    assert plain(charts.bar(0.625, 4)) == "━━╸─"
    assert plain(charts.bar(2.0, 4)) == "━━━━"


def test_an_area_has_eighths_and_the_newest_at_the_right() -> None:
    rows = [plain(line) for line in charts.area([1, 2, 4, 8], 6, 2)]
    assert rows == ["     █", "  ▂▄██"]


def test_small_values_show_and_missing_ones_do_not() -> None:
    assert plain(charts.area([0.001, None, 0, 100], 4, 1)[0]) == "▁  █"


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1e9)), max_size=80),
    st.integers(0, 60),
    st.integers(1, 9),
)
def test_an_area_fills_its_cells(values: list[float | None], width: int, height: int) -> None:
    made = charts.area(values, width, height)
    assert [width_of(line) for line in made] == [width] * height


def test_what_does_not_fit_whole_is_left_out() -> None:
    parts = [text("fast"), text("http://127.0.0.1:41811"), text("pid 4711")]
    assert plain(joined_within(parts, 80)) == "fast · http://127.0.0.1:41811 · pid 4711"
    assert plain(joined_within(parts, 38)) == "fast · http://127.0.0.1:41811"
    assert plain(joined_within(parts, 10)) == "fast"
    assert plain(joined_within(parts, 3)) == "fa…"
    assert joined_within([], 10) == ()


def test_a_number_stays_with_its_unit() -> None:
    words = "prefill took 11.7 s and 99 % was reused of 2.1 kB in 4 more steps (12 ms)"
    lines = [plain(line) for width in range(8, 40) for line in wrapped(words, width, 20)]
    for whole in ("11.7 s", "99 %", "2.1 kB", "(12 ms)"):
        number = whole.split()[0]
        assert all(whole in line for line in lines if number in line.split() or whole in line)
