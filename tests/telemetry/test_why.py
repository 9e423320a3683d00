"""The Why: one sentence, on the slowest part, with no number that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from anyclaude_tui.figures import Figure, estimated, reported
from anyclaude_tui.prefix.divergence import Cause, Comparison
from anyclaude_tui.telemetry.events import Outcome, Truncation
from anyclaude_tui.telemetry.why import why
from tests.telemetry.records import record

GIT = Comparison(
    Cause.GIT_STATUS,
    shared_bytes=2_160,
    size_bytes=70_000,
    lost_bytes=60_000,
    place="system block 2",
    offset_bytes=2_100,
    what="git status",
)
SLOW_PREFILL: dict[str, Any] = {
    "sent_at": 100.1,
    "prefill_at": 100.2,
    "first_delta_at": 160.0,
    "first_text_at": 160.0,
    "last_delta_at": 165.0,
    "ended_at": 165.1,
    "outcome": Outcome.COMPLETE,
    "prompt_tokens": reported(18_490),
    "cached_tokens": reported(0),
}


def test_the_sentence_of_the_issue() -> None:
    assert why(record(**SLOW_PREFILL), GIT) == (
        "prefill: 18,490 tokens, 0 reused: the prompt changed at system block 2, 2.1 kB in "
        "(git status)"
    )


@pytest.mark.parametrize(
    ("prompt", "cached", "comparison", "sentence"),
    [
        (
            reported(18_490),
            reported(17_000),
            Comparison(Cause.EXTENDED, 68_000, 70_000),
            "prefill: 18,490 tokens, 17,000 reused: 1,490 tokens are new",
        ),
        (
            reported(18_490),
            reported(0),
            Comparison(
                Cause.EXTENDED, 68_000, 70_000, between="a background request ran in between"
            ),
            "prefill: 18,490 tokens, 0 reused: it only grew, but the backend kept nothing of it "
            "(a background request ran in between)",
        ),
        (
            estimated(18_490),
            estimated(18_000),
            Comparison(Cause.SAME, 70_000, 70_000),
            "prefill: about 18,490 tokens, about 18,000 reused: about 490 tokens are new",
        ),
        (
            reported(18_490),
            Figure(None, estimated(None).source),
            None,
            "prefill: 18,490 tokens in 60 s",
        ),
        (
            reported(18_490),
            reported(0),
            Comparison(Cause.FIRST),
            "prefill: 18,490 tokens, 0 reused: the first prompt of its kind on mlx",
        ),
        (
            reported(18_490),
            reported(0),
            Comparison(Cause.SWITCH, what="the conversation came from a, so the cache is cold"),
            "prefill: 18,490 tokens, 0 reused: the conversation came from a, so the cache is cold",
        ),
    ],
)
def test_prefill(
    prompt: Figure, cached: Figure, comparison: Comparison | None, sentence: str
) -> None:
    made = record(**{**SLOW_PREFILL, "prompt_tokens": prompt, "cached_tokens": cached})
    assert why(made, comparison) == sentence


def test_what_we_do_before_it_is_sent_is_no_queue() -> None:
    """The translation and the exact count of the prompt's tokens."""
    quick: dict[str, Any] = {
        "prompt_bytes": 3_200_000,
        "sent_at": 100.081,
        "prefill_at": 100.082,
        "first_delta_at": 100.1,
        "first_text_at": 100.1,
        "last_delta_at": 100.14,
        "ended_at": 100.15,
        "outcome": Outcome.COMPLETE,
        "output_tokens": reported(5),
    }
    slow = record(**quick, admitted_at=100.001)
    assert why(slow, None) == "proxy: 80 ms to translate 3.2 MB of request"
    waited = record(**quick, admitted_at=100.079, queued_behind=1)
    assert why(waited, None) == "queue: waited 79 ms behind 1 other"


