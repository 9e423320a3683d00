"""What is chosen before a comparison, and what the screen says it will do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.compare.samples import Way
from anyclaude_tui.compare.workload import WorkloadError
from anyclaude_tui.screens.backends import rows as backend_rows
from anyclaude_tui.screens.backends.rows import Row
from anyclaude_tui.screens.compare import setup as compare_setup
from anyclaude_tui.screens.compare.estimate import guess
from anyclaude_tui.screens.compare.setup import Setup, Turn, What
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets.lines import plain
from tests.screens import fakes, found

BODY = {"model": "x", "max_tokens": 32000, "messages": [{"role": "user", "content": "hello"}]}
MODEL = replace(fakes.QWEN, name="big", state=BackendState.READY)


def rows(active: str = "fast", *more: object) -> list[Row]:
    """The session's backends, `active` in use, and what was found."""
    shown: Snapshot = replace(
        fakes.snapshot(history=()), backends=(fakes.FAST, fakes.QWEN, MODEL), active=active
    )
    return backend_rows.rows(shown, found.FOUND)


def said(setup: Setup, active: str = "fast") -> str:
    lines = compare_setup.effects(setup, rows(active), 400, 20)
    return "\n".join(plain(line) for line in lines)


def test_the_one_in_use_and_the_next_are_chosen_at_the_start() -> None:
    setup = compare_setup.first(rows(), "fast", None)
    assert setup.targets == ("fast", "qwen")
    assert setup.what is What.QUICK
    turn = Turn(BODY, "1 message")
    assert compare_setup.first(rows(), "fast", turn).what is What.TURN


def test_the_kinds_of_workload_come_round() -> None:
    setup = Setup()
    seen = []
    for _ in range(3):
        setup = setup.next_what()
        seen.append(setup.what)
    assert seen == [What.SUITE, What.QUICK, What.SUITE]
    setup = Setup(prompt="why", turn=Turn(BODY, ""))
    kinds = set()
    for _ in What:
        setup = setup.next_what()
        kinds.add(setup.what)
        assert compare_setup.workloads(setup)
    assert kinds == set(What)


def test_the_choices_make_the_workloads() -> None:
    turn = Setup(what=What.TURN, turn=Turn(BODY, ""))
    (made,) = compare_setup.workloads(turn)
    assert made.body["max_tokens"] == 1024
    assert {way for way, _ in made.cells} == {Way.PROXY, Way.DIRECT}
    (made,) = compare_setup.workloads(replace(turn, direct=False, logged=True))
    assert {way for way, _ in made.cells} == {Way.PROXY, Way.LOGGED}
    (made,) = compare_setup.workloads(Setup(what=What.PROMPT, prompt="why is it slow?"))
    assert made.body["messages"][0]["content"] == "why is it slow?"
    assert [one.name for one in compare_setup.workloads(Setup(what=What.SUITE))] == [
        "short",
        "code",
        "tool",
        "long",
    ]
    with pytest.raises(WorkloadError):
        compare_setup.workloads(Setup(what=What.TURN, turn=Turn({"no": "messages"}, "")))


def test_targets_are_chosen_and_left_out_again() -> None:
    setup = Setup(("a",)).toggled("b").toggled("a").toggled("c")
    assert setup.targets == ("b", "c")
    assert Setup(runs=1).with_runs(-1).runs == 1
    assert Setup().with_runs(1).runs == 4


def test_the_runs_are_counted() -> None:
    setup = Setup(("fast", "qwen"), what=What.PROMPT, prompt="x", runs=3)
    assert compare_setup.count(compare_setup.workloads(setup), setup) == 2 * (3 * 4 + 1)


def test_it_says_what_is_shared_started_and_stopped() -> None:
    words = said(Setup(("fast", "qwen", "openai:http://127.0.0.1:8080")))
    assert "fast is in use: it is measured as it runs and stays up" in words
    assert "Started beside it, and stopped afterwards: qwen." in words
    assert "Runs already and goes on running: mlx_lm.server at 127.0.0.1:8080." in words
    assert "Choose two or more" in said(Setup())
    assert "is in use" not in said(Setup(("qwen",)))


def test_two_models_are_not_loaded_at_once_unless_the_user_says_so() -> None:
    setup = Setup(("big", "qwen"))
    assert compare_setup.stops_active(setup, rows("big"))
    words = said(setup, "big")
    assert "big is stopped until all is over" in words
    assert "Claude Code's requests wait" in words
    assert "Started one after the other, and stopped afterwards: big, qwen." in words
    beside = replace(setup, stop_active=False)
    assert "there must be memory for another model" in said(beside, "big")
    assert compare_setup.order(setup, rows("big")).stop_active
    assert not compare_setup.order(beside, rows("big")).stop_active


def test_what_is_no_model_of_ours_makes_no_room() -> None:
    assert not compare_setup.stops_active(Setup(("fast", "qwen")), rows())
    assert not compare_setup.can_stop_active(Setup(("fast",)), rows())
    assert compare_setup.stops_active(Setup(("fast", "qwen"), stop_active=True), rows())


def test_the_choices_are_on_the_screen() -> None:
    setup = Setup(("big", "qwen"), what=What.PROMPT, prompt="why?", runs=5, direct=False)
    lines = "\n".join(plain(one) for one in compare_setup.choices(setup, rows("big"), 78))
    assert "your prompt: “why?”" in lines
    assert "5 of each kind" in lines
    assert "through the proxy only" in lines
    assert "stop big meanwhile" in lines


def test_how_long_it_takes_is_said_before_it_begins() -> None:
    setup = Setup(("fast", "qwen"))
    work = compare_setup.workloads(setup)
    known = fakes.snapshot().recent
    found = guess(setup.targets, work, 3, known)
    assert found.unknown == ("qwen",)
    assert found.seconds is not None
    twice = guess(setup.targets, work, 6, known)
    assert twice.seconds is not None
    assert 1.5 * found.seconds < twice.seconds < 2.5 * found.seconds
    said_ = plain(compare_setup.title_right(setup, work, known))
    assert "up to ~" in said_
    assert "qwen not measured" in said_
    assert "time not known" in plain(compare_setup.title_right(setup, work, ()))
