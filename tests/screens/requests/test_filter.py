"""What the filter's words mean."""

from __future__ import annotations

import pytest

from anyclaude_tui.screens.requests.filter import parse
from anyclaude_tui.telemetry.events import Outcome, Role, Truncation
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
    assert "ttft takes a number" in parse("ttft:slow").problem
    assert parse("colour:red role:main")(PLAIN)
