"""What is passed on unlooked-at must be what the thorough copy would have made of it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.proxy.wire.safe_json import (
    MAX_DEPTH,
    NestedTooDeeply,
    harmless,
    is_harmless,
)

texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(texts, values, max_size=4))
def test_what_is_called_harmless_is_the_same_as_its_harmless_copy(value: dict[str, Any]) -> None:
    copy = harmless(value)
    if is_harmless(value):
        assert copy == value
    assert is_harmless(copy)


@pytest.mark.parametrize("value", [math.inf, math.nan, 2**64, -(2**63) - 1, "\ud800", "a\udc00"])
def test_what_no_backend_can_take_is_found_anywhere(value: Any) -> None:
    assert not is_harmless({"a": value})
    assert not is_harmless({"a": [{"b": [1, "x", value]}]})


def test_a_lone_surrogate_in_a_key_is_found() -> None:
    assert not is_harmless({"a": {"\ud800": 1}})


def test_only_objects_are_looked_at() -> None:
    assert not is_harmless([1])
    assert not is_harmless("text")


def test_both_draw_the_line_at_the_same_depth() -> None:
    assert is_harmless(nested(MAX_DEPTH))
    assert harmless(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    assert not is_harmless(nested(MAX_DEPTH + 1))
    with pytest.raises(NestedTooDeeply):
        harmless(nested(MAX_DEPTH + 1))


def nested(depth: int) -> Any:
    """Objects and lists in turn, `depth` of them."""
    value: Any = 1
    for level in range(depth, 0, -1):
        value = {"a": value} if level % 2 else [value]
    return value
