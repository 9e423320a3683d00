"""What each kind of backend accepts, as a strict checker.

The rules are from the wire notes on mlx_lm, vllm-mlx, LM Studio and vLLM (which request
gave which error), not from the translator.
"""

from __future__ import annotations

import json
import re
from typing import Any

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect

DIALECTS = {
    "mlx_lm": Dialect(
        tool_choice="ignored",
        json_schema=False,
        enable_thinking=True,
        reasoning_history="reasoning",
        silent_tool_calls=True,
    ),
    "vllm_mlx": Dialect(user_after_results="folded", max_tokens_cap=32_768, top_k=False),
    "lmstudio": Dialect(
        tool_choice="strings",
        images=True,
        reasoning_effort=True,
        extra={"ttl": 3600},
        reasoning_history="reasoning_content",
    ),
    "messages": Dialect(late_system="system"),
    "llama 3.1": Dialect(calls="serial", call_ids="nine", images=True),
    "gpt-oss": Dialect(
        calls="serial", text_beside_calls="reasoning", reasoning_history="reasoning_content"
    ),
    "kimi": Dialect(call_ids="numbered"),
    "gemma 2": Dialect(calls="text", first_system="user", images=True),
    "vllm": Dialect(images=True, stop=True, enable_thinking=True),
    "bare": Dialect(top_k=False, json_schema=False),
}
ENDPOINTS = {
    name: Endpoint("http://127.0.0.1:1/v1/chat/completions", "default_model", dialect)
    for name, dialect in DIALECTS.items()
}

_ALWAYS = {"model", "messages", "tools", "tool_choice", "stream", "max_tokens", "temperature"}
_ALWAYS |= {"top_p", "stream_options"}


def check_request(body: dict[str, Any], dialect: Dialect) -> None:
    """Fail on anything that a backend with this dialect would refuse."""
    allowed = set(_ALWAYS) | set(dialect.extra)
    allowed |= {"top_k"} if dialect.top_k else set()
    allowed |= {"stop"} if dialect.stop else set()
    allowed |= {"response_format"} if dialect.json_schema else set()
    allowed |= {"chat_template_kwargs"} if dialect.enable_thinking else set()
    allowed |= {"reasoning_effort"} if dialect.reasoning_effort else set()
    assert set(body) <= allowed, f"not whitelisted: {set(body) - allowed}"
    assert body["model"] == "default_model"
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    text.encode()  # no lone surrogates
    assert "169.254.169.254" not in json.dumps(
        [part for part in parts(body) if part["type"] != "text"]
    ), "a URL would be fetched"
    for key, value in body.items():
        assert value is not None, f"{key} is null"
    if "max_tokens" in body:
        assert 1 <= body["max_tokens"] <= (dialect.max_tokens_cap or 10**9)
    if "stop" in body:
        assert 1 <= len(body["stop"]) <= 4
        assert all(isinstance(stop, str) and stop for stop in body["stop"])
    if "reasoning_effort" in body:
        assert body["reasoning_effort"] in ("low", "medium", "high")
    _check_tools(body, dialect)
    _check_messages(body["messages"], dialect)


def parts(body: dict[str, Any]) -> list[dict[str, Any]]:
    """All content parts of list-formed contents."""
    return [
        part
        for message in body["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
    ]


def _check_tools(body: dict[str, Any], dialect: Dialect) -> None:
    names = []
    if "tools" in body:
        assert body["tools"], "an empty tools list is refused"
    else:
        assert "tool_choice" not in body
    for tool in body.get("tools", []):
        assert set(tool) == {"type", "function"}
        assert tool["type"] == "function"
        assert set(tool["function"]) <= {"name", "description", "parameters"}
        assert tool["function"]["parameters"]["type"] == "object"
        assert isinstance(tool["function"]["parameters"]["properties"], dict)
        names.append(tool["function"]["name"])
    assert len(names) == len(set(names))
    choice = body.get("tool_choice", "auto")
    if dialect.tool_choice == "ignored":
        assert choice == "auto"
    elif dialect.tool_choice == "strings" or isinstance(choice, str):
        assert choice in ("none", "auto", "required")
    else:
        assert choice["function"]["name"] in names


def _check_messages(messages: list[dict[str, Any]], dialect: Dialect) -> None:
    assert any(message["role"] != "system" for message in messages)
    waiting: list[str] = []
    for position, message in enumerate(messages):
        role = message["role"]
        assert role in ("system", "user", "assistant", "tool")
        if waiting:
            assert role == "tool", "a call without its result behind it"
        assert role != "system" or dialect.first_system == "system"
        if role == "tool":
            assert waiting, "a result without a call before it"
            assert message["tool_call_id"] == waiting.pop(0), "results in the calls' order"
            assert set(message) == {"role", "tool_call_id", "content"}
            assert isinstance(message["content"], str)
            assert message["content"]
        elif role == "system":
            assert set(message) == {"role", "content"}
            assert isinstance(message["content"], str)
            if position:
                assert dialect.late_system == "system", "many templates refuse or lose it"
        elif role == "user":
            assert set(message) == {"role", "content"}
            _check_user(message["content"], dialect)
            if dialect.user_after_results == "folded" and isinstance(message["content"], str):
                assert not position or messages[position - 1]["role"] != "tool"
            if position:
                assert messages[position - 1]["role"] != "user", "neighbours are one message"
        else:
            waiting = _check_assistant(message, dialect)
            if position:
                assert messages[position - 1]["role"] != "assistant"
    assert not waiting


def _check_user(content: Any, dialect: Dialect) -> None:
    if isinstance(content, str):
        assert content
        return
    assert any(part["type"] == "image_url" for part in content), "text alone is a string"
    before = ""
    for part in content:
        if part["type"] == "text":
            assert set(part) == {"type", "text"}
            assert part["text"]
            assert before != "text", "neighbouring texts are one part"
        else:
            assert dialect.images, "the model reads no images"
            assert part["image_url"]["url"].startswith("data:image/")
        before = part["type"]


def _check_assistant(message: dict[str, Any], dialect: Dialect) -> list[str]:
    allowed = {"role", "content", "tool_calls", dialect.reasoning_history} - {"drop"}
    assert set(message) <= allowed
    assert isinstance(message["content"], str)
    ids = []
    for call in message.get("tool_calls", []):
        assert set(call) == {"id", "type", "function"}
        assert call["type"] == "function"
        assert set(call["function"]) == {"name", "arguments"}
        assert isinstance(json.loads(call["function"]["arguments"]), dict)
        ids.append(call["id"])
    assert "tool_calls" not in message or ids
    assert not ids or dialect.calls != "text"
    assert len(ids) < 2 or dialect.calls == "parallel"
    if dialect.text_beside_calls == "reasoning" and dialect.reasoning_history in message:
        assert not ids or not message["content"], "content beside thinking and a call"
    for call_id in ids:
        assert dialect.call_ids != "nine" or re.fullmatch("[a-z0-9]{9}", call_id)
    assert len(ids) == len(set(ids))
    assert message["content"] or len(message) > 2
    return ids
