"""The deadlines of a request: what is due when, without waiting for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.config.settings import Limits
from anyclaude_tui.proxy.deadlines import TAIL_S, Due, Stage, Timers

LIMITS = Limits(
    keepalive_s=10, commit_s=5, first_byte_s=900, between_deltas_s=60, client_stall_s=600
)


def committed(stage: Stage, at: float = 0.0) -> Timers:
    timers = Timers(LIMITS, at)
    timers.committed = True
    timers.enter(stage, at)
    return timers


def test_a_silent_backend_leads_to_a_commit_then_to_keepalives() -> None:
    timers = Timers(LIMITS, 100.0)
    assert timers.next_due(100.0) == 5.0
    assert timers.due(104.9) is None
    assert timers.due(105.0) is Due.COMMIT
    timers.committed = True
    timers.told_at = 105.0
    assert timers.due(114.9) is None
    assert timers.due(115.0) is Due.KEEPALIVE


@pytest.mark.parametrize(
    ("stage", "after_s", "due"),
    [
        (Stage.FIRST_DELTA, 900, Due.FIRST_DELTA_LATE),
        (Stage.NEXT_DELTA, 60, Due.STALL),
        (Stage.TAIL, TAIL_S, Due.TAIL_LATE),
    ],
)
def test_each_stage_has_its_deadline(stage: Stage, after_s: float, due: Due) -> None:
    timers = committed(stage)
    timers.told_at = after_s  # no keepalive in between
    assert timers.due(after_s - 0.1) is None
    assert timers.due(after_s) is due


def test_waiting_has_no_deadline_here() -> None:
    timers = committed(Stage.WAITING)
    timers.told_at = 1e9
    assert timers.due(1e9) is None


def test_a_slow_client_is_not_the_backends_silence() -> None:
    timers = committed(Stage.NEXT_DELTA)
    timers.writing_since = 1.0
    assert timers.due(500.0) is None
    assert timers.due(601.0) is Due.CLIENT_STUCK


def test_a_silent_tool_call_is_no_stall() -> None:
    timers = committed(Stage.NEXT_DELTA)
    timers.silent_calls = True
    timers.told_at = 599.0
    assert timers.due(599.0) is None
    assert timers.due(LIMITS.tool_call_s) is Due.STALL


@given(
    st.sampled_from(Stage),
    st.booleans(),
    st.floats(0, 1e4),
    st.floats(0, 1e4),
    st.floats(0, 1e4),
    st.none() | st.floats(0, 1e4),
)
def test_next_due_never_sleeps_past_what_is_due(
    stage: Stage, done: bool, heard: float, told: float, now: float, writing: float | None
) -> None:
    timers = Timers(LIMITS, 0.0)
    timers.committed, timers.stage = done, stage
    timers.heard_at, timers.told_at, timers.writing_since = heard, told, writing
    wait = timers.next_due(now)
    assert wait >= 0
    if timers.due(now) is not None:
        assert wait == 0
    elif wait != float("inf"):
        assert timers.due(now + wait + 0.001) is not None
