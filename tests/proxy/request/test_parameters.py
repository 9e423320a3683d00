"""Tools, tool_choice and the other parameters, on examples."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.templates.switches import KEEP_THINKING
from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import UpstreamRequest, clamp, translate
from tests.proxy.making import (
    BASH,
    IMAGE,
    READ,
    assistant,
    messages_for,
    request_for,
    user,
)

# --- tools ----------------------------------------------------------------------------------


def test_server_tools_are_left_out_with_a_notice() -> None:
    request = request_for(
        tools=[BASH, {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}],
        tool_choice={"type": "tool", "name": "web_search"},
    )
    assert [tool["function"]["name"] for tool in request.body["tools"]] == ["Bash"]
    assert "tool_choice" not in request.body
    assert "server tool web_search left out" in request.notices


def test_only_server_tools_means_no_tools() -> None:
    request = request_for(tools=[{"type": "code_execution_20250522", "name": "code_execution"}])
    assert "tools" not in request.body
    assert request.tools == {}


def test_a_schema_is_completed_to_what_strict_servers_want() -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "required": ["a"]}
    request = request_for(tools=[{**READ, "input_schema": schema, "cache_control": {}}])
    function = request.body["tools"][0]["function"]
    assert function == {
        "name": "Read",
        "parameters": {"required": ["a"], "type": "object", "properties": {}},
    }


AUTO, ANY, NONE = ({"type": kind} for kind in ("auto", "any", "none"))
THIS = {"type": "tool", "name": "Read"}
OBJECT = {"type": "function", "function": {"name": "Read"}}


@pytest.mark.parametrize(
    ("form", "choice", "sent", "names", "asked"),
    [
        ("object", None, None, ["Bash", "Read"], False),
        ("object", AUTO, None, ["Bash", "Read"], False),
        ("object", ANY, "required", ["Bash", "Read"], False),
        ("object", THIS, OBJECT, ["Bash", "Read"], False),
        ("object", NONE, "none", ["Bash", "Read"], False),
        ("strings", ANY, "required", ["Bash", "Read"], False),
        ("strings", THIS, "required", ["Read"], False),
        ("strings", NONE, "none", ["Bash", "Read"], False),
        ("ignored", AUTO, None, ["Bash", "Read"], False),
        ("ignored", ANY, None, ["Bash", "Read"], True),
        ("ignored", THIS, None, ["Read"], True),
        ("ignored", NONE, None, [], False),
    ],
)
def test_tool_choice_in_its_nearest_form(
    form: Any, choice: Any, sent: Any, names: list[str], asked: bool
) -> None:
    request = request_for(Dialect(tool_choice=form), tools=[BASH, READ], tool_choice=choice)
    assert request.body.get("tool_choice") == sent
    assert [t["function"]["name"] for t in request.body.get("tools", [])] == names
    assert ("[Answer with a call of" in request.body["messages"][-1]["content"]) is asked
    if choice == NONE:
        assert request.tools == {}
    else:
        assert list(request.tools) == ([choice["name"]] if choice == THIS else names)


@pytest.mark.parametrize("wanted", [True, False])
def test_one_call_at_a_time(wanted: bool) -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": wanted}
    assert request_for(tools=[BASH], tool_choice=choice).single_call is wanted


# --- parameters -----------------------------------------------------------------------------


def test_sampling() -> None:
    given: dict[str, Any] = {"temperature": 0.3, "top_p": 1, "top_k": 40}
    body = request_for(**given).body
    assert {key: body[key] for key in given} == given
    assert "top_k" not in request_for(Dialect(top_k=False), **given).body
    nothing = request_for(temperature=None, top_p=None, top_k=0, max_tokens=None).body
    assert set(nothing) == {"model", "stream", "stream_options", "messages"}


def test_max_tokens_under_the_cap() -> None:
    capped = Dialect(max_tokens_cap=32_768)
    assert request_for(capped, max_tokens=64_000).body["max_tokens"] == 32_768
    assert request_for(capped, max_tokens=10).body["max_tokens"] == 10
    assert "max_tokens" not in request_for(capped, max_tokens=None).body


def test_stop_sequences_here_or_there() -> None:
    stops = ["a", "", "b", "a", "c", "d", "e"]
    ours = request_for(stop_sequences=stops)
    assert ours.stop_sequences == ("a", "b", "c", "d", "e")
    assert "stop" not in ours.body
    theirs = request_for(Dialect(stop=True), stop_sequences=stops)
    assert theirs.body["stop"] == ["a", "b", "c", "d"]
    assert theirs.stop_sequences == ("e",)


@pytest.mark.parametrize(
    ("thinking", "output", "asked", "effort"),
    [
        (None, None, False, "low"),
        ({"type": "disabled"}, None, False, "low"),
        # With MAX_THINKING_TOKENS=0 Claude Code sends no `thinking`, but an effort all the same.
        (None, {"effort": "high"}, False, "low"),
        ({"type": "disabled"}, {"effort": "max"}, False, "low"),
        ({"type": "adaptive"}, None, True, "high"),
        ({"type": "adaptive"}, {"effort": "medium"}, True, "medium"),
        ({"type": "adaptive"}, {"effort": "max"}, True, "high"),
        ({"type": "enabled", "budget_tokens": 31_999}, None, True, "high"),
        ({"type": "enabled", "budget_tokens": 8_000}, None, True, "medium"),
        ({"type": "enabled", "budget_tokens": 1_024}, None, True, "low"),
    ],
)
def test_thinking_and_effort(thinking: Any, output: Any, asked: bool, effort: str) -> None:
    both = Dialect(enable_thinking=True, reasoning_effort=True)
    request = request_for(both, thinking=thinking, output_config=output)
    assert request.body["chat_template_kwargs"] == {"enable_thinking": asked, **KEEP_THINKING}
    assert request.body["reasoning_effort"] == effort
    plain = request_for(thinking=thinking, output_config=output)
    assert set(plain.body) == {"model", "stream", "stream_options", "messages"}


def test_thinking_off_in_a_servers_own_word() -> None:
    dialect = Dialect(reasoning_effort=True, reasoning_off="none")  # Ollama
    assert request_for(dialect, output_config={"effort": "high"}).body["reasoning_effort"] == "none"
    asked = request_for(dialect, thinking={"type": "adaptive"}, output_config={"effort": "low"})
    assert asked.body["reasoning_effort"] == "low"


SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}}


@pytest.mark.parametrize(
    "wish",
    [
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        {"output_format": {"type": "json_schema", "schema": SCHEMA}},
    ],
)
def test_a_json_schema_as_parameter_or_in_the_prompt(wish: dict[str, Any]) -> None:
    request = request_for(**wish)
    assert request.body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "output", "strict": True, "schema": SCHEMA},
    }
    asked = request_for(Dialect(json_schema=False), **wish)
    assert "response_format" not in asked.body
    assert json.dumps(SCHEMA) in asked.body["messages"][-1]["content"]
    assert asked.notices


def test_an_instruction_of_ours_stands_at_the_very_end() -> None:
    wish = {"format": {"type": "json_schema", "schema": SCHEMA}}
    dialect = Dialect(json_schema=False, images=True)
    parts = messages_for(user("a", IMAGE), dialect=dialect, output_config=wish)[-1]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "text"]
    last = messages_for(user("a"), assistant("b"), dialect=dialect, output_config=wish)[-1]
    assert last["role"] == "user"


def test_fixed_members_of_the_dialect() -> None:
    dialect = Dialect(
        enable_thinking=True,
        extra={"ttl": 60, "chat_template_kwargs": {"x": 1, "enable_thinking": True}},
    )
    body = request_for(dialect).body
    assert body["ttl"] == 60
    assert body["chat_template_kwargs"] == {"x": 1, "enable_thinking": False, **KEEP_THINKING}
    assert list(body)[-1] == "messages"


def test_clamp() -> None:
    endpoint = Endpoint("u", "m", Dialect(max_tokens_cap=9_000), window_tokens=10_000)
    request = translate({"messages": [user("x")], "max_tokens": 8_000}, endpoint, CallMemory())
    assert clamp(request, 1_000, endpoint) is request
    assert clamp(request, 4_000, endpoint).body["max_tokens"] == 6_000
    assert request.body["max_tokens"] == 8_000
    with pytest.raises(ApiError, match="prompt is too long: 10000 tokens > 10000 maximum"):
        clamp(request, 10_000, endpoint)
    unknown = replace(endpoint, window_tokens=None)
    assert clamp(request, 10**9, unknown) is request


def _loads(dialect: Dialect, *loads: str) -> UpstreamRequest:
    """A conversation that has loaded these tools, one after the other."""

    def tool(name: str, **more: object) -> dict[str, object]:
        schema = {"type": "object", "properties": {"of": {"const": name}}}
        return {"name": name, "description": f"It {name}s", "input_schema": schema, **more}

    tools = [tool("Agent"), tool("Read"), *(tool(n, defer_loading=True) for n in sorted(loads))]
    tools.insert(2, {"name": "DeferredToolPlaceholder", "input_schema": {}, "defer_loading": True})
    messages: list[dict[str, object]] = [{"role": "user", "content": "x"}]
    for number, name in enumerate(loads):
        call = {"type": "tool_use", "id": f"c{number}", "name": "ToolSearch", "input": {}}
        found = [{"type": "tool_reference", "tool_name": name}]
        result = {"type": "tool_result", "tool_use_id": f"c{number}", "content": found}
        messages += [
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ]
    body = {"max_tokens": 1, "messages": messages, "tools": tools}
    return translate(body, Endpoint("u", "m", dialect), CallMemory())


def names_of(made: UpstreamRequest) -> list[str]:
    return [tool["function"]["name"] for tool in made.body["tools"]]


def test_tools_loaded_on_demand_go_last_in_their_order() -> None:
    made = _loads(Dialect(), "Web", "Cron")
    assert names_of(made) == ["Agent", "Read", "Web", "Cron"]
    assert set(made.tools) == {"Agent", "Read", "Web", "Cron"}


def test_tools_loaded_on_demand_stand_in_the_result_of_their_loading() -> None:
    """Where the server lets the model call them: nothing before changes."""
    dialect = Dialect(late_tools="result")
    first, second, third = (_loads(dialect, *loads) for loads in ((), ("Web",), ("Web", "Cron")))
    assert names_of(first) == names_of(second) == names_of(third) == ["Agent", "Read"]
    assert set(third.tools) == {"Agent", "Read", "Web", "Cron"}  # and may be called
    for shorter, longer in ((first, second), (second, third)):
        told = shorter.body["messages"]
        assert longer.body["messages"][: len(told)] == told
    shown = second.body["messages"][-1]["content"]
    assert shown.startswith('<functions>\n<function>{"name":"Web","description":"It Webs"')


def test_a_loaded_tool_whose_loading_was_compacted_away_is_listed() -> None:
    made = _loads(Dialect(late_tools="result"))
    tool = {"name": "Web", "input_schema": {"type": "object"}, "defer_loading": True}
    body = {"max_tokens": 1, "messages": [{"role": "user", "content": "x"}], "tools": [tool]}
    made = translate(body, Endpoint("u", "m", Dialect(late_tools="result")), CallMemory())
    assert names_of(made) == ["Web"]
