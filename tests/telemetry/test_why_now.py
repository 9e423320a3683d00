"""The sentence about a request while it waits: its cause, and about how long still."""

from __future__ import annotations

from typing import Any

import pytest

from anyclaude_tui.figures import UNKNOWN, Figure, estimated, reported
from anyclaude_tui.prefix.divergence import Cause, Comparison
from anyclaude_tui.telemetry.events import Outcome, Phase
from anyclaude_tui.telemetry.hub import Hub
from anyclaude_tui.telemetry.why_now import in_words, left_s, why_now
from tests.telemetry.records import record

READING: dict[str, Any] = {
    "phase": Phase.PREFILL,
    "sent_at": 100.0,
    "prompt_tokens": estimated(24_409),
}
SWITCH = Comparison(Cause.SWITCH, what="the conversation came from fast, so the cache is cold")
GREW = Comparison(Cause.EXTENDED, shared_bytes=90_000, size_bytes=100_000)


@pytest.mark.parametrize(
    ("fields", "comparison", "left", "sentence"),
    [
        (
            READING,
            SWITCH,
            estimated(80.0),
            "reading about 24,409 tokens anew: the conversation came from fast, so the cache is "
            "cold; about 1 min 20 s left",
        ),
        (
            READING,
            GREW,
            UNKNOWN,
            "reading about 2,441 tokens that are new, of 24,409; mlx does not say how far it is",
        ),
        ({"phase": Phase.SENT, "sent_at": 100.0}, None, UNKNOWN,
         "waiting for the first token; mlx does not say how far it is"),
        (
            {"phase": Phase.QUEUED, "queue_position": 3},
            None,
            UNKNOWN,
            "waiting behind 2 other requests at mlx",
        ),
        (
            {"phase": Phase.QUEUED, "backend": ""},
            None,
            UNKNOWN,
            "waiting until the backend is ready",
        ),
        (
            {"phase": Phase.QUEUED, "queue_position": 1, "reason": "mlx is loading its model"},
            None,
            UNKNOWN,
            "waiting for its turn: mlx is loading its model",
        ),
        (
            {
                **READING,
                "phase": Phase.DECODE,
                "first_delta_at": 110.0,
                "last_delta_at": 112.0,
                "deltas": 41,
                "thinking_deltas": 41,
            },
            GREW,
            UNKNOWN,
            "thinking: about 41 tokens so far, 20/s; silent for 8 s",
        ),
    ],
)  # fmt: skip
def test_sentence(
    fields: dict[str, Any], comparison: Comparison | None, left: Figure, sentence: str
) -> None:
    assert why_now(record(**fields), 120.0, comparison, left) == sentence


def test_the_time_left_comes_from_progress_else_from_earlier_prompts() -> None:
    told = record(**READING, prefill_at=100.0, prefill_done_tokens=12_000)
    told.attempt.prefill_total_tokens = 24_000
    assert left_s(told, 110.0, SWITCH, 0.0).value == pytest.approx(10.0)
    silent = record(**READING)
    assert left_s(silent, 110.0, SWITCH, 300.0).value == pytest.approx(24_409 / 300 - 10)
    assert not left_s(silent, 110.0, SWITCH, 0.0)
    assert not left_s(silent, 400.0, SWITCH, 300.0)  # the guess was too short: nothing is said
    assert not left_s(record(), 110.0, SWITCH, 300.0)  # not sent yet


def test_a_snapshot_has_it_from_the_moment_that_it_is_known() -> None:
    hub = Hub(clock=lambda: 200.0)
    hub.comparison = lambda request_id: SWITCH
    before = record(
        "req_0",
        sent_at=100.0,
        prefill_at=100.0,
        first_delta_at=180.0,
        last_delta_at=182.0,
        ended_at=182.0,
        outcome=Outcome.COMPLETE,
        prompt_tokens=reported(24_000),
        cached_tokens=reported(0),
    )
    hub.begin(before)
    hub.end(before)
    running = record(**{**READING, "sent_at": 190.0})
    hub.begin(running)
    (seen,) = hub.snapshot().in_flight
    assert seen.why.startswith("reading about 24,409 tokens anew: the conversation came from fast")
    assert seen.why.endswith("about 1 min 10 s left")
    assert seen.prefill_eta_s.value == pytest.approx(24_409 / 300 - 10)
    running.attempt.first_delta_at = 195.0
    assert hub.snapshot().in_flight[0].why.startswith("answering")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (8, "8 s"), (80, "1 min 20 s"), (720, "12 min")]
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
