"""The queue of what no request waits for: its order, its patience, its bounds, and its timer."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.afterwards import (
    LATEST_S,
    MOST_JOBS,
    QUIET_S,
    SLICE_S,
    Afterwards,
    Idle,
)
from tests.support.waiting import until


class Hands:
    """A clock that is moved by hand, and jobs that take their time on it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.done: list[int] = []

    def clock(self) -> float:
        return self.now

    def job(self, number: int, takes_s: float = 0.0) -> None:
        self.now += takes_s
        self.done.append(number)


def queue(hands: Hands) -> Afterwards:
    return Afterwards(hands.clock)


def test_a_job_waits_until_the_streams_are_quiet() -> None:
    hands = Hands()
    work = queue(hands)
    assert work.wait_s() is None
    work.busy()
    work.add(lambda: hands.job(1))
    assert work.wait_s() == pytest.approx(QUIET_S)
    hands.now += QUIET_S / 2
    work.busy()
    assert work.wait_s() == pytest.approx(QUIET_S)
    hands.now += 2 * QUIET_S
    assert work.wait_s() == 0


def test_streams_that_are_never_quiet_put_it_off_for_a_while_only() -> None:
    hands = Hands()
    work = queue(hands)
    work.add(lambda: hands.job(1))
    while work.wait_s():
        hands.now += QUIET_S / 4
        work.busy()
    assert LATEST_S <= hands.now - 100 < LATEST_S + QUIET_S


def test_a_slice_ends_with_the_job_that_uses_it_up() -> None:
    hands = Hands()
    work = queue(hands)
    for number in range(6):
        work.add(lambda number=number: hands.job(number, 0.6 * SLICE_S))  # type: ignore[misc]
    work.work()
    assert hands.done == [0, 1]
    work.work()
    assert hands.done == [0, 1, 2, 3]
    work.finish()
    assert hands.done == list(range(6))
    assert work.wait_s() is None


def test_a_job_that_fails_is_told_and_those_behind_it_are_done() -> None:
    hands, told = Hands(), list[Exception]()
    work = Afterwards(hands.clock, told.append)
    work.add(lambda: hands.job(1 // 0))
    work.add(lambda: hands.job(2))
    work.work()
    assert hands.done == [2]
    assert [type(error) for error in told] == [ZeroDivisionError]


def test_what_a_job_adds_is_done_at_the_end_too() -> None:
    hands = Hands()
    work = queue(hands)
    work.add(lambda: work.add(lambda: hands.job(1)))
    work.finish()
    assert hands.done == [1]


@given(st.lists(st.sampled_from(["add", "work", "busy", "later"]), max_size=600))
def test_nothing_is_lost_nothing_overtakes_and_the_queue_is_bounded(steps: list[str]) -> None:
    hands = Hands()
    work, added = queue(hands), 0
    for step in steps:
        if step == "add":
            work.add(lambda number=added: hands.job(number, SLICE_S / 3))  # type: ignore[misc]
            added += 1
        elif step == "work":
            work.work()
        elif step == "busy":
            work.busy()
        else:
            hands.now += LATEST_S
        assert len(work) <= MOST_JOBS
        assert hands.done == list(range(len(hands.done)))
    work.finish()
    assert hands.done == list(range(added))


def test_more_than_may_wait_is_done_at_once() -> None:
    hands = Hands()
    work = queue(hands)
    for number in range(MOST_JOBS + 3):
        work.add(lambda number=number: hands.job(number))  # type: ignore[misc]
    assert hands.done == [0, 1, 2]


async def test_the_loop_does_it_by_itself_and_what_is_added_meanwhile() -> None:
    hands = Hands()
    work = Idle()
    work.add(lambda: hands.job(1))
    work.add(lambda: work.add(lambda: hands.job(2)))
    assert hands.done == []
    await until(lambda: hands.done == [1, 2])
    await asyncio.sleep(0)
    work.add(lambda: hands.job(3))
    await until(lambda: hands.done == [1, 2, 3])
