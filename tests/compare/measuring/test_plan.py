"""The order of the runs, and how long they will still take."""

from __future__ import annotations

import pytest

from anyclaude_tui.compare.measuring.eta import Eta
from anyclaude_tui.compare.measuring.plan import Step, make_plan
from anyclaude_tui.compare.samples import Prefix, Way
from anyclaude_tui.compare.workload import builtin, from_prompt

PROMPT = from_prompt("hi")


def test_together_the_order_alternates() -> None:
    visits = make_plan(["a", "b"], [PROMPT], 3, together=True)
    assert [visit.target for visit in visits] == ["a", "b", "a", "b"]
    runs = [[step.run for step in visit.steps] for visit in visits]
    # a | b b (rounds 1 and 2 meet) | a a | b
    assert runs == [
        [0, 1, 1, 1, 1],
        [0, 1, 1, 1, 1, 2, 2, 2, 2],
        [2, 2, 2, 2, 3, 3, 3, 3],
        [3, 3, 3, 3],
    ]


def test_one_at_a_time_few_visits_each_with_a_warm_up() -> None:
    visits = make_plan(["a", "b"], [PROMPT], 3, together=False)
    assert [visit.target for visit in visits] == ["a", "b"]
    visits = make_plan(["a", "b"], [PROMPT], 4, together=False)
    assert [visit.target for visit in visits] == ["a", "b", "a"]
    assert all(visit.steps[0].run == 0 for visit in visits)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("runs", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("targets", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_every_cell_of_every_run_comes_once(targets: list[str], runs: int, together: bool) -> None:
    workloads = [PROMPT, *builtin()]
    steps = [
        s for visit in make_plan(targets, workloads, runs, together=together) for s in visit.steps
    ]
    timed = [step for step in steps if step.run > 0]
    assert len(timed) == len(set(timed))
    expected = {
        Step(target, workload.name, way, prefix, run)
        for target in targets
        for workload in workloads
        for way, prefix in workload.cells
        for run in range(1, runs + 1)
    }
    assert set(timed) == expected
    assert all(any(s.target == target and s.run == 0 for s in steps) for target in targets)


def test_a_warm_run_follows_its_cold_one_and_the_ways_take_turns() -> None:
    (visit,) = make_plan(["a"], [PROMPT], 2, together=True)
    order = [(step.way, step.prefix) for step in visit.steps[1:]]
    assert order[:4] == [
        (Way.PROXY, Prefix.COLD),
        (Way.PROXY, Prefix.WARM),
        (Way.DIRECT, Prefix.COLD),
        (Way.DIRECT, Prefix.WARM),
    ]
    assert order[4:] == [*order[2:4], *order[:2]]


def step(target: str, prefix: Prefix = Prefix.COLD, run: int = 1) -> Step:
    return Step(target, "prompt", Way.PROXY, prefix, run)


def test_nothing_is_promised_before_the_first_run() -> None:
    eta = Eta()
    assert eta.left_s([step("a")]) is None
    eta.note(step("a", run=0), 60.0)
    assert eta.left_s([step("a")]) is None


def test_the_time_left_is_that_of_the_same_or_the_nearest_runs() -> None:
    eta = Eta()
    eta.note(step("a", run=0), 3.0)
    eta.note(step("a"), 10.0)
    eta.note(step("a", Prefix.WARM), 2.0)
    assert eta.left_s([step("a"), step("a", Prefix.WARM)]) == 12.0
    assert eta.left_s([step("b")]) == 10.0  # as the other, while nothing is known of it
    assert eta.left_s([step("b", run=0)]) == 3.0
    eta.note(step("b", run=0), 30.0)
    assert eta.left_s([step("b"), step("b", Prefix.WARM)]) == 120.0  # ten times as slow
    eta.note(step("b"), 80.0)
    assert eta.left_s([step("b"), step("b", Prefix.WARM)]) == 100.0
    assert eta.left_s([]) == 0
