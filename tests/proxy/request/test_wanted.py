"""The user's settings over a request: what wins, under which name it goes, what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.config.request_settings import RequestSettings
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import UpstreamRequest, translate
from anyclaude_tui.proxy.request.passthrough import native_request
from tests.proxy.making import IMAGE, assistant, user

ALL: dict[str, Any] = {
    "temperature": 0.6,
    "top_p": 0.95,
    "top_k": 20,
    "min_p": 0.05,
    "repetition_penalty": 1.1,
    "presence_penalty": 0.5,
    "seed": 7,
}
RENAMED = {"repetition_penalty": "repeat_penalty"}
ADAPTIVE: dict[str, Any] = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}


def sent(
    settings: dict[str, Any] | None = None,
    dialect: Dialect | None = None,
    model: dict[str, float] | None = None,
    **body: Any,
) -> UpstreamRequest:
    """The request to a server of chat completions, with these settings."""
    plain = Endpoint("http://h/v1", "m", dialect or Dialect(), model_sampling=model or {})
    endpoint = plain.asked_for(RequestSettings(**(settings or {})))
    return translate({"messages": [user("hi")], **body}, endpoint, CallMemory())


def native(settings: dict[str, Any] | None = None, **body: Any) -> UpstreamRequest:
    endpoint = Endpoint("http://h/v1/messages", "m", native=True)
    made = {"messages": [user("hi")], "max_tokens": 32_000, **body}
    wanted = RequestSettings(**(settings or {}))
    return native_request(made, endpoint.asked_for(wanted), CallMemory())


def test_nothing_set_changes_nothing() -> None:
    plain = {"model": "m", "stream": True, "stream_options": {"include_usage": True}}
    request = sent()
    assert request.body == {**plain, "messages": [{"role": "user", "content": "hi"}]}
    assert (request.sampling, request.notices, request.left_out) == ((), (), ())


@pytest.mark.parametrize(
    ("dialect", "renamed"),
    [(Dialect(), {}), (Dialect(renamed=RENAMED), RENAMED), (Dialect(top_k=False), {})],
)
def test_each_parameter_goes_under_the_name_that_the_server_has(
    dialect: Dialect, renamed: dict[str, str]
) -> None:
    request = sent(ALL, dialect)
    wanted = {renamed.get(name, name): value for name, value in ALL.items()}
    assert {key: request.body.get(key) for key in wanted} == wanted
    assert not renamed.keys() & request.body.keys()
    assert request.sampling == tuple((name, value, "setting") for name, value in ALL.items())


def test_the_setting_before_the_client_before_the_model_s_own() -> None:
    model = {"temperature": 0.7, "top_p": 0.8, "top_k": 40, "min_p": 0.1}
    request = sent({"temperature": 0.2}, None, model, temperature=1.0, top_p=0.9)
    asked = {name: request.body[name] for name in model}
    assert asked == {"temperature": 0.2, "top_p": 0.9, "top_k": 40, "min_p": 0.1}
    assert {name: source for name, _, source in request.sampling} == {
        "temperature": "setting",
        "top_p": "client",
        "top_k": "generation_config.json",
        "min_p": "generation_config.json",
    }
    assert request.notices == ("temperature 1 of the client's is 0.2, as set",)


def test_what_a_server_does_not_know_is_left_out_and_said() -> None:
    ollama = Dialect(left_out=frozenset({"top_k", "min_p", "repetition_penalty"}))
    request = sent(ALL, ollama, {"top_k": 40})
    assert {"temperature", "top_p", "presence_penalty", "seed"} == ALL.keys() & request.body.keys()
    assert request.notices == tuple(
        f"{name} left out: the backend has none"
        for name in ("top_k", "min_p", "repetition_penalty")
    )
    assert {name for name, _, _ in request.sampling} == ALL.keys() & request.body.keys()
    assert not sent({}, ollama, {"top_k": 40}).notices  # nobody has asked for that


def test_the_messages_api_gets_what_it_has_names_for() -> None:
    request = native({"temperature": 0.2, "top_k": 5}, temperature=1.0, top_p="odd")
    assert (request.body["temperature"], request.body["top_k"]) == (0.2, 5)
    assert request.body["top_p"] == "odd"  # the server's to refuse
    assert request.sampling == (("temperature", 0.2, "setting"), ("top_k", 5, "setting"))


def test_the_smaller_limit_of_output_counts() -> None:
    assert sent({"max_output_tokens": 500}, max_tokens=32_000).body["max_tokens"] == 500
    assert sent({"max_output_tokens": 500}, max_tokens=100).body["max_tokens"] == 100
    thinking = {"type": "enabled", "budget_tokens": 10_000}
    cut = native({"max_output_tokens": 5_000}, thinking=thinking)
    assert cut.body["thinking"]["budget_tokens"] == 4_999
    tight = native({"max_output_tokens": 1_000}, thinking=thinking)
    assert tight.body["thinking"] == {"type": "disabled"}
    assert tight.notices == ("max_tokens 32,000 of the client's is 1,000, as set",)


# --- thinking -------------------------------------------------------------------------------------

TEMPLATE = Dialect(enable_thinking=True)
LEVELS = Dialect(enable_thinking=True, effort_switch=("reasoning_effort", ("low", "high")))
EFFORT = Dialect(reasoning_effort=True, reasoning_off="none")


@pytest.mark.parametrize(
    ("mode", "dialect", "thinks", "effort"),
    [
        ("auto", TEMPLATE, True, None),
        ("off", TEMPLATE, False, None),
        ("on", TEMPLATE, True, None),
        ("auto", LEVELS, True, "high"),
        ("off", LEVELS, False, None),
        ("low", LEVELS, True, "low"),
        ("medium", LEVELS, True, "low"),
    ],
)
def test_thinking_by_a_template_s_switches(
    mode: str, dialect: Dialect, thinks: bool, effort: str | None
) -> None:
    request = sent({"thinking": mode}, dialect, max_tokens=32_000, **ADAPTIVE)
    kwargs = request.body["chat_template_kwargs"]
    assert kwargs["enable_thinking"] is thinks
    assert kwargs.get("reasoning_effort") == effort
    assert "reasoning_effort" not in request.body


@pytest.mark.parametrize(
    ("mode", "dialect", "effort"),
    [
        ("auto", EFFORT, "high"),
        ("off", EFFORT, "none"),  # off wins over the effort that Claude Code goes on sending
        ("low", EFFORT, "low"),
        ("on", EFFORT, "high"),
        ("auto", Dialect(), None),
        ("off", Dialect(), "none"),  # a server of which nothing is known: OpenAI's own parameter
        ("medium", Dialect(), "medium"),
    ],
)
def test_thinking_by_openai_s_parameter(mode: str, dialect: Dialect, effort: str | None) -> None:
    request = sent({"thinking": mode}, dialect, max_tokens=32_000, **ADAPTIVE)
    assert request.body.get("reasoning_effort") == effort
    assert "chat_template_kwargs" not in request.body


def test_thinking_that_the_client_has_not_asked_for() -> None:
    assert sent({"thinking": "on"}, TEMPLATE, max_tokens=32_000).notices == ("thinking on, as set",)
    title = sent({"thinking": "high"}, TEMPLATE, max_tokens=512)
    assert title.body["chat_template_kwargs"]["enable_thinking"] is False


def test_an_effort_that_no_template_knows_is_said() -> None:
    notices = sent({"thinking": "low"}, TEMPLATE, max_tokens=32_000, **ADAPTIVE).notices
    assert "effort low left out: the chat template knows none" in notices


CLEAR = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}, {"type": "other"}]}


def test_thinking_in_the_messages_api() -> None:
    off = native({"thinking": "off"}, context_management=CLEAR, **ADAPTIVE).body
    assert off["thinking"] == {"type": "disabled"}
    assert "output_config" not in off
    assert off["context_management"] == {"edits": [{"type": "other"}]}
    low = native({"thinking": "low"}, context_management=CLEAR, **ADAPTIVE).body
    assert low["thinking"] == {"type": "adaptive"}
    assert low["output_config"] == {"effort": "low"}
    assert low["context_management"] == CLEAR
    assert native({"thinking": "on"}).body["thinking"] == {
        "type": "enabled",
        "budget_tokens": 16_000,
    }


# --- what else is known better ------------------------------------------------------------------


def test_images_and_earlier_thinking_as_set() -> None:
    body: dict[str, Any] = {"messages": [user("see", IMAGE)]}
    (seen,) = sent({"images": True}, **body).body["messages"]
    assert seen["content"][1]["type"] == "image_url"
    (told,) = sent({"images": False}, Dialect(images=True), **body).body["messages"]
    assert "image_url" not in str(told)
    thought = {"type": "thinking", "thinking": "so", "signature": ""}
    talk = [user("q"), assistant(thought, "a"), user("r")]
    keeps = sent({"reasoning_history": "reasoning"}, messages=talk).body["messages"][1]
    assert keeps["reasoning"] == "so"
    knows = Dialect(reasoning_history="reasoning")
    plain = sent({"reasoning_history": "drop"}, knows, messages=talk)
    assert "reasoning" not in plain.body["messages"][1]


EXTRA = {
    "top_p": 0.1,
    "chat_template_kwargs": {"preserve": {"deep": 1}, "enable_thinking": True},
    "new": [1],
}


def test_more_members_are_merged_and_the_last_word() -> None:
    body = sent({"extra_body": EXTRA, "top_p": 0.9}, TEMPLATE, max_tokens=9).body
    assert (body["top_p"], body["new"], body["max_tokens"]) == (0.1, [1], 9)
    kwargs = body["chat_template_kwargs"]
    assert kwargs["preserve"] == {"deep": 1}
    assert kwargs["enable_thinking"] is True  # the client asks for none: the last word
    assert kwargs["preserve_thinking"] is True  # ours, beside it
    assert list(body)[-1] == "messages"  # a body's beginning stays the same from turn to turn
    assert (
        native({"extra_body": EXTRA}).body["chat_template_kwargs"] == EXTRA["chat_template_kwargs"]
    )


@pytest.mark.parametrize("make", [sent, native])
def test_no_extra_body_touches_what_is_ours(make: Any) -> None:
    """Settings refuse them; whatever comes here by another way does not either."""
    ours = {"stream": False, "messages": [], "tools": [1], "model": "x", "system": "s", "n": 2}
    assert make({"extra_body": ours}).body == make().body
    assert make({"extra_body": ours | {"stop": ["."]}}).body["stop"] == ["."]


def test_what_is_merged_leaves_the_settings_as_they_are() -> None:
    extra: dict[str, Any] = {"chat_template_kwargs": {"a": 1}}
    sent({"extra_body": extra}, TEMPLATE)
    assert extra == {"chat_template_kwargs": {"a": 1}}
