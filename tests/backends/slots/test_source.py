"""Who is believed about the number of requests at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.backends.slots.source import Slots, SlotsFrom, decide

NUMBERS = st.none() | st.integers(0, 9)


@given(set_to=NUMBERS, said=NUMBERS, known=NUMBERS, measured=NUMBERS, assumed=st.integers(1, 9))
def test_the_first_that_says_a_number_is_believed(
    set_to: int | None, said: int | None, known: int | None, measured: int | None, assumed: int
) -> None:
    found = decide(set_to=set_to, said=said, known=known, measured=measured, assumed=assumed)
    given_ = dict(zip(SlotsFrom, (set_to, said, known, measured, assumed), strict=True))
    assert given_[found.source] == found.number >= 1
    assert not any(number for source, number in given_.items() if _before(source, found.source))


def _before(one: SlotsFrom, other: SlotsFrom) -> bool:
    order = list(SlotsFrom)
    return order.index(one) < order.index(other)


def test_the_number_is_said_with_its_source() -> None:
    assert str(Slots(1, SlotsFrom.ASSUMED)) == "1 slot (assumed)"
    assert str(decide(said=4)) == "4 slots (server says)"
