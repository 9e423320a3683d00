"""The front of the prompt stays what it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyclaude_tui.prefix.billing import strip_billing
from anyclaude_tui.proxy.request.call_memory import CallMemory

BILLING = "x-anthropic-billing-header: cc_version=2.1.7.a1b; cc_entrypoint=cli; cch=00000;"


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


@pytest.mark.parametrize(
    ("system", "left"),
    [
        (BILLING, ""),
        (f"{BILLING}\n\nYou are…", "You are…"),
        (f"{BILLING}\r\n  indented", "  indented"),
        (f"\n {BILLING}\n{BILLING}\nYou", "You"),
        ("You are…\n" + BILLING, "You are…\n" + BILLING),
        ("  white space \n stays ", "  white space \n stays "),
        ("", ""),
        ([text(BILLING), text("A"), text("B")], [text("A"), text("B")]),
        ([text(BILLING), text(BILLING)], []),
        ([text(""), text(BILLING), text("A")], [text("A")]),
        (
            [text(f"{BILLING}\nYou are", cache_control={"type": "ephemeral"})],
            [text("You are", cache_control={"type": "ephemeral"})],
        ),
        ([text("A"), text(BILLING)], [text("A"), text(BILLING)]),
        ([text(" "), text("A")], [text(" "), text("A")]),
        ([{"type": "image"}, text(BILLING)], [{"type": "image"}, text(BILLING)]),
        ([{"type": "text", "text": 5}], [{"type": "text", "text": 5}]),
        (None, None),
        (7, 7),
    ],
)
def test_the_billing_header_goes_from_the_front_only(system: Any, left: Any) -> None:
    before = json.dumps(system)
    assert strip_billing(system) == left
    assert json.dumps(system) == before


def recalled(written: str, sent: Any) -> str | None:
    memory = CallMemory()
    memory.remember("toolu_1", "Edit", written)
    found = memory.recall("toolu_1", sent)
    return found[1] if found is not None else None


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ('{"a":  1,\n "b": "x"}', {"a": 1, "b": "x"}),
        ('{"b": "x", "a": 1}', {"a": 1, "b": "x"}),
        ('{"path": "f"}', {"path": "f", "replace_all": False}),
        ('{"limit": "5000"}', {"limit": 5000}),
        ('{"limit": 5000}', {"limit": "5000"}),
        ('{"limit": 5.0}', {"limit": 5}),
        ('{"flag": "true"}', {"flag": True}),
        ('{"list": "[1, 2]"}', {"list": [1, 2]}),
        ('{"text": "a  \\nb \\n"}', {"text": "a\nb"}),
        ('{"todos": [{"b": 1, "a": "2"}]}', {"todos": [{"a": 2, "b": 1, "c": None}]}),
        ('{"emoji": "\\ud83d\\ude00"}', {"emoji": "😀"}),
        ('{"x": 1180591620717411303424}', {"x": 1180591620717411303424}),
        ("{}", {}),
    ],
)
def test_rewritten_arguments_come_back_as_the_model_wrote_them(written: str, sent: Any) -> None:
    assert recalled(written, sent) == written


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ('{"command": "ls"}', {"command": "rm"}),
        ('{"command": "ls", "cwd": "/"}', {"command": "ls"}),
        ('{"a": [1, 2]}', {"a": [1]}),
        ('{"a": true}', {"a": 1}),
        ('{"a": "1x"}', {"a": 1}),
        ('{"a": null}', {"a": False}),
        ('{"a": " b"}', {"a": "b"}),
        ('{"a": {"b": 1}}', {"a": 1}),
        ('{"command": "ls"', {"command": "ls"}),
        ("[1]", {}),
        ("", {}),
        ("[" * 100_000, {}),
        ('{"a": "\\ud800"}', {"a": "\ufffd"}),
        ('{"b": "\\ud800"}', {"b": "\ud800"}),
        ('{"a": "x"}', "x"),
        ('{"a": "x"}', None),
    ],
)
def test_other_arguments_are_not_replaced(written: str, sent: Any) -> None:
    assert recalled(written, sent) is None


def test_the_id_must_be_the_same_and_the_name_is_the_models() -> None:
    memory = CallMemory()
    memory.remember("toolu_1", "Task", '{"a":1}')
    assert memory.recall("toolu_2", {"a": 1}) is None
    assert memory.recall("toolu_1", {"a": 1}) == ("Task", '{"a":1}')
    memory.remember("toolu_1", "Edit", '{"a":2}')
    assert memory.recall("toolu_1", {"a": 2}) == ("Edit", '{"a":2}')
    assert len(memory) == 1


def test_the_memory_is_bounded_and_forgets_what_was_used_longest_ago() -> None:
    memory = CallMemory(max_calls=3)
    for name in ("a", "b", "c"):
        memory.remember(name, "T", "{}")
    assert memory.recall("a", {}) == ("T", "{}")
    memory.remember("d", "T", "{}")
    assert memory.recall("b", {}) is None
    assert [memory.recall(name, {}) for name in ("a", "c", "d")] == [("T", "{}")] * 3

    small = CallMemory(max_bytes=2_000)
    for number in range(50):
        small.remember(str(number), "T", json.dumps({"x": "y" * 300}))
        assert small.size_bytes <= 2_000
    assert 0 < len(small) < 6
    small.remember("huge", "T", json.dumps({"x": "y" * 3_000}))
    assert small.recall("huge", {"x": "y" * 3_000}) is None
    assert small.size_bytes <= 2_000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=3), values), st.booleans(), st.sampled_from([None, 2]))
def test_any_way_of_writing_the_same_is_restored(
    given_input: dict[str, Any], ascii_only: bool, indent: int | None
) -> None:
    written = json.dumps(given_input, ensure_ascii=ascii_only, indent=indent)
    sent = dict(reversed(list(given_input.items())))
    assert recalled(written, sent) == written


@settings(deadline=None)
@given(st.text(), values)
def test_recall_never_raises_and_gives_only_clean_json(written: str, sent: Any) -> None:
    raw = recalled(written, sent)
    assert raw is None or (isinstance(json.loads(raw), dict) and raw.encode())
