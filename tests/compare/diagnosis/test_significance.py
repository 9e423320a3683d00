"""Few runs and much scatter: what may be called a difference."""

from __future__ import annotations

from random import Random

import pytest

from anyclaude_tui.compare.diagnosis.significance import Level, shift, spread


def test_spread_is_median_and_deviation() -> None:
    found = spread([1.0, 2.0, 3.0, 4.0, 100.0])
    assert found is not None
    assert (found.median, found.mad, found.low, found.high, found.n) == (3.0, 1.0, 1.0, 100.0, 5)
    assert spread([]) is None


def test_the_ratio_is_that_of_the_medians() -> None:
    found = shift([([1.0, 1.01, 0.99], [2.0, 2.02, 1.98])])
    assert found is not None
    assert found.ratio == pytest.approx(2.0)
    assert found.low < 2.0 < found.high
    assert found.level is Level.CLEAR


def test_groups_with_one_side_only_do_not_count() -> None:
    assert shift([([1.0], [])]) is None
    assert shift([]) is None
    assert shift([([0.0], [1.0])]) is None
    found = shift([([1.0, 1.0], [1.0, 1.0]), ([], [50.0])])
    assert found is not None
    assert found.level is Level.EQUAL


def test_one_run_each_shows_only_what_is_obvious() -> None:
    far, near = shift([([1.0], [3.0])]), shift([([1.0], [1.2])])
    assert far is not None
    assert near is not None
    assert far.level is Level.CLEAR
    assert near.level is not Level.CLEAR


def test_three_runs_that_agree_by_luck_prove_nothing() -> None:
    found = shift([([1.0, 1.0, 1.0], [1.06, 1.06, 1.06])])
    assert found is not None
    assert found.level is not Level.CLEAR


@pytest.mark.parametrize("runs", [3, 4, 6])
def test_false_alarms_are_rare_and_true_differences_found(runs: int) -> None:
    random = Random(7)
    alarms = misses = 0
    for _ in range(500):
        a, b = ([random.lognormvariate(0, 0.15) for _ in range(runs)] for _ in range(2))
        first, second = shift([(a, b)]), shift([(a, [3 * value for value in b])])
        assert first is not None
        assert second is not None
        alarms += first.level is Level.CLEAR
        misses += second.level is not Level.CLEAR
    assert alarms <= 15  # 3 % of 500
    assert misses <= 40  # 8 %: three runs with 15 % scatter are few
