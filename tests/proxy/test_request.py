"""The request as a whole: messages, tools, parameters, each on an example."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from anyclaude_tui.backends.base import Dialect, Endpoint
from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.proxy.prefix import CallMemory
from anyclaude_tui.proxy.request import UpstreamRequest, clamp, translate
from tests.proxy.anthropic_requests import PIXEL

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
DATA_URL = f"data:image/png;base64,{PIXEL}"
BASH = {
    "name": "Bash",
    "description": "Runs a command",
    "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}},
}
READ = {"name": "Read", "input_schema": {}}


def request_for(
    dialect: Dialect | None = None, memory: CallMemory | None = None, **body: Any
) -> UpstreamRequest:
    body.setdefault("messages", [user("hi")])
    endpoint = Endpoint("http://127.0.0.1:1/v1", "default_model", dialect or Dialect())
    return translate(body, endpoint, memory or CallMemory())


def messages_for(*messages: Any, dialect: Dialect | None = None, **body: Any) -> list[Any]:
    made = request_for(dialect, messages=list(messages), **body).body["messages"]
    assert isinstance(made, list)
    return made


def user(*content: Any) -> dict[str, Any]:
    return said("user", content)


def assistant(*content: Any) -> dict[str, Any]:
    return said("assistant", content)


def system(*content: Any) -> dict[str, Any]:
    return said("system", content)


def said(role: str, content: Any) -> dict[str, Any]:
    if len(content) == 1 and isinstance(content[0], str):
        return {"role": role, "content": content[0]}
    blocks = [{"type": "text", "text": item} if isinstance(item, str) else item for item in content]
    return {"role": role, "content": blocks}


def call(id_: str, name: str = "Bash", **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id_, "name": name, "input": arguments}


def result(id_: str, content: Any = None, **more: Any) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": id_, **more}
    return block if content is None else {**block, "content": content}


# --- the body -------------------------------------------------------------------------------


def test_a_whole_request_in_its_stable_order() -> None:
    request = request_for(
        model="claude-opus-4-8",
        max_tokens=32_000,
        system=[
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.0.abc;"},
            {"type": "text", "text": "You are Claude Code."},
            {"type": "text", "text": "\nBe brief.\n\n  - tab\there \n"},
        ],
        tools=[BASH],
        thinking={"type": "adaptive"},
        metadata={"user_id": "x"},
        context_management={"edits": []},
        stream=False,
        temperature=None,
        a_new_beta=True,
    )
    assert json.dumps(request.body) == json.dumps(
        {
            "model": "default_model",
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 32_000,
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "Bash",
                        "description": "Runs a command",
                        "parameters": BASH["input_schema"],
                    },
                }
            ],
            "messages": [
                {
                    "role": "system",
                    "content": "You are Claude Code.\nBe brief.\n\n  - tab\there \n",
                },
                {"role": "user", "content": "hi"},
            ],
        }
    )
    assert request.tools == {"Bash": BASH["input_schema"]}
    assert request.thinking
    assert request.notices == ()
    assert request.sizes.tool_count == 1
    assert request.sizes.message_count == 1
    assert request.sizes.messages_bytes == len('[{"role":"user","content":"hi"}]')
    assert request.sizes.system_bytes > 100
    assert request.prompt_bytes > 200


def test_without_tools_nothing_about_tools_is_sent() -> None:
    request = request_for(tools=[], tool_choice={"type": "any"})
    assert set(request.body) == {"model", "stream", "stream_options", "messages"}
    assert request.tools == {}


# --- messages -------------------------------------------------------------------------------


def test_a_text_has_one_form_however_it_comes() -> None:
    as_string = messages_for({"role": "user", "content": "hi"})
    as_blocks = messages_for(
        {
            "role": "user",
            "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}],
        }
    )
    assert as_string == as_blocks == [{"role": "user", "content": "hi"}]


def test_text_blocks_stay_whole_and_apart() -> None:
    assert messages_for(user("one ", "two\n", " three", "", "\nfour"))[0]["content"] == (
        "one \n\ntwo\n three\nfour"
    )


def test_neighbours_of_one_role_are_one_message() -> None:
    assert messages_for(user("a"), user("b"), assistant("c"), assistant("d"), user("e")) == [
        {"role": "user", "content": "a\n\nb"},
        {"role": "assistant", "content": "c\n\nd"},
        {"role": "user", "content": "e"},
    ]


def test_results_stand_behind_their_calls_in_the_calls_order() -> None:
    made = messages_for(
        user("go"),
        assistant("on it", call("t1", command="a"), call("t2", command="b")),
        user("also this", result("t2", "two"), result("t1", [{"type": "text", "text": "one"}])),
    )
    assert made[1:] == [
        {
            "role": "assistant",
            "content": "on it",
            "tool_calls": [
                {
                    "id": id_,
                    "type": "function",
                    "function": {"name": "Bash", "arguments": json.dumps({"command": letter})},
                }
                for id_, letter in (("t1", "a"), ("t2", "b"))
            ],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "one"},
        {"role": "tool", "tool_call_id": "t2", "content": "two"},
        {"role": "user", "content": "also this"},
    ]


def test_results_may_come_in_several_messages() -> None:
    made = messages_for(
        user("go"),
        assistant(call("t1")),
        assistant(call("t2")),
        user(result("t1", "one")),
        system("between"),
        user(result("t2", "two"), "more"),
    )
    assert [m["role"] for m in made] == ["user", "assistant", "tool", "tool", "system", "user"]
    assert len(made[1]["tool_calls"]) == 2


def test_a_call_without_a_result_gets_a_placeholder() -> None:
    request = request_for(messages=[user("go"), assistant(call("t1")), user("stop that")])
    assert request.body["messages"][2:] == [
        {
            "role": "tool",
            "tool_call_id": "t1",
            "content": "[No result: the call was not completed]",
        },
        {"role": "user", "content": "stop that"},
    ]
    assert request.notices == ("a tool call without a result got a placeholder",)


def test_a_result_without_its_call_becomes_user_text() -> None:
    made = messages_for(user(result("gone", "text of it"), "and now?"))
    assert made == [
        {
            "role": "user",
            "content": "[Result of the tool call gone]\ntext of it\n\nand now?",
        }
    ]


def test_a_reused_id_is_told_apart() -> None:
    made = messages_for(
        user("go"),
        assistant(call("t", command="a"), call("t", command="b")),
        user(result("t", "one"), result("t", "two")),
        assistant(call("t", command="c")),
        user(result("t", "three")),
    )
    assert [c["id"] for c in made[1]["tool_calls"]] == ["t", "t_2"]
    assert [m["content"] for m in made if m["role"] == "tool"] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (result("t", "out"), "out"),
        (result("t"), "[The tool returned nothing]"),
        (result("t", []), "[The tool returned nothing]"),
        (result("t", "Exit code 3\nno", is_error=True), "Error: Exit code 3\nno"),
        (result("t", "", is_error=True), "Error: the tool failed and said nothing"),
        (result("t", "fine", is_error=False), "fine"),
        (
            result("t", [{"type": "tool_reference", "tool_name": "Read"}]),
            "[Tool Read is available]",
        ),
    ],
)
def test_the_text_of_a_result(block: dict[str, Any], text: str) -> None:
    made = messages_for(user("go"), assistant(call("t")), user(block))
    assert made[2] == {"role": "tool", "tool_call_id": "t", "content": text}


def test_images_of_results_follow_in_one_user_message() -> None:
    made = messages_for(
        user("look"),
        assistant(call("t1", "Read"), call("t2", "Read")),
        user(
            result("t1", [{"type": "text", "text": "a picture"}, IMAGE]),
            result("t2", [IMAGE]),
            "what is it?",
        ),
        dialect=Dialect(images=True),
    )
    assert made[2]["content"] == "a picture\n\n[1 image(s) of this result follow below]"
    assert made[3]["content"] == "[1 image(s) of this result follow below]"
    shown = {"type": "image_url", "image_url": {"url": DATA_URL}}
    heading = {"type": "text", "text": "Images from the result of Read:"}
    assert made[4] == {
        "role": "user",
        "content": [heading, shown, heading, shown, {"type": "text", "text": "what is it?"}],
    }


def test_raw_arguments_are_restored_by_id() -> None:
    memory = CallMemory()
    memory.remember("t1", "Edit", '{"new": "x ",  "limit": "5"}')
    sent = {"limit": 5, "new": "x", "replace_all": False}
    request = request_for(
        memory=memory,
        messages=[user("go"), assistant(call("t1", "Edit", **sent)), user(result("t1", "ok"))],
    )
    function = request.body["messages"][1]["tool_calls"][0]["function"]
    assert function["arguments"] == '{"new": "x ",  "limit": "5"}'


@pytest.mark.parametrize("given", [{}, None])
def test_a_call_without_arguments_has_an_empty_object(given: Any) -> None:
    block = {"type": "tool_use", "id": "t", "name": "Bash", "input": given}
    made = messages_for(user("go"), assistant(block), user(result("t", "ok")))
    assert made[1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_thinking_is_dropped_or_goes_back_under_the_backends_name() -> None:
    turns = (
        user("q"),
        assistant(
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "redacted_thinking", "data": "secret"},
            "a",
        ),
        user("r"),
    )
    assert messages_for(*turns)[1] == {"role": "assistant", "content": "a"}
    names: tuple[Any, ...] = ("reasoning", "reasoning_content")
    for name in names:
        kept = messages_for(*turns, dialect=Dialect(reasoning_history=name))
        assert kept[1] == {"role": "assistant", "content": "a", name: "hm"}


# --- system messages ------------------------------------------------------------------------


def test_late_system_messages_stay_in_place() -> None:
    turns = (user("a"), system("note"), assistant("b"), user("c"), system("late"))
    assert messages_for(*turns, system="S") == [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "a"},
        {"role": "system", "content": "note"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
        {"role": "system", "content": "late"},
    ]
    strict = messages_for(*turns, system="S", dialect=Dialect(late_system="user"))
    reminder = "<system-reminder>\n{}\n</system-reminder>"
    assert strict == [
        {"role": "system", "content": "S"},
        {"role": "user", "content": f"a\n\n{reminder.format('note')}"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": f"c\n\n{reminder.format('late')}"},
    ]


@pytest.mark.parametrize("late", ["system", "user"])
def test_a_system_message_never_comes_between_a_call_and_its_result(late: Any) -> None:
    made = messages_for(
        user("go"),
        assistant(call("t")),
        system("between"),
        user(result("t", "out")),
        dialect=Dialect(late_system=late),
    )
    assert [m["role"] for m in made] == ["user", "assistant", "tool", late]


def test_a_first_system_message_is_the_system_prompt() -> None:
    billing = "x-anthropic-billing-header: v;"
    made = messages_for(system(f"{billing}\nS"), user("a"), dialect=Dialect(late_system="user"))
    assert made[0] == {"role": "system", "content": "S"}


def test_no_system_text_is_no_system_message() -> None:
    empty: list[Any] = [None, "", [], "x-anthropic-billing-header: v;"]
    for nothing in empty:
        assert messages_for(user("a"), system=nothing)[0]["role"] == "user"


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
        assert list(request.tools) == names


@pytest.mark.parametrize("understood", [True, False])
def test_one_call_at_a_time(understood: bool) -> None:
    request = request_for(
        Dialect(parallel_tool_calls=understood),
        tools=[BASH],
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
    )
    assert request.single_call
    assert request.body.get("parallel_tool_calls") == (False if understood else None)


# --- parameters -----------------------------------------------------------------------------


def test_sampling() -> None:
    given: dict[str, Any] = {"temperature": 0.3, "top_p": 1, "top_k": 40}
    body = request_for(**given).body
    assert {key: body[key] for key in given} == given
    assert "top_k" not in request_for(Dialect(top_k=False), **given).body
    nothing = request_for(temperature=None, top_p=None, top_k=0, max_tokens=None).body
    assert set(nothing) == {"model", "stream", "stream_options", "messages"}


def test_max_tokens_under_the_cap_and_its_default() -> None:
    capped = Dialect(max_tokens_cap=32_768, default_max_tokens=4_096)
    assert request_for(capped, max_tokens=64_000).body["max_tokens"] == 32_768
    assert request_for(capped, max_tokens=10).body["max_tokens"] == 10
    assert request_for(capped).body["max_tokens"] == 4_096


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
    assert request.thinking is asked
    assert request.body["chat_template_kwargs"] == {"enable_thinking": asked}
    assert request.body["reasoning_effort"] == effort
    plain = request_for(thinking=thinking, output_config=output)
    assert plain.thinking is asked
    assert set(plain.body) == {"model", "stream", "stream_options", "messages"}


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
    assert request.structured
    asked = request_for(Dialect(json_schema=False), **wish)
    assert "response_format" not in asked.body
    assert json.dumps(SCHEMA) in asked.body["messages"][-1]["content"]
    assert asked.structured
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
    assert body["chat_template_kwargs"] == {"x": 1, "enable_thinking": False}
    assert list(body)[-1] == "messages"
    assert "stream_options" not in request_for(Dialect(usage=False)).body


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


# --- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": None}, "messages: Field required"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [system("only")]}, "messages: at least one message must have content"),
        ({"messages": ["x"]}, "messages.0: Input should be an object"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role: "),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages.0.content.0.type: "),
        (
            {"messages": [user({"type": "text"})]},
            "messages.0.content.0.text.text: Field required",
        ),
        ({"messages": [assistant({"type": "tool_use", "id": "a"})]}, "tool_use.name: "),
        ({"messages": [assistant({**call("a"), "input": "x"})]}, "tool_use.input: "),
        ({"messages": [user({"type": "tool_result"})]}, "tool_result.tool_use_id: "),
        ({"system": 5}, "system: "),
        ({"max_tokens": 0}, "max_tokens: "),
        ({"max_tokens": True}, "max_tokens: "),
        ({"max_tokens": "5"}, "max_tokens: "),
        ({"temperature": "hot"}, "temperature: "),
        ({"temperature": -1}, "temperature: "),
        ({"top_p": 2}, "top_p: "),
        ({"top_k": 1.5}, "top_k: "),
        ({"stop_sequences": "x"}, "stop_sequences: "),
        ({"tools": {}}, "tools: "),
        ({"tools": [BASH, BASH]}, "tools: Tool names must be unique."),
        ({"tools": [{"name": "x"}]}, "tools.0.input_schema: Field required"),
        ({"tools": [{"input_schema": {}}]}, "tools.0.name: Field required"),
        ({"tools": [BASH], "tool_choice": "any"}, "tool_choice: "),
        ({"tools": [BASH], "tool_choice": {"type": "all"}}, "tool_choice.type: "),
        (
            {"tools": [BASH], "tool_choice": {"type": "tool", "name": "Nope"}},
            "tool_choice: Tool 'Nope' not found in provided tools",
        ),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema: "),
    ],
)
def test_a_wrong_request_is_refused_in_the_apis_words(body: dict[str, Any], words: str) -> None:
    with pytest.raises(ApiError) as raised:
        request_for(**body)
    assert raised.value.type == "invalid_request_error"
    assert words in raised.value.message


def test_a_nesting_bomb_is_refused() -> None:
    bomb: Any = "x"
    for _ in range(5_000):
        bomb = [bomb]
    with pytest.raises(ApiError, match="nested too deeply"):
        request_for(messages=[user("x")], metadata=bomb)


def test_lone_surrogates_become_harmless_and_pairs_become_characters() -> None:
    request = request_for(
        messages=[user("a\ud800b \ud83d\ude00"), assistant(call("t\udfff", x="\udc00"))],
        tools=[{**BASH, "description": "\ud800"}],
    )
    text = json.dumps(request.body, ensure_ascii=False)
    text.encode()
    assert "a\ufffdb 😀" in text
    assert "\\u" not in text
