"""Fragments put together (the forms of real servers are in test_stream_calls.py)."""

from __future__ import annotations

import pytest

from anyclaude_tui.proxy.toolcalls.assembler import (
    MAX_CALL_CHARS,
    MAX_CALLS,
    CallAssembler,
    CallTooLarge,
)
from anyclaude_tui.proxy.wire.openai_chunks import CallDelta, FunctionDelta


def part(
    name: str | None = None, text: str | None = None, index: int | None = None, id: str = ""
) -> CallDelta:
    return CallDelta(index=index, id=id or None, function=FunctionDelta(name, text))


def test_whole_calls_are_taken_from_the_front_only() -> None:
    calls = CallAssembler()
    assert calls.add(part("A", '{"a":', 0))
    assert calls.add(part("B", '{"b":1}', 1))
    assert calls.take_whole(but_last=False) == []
    assert not calls.add(part(None, "1}", 0))
    assert [one.name for one in calls.take_whole(but_last=True)] == ["A"]
    assert calls
    assert [one.arguments for one in calls.take_whole(but_last=False)] == [['{"b":1}']]
    assert not calls


def test_stragglers_begin_no_call() -> None:
    calls = CallAssembler()
    calls.add(part("A", '{"a":1}', 0))
    calls.add(part("B", "{", 1))
    calls.take_whole(but_last=True)
    assert not calls.add(part(None, " ", 0))
    assert not calls.add(part("", "", 0))
    assert not calls.add(CallDelta())
    assert [one.name for one in calls.take_all()] == ["B"]


def test_the_same_index_again_after_the_call_was_taken() -> None:
    calls = CallAssembler()
    calls.add(part("A", '{"a":1}', 0, "x"))
    calls.take_whole(but_last=False)
    assert calls.add(part("A", "{}", 0, "y"))


def test_bounds() -> None:
    calls = CallAssembler()
    calls.add(part("A", "x" * MAX_CALL_CHARS, 0))
    with pytest.raises(CallTooLarge):
        calls.add(part(None, "x", 0))
    calls = CallAssembler()
    for index in range(MAX_CALLS):
        calls.add(part("A", "{}", index))
    with pytest.raises(CallTooLarge):
        calls.add(part("A", "{}", MAX_CALLS))
