"""Each metric as docs/metrics.md defines it, and unknown where it is not known."""

from __future__ import annotations

import pytest

from anyclaude_tui.figures import UNKNOWN, Figure, Source, estimated, reported
from anyclaude_tui.telemetry import metrics
from anyclaude_tui.telemetry.events import Outcome, Phase, RequestRecord, Truncation
from anyclaude_tui.telemetry.hub import Hub


def record(**fields: object) -> RequestRecord:
    made = RequestRecord(id="req_1", backend="b", accepted_at=100.0, accepted_wall=0.0)
    for name, value in fields.items():
        setattr(made.attempt if hasattr(made.attempt, name) else made, name, value)
    return made


def test_a_new_request_has_no_numbers_yet() -> None:
    view = metrics.view(record(), 101.0)
    assert view.elapsed_s == 1.0
    for name in ("ttft_s", "tokens_per_s", "prefill_s", "reuse_percent", "prompt_tokens"):
        assert getattr(view, name) == UNKNOWN


def test_the_phases_add_up_to_ttft() -> None:
    made = record(sent_at=102.0, prefill_at=105.0, first_delta_at=110.0, last_delta_at=120.0)
    view = metrics.view(made, 130.0)
    assert view.queue_s == 2.0
    assert view.load_s == Figure(3.0, Source.MEASURED)
    assert view.prefill_s == Figure(5.0, Source.MEASURED)
    assert view.ttft_s == Figure(10.0, Source.MEASURED)


def test_without_progress_prefill_is_an_estimate_and_load_unknown() -> None:
    made = record(sent_at=102.0, first_delta_at=110.0)
    assert metrics.load_s(made) == UNKNOWN
    assert metrics.prefill_s(made) == Figure(8.0, Source.ESTIMATED)


def test_decode_speed_counts_from_the_first_token() -> None:
    made = record(first_delta_at=10.0, last_delta_at=20.0, deltas=51)
    assert metrics.decode_tokens_per_s(made) == Figure(5.0, Source.ESTIMATED)
    made.attempt.output_tokens = reported(101)
    assert metrics.decode_tokens_per_s(made) == Figure(10.0, Source.MEASURED)
    assert metrics.decode_tokens_per_s(record(first_delta_at=10.0, last_delta_at=10.0)) == UNKNOWN


def test_a_tool_call_that_came_whole_has_no_decode_speed() -> None:
    made = record(first_delta_at=10.0, last_delta_at=10.002, deltas=2, tool_calls=2)
    made.attempt.output_tokens = reported(60)
    assert metrics.decode_tokens_per_s(made) == UNKNOWN
    made.attempt.deltas, made.attempt.last_delta_at = 58, 11.0
    assert metrics.decode_tokens_per_s(made) == Figure(59.0, Source.MEASURED)


def test_prefill_speed_leaves_cached_tokens_out() -> None:
    made = record(sent_at=0.0, prefill_at=0.0, first_delta_at=2.0)
    made.attempt.prompt_tokens, made.attempt.cached_tokens = reported(3000), reported(1000)
    assert metrics.prefill_tokens_per_s(made) == Figure(1000.0, Source.MEASURED)
    made.attempt.cached_tokens = UNKNOWN
    assert metrics.prefill_tokens_per_s(made) == UNKNOWN


def test_reuse_is_as_sure_as_the_cached_tokens() -> None:
    made = record(prompt_tokens=reported(200), cached_tokens=estimated(50))
    assert metrics.reuse_percent(made) == Figure(25.0, Source.ESTIMATED)


def test_a_first_report_in_mid_prefill_is_followed_back_to_the_start() -> None:
    made = record(sent_at=100.0, prefill_at=103.0, first_delta_at=109.0)
    made.attempt.prefill_first_tokens, made.attempt.prefill_total_tokens = 512, 2048
    assert metrics.prefill_s(made) == Figure(8.0, Source.ESTIMATED)
    assert metrics.load_s(made) == Figure(1.0, Source.ESTIMATED)


def test_a_prefill_of_one_step_has_no_start_that_can_be_told_from_load() -> None:
    made = record(sent_at=100.0, prefill_at=103.0, first_delta_at=103.1)
    made.attempt.prefill_first_tokens = made.attempt.prefill_total_tokens = 300
    assert metrics.load_s(made) == UNKNOWN
    assert metrics.prefill_s(made).source is Source.ESTIMATED


