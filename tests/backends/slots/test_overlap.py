"""Requests at once, told from the times of their tokens: in line is never taken for at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.backends.slots.overlap import Timing, slots

FAILED = Timing(0.0, failed=True)
ALONE = Timing(0.0, 0.1, 0.5)


def served(requests: int, at_once: int, span_s: float, before_s: float) -> list[Timing]:
    """What a server with `at_once` slots gives to so many requests at the same moment."""
    free = [10.0] * at_once
    found = []
    for _ in range(requests):
        began = free.pop(0)
        first = began + before_s
        free.append(first + span_s)
        found.append(Timing(10.0, first, first + span_s))
    return found


spans = st.floats(1e-3, 100)


@given(requests=st.integers(2, 8), at_once=st.integers(1, 8), span_s=spans, before_s=spans)
def test_as_many_as_the_server_has_slots(
    requests: int, at_once: int, span_s: float, before_s: float
) -> None:
    assert slots(ALONE, served(requests, at_once, span_s, before_s)) == min(requests, at_once)


@given(
    spans=st.lists(st.tuples(spans, st.floats(0, 10)), min_size=2, max_size=8),
    held_up=st.tuples(st.floats(0, 50), st.floats(0, 50)),
)
def test_in_line_is_never_taken_for_at_once(
    spans: list[tuple[float, float]], held_up: tuple[float, float]
) -> None:
    """Also where the reader was held up for a while, and saw all of it at the end of that."""
    start, end = held_up[0], sum(held_up)

    def seen(moment: float) -> float:
        return end if start <= moment <= end else moment

    clock, found = 0.0, []
    for span_s, gap_s in spans:
        first = clock + gap_s
        clock = first + span_s
        found.append(Timing(0.0, seen(first), seen(clock)))
    assert slots(ALONE, found) in (1, None)


def whole(*ends: float) -> list[Timing]:
    """Replies that come all at once."""
    return [Timing(0.0, end, end) for end in ends]


@pytest.mark.parametrize(
    ("alone", "together", "found"),
    [
        (FAILED, served(4, 4, 1, 1), None),
        (Timing(0.0), served(4, 4, 1, 1), None),
        (ALONE, [ALONE, FAILED, FAILED, FAILED], 1),
        (ALONE, [ALONE, ALONE, FAILED, FAILED], 2),
        (ALONE, [FAILED] * 4, None),
        (ALONE, [ALONE, Timing(0.0)], None),
        (whole(1.0)[0], whole(1.1, 1.1, 1.2, 1.2), 4),
        (whole(1.0)[0], whole(1.0, 2.0, 3.0, 4.0), 1),
        (whole(1.0)[0], whole(1.0, 1.0, 2.0, 2.0), None),
        (whole(0.01)[0], whole(0.01, 0.01, 0.01, 0.01), None),
        (ALONE, [*whole(1.0), Timing(0.0, 1.0, 2.0)], None),
    ],
)
def test_what_cannot_be_told_is_not(
    alone: Timing, together: list[Timing], found: int | None
) -> None:
    assert slots(alone, together) == found
