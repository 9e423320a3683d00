"""What the filter's words mean."""

from __future__ import annotations

import pytest

from anyclaude_tui.telemetry.events import Outcome, Role, Truncation
from anyclaude_tui.telemetry.request_filter import FIELDS, completions, moment, parse
from tests.screens import fakes

PLAIN = fakes.seen(fakes.ended(1))
SUBAGENT = fakes.seen(fakes.ended(2, role=Role.SUBAGENT, why="prefill: 300 tokens"))
ERROR = fakes.seen(
    fakes.ended(3, outcome=Outcome.ERROR, status=502, reason="the backend died", why="")
)
CUT = fakes.seen(fakes.ended(4, outcome=Outcome.LIMIT, truncation=Truncation.CUT))
RUNNING = fakes.seen(fakes.prefilling())
ALL = (PLAIN, SUBAGENT, ERROR, CUT, RUNNING)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", ALL),
        ("role:subagent", (SUBAGENT,)),
        ("role:main outcome:error", (ERROR,)),
        ("outcome:cut", (CUT,)),
        ("outcome:running", (RUNNING,)),
        ("end:prefill", (RUNNING,)),
        ("-outcome:complete", (ERROR, CUT, RUNNING)),
        ("DIED", (ERROR,)),
        ("300", (SUBAGENT,)),
        ("status:502", (ERROR,)),
        ("in:>19k", (SUBAGENT, ERROR, CUT)),
        ("in:<=18800 out:>0", (PLAIN,)),
        ("ttft:>=5", (CUT,)),
        ("ttft>=5", (CUT,)),
        ("ttft>4500ms total<1h", (CUT,)),
        ("total>1min", ()),
        ("end:cut", (CUT,)),
        ("end:max_tokens", ()),
        ("end:tool_use -role:subagent", (PLAIN, CUT)),
        ("reused>90% in<18.9k", (PLAIN,)),
        ("-ttft:>=3 backend:fast", (PLAIN, RUNNING)),
        ("backend:qwen", ()),
        ("model:gpt id:req_0002", (SUBAGENT,)),
    ],
)
def test_words_find(words: str, found: tuple[object, ...]) -> None:
    wanted = parse(words)
    assert tuple(request for request in ALL if wanted(request)) == found
    assert not wanted.problem


def test_a_number_that_is_not_known_fits_no_comparison() -> None:
    assert not parse("tok/s:>0")(RUNNING)
    assert not parse("tok/s:<1000")(RUNNING)


@pytest.mark.parametrize("words", ["role:", "ttft:", "ttft:>", "-", "-role:"])
def test_what_is_still_being_typed_hides_nothing(words: str) -> None:
    wanted = parse(words)
    assert wanted(PLAIN) or words == "-"
    assert not wanted.problem


def test_what_cannot_be_understood_is_said() -> None:
    assert "no field 'colour'" in parse("colour:red").problem
    assert "did you mean ttft?" in parse("tfft>5").problem
    assert "role is in words" in parse("role>5").problem
    assert "in takes a number" in parse("in>5s").problem
    assert "ttft takes a number" in parse("ttft:slow").problem
    assert parse("colour:red role:main")(PLAIN)


def test_what_is_being_typed_is_completed() -> None:
    assert completions("to", ALL) == ["total>", "tok/s>", "tools>"]
    assert completions("in>5 ro", ALL) == ["role:"]
    assert completions("role:s", ALL) == ["role:subagent"]
    assert completions("-backend:", ALL) == ["-backend:fast"]
    assert completions("model:gpt", ALL) == ["model:gpt-oss-20b"]
    assert completions("", ALL) == completions("role:main ", ALL) == []
    assert completions("nothing:x", ALL) == []


def test_every_completion_is_understood() -> None:
    for name in FIELDS:
        for whole in completions(name, ALL):
            for term in [whole, *completions(whole, ALL)]:
                assert not parse(term).problem, term


def test_a_time_is_a_span_or_a_day() -> None:
    assert moment("2h", 10_000.0) == 2_800.0
    assert moment("90min", 10_000.0) == 4_600.0
    assert moment("1970-01-02T00:00:00+00:00", 0.0) == 86_400.0
    with pytest.raises(ValueError, match="soon"):
        moment("soon", 0.0)
