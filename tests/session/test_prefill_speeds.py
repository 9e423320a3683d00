"""The speed with which the seconds saved are worked out."""

from __future__ import annotations

import pytest

from anyclaude_tui.figures import reported
from anyclaude_tui.session.prefill_speeds import PrefillSpeeds
from anyclaude_tui.telemetry.events import RequestRecord


def read(tokens: int, seconds: float, cached: int = 0) -> RequestRecord:
    """A request of which so many tokens were read in this time."""
    record = RequestRecord(id="r", backend="b", accepted_at=100.0, accepted_wall=0.0)
    attempt = record.attempt
    attempt.sent_at = attempt.prefill_at = 100.0
    attempt.first_delta_at = 100.0 + seconds
    attempt.prompt_tokens, attempt.cached_tokens = reported(tokens + cached), reported(cached)
    return record


def test_a_few_tokens_behind_a_long_prompt_tell_no_speed_of_a_long_one() -> None:
    speeds = PrefillSpeeds()
    speeds.note(read(28_500, 60.0))
    speeds.note(read(135, 1.0, cached=28_825))
    assert speeds.seconds("b", 28_500) == pytest.approx(60.0)


def test_the_newest_of_those_that_are_about_as_long_counts() -> None:
    speeds = PrefillSpeeds()
    speeds.note(read(1_000, 4.0))
    speeds.note(read(20_000, 60.0))
    speeds.note(read(15_000, 15.0))
    assert speeds.seconds("b", 3_000) == pytest.approx(3.0)


def test_nothing_is_known_of_a_backend_that_has_read_nothing() -> None:
    speeds = PrefillSpeeds()
    speeds.note(read(20, 1.0))
    assert speeds.seconds("b", 1_000) is None
