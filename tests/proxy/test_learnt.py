"""What a refusal teaches: the request is sent again as the backend wants it, and so from then on.

Over sockets; the words are those of the servers that are named.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.compare.measuring import timed_run
from anyclaude_tui.compare.measuring.run import Run
from anyclaude_tui.config.settings import Limits
from anyclaude_tui.telemetry.events import Outcome
from tests.support import wire
from tests.support.proxy import Proxy, ask_body, running_proxy
from tests.support.upstream import Reply, Upstream, fail, say
from tests.support.validator import validate

PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
IMAGE = {"role": "user", "content": [{"type": "image", "source": PNG}]}
TOOL = {
    "name": "Grep",
    "description": "Search",
    "input_schema": {
        "type": "object",
        "properties": {
            "pattern": {"type": "string", "pattern": "^a+$", "minLength": 1},
            "format": {"type": "string", "enum": ["json"], "format": "uri"},
            "paths": {"type": "array", "items": {"type": "string", "maxLength": 9}, "minItems": 1},
        },
        "required": ["pattern"],
    },
}
PLAIN = {
    "type": "object",
    "properties": {
        "pattern": {"type": "string"},
        "format": {"type": "string", "enum": ["json"]},
        "paths": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["pattern"],
}
"""The same without what a grammar refuses; members that are called so stay."""
HISTORY = [
    {"role": "user", "content": "list"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "I list.", "signature": "YW55Y2xhdWRlLXR1aTo6eDow"},
            {"type": "tool_use", "id": "toolu_1", "name": "Grep", "input": {"pattern": "a"}},
        ],
    },
    {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "none"}],
    },
]


def refusal(words: str, status: int = 400) -> Reply:
    return fail(status, {"error": {"message": words, "type": "invalid_request_error"}})


def schema(sent: dict[str, Any]) -> Any:
    return sent["tools"][0]["function"]["parameters"]


CASES = [
    pytest.param(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
        "'max_completion_tokens' instead.",
        {},
        lambda sent: ("max_tokens" in sent, sent.get("max_completion_tokens")) == (False, 1000),
        id="OpenAI's reasoning models: another name for the limit",
    ),
    pytest.param(
        "max_tokens is too large: 1000. This model supports at most 512 completion tokens",
        {},
        lambda sent: sent["max_tokens"] == 512,
        id="OpenAI: a cap",
    ),
    pytest.param(
        "max_tokens exceeds server limit (256)",
        {},
        lambda sent: sent["max_tokens"] == 256,
        id="vllm-mlx: a cap",
    ),
    pytest.param(
        "Invalid max_tokens value, the valid range of max_tokens is [1, 300]",
        {},
        lambda sent: sent["max_tokens"] == 300,
        id="DeepSeek: a cap",
    ),
    pytest.param(
        "Unsupported value: 'temperature' does not support 0.3 with this model. Only the default "
        "(1) value is supported.",
        {"temperature": 0.3},
        lambda sent: "temperature" not in sent,
        id="OpenAI: a parameter that it does not take",
    ),
    pytest.param(
        "body.top_k: Extra inputs are not permitted",
        {"top_k": 5},
        lambda sent: "top_k" not in sent,
        id="a strict server: a parameter that it does not know",
    ),
    pytest.param(
        "image input is not supported - hint: if this is unexpected, you may need to provide the "
        "mmproj",
        {"messages": [IMAGE]},
        lambda sent: "image_url" not in json.dumps(sent) and "left out" in json.dumps(sent),
        id="llama.cpp: a model that reads no images",
    ),
    pytest.param(
        "messages[0]: unknown variant `image_url`, expected `text`",
        {"messages": [IMAGE]},
        lambda sent: "image_url" not in json.dumps(sent),
        id="DeepSeek: a model that reads no images",
    ),
    pytest.param(
        "Failed to initialize samplers: failed to parse grammar",
        {"tools": [TOOL]},
        lambda sent: schema(sent) == PLAIN,
        id="llama.cpp: a grammar that refuses the schemas",
    ),
    pytest.param(
        "The `reasoning_content` in the thinking mode must be passed back to the API.",
        {"messages": HISTORY},
        lambda sent: sent["messages"][1].get("reasoning_content") == "I list.",
        id="DeepSeek: earlier thinking",
    ),
    pytest.param(
        "Invalid tool_choice type: 'object'. Supported string values: none, auto, required",
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "Grep"}},
        lambda sent: sent["tool_choice"] == "required",
        id="LM Studio: no tool_choice that names a tool",
    ),
]


@pytest.mark.parametrize("in_stream", [False, True], ids=["status", "stream"])
@pytest.mark.parametrize(("words", "asked", "learnt"), CASES)
async def test_a_refusal_that_teaches_is_heeded(
    upstream: Upstream, words: str, asked: dict[str, Any], learnt: Any, in_stream: bool
) -> None:
    error = {"error": {"message": words, "code": 400}}
    refused = Reply(wire.event(error)) if in_stream else refusal(words)
    async with running_proxy(upstream.url, dialect=Dialect(images=True)) as proxy:
        upstream.script(refused, say("Hello"), say("Hello"))
        for _ in range(2):
            status, data = await proxy.ask(ask_body(**asked))
            assert (status, validate(data).text) == (200, "Hello")
            assert (proxy.last.outcome, proxy.last.retries) == (Outcome.COMPLETE, 0)
        first, second, third = [seen.json for seen in upstream.requests]
        assert not learnt(first)
        assert learnt(second)
        assert learnt(third), "it is remembered"
        assert len(proxy.hub.notices) == 1  # and told, once


TWO_CALLS = [
    {"role": "user", "content": "list"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "I list.", "signature": "YW55Y2xhdWRlLXR1aTo6eDow"},
            {"type": "tool_use", "id": "toolu_1", "name": "Grep", "input": {"pattern": "a"}},
            {"type": "tool_use", "id": "toolu_2", "name": "Grep", "input": {"pattern": "b"}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "none"},
            {"type": "tool_result", "tool_use_id": "toolu_2", "content": "none"},
            {"type": "text", "text": "go on"},
        ],
    },
]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "This model only supports single tool-calls at once!"),
        (400, "Unable to generate parser for this template. Jinja: roles must alternate"),
        (500, "While executing CallExpression at line 9: System role not supported"),
    ],
    ids=["mlx_lm", "llama.cpp, generating its parser", "llama.cpp, rendering"],
)
async def test_a_template_that_refuses_gets_the_safe_form_once(
    upstream: Upstream, status: int, words: str
) -> None:
    dialect = Dialect(reasoning_history="reasoning_content")
    async with running_proxy(upstream.url, dialect=dialect) as proxy:
        upstream.script(refusal(words, status), say("Hello"), refusal(words, status))
        got, data = await proxy.ask(ask_body(messages=TWO_CALLS, tools=[TOOL]))
        assert (got, validate(data).text) == (200, "Hello")
        sent = upstream.requests[1].json["messages"]
        assert [m["role"] for m in sent][-4:] == ["assistant", "tool", "assistant", "tool"]
        assert "go on" in sent[-1]["content"]
        assert "I list." not in json.dumps(sent)
        assert all(len(m["tool_call_id"]) == 9 for m in sent if m["role"] == "tool")
        got, data = await proxy.ask(ask_body(messages=TWO_CALLS, tools=[TOOL]))
        assert words in json.loads(data)["error"]["message"], "refused again, it is told"
        assert len(upstream.requests) == 3


async def test_a_refusal_that_teaches_nothing_is_told_at_once(upstream: Upstream) -> None:
    async with running_proxy(upstream.url) as proxy:
        upstream.script(refusal("temperature of the room is unknown"))
        status, data = await proxy.ask(ask_body())
        assert (status, len(upstream.requests)) == (424, 1)
        assert "temperature of the room" in json.loads(data)["error"]["message"]


async def test_a_server_that_refuses_whatever_is_changed_is_told(upstream: Upstream) -> None:
    words = "max_tokens, temperature and top_p are not supported: use max_completion_tokens"
    async with running_proxy(upstream.url) as proxy:
        upstream.when(lambda seen: True, refusal(words))
        status, data = await proxy.ask(ask_body(temperature=0.3, top_p=0.9))
        assert (status, json.loads(data)["error"]["message"]) == (424, words)
        assert len(upstream.requests) == 4  # as it was, and three things tried


async def test_what_one_model_taught_is_not_held_against_another(upstream: Upstream) -> None:
    async with running_proxy(upstream.url) as proxy:
        upstream.script(refusal("max_tokens exceeds server limit (256)"), say("a"), say("b"))
        await proxy.ask(ask_body())
        proxy.backend.now(model="another")
        await proxy.ask(ask_body())
        assert [seen.json["max_tokens"] for seen in upstream.requests] == [1000, 256, 1000]


async def test_a_native_server_speaks_for_itself(upstream: Upstream, proxy: Proxy) -> None:
    proxy.backend.now(native=True, url=f"{upstream.url}/messages")
    upstream.script(refusal("max_tokens exceeds server limit (256)"))
    status, _ = await proxy.ask(ask_body())
    assert (status, len(upstream.requests)) == (400, 1)


async def test_a_direct_run_learns_as_the_proxy_does(upstream: Upstream) -> None:
    upstream.script(refusal("max_tokens exceeds server limit (256)"), say("Hello"))
    endpoint = Endpoint(f"{upstream.url}/chat/completions", "m")
    async with aiohttp.ClientSession() as http:
        taken = await timed_run.direct(Run("direct"), http, endpoint, ask_body(), Limits())
    assert (taken.view.outcome, taken.text) == (Outcome.COMPLETE, "Hello")
    assert upstream.requests[-1].json["max_tokens"] == 256


@pytest.fixture
async def proxy(upstream: Upstream) -> AsyncIterator[Proxy]:
    async with running_proxy(upstream.url) as running:
        yield running
