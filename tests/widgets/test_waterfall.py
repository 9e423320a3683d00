"""The phases of a request over time."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from anyclaude_tui.figures import Source
from anyclaude_tui.telemetry.events import Outcome, Phase, RequestRecord
from anyclaude_tui.widgets.lines import plain, width_of
from anyclaude_tui.widgets.waterfall import NAME, SHARE, TIME, spans, waterfall
from tests.screens import fakes

NOW = fakes.NOW


def names(**changes: object) -> list[str]:
    return [span.name for span in spans(fakes.seen(fakes.ended(1, **changes)))]


def test_every_phase_of_a_whole_request() -> None:
    start = NOW - 20
    made = fakes.seen(
        fakes.ended(1, ended_at=start + 12.0, thinking_deltas=40, first_text_at=start + 4.5)
    )
    found = spans(made)
    assert [span.name for span in found] == [
        "queue",
        "load",
        "prefill",
        "thinking",
        "decode",
        "ending",
    ]
    for before, after in pairwise(found):  # without a gap
        assert before.time_s.value is not None
        assert before.start_s + before.time_s.value == pytest.approx(after.start_s)
    last = found[-1]
    assert last.start_s + (last.time_s.value or 0) == pytest.approx(made.elapsed_s)


def test_where_no_progress_is_reported_load_and_prefill_are_one_and_estimated() -> None:
    found = spans(fakes.seen(fakes.ended(1, prefill_at=None)))
    assert [span.name for span in found][:2] == ["queue", "load+prefill"]
    assert found[1].time_s.source is Source.ESTIMATED


def test_thinking_alone_and_thinking_that_cannot_be_told_apart() -> None:
    assert names(thinking_deltas=280) == ["queue", "load", "prefill", "thinking"]
    assert names(thinking_deltas=40) == ["queue", "load", "prefill", "decode"]


def test_a_request_that_failed_before_its_first_token() -> None:
    got = names(first_delta_at=None, last_delta_at=None, outcome=Outcome.ERROR)
    assert got == ["queue", "load", "prefill"]


def test_running_ones_end_now() -> None:
    waits = fakes.record(1, accepted_at=NOW - 3, phase=Phase.QUEUED)
    (queue,) = spans(fakes.seen(waits))
    assert (queue.name, queue.running, queue.time_s.value) == ("queue", True, 3.0)
    *_, prefill = spans(fakes.seen(fakes.prefilling()))
    assert (prefill.name, prefill.running) == ("prefill", True)
    *_, decode = spans(fakes.seen(fakes.decoding()))
    assert (decode.name, decode.running) == ("decode", True)
    assert decode.start_s + (decode.time_s.value or 0) == pytest.approx(12.4)


@pytest.mark.parametrize("width", [40, 78, 116, 198])
@pytest.mark.parametrize(
    "made",
    [
        fakes.ended(1),
        fakes.ended(2, prefill_at=None),
        fakes.prefilling(),
        fakes.decoding(),
        fakes.record(3, accepted_at=NOW),
        fakes.record(4, accepted_at=NOW - 4000, phase=Phase.QUEUED),
    ],
)
def test_lines_are_as_wide_as_they_may(made: RequestRecord, width: int) -> None:
    lines = waterfall(fakes.seen(made), width)
    assert {width_of(line) for line in lines} == {width}
    *bars, axis = [plain(line) for line in lines]
    assert all("━" in bar or "╸" in bar or "╺" in bar for bar in bars)
    assert "╵0" in axis


ROOM = 40
"""Cells for the bars in a waterfall of `WIDTH`: at 10 s in all, four cells are a second."""
WIDTH = NAME + ROOM + TIME + SHARE


def known(**seconds: float) -> RequestRecord:
    """A request whose phases took so long, the queue first."""
    at = start = NOW - 20
    marks = {}
    for phase, took in seconds.items():
        at += took
        marks[phase] = at
    return fakes.ended(
        1,
        accepted_at=start,
        sent_at=marks["queue"],
        prefill_at=marks["load"],
        first_delta_at=marks["prefill"],
        first_text_at=marks["thinking"],
        thinking_deltas=40,
        last_delta_at=marks["decode"],
        ended_at=marks["ending"],
    )


def bars(made: RequestRecord) -> dict[str, tuple[float, float]]:
    """Where each phase's bar begins and ends, in cells from the left of the time axis."""
    found = {}
    *lines, _ = waterfall(fakes.seen(made), WIDTH)
    for line in lines:
        shown = plain(line)
        area = shown[NAME : NAME + ROOM]
        halves = "".join({"━": "xx", "╸": "x ", "╺": " x"}.get(cell, "  ") for cell in area)
        drawn = halves.strip()
        assert drawn, f"no bar: {shown!r}"
        assert " " not in drawn, f"more than one piece: {shown!r}"
        begin = halves.index("x")
        found[shown.split()[0]] = (begin / 2, (begin + len(drawn)) / 2)
    return found


def test_each_bar_begins_and_ends_where_its_phase_does() -> None:
    made = known(queue=1.0, load=0.5, prefill=2.0, thinking=1.5, decode=4.0, ending=1.0)
    assert bars(made) == {
        "queue": (0, 4),
        "load": (4, 6),
        "prefill": (6, 14),
        "thinking": (14, 20),
        "decode": (20, 36),
        "ending": (36, 40),
    }


def test_a_bar_may_begin_in_the_middle_of_a_cell() -> None:
    made = known(queue=0.125, load=0.25, prefill=4.625, thinking=1.0, decode=3.0, ending=1.0)
    found = bars(made)
    assert found["queue"] == (0, 0.5)
    assert found["load"] == (0.5, 1.5)
    assert found["prefill"] == (1.5, 20)


def test_a_phase_too_short_to_draw_keeps_half_a_cell_at_its_place() -> None:
    made = known(queue=0.002, load=0.003, prefill=6.995, thinking=0.001, decode=2.799, ending=0.2)
    found = bars(made)
    assert found["queue"] == found["load"] == (0, 0.5)
    assert found["thinking"] == (28, 28.5)
    assert found["ending"] == (39, 40)


def test_the_ticks_stand_at_their_times() -> None:
    made = known(queue=1.0, load=0.5, prefill=2.0, thinking=1.5, decode=4.0, ending=1.0)
    axis = plain(waterfall(fakes.seen(made), WIDTH)[-1])[NAME:]
    assert axis.index("╵0") == 0
    assert axis.index("╵5 s") == 5 * 4


@pytest.mark.parametrize("width", [40, 60, 100])
def test_time_and_share_stand_apart(width: int) -> None:
    start = NOW - 20
    for end in (start + 12.0, start + 9.2):
        for line in waterfall(fakes.seen(fakes.ended(1, ended_at=end)), width)[:-1]:
            assert re.search(r"(s|ms|m) +<?[\d.]+ %$", plain(line)), plain(line)
            assert re.search(r"\S  ?\S+ %$", plain(line)) or "  " in plain(line)[-9:]
