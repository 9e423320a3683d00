"""Any valid request is accepted everywhere; garbage raises our own error; prefixes hold."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import clamp, translate
from anyclaude_tui.proxy.request.passthrough import hygiene
from tests.proxy.anthropic_requests import conversations, requests
from tests.proxy.backend_rules import DIALECTS, ENDPOINTS, check_request

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

garbage = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "role",
                    "content",
                    "text",
                    "id",
                    "name",
                    "input",
                    "source",
                    "data",
                    "tool_use_id",
                    "tool_name",
                    "thinking",
                    "media_type",
                    "input_schema",
                    "title",
                ]
            ),
            inner
            | st.sampled_from(
                [
                    "user",
                    "assistant",
                    "system",
                    "text",
                    "image",
                    "document",
                    "tool_use",
                    "tool_result",
                    "thinking",
                    "base64",
                    "url",
                    "search_result",
                    "Bash",
                    "web_search_tool_result",
                    "server_tool_use",
                    "application/pdf",
                    "image/png",
                ]
            ),
            max_size=5,
        )
    ),
    max_leaves=20,
)
FIELDS = [
    "messages",
    "system",
    "tools",
    "tool_choice",
    "max_tokens",
    "thinking",
    "top_k",
    "temperature",
    "top_p",
    "stop_sequences",
    "output_config",
    "output_format",
    "stream",
]


def attempt(make: Callable[[], Any]) -> tuple[Any, ApiError | None]:
    """What it makes, or our own error; any other exception fails the test."""
    try:
        return make(), None
    except ApiError as error:
        return None, error


@pytest.mark.parametrize("name", DIALECTS)
@relaxed
@given(body=requests())
def test_any_valid_request_is_one_that_the_backend_accepts(name: str, body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    request = translate(body, ENDPOINTS[name], CallMemory())
    check_request(request.body, DIALECTS[name])
    assert repr(body) == repr(before), "the client's request is not changed"
    offered = {tool["function"]["name"] for tool in request.body.get("tools", [])}
    assert set(request.tools) <= offered
    asked = list(request.body.get("stop", [])) + list(request.stop_sequences)
    assert set(asked) == {stop for stop in body.get("stop_sequences") or [] if stop}
    assert translate(body, ENDPOINTS[name], CallMemory()) == request, "always the same bytes"


@pytest.mark.parametrize("name", DIALECTS)
@relaxed
@given(messages=conversations(), more=conversations())
def test_the_next_turn_begins_with_the_bytes_of_this_one(
    name: str, messages: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    def upstream(history: list[dict[str, Any]]) -> list[str]:
        request = translate({"messages": history}, ENDPOINTS[name], CallMemory())
        return [json.dumps(message) for message in request.body["messages"]]

    first = upstream(messages)
    # What comes next always begins with what the assistant said to this one.
    said = {"role": "assistant", "content": [{"type": "text", "text": "answer"}]}
    second = upstream([*messages, said, *more])
    assert second[: len(first)] == first


@relaxed
@given(st.dictionaries(st.sampled_from(FIELDS), garbage))
def test_garbage_raises_nothing_but_our_own_error(body: dict[str, Any]) -> None:
    for endpoint in ENDPOINTS.values():
        request, error = attempt(partial(translate, body, endpoint, CallMemory()))
        if error is not None:
            assert error.status == 400
            assert error.message
        else:
            check_request(request.body, endpoint.dialect)
        clean, _ = attempt(partial(hygiene, body, endpoint, CallMemory()))
        json.dumps(clean, ensure_ascii=False, allow_nan=False).encode()


@relaxed
@given(garbage)
def test_garbage_in_place_of_messages(value: Any) -> None:
    for shape in (
        [{"role": "user", "content": value}],
        [{"role": "assistant", "content": value}, {"role": "user", "content": "x"}],
        [{"role": "user", "content": [value]}],
        [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", **value}]}]
        if isinstance(value, dict)
        else value,
    ):
        for endpoint in ENDPOINTS.values():
            request, error = attempt(
                partial(translate, {"messages": shape}, endpoint, CallMemory())
            )
            if error is None:
                check_request(request.body, endpoint.dialect)


@relaxed
@given(requests(), st.integers(0, 70_000), st.integers(1, 64_000))
def test_clamped_requests_fit_the_window(body: dict[str, Any], prompt: int, window: int) -> None:
    endpoint = replace(ENDPOINTS["vllm_mlx"], window_tokens=window)
    request = translate(body, endpoint, CallMemory())
    clamped, error = attempt(partial(clamp, request, prompt, endpoint))
    if error is not None:
        assert prompt >= window
        assert error.message == f"prompt is too long: {prompt} tokens > {window} maximum"
        return
    assert prompt + clamped.body["max_tokens"] <= window
    assert list(clamped.body) == list(request.body), "the order of the body stays"
    check_request(clamped.body, endpoint.dialect)
