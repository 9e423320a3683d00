"""What is sent: prompts, captured turns, the suite; and what a nonce changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.common_prefix import common_prefix
from anyclaude_tui.compare.samples import Prefix, Way
from anyclaude_tui.compare.workload import (
    ALL_CELLS,
    MAX_TOKENS,
    QUICK,
    SUITE,
    WorkloadError,
    builtin,
    from_body,
    from_file,
    from_prompt,
    long_text,
    with_nonce,
)
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import translate

TURN: dict[str, Any] = {
    "model": "claude-x",
    "max_tokens": 32_000,
    "stream": False,
    "metadata": {"user_id": "secret"},
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1\n"},
        {"type": "text", "text": "You are Claude Code."},
    ],
    "tools": [{"name": "Bash", "description": "Run it.", "input_schema": {"type": "object"}}],
    "messages": [
        {"role": "user", "content": "list the files"},
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}]},
        {"role": "user", "content": [{"type": "text", "text": "go on"}]},
    ],
}


def test_a_prompt_becomes_a_streamed_request() -> None:
    workload = from_prompt("Why is the sky blue?", max_tokens=50)
    assert workload.body["stream"] is True
    assert workload.body["max_tokens"] == 50
    assert workload.body["messages"] == [{"role": "user", "content": "Why is the sky blue?"}]
    assert workload.cells == ALL_CELLS
    with pytest.raises(WorkloadError, match="empty"):
        from_prompt("  ")


def test_a_captured_turn_is_bounded_and_streamed() -> None:
    workload = from_body("turn", TURN)
    assert workload.body["max_tokens"] == MAX_TOKENS
    assert workload.body["stream"] is True
    assert "metadata" not in workload.body
    assert workload.body["tools"] == TURN["tools"]
    assert from_body("turn", TURN, max_tokens=4000).body["max_tokens"] == 4000


@pytest.mark.parametrize("content", [TURN, {"request": {"body": TURN}, "response": {}}])
def test_a_file_is_a_trace_or_a_body(tmp_path: Path, content: dict[str, Any]) -> None:
    path = tmp_path / "trace-1.json"
    path.write_text(json.dumps(content))
    assert (from_file(path).name, from_file(path).about) == ("turn", "trace-1")
    assert from_file(path).body["messages"] == TURN["messages"]


@pytest.mark.parametrize("content", ["no json", "[]", "{}", '{"request": {"body": {}}}', "3"])
def test_another_file_is_refused_in_words(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(WorkloadError):
        from_file(path)


def test_the_suite_has_all_four_and_names_what_it_does_not_have() -> None:
    assert [workload.name for workload in builtin(SUITE)] == list(SUITE)
    assert [workload.name for workload in builtin()] == list(QUICK)
    assert all(workload.cells == ALL_CELLS for workload in builtin(SUITE))
    with pytest.raises(WorkloadError, match="'nope': use short, code, tool, long"):
        builtin(["nope"])


def test_the_quick_suite_measures_the_proxy_in_the_long_one_only() -> None:
    short, long = builtin()
    assert short.cells == ((Way.PROXY, Prefix.COLD),)
    assert long.cells == ALL_CELLS


def test_the_long_text_has_its_size_and_is_always_the_same() -> None:
    text = long_text(1000)
    assert 4000 <= len(text) < 4100
    assert text == long_text(1000)
    lines = text.splitlines()
    assert len(set(lines)) == len(lines)


def upstream(body: dict[str, Any]) -> bytes:
    """What the backend's prompt is made of, in its order."""
    endpoint = Endpoint("http://x", "m", Dialect())
    made = translate(body, endpoint, CallMemory()).body
    return json.dumps([made["messages"], made.get("tools")]).encode()


@pytest.mark.parametrize("body", [TURN, *(workload.body for workload in builtin(SUITE))])
def test_a_nonce_parts_two_prompts_at_the_front(body: dict[str, Any]) -> None:
    one, other = (upstream(with_nonce(body, nonce)) for nonce in ("aaaa", "bbbb"))
    assert common_prefix(one, other) < 60
    tools = [with_nonce(body, nonce).get("tools", [{}])[0] for nonce in ("aaaa", "bbbb")]
    assert not tools[0] or tools[0] != tools[1]


@pytest.mark.parametrize("body", [TURN, *(workload.body for workload in builtin(SUITE))])
def test_a_warm_prompt_shares_all_but_its_end(body: dict[str, Any]) -> None:
    cold, warm = with_nonce(body, "aaaa"), with_nonce(body, "aaaa", again=1)
    assert cold != warm
    one, other = (json.dumps(made["messages"]).encode() for made in (cold, warm))
    assert common_prefix(one, other) > len(one) - 12
    assert cold["system"] == warm["system"]
    assert cold.get("tools") == warm.get("tools")


def test_the_body_that_was_given_is_left_alone() -> None:
    before = json.dumps(TURN)
    with_nonce(TURN, "aaaa", again=2)
    assert json.dumps(TURN) == before


def test_a_tool_result_at_the_end_keeps_its_content() -> None:
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "a.py"}
    body = {**TURN, "messages": [{"role": "user", "content": [result]}]}
    made = with_nonce(body, "aaaa", again=1)["messages"][0]["content"]
    assert made == [result, {"type": "text", "text": "#1"}]


def test_the_end_is_behind_a_late_system_message() -> None:
    late = {"role": "system", "content": "Today is a day."}
    body = {**TURN, "messages": [{"role": "user", "content": "hi"}, late]}
    made = with_nonce(body, "aaaa", again=1)["messages"]
    assert made == [{"role": "user", "content": "hi"}, {**late, "content": "Today is a day.\n#1"}]