def test_eta_from_the_speed_so_far() -> None:
    made = record(prefill_at=100.0, prefill_done_tokens=500, prefill_total_tokens=2000)
    assert metrics.prefill_eta_s(made, 105.0) == Figure(15.0, Source.ESTIMATED)


def test_the_speed_so_far_does_not_rise_while_the_next_step_is_awaited() -> None:
    made = record(prefill_at=100.0, prefill_done_tokens=500, prefill_total_tokens=2000)
    made.attempt.progress_at = 105.0
    for now in (105.0, 119.0):
        assert metrics.view(made, now).prefill_tokens_per_s == Figure(100.0, Source.ESTIMATED)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, None), ([3.0], 95, 3.0), ([1.0, 2.0, 3.0, 4.0], 50, 2.5), ([1.0, 2.0], 100, 2.0)],
)
def test_percentiles(values: list[float], percent: float, expected: float | None) -> None:
    assert metrics.percentile(values, percent) == expected


def test_the_hub_counts_each_ending_once_and_keeps_unknown_unknown() -> None:
    hub = Hub(clock=lambda: 200.0)
    done = record(outcome=Outcome.COMPLETE, first_delta_at=101.0, last_delta_at=103.0, deltas=21)
    cut = record(outcome=Outcome.LIMIT, truncation=Truncation.CUT, phase=Phase.ENDED)
    for made in (done, cut):
        hub.begin(made)
        hub.end(made)
    snapshot = hub.snapshot()
    totals = snapshot.totals
    assert (totals.requests, totals.complete, totals.limits) == (2, 1, 1)
    assert totals.truncations == (("cut", 1),)
    assert totals.ttft_p50_s == Figure(1.0, Source.MEASURED)
    assert totals.tokens_per_s == Figure(10.0, Source.ESTIMATED)
    assert totals.reuse_percent == UNKNOWN
    assert not snapshot.in_flight
    assert len(snapshot.recent) == 2


def test_the_live_rate_is_deltas_per_second() -> None:
    now = [0.0]
    hub = Hub(clock=lambda: now[0])
    made = record()
    hub.begin(made)
    for second in range(1, 4):
        now[0] = float(second)
        made.attempt.deltas += 30
        hub.snapshot()
    assert hub.snapshot().rates == (30.0, 30.0, 30.0)


def test_the_live_rate_is_never_negative() -> None:
    """A request that is sent again begins to count again."""
    now = [0.0]
    hub = Hub(clock=lambda: now[0])
    made = record()
    hub.begin(made)
    made.attempt.deltas = 30
    now[0] = 1.0
    hub.snapshot()
    made.attempt.deltas = 0
    now[0] = 2.0
    assert hub.snapshot().rates[-1] == 0


def test_the_share_of_the_window_is_no_better_known_than_its_parts() -> None:
    made = record(window_tokens=1000, prompt_tokens=reported(400), output_tokens=UNKNOWN, deltas=0)
    assert metrics.context_percent(made) == Figure(40.0, Source.REPORTED)
    made.attempt.deltas, made.attempt.output_tokens = 100, estimated(100)
    assert metrics.context_percent(made) == Figure(50.0, Source.ESTIMATED)
    made.attempt.output_tokens = reported(200)
    assert metrics.context_percent(made) == Figure(60.0, Source.REPORTED)


def test_what_the_server_reports_of_its_times_comes_first() -> None:
    """llama.cpp and mlx-vlm: their own clocks, beside the tokens."""
    made = record(
        sent_at=101.0,
        first_delta_at=111.0,
        last_delta_at=121.0,
        deltas=11,
        prompt_tokens=reported(1000),
        cached_tokens=reported(200),
        output_tokens=reported(11),
        prefill_s=reported(8.0),
        tokens_per_s=reported(1.25),
    )
    assert metrics.prefill_s(made) == reported(8.0)
    assert metrics.prefill_tokens_per_s(made) == reported(100.0)
    assert metrics.decode_tokens_per_s(made) == reported(1.25)
    made.attempt.prefill_s = reported(60.0)  # longer than all of it took: it means something else
    assert metrics.prefill_s(made).value == 10.0
