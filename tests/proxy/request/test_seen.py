"""What was seen before is translated as if it were new: requests of conversations that grow,
are changed, and mingle, each against a translation that knows nothing."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import UpstreamRequest, translate
from anyclaude_tui.proxy.request.passthrough import native_request
from anyclaude_tui.proxy.request.seen import Seen
from anyclaude_tui.proxy.wire.safe_json import is_harmless, json_bytes

ENDPOINT = Endpoint(url="http://127.0.0.1:1/v1/chat/completions", model="m")
DIALECTS = [
    Dialect(),
    Dialect(calls="serial", call_ids="numbered", late_system="system"),
    Dialect(user_after_results="folded", first_system="user", tool_choice="ignored"),
    Dialect(calls="text", images=True, reasoning_history="reasoning_content"),
]

CALL_IDS = [f"toolu_{number}" for number in range(4)]
TEXTS = st.sampled_from(["", "a", "äß\n", "<system-reminder>x</system-reminder>", "😀"])
BLOCKS = {
    "user": st.one_of(
        st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}),
        st.fixed_dictionaries(
            {
                "type": st.just("tool_result"),
                "tool_use_id": st.sampled_from(CALL_IDS),
                "content": TEXTS,
            }
        ),
        st.just(
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
            }
        ),
        st.fixed_dictionaries({"type": st.just("mid_conv_system"), "content": TEXTS}),
        st.just({"type": "tool_reference", "tool_name": "Read"}),
    ),
    "assistant": st.one_of(
        st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}),
        st.fixed_dictionaries({"type": st.just("thinking"), "thinking": TEXTS}),
        st.fixed_dictionaries(
            {
                "type": st.just("tool_use"),
                "id": st.sampled_from(CALL_IDS),
                "name": st.just("Read"),
                "input": st.sampled_from([{}, {"file": "a"}, {"n": 1.5}]),
            }
        ),
    ),
    "system": st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}),
}
MESSAGES = st.sampled_from(["user", "assistant", "assistant", "user", "system"]).flatmap(
    lambda role: st.fixed_dictionaries(
        {
            "role": st.just(role),
            "content": st.one_of(TEXTS, st.lists(BLOCKS[role], max_size=3)),
        }
    )
)
TOOL = {"name": "Read", "input_schema": {"type": "object"}}
STEPS = st.one_of(
    st.tuples(st.just("say"), st.lists(MESSAGES, min_size=1, max_size=4)),
    st.tuples(st.just("back"), st.integers(0, 6)),
    st.tuples(st.just("change"), st.integers(0, 6), MESSAGES),
    st.tuples(st.just("remember"), st.sampled_from(CALL_IDS), st.sampled_from(["{}", '{"x": 1}'])),
    st.tuples(st.just("system"), TEXTS),
    st.tuples(st.just("choice"), st.sampled_from(["auto", "any"])),
)


def _raw(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def outcome(
    body: Any, endpoint: Endpoint, memory: CallMemory
) -> tuple[bytes | str, UpstreamRequest | None]:
    try:
        made = (native_request if endpoint.native else translate)(body, endpoint, memory)
    except ApiError as error:
        return f"{error.status} {error.message}", None
    return msgspec.json.encode(made.body), made


@settings(deadline=None)
@given(
    st.lists(STEPS, min_size=2, max_size=10),
    st.lists(st.integers(0, len(DIALECTS)), min_size=1, max_size=3),
)
def test_the_same_bytes_as_from_a_translation_that_knows_nothing(
    steps: list[Any], whom: list[int]
) -> None:
    endpoints = [
        replace(ENDPOINT, native=True)
        if one == len(DIALECTS)
        else replace(ENDPOINT, dialect=DIALECTS[one])
        for one in whom
    ]
    memory, calls = CallMemory(), []
    body: dict[str, Any] = {"model": "m", "max_tokens": 9, "tools": [TOOL], "messages": []}
    earlier: list[tuple[UpstreamRequest, bytes]] = []
    for number, step in enumerate(steps):
        kind, messages = step[0], body["messages"]
        if kind == "say":
            messages += step[1]
        elif kind == "back":
            del messages[len(messages) - min(step[1], len(messages)) :]
        elif kind == "change" and messages:
            messages[step[1] % len(messages)] = step[2]
        elif kind == "remember":
            calls.append(step[1:])
            memory.remember(step[1], "Read", step[2])
        elif kind == "system":
            body["system"] = step[1]
        elif kind == "choice":
            body["tool_choice"] = {"type": step[1]}
        raw, endpoint = _raw(body), endpoints[number % len(endpoints)]
        fresh = CallMemory()
        for call_id, arguments in calls:
            fresh.remember(call_id, "Read", arguments)
        expected, plain = outcome(json.loads(raw), endpoint, fresh)
        found, made = outcome(memory.seen.decode(raw), endpoint, memory)
        assert found == expected
        if made is not None and plain is not None:
            assert made == plain
            assert made.data() == msgspec.json.encode(plain.body)
            earlier.append((made, msgspec.json.encode(made.body)))
    for made, data in earlier:
        assert msgspec.json.encode(made.body) == data  # nothing that was handed out has changed


def test_a_turn_that_was_translated_is_not_translated_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from anyclaude_tui.proxy.request import messages as module

    turns, translated = [], module._translate

    def counted(turn: Any, *more: Any) -> None:
        turns.append(turn)
        translated(turn, *more)

    monkeypatch.setattr(module, "_translate", counted)
    memory = CallMemory()
    body: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": []}
    for number in range(50):
        body["messages"].append({"role": "user", "content": f"{number}"})
        translate(memory.seen.decode(_raw(body)), ENDPOINT, memory)
        body["messages"].append({"role": "assistant", "content": f"so {number}"})
    assert len(turns) <= 2 * 50


@given(st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_what_is_said_of_parts_is_so(value: Any) -> None:
    seen = Seen()
    for raw in [json.dumps({"messages": value, "tools": [value, {"a": value}]}).encode()] * 2:
        try:
            plain = msgspec.json.decode(raw)
        except msgspec.DecodeError:
            with pytest.raises(msgspec.DecodeError):
                seen.decode(raw)
            return
        body = seen.decode(raw)
        assert body == plain
        # Items that are no objects are nothing that is accepted: only then may it say no.
        assert seen.is_harmless(body) <= is_harmless(plain)
        if seen.is_harmless(body):
            assert seen.json_bytes(body["tools"]) == json_bytes(plain["tools"])


def test_too_deep_is_too_deep_in_parts_too() -> None:
    for depth in range(140, 155):
        message: Any = {}
        for _ in range(depth):
            message = {"a": message}
        body = {"messages": [deepcopy(message)]}
        seen = Seen()
        assert seen.is_harmless(seen.decode(_raw(body))) == is_harmless(body)


def test_what_is_kept_is_bounded() -> None:
    seen = Seen(max_bytes=10_000)
    for number in range(100):
        seen.decode(_raw({"messages": [{"role": "user", "content": f"{number}" * 500}]}))
    assert sum(map(len, (*seen._young, *seen._old))) <= 11_000


def test_tools_are_known_as_a_whole_and_only_by_all_their_bytes() -> None:
    seen = Seen()
    lists = [
        [{"name": f"{n}", "input_schema": {"type": "object"}}, {"name": "b"}] for n in range(6)
    ]
    raws = [json.dumps({"tools": tools, "messages": []}).encode() for tools in lists]
    first = [seen.decode(raw)["tools"] for raw in raws]
    assert first == lists
    assert seen.decode(raws[5])["tools"] is first[5]
    assert seen.decode(raws[0])["tools"] == lists[0]  # forgotten as a whole
    for raw, tools in zip(raws, lists, strict=True):
        body = seen.decode(raw)
        assert body["tools"] == tools
        assert seen.json_bytes(body["tools"]) == json_bytes(tools)
