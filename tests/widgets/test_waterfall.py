"""The phases of a request over time."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from anyclaude_tui.telemetry.events import Outcome, Phase, RequestRecord, Source
from anyclaude_tui.widgets.lines import plain, width_of
from anyclaude_tui.widgets.waterfall import spans, waterfall
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


@pytest.mark.parametrize("width", [40, 60, 100])
def test_time_and_share_stand_apart(width: int) -> None:
    start = NOW - 20
    for end in (start + 12.0, start + 9.2):
        for line in waterfall(fakes.seen(fakes.ended(1, ended_at=end)), width)[:-1]:
            assert re.search(r"(s|ms|m) +<?[\d.]+ %$", plain(line)), plain(line)
            assert re.search(r"\S  ?\S+ %$", plain(line)) or "  " in plain(line)[-9:]
