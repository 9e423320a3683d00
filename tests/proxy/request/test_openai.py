"""The request as a whole and its messages, on examples; and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.proxy.request.call_memory import CallMemory
from tests.proxy.making import (
    BASH,
    DATA_URL,
    IMAGE,
    assistant,
    call,
    messages_for,
    request_for,
    result,
    system,
    user,
)

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
    assert [m["role"] for m in made] == ["user", "assistant", "tool", "tool", "user"]
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


REMINDER = "<system-reminder>\n{}\n</system-reminder>"


def test_a_late_system_message_goes_into_the_message_before_it() -> None:
    turns = (user("a"), system("note"), assistant("b"), user("c"), system("late"))
    assert messages_for(*turns, system="S") == [
        {"role": "system", "content": "S"},
        {"role": "user", "content": f"a\n\n{REMINDER.format('note')}"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": f"c\n\n{REMINDER.format('late')}"},
    ]
    standing = messages_for(*turns, system="S", dialect=Dialect(late_system="system"))
    assert [m["role"] for m in standing] == [
        *("system", "user", "system", "assistant", "user", "system")
    ]


def test_a_late_system_message_behind_a_result_is_no_user_query() -> None:
    turns = (
        user("go"),
        assistant(call("t")),
        system("between"),
        user(result("t", "out")),
        system("behind"),
    )
    made = messages_for(*turns)
    assert [m["role"] for m in made] == ["user", "assistant", "tool"]
    between, behind = REMINDER.format("between"), REMINDER.format("behind")
    assert made[-1]["content"] == f"out\n\n{between}\n\n{behind}"
    # The next turn begins with the bytes of this one.
    assert messages_for(*turns, assistant("ok"), user("more"))[:3] == made
    standing = messages_for(*turns, dialect=Dialect(late_system="system"))
    assert [m["role"] for m in standing] == ["user", "assistant", "tool", "system"]


def test_user_text_behind_results_goes_where_the_template_takes_it() -> None:
    turns = (
        user("go"),
        assistant(call("t")),
        user(result("t", "out"), "[Request interrupted by user]"),
        system("late"),
    )
    assert [m["role"] for m in messages_for(*turns)] == ["user", "assistant", "tool", "user"]
    made = messages_for(*turns, dialect=Dialect(user_after_results="folded"))
    assert [m["role"] for m in made] == ["user", "assistant", "tool"]
    said = "<user-message>\n[Request interrupted by user]\n</user-message>"
    assert made[-1]["content"] == f"out\n\n{said}\n\n{REMINDER.format('late')}"


def test_an_instruction_of_ours_behind_a_result_is_no_user_query() -> None:
    made = messages_for(
        user("go"),
        assistant(call("t")),
        user(result("t", "out")),
        tools=[BASH],
        tool_choice={"type": "any"},
        dialect=Dialect(tool_choice="ignored"),
    )
    assert made[-1]["role"] == "tool"
    assert made[-1]["content"] == f"out\n\n{REMINDER.format('[Answer with a call of Bash.]')}"


def test_a_first_system_message_is_the_system_prompt() -> None:
    billing = "x-anthropic-billing-header: v;"
    made = messages_for(system(f"{billing}\nS"), user("a"))
    assert made[0] == {"role": "system", "content": "S"}


def test_no_system_text_is_no_system_message() -> None:
    empty: list[Any] = [None, "", [], "x-anthropic-billing-header: v;"]
    for nothing in empty:
        assert messages_for(user("a"), system=nothing)[0]["role"] == "user"


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