def test_queue_load_and_retry() -> None:
    waited = {**SLOW_PREFILL, "first_delta_at": 115.0, "last_delta_at": 116.0}
    queued = {**waited, "sent_at": 114.0, "prefill_at": 114.1, "queued_behind": 2}
    assert why(record(**queued), None) == "queue: waited 14 s behind 2 others"
    assert why(record(**{**queued, "queued_behind": 1}), None).endswith("behind 1 other")
    alone = {**queued, "queued_behind": None}
    assert why(record(**alone), None) == "queue: waited 14 s for the backend"
    again = why(record(**alone, retries=1), None)
    assert again == "retry: sent 2 times, 14 s until the last: the backend failed before"
    loading = {**SLOW_PREFILL, "sent_at": 100.0, "prefill_at": 131.0, "first_delta_at": 132.0}
    loading["last_delta_at"] = 133.0
    assert why(record(**loading), None) == "load: 31 s before the first step of prefill"


DECODING: dict[str, Any] = {
    **SLOW_PREFILL,
    "prefill_at": 100.1,
    "first_delta_at": 101.0,
    "first_text_at": 101.0,
    "last_delta_at": 293.0,
    "deltas": 2310,
    "output_tokens": reported(2310),
}


def test_decode() -> None:
    assert why(record(**DECODING), None) == "decode: 2,310 tokens at 12 tokens/s"
    guessed = why(record(**{**DECODING, "output_tokens": estimated(2310)}), None)
    assert guessed == "decode: about 2,310 tokens at about 12 tokens/s"
    assert why(record(**DECODING, stalls=2), None).endswith("tokens/s, 2 stalls in between")
    limit = {**DECODING, "truncation": Truncation.MAX_TOKENS, "outcome": Outcome.LIMIT}
    assert why(record(**limit), None).endswith("up to its limit")


def test_thinking() -> None:
    thinking = {**DECODING, "thinking_deltas": 1840, "first_text_at": 250.0}
    assert why(record(**thinking), None) == (
        "thinking: 1,840 of 2,310 tokens before the first visible text"
    )
    little = {**DECODING, "thinking_deltas": 10, "first_text_at": 102.0}
    assert why(record(**little), None).startswith("decode:")
    only = {**DECODING, "thinking_deltas": 2310, "first_text_at": None}
    assert why(record(**only), None) == "thinking: all 2,310 tokens, no visible text"


def test_a_share_of_thinking_is_exact_only_where_a_delta_is_a_token() -> None:
    chunky = {**DECODING, "deltas": 231, "thinking_deltas": 184, "first_text_at": 250.0}
    assert why(record(**chunky), None) == (
        "thinking: about 1,840 of 2,310 tokens before the first visible text"
    )
    counted = {**chunky, "deltas": 2310, "thinking_deltas": 1840, "output_tokens": estimated(2310)}
    assert why(record(**counted), None) == (
        "thinking: about 1,840 of about 2,310 tokens before the first visible text"
    )
    only = {**counted, "thinking_deltas": 2310, "first_text_at": None}
    assert why(record(**only), None) == "thinking: all about 2,310 tokens, no visible text"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"outcome": Outcome.ERROR, "reason": "the backend died in mid-reply"},
            "ended: the backend died in mid-reply",
        ),
        ({"outcome": Outcome.ERROR}, "ended: an error"),
        (
            {"outcome": Outcome.LIMIT, "truncation": Truncation.CUT},
            "ended: the reply was cut off",
        ),
        (
            {"outcome": Outcome.CANCELLED, "ended_at": 112.0},
            "ended: the client left after 12 s, still waiting in the queue",
        ),
        (
            {
                "outcome": Outcome.CANCELLED,
                "sent_at": 100.1,
                "prefill_done_tokens": 512,
                "prefill_total_tokens": 4096,
                "ended_at": 112.0,
            },
            "ended: the client left after 12 s, in prefill (512 of 4,096 tokens done)",
        ),
        ({"outcome": Outcome.COMPLETE}, ""),
    ],
)
def test_endings(fields: dict[str, Any], sentence: str) -> None:
    assert why(record(**fields), None) == sentence


def test_every_unknown_is_left_out() -> None:
    bare = record(sent_at=100.5, first_delta_at=103.0, last_delta_at=103.0, ended_at=103.0)
    assert why(bare, None) == "prefill: 2.5 s"
    assert why(bare, GIT).startswith("prefill: 2.5 s")
