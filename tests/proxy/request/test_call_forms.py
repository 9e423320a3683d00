"""The forms that earlier calls take for chat templates that want another than OpenAI's."""

from __future__ import annotations

from typing import Any

import pytest

from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.proxy.request.call_memory import CallMemory
from tests.proxy.making import assistant, call, messages_for, request_for, result, system, user
from tests.proxy.streams import TOOLS, chunk, run

THINKING = {"type": "thinking", "thinking": "Hm.", "signature": ""}
TURNS = (
    user("go"),
    assistant(THINKING, "Both.", call("a", "Bash", command="ls"), call("b", "Bash", command="pwd")),
    user(result("a", "one"), result("b", "two")),
    system("late"),
)
LATE = "<system-reminder>\nlate\n</system-reminder>"


def roles(messages: list[Any]) -> list[str]:
    return [message["role"] for message in messages]


def test_two_calls_one_after_the_other() -> None:
    made = messages_for(*TURNS, dialect=Dialect(calls="serial"))
    assert roles(made) == ["user", "assistant", "tool", "assistant", "tool"]
    assert [m["content"] for m in made[1:]] == ["Both.", "one", "", f"two\n\n{LATE}"]
    ids = [one["id"] for m in made if "tool_calls" in m for one in m["tool_calls"]]
    assert ids == [m["tool_call_id"] for m in made if m["role"] == "tool"] == ["a", "b"]


def test_calls_as_text_are_read_back_as_calls() -> None:
    made = messages_for(*TURNS, dialect=Dialect(calls="text"))
    assert roles(made) == ["user", "assistant", "user"]
    response = "<tool_response>\n{}\n</tool_response>"
    assert made[2]["content"] == "\n\n".join([response.format("one"), response.format("two"), LATE])
    got = run(chunk(content=made[1]["content"]), chunk("stop"), tools=TOOLS)
    assert got.message.text.strip() == "Both."
    assert got.message.calls == [("Bash", {"command": "ls"}), ("Bash", {"command": "pwd"})]


def test_the_ids_of_mistral_and_of_kimi() -> None:
    nine = messages_for(*TURNS, dialect=Dialect(call_ids="nine"))
    ids = [one["id"] for one in nine[1]["tool_calls"]]
    assert ids == [m["tool_call_id"] for m in nine if m["role"] == "tool"]
    assert all(len(one) == 9 and one.isalnum() for one in ids)
    assert len(set(ids)) == 2
    again = (*TURNS, assistant(call("c", "Read")), user(result("c", "x")))
    for how in ("parallel", "serial"):
        dialect = Dialect(call_ids="numbered", calls=how)
        kimi = messages_for(*again, dialect=dialect)
        ids = [one["id"] for m in kimi for one in m.get("tool_calls", ())]
        assert ids == ["functions.Bash:0", "functions.Bash:1", "functions.Read:2"]


def test_text_beside_thinking_and_calls() -> None:
    oss = Dialect(reasoning_history="reasoning_content", text_beside_calls="reasoning")
    made = messages_for(*TURNS, dialect=oss)[1]
    assert (made["content"], made["reasoning_content"]) == ("", "Hm.\n\nBoth.")
    alone = messages_for(user("go"), assistant(THINKING, "Hi"), dialect=oss)[1]
    assert (alone["content"], alone["reasoning_content"]) == ("Hi", "Hm.")


def test_the_system_prompt_as_user_text() -> None:
    dialect = Dialect(first_system="user", images=True)
    assert messages_for(user("go"), system="S", dialect=dialect) == [
        {"role": "user", "content": "S\n\ngo"}
    ]
    assert roles(messages_for(assistant("hi"), system="S", dialect=dialect)) == [
        *("user", "assistant")
    ]


@pytest.mark.parametrize("form", ["parallel", "serial", "text"])
def test_the_next_turn_begins_with_the_messages_of_this_one(form: Any) -> None:
    dialect = Dialect(calls=form, call_ids="numbered", first_system="user")
    memory = CallMemory()
    more = (assistant("ok"), user("more"))
    now = request_for(dialect, memory, messages=[*TURNS], system="S").body["messages"]
    then = request_for(dialect, memory, messages=[*TURNS, *more], system="S").body["messages"]
    assert then[: len(now)] == now


@pytest.mark.parametrize(
    ("asked", "levels", "sent"),
    [
        ("high", ("low", "medium", "high"), "high"),
        ("max", ("low", "medium", "high"), "high"),
        ("high", ("low", "medium", "xhigh"), "medium"),
        ("medium", ("low", "high", "max"), "low"),
        ("minimal", ("low", "high"), "low"),
        (None, ("low", "high", "max"), "high"),
    ],
)
def test_effort_by_the_templates_own_name_and_levels(asked: Any, levels: Any, sent: str) -> None:
    dialect = Dialect(enable_thinking=True, effort_switch=("reasoning_effort", levels))
    body: dict[str, Any] = {"thinking": {"type": "adaptive"}, "output_config": {"effort": asked}}
    assert request_for(dialect, **body).body["chat_template_kwargs"]["reasoning_effort"] == sent
    off = request_for(dialect, output_config={"effort": "high"}).body["chat_template_kwargs"]
    assert "reasoning_effort" not in off


def test_thinking_by_the_templates_own_switch() -> None:
    dialect = Dialect(
        enable_thinking=True, thinking_on={"thinking": True}, thinking_off={"thinking": False}
    )
    on = request_for(dialect, thinking={"type": "adaptive"}).body["chat_template_kwargs"]
    assert on["thinking"] is True
    assert "enable_thinking" not in on
