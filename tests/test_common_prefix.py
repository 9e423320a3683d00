"""The common front of two texts is as long as it can be, in bytes and in characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.common_prefix import common_prefix

BYTES = st.binary(max_size=50)


@given(common=BYTES, before=BYTES, now=BYTES)
def test_it_is_equal_and_no_longer_one_would_be(common: bytes, before: bytes, now: bytes) -> None:
    one, two = common + before, common + now
    length = common_prefix(one, two)
    assert one[:length] == two[:length]
    assert length >= len(common)
    assert length == min(len(one), len(two)) or one[length] != two[length]
    assert common_prefix(one.decode("latin-1"), two.decode("latin-1")) == length
