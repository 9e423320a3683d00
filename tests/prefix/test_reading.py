"""A prompt that is read with what earlier ones had is the one that is read alone."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from anyclaude_tui.prefix.reading import PromptReader
from anyclaude_tui.prefix.segments import prompt_of

IDS = st.sampled_from(["c1", "c2"])
CALL = st.builds(
    lambda one, name, argument: {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": one, "function": {"name": name, "arguments": json.dumps({"path": argument})}}
        ],
    },
    IDS,
    st.sampled_from(["Read", "Bash"]),
    st.sampled_from(["a", "b"]),
)
RESULT = st.builds(lambda one: {"role": "tool", "tool_call_id": one, "content": "x"}, IDS)
NATIVE = st.builds(
    lambda one, name: {
        "role": "user",
        "content": [
            {"type": "tool_use", "id": one, "name": name, "input": {}},
            {"type": "tool_result", "tool_use_id": one, "content": "y"},
        ],
    },
    IDS,
    st.sampled_from(["Grep", "Glob"]),
)
SYSTEM = st.just({"role": "system", "content": "You are."})
TEXT = st.builds(lambda text: {"role": "user", "content": text}, st.sampled_from(["", "a", "ä"]))
MESSAGES = st.lists(st.one_of(CALL, RESULT, NATIVE, SYSTEM, TEXT, st.just(7)), max_size=8)


@settings(deadline=None)
@given(st.lists(st.tuples(MESSAGES, st.integers(0, 8), st.booleans()), min_size=1, max_size=8))
def test_the_same_as_alone(steps: list[tuple[list[Any], int, bool]]) -> None:
    reader = PromptReader()
    messages: list[Any] = []
    for number, (more, kept, native) in enumerate(steps):
        messages = messages[:kept] + more
        request: dict[str, Any] = {
            "model": "m",
            "tools": [{"function": {"name": f"T{number // 2}"}}],
        }
        if native:
            request["system"] = "You are."
        request["messages"] = messages
        body = {"system": [{"type": "text", "text": "You are."}], "messages": messages}
        assert reader.prompt(json.dumps(request).encode(), body) == prompt_of(request, body)


def test_requests_without_a_list_of_messages() -> None:
    requests: list[dict[str, Any]] = [
        {"model": "m"},
        {"messages": None},
        {"messages": {}},
        {"messages": []},
    ]
    for request in requests:
        data = json.dumps(request).encode()
        assert PromptReader().prompt(data, {}) == prompt_of(request, {})
