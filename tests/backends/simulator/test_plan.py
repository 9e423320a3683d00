"""What the simulated server answers: pure, deterministic, and told to be simulated."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from anyclaude_tui.backends.simulator.plan import (
    PROFILES,
    Plan,
    Script,
    last_user_text,
    make_plan,
    parse_profile,
    prompt_text,
)

BASH = {"type": "function", "function": {"name": "Bash", "parameters": {}}}
FAST = PROFILES["fast"]


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def body(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), "max_tokens": 4096, **more}


def said(plan: Plan, key: str = "content") -> str:
    return "".join(piece.delta.get(key, "") for piece in plan.pieces)


def plan(request: dict[str, Any], **script: Any) -> Plan:
    return make_plan(request, FAST, Script(**script))


@pytest.mark.parametrize(
    ("text", "part"),
    [("hello", "Hello!"), ("count to 50", "49, 50."), ("some code", "```python"), ("?", "Words")],
)
def test_keywords(text: str, part: str) -> None:
    made = plan(body(user(text)))
    assert part in said(made)
    assert "simulated" in said(made)
    assert made.finish_reason == "stop"
    assert made == plan(body(user(text)))


def test_thinking_comes_first_and_can_be_turned_off() -> None:
    made = plan(body(user("hi")))
    assert "reasoning" in made.pieces[0].delta
    assert sum("reasoning" in piece.delta for piece in made.pieces) == FAST.reasoning_tokens
    off = body(user("hi"), chat_template_kwargs={"enable_thinking": False})
    assert said(plan(off), "reasoning") == ""


def test_reminders_are_not_the_users_words() -> None:
    text = "<system-reminder>use the shell</system-reminder>\ncount"
    assert last_user_text(body(user(text))) == "count"
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert last_user_text(body(user(parts), {"role": "system", "content": "late"})) == "a\nb"


def test_shell_calls_bash_when_it_is_offered() -> None:
    made = plan(body(user("use the shell"), tools=[BASH]))
    assert made.finish_reason == "tool_calls"
    (call,) = made.pieces[-1].delta["tool_calls"]
    assert call["function"]["name"] == "Bash"
    assert "simulated.txt" in call["function"]["arguments"]
    assert plan(body(user("use the shell"))).finish_reason == "stop"


def test_any_tool_can_be_asked_for() -> None:
    made = plan(body(user('tool Bash {"command": "ls {a,b}"} please'), tools=[BASH]))
    (call,) = made.pieces[-1].delta["tool_calls"]
    assert call["function"]["arguments"] == '{"command": "ls {a,b}"}'


def test_after_the_result_comes_a_closing_sentence() -> None:
    calls = {"role": "assistant", "content": "", "tool_calls": []}
    result = {"role": "tool", "tool_call_id": "1", "content": "ok"}
    reminder = user("<system-reminder>be short</system-reminder>")
    made = plan(body(user("shell"), calls, result, reminder, tools=[BASH]))
    assert made.finish_reason == "stop"
    assert "Done" in said(made)


def test_a_limit_ends_with_length() -> None:
    made = plan(body(user("count"), max_tokens=25))
    assert made.tokens == 25
    assert made.finish_reason == "length"
    half_call = plan(body(user("shell"), tools=[BASH], max_tokens=30))
    assert half_call.finish_reason == "length"
    assert not any("tool_calls" in piece.delta for piece in half_call.pieces)


def test_scripted_lengths_are_exact() -> None:
    made = plan(body(user("x")), reasoning_tokens=7, output_tokens=100)
    assert made.tokens == 107
    joined = plan(body(user("x")), reasoning_tokens=7, output_tokens=100, chunk_tokens=10)
    assert joined.tokens == 107
    assert len(joined.pieces) == 11
    assert said(joined) == said(made)


def test_scripted_calls_may_be_nonsense() -> None:
    made = plan(body(user("x")), calls=[{"name": "Edit", "arguments": '{"a": '}])
    assert made.pieces[-1].delta["tool_calls"][0]["function"]["arguments"] == '{"a": '
    lost = plan(body(user("x")), broken_call=True)
    assert lost.finish_reason == "tool_calls"
    assert not any("tool_calls" in piece.delta for piece in lost.pieces)


def test_where_a_script_may_stand() -> None:
    request = body(user('go [[simulate {"status": 503}]] on'))
    found = Script.of_request(request, None)
    assert found is not None
    assert found.status == 503
    assert Script.of_request({**request, "x_simulator": {"after": 2}}, None) == Script(after=2)
    assert Script.of_request(request, '{"after": 3}') == Script(after=3)
    assert Script.of_request(body(user("plain")), None) is None
    with pytest.raises(msgspec.ValidationError):
        Script.of_request({"x_simulator": {"atfer": 1}}, None)


def test_profiles_can_be_changed() -> None:
    quick = parse_profile("slow,speed=10,slots=1")
    slow = PROFILES["slow"]
    assert quick.decode_tokens_per_s == slow.decode_tokens_per_s * 10
    assert quick.load_s == slow.load_s / 10
    assert quick.slots == 1
    assert parse_profile("") == FAST
    for wrong in ("quick", "fast,name=x", "fast,speed=x", "fast,nonsense=1"):
        with pytest.raises(ValueError, match="simulator profile"):
            parse_profile(wrong)


def test_the_prompts_front_stays_the_same_from_turn_to_turn() -> None:
    first = body(user("a"), tools=[BASH])
    second = body(user("a"), {"role": "assistant", "content": "b"}, user("c"), tools=[BASH])
    assert prompt_text(second).startswith(prompt_text(first))
