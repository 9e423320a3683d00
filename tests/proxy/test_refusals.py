"""Answers of a backend that are no reply: errors told once, pages with status 200, and a model
that is still being loaded. Over sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anyclaude_tui.config.settings import Limits
from anyclaude_tui.figures import Source
from anyclaude_tui.telemetry.events import Outcome
from tests.support import wire
from tests.support.clock import FastClock
from tests.support.proxy import Proxy, ask_body, running_proxy
from tests.support.upstream import Reply, Upstream, fail, say
from tests.support.validator import validate

LOADING = {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}
"""llama.cpp's, for as long as the file takes (docs/protocol/llama-cpp.md)."""


def answer(body: str | dict[str, Any], content_type: str = "application/json") -> Reply:
    """A 200 with this body."""
    raw = body if isinstance(body, str) else json.dumps(body)
    return Reply(raw.encode(), content_type=content_type, framing="length")


@pytest.mark.parametrize("native", [False, True], ids=["translated", "native"])
@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        ("<html><title>Sign in</title><body>Please</body></html>", "text/html", "Sign in"),
        ({"code": 40102, "msg": "the key has expired"}, "application/json", "the key has expired"),
        ({"success": False, "message": "no credit"}, "application/json", "no credit"),
        ({"status": 500, "message": "try another"}, "application/json", "try another"),
        ({"detail": "not today"}, "application/json", "not today"),
    ],
)
async def test_a_200_that_is_no_reply_is_told_in_its_words_once(
    upstream: Upstream,
    proxy: Proxy,
    body: str | dict[str, Any],
    content_type: str,
    words: str,
    native: bool,
) -> None:
    if native:
        proxy.backend.now(native=True, url=f"{upstream.url}/messages")
    upstream.script(answer(body, content_type))
    status, data = await proxy.ask(ask_body())
    assert status >= 400
    assert words in json.loads(data)["error"]["message"]
    assert len(upstream.requests) == 1
    assert proxy.last.outcome is Outcome.ERROR


async def test_the_reason_of_a_provider_that_broke_off_is_told(
    upstream: Upstream, proxy: Proxy
) -> None:
    """OpenRouter puts it beside the finish reason, in a 200."""
    choice = {
        "index": 0,
        "delta": {"content": ""},
        "finish_reason": "error",
        "error": {"code": 502, "message": "Upstream idle timeout exceeded"},
    }
    broken = wire.event({"id": "x", "choices": [choice]})
    upstream.script(Reply(wire.text("Part"), broken, wire.DONE))
    _, data = await proxy.ask(ask_body())
    message = validate(data)
    assert message.text == "Part"
    assert message.error is not None
    assert "Upstream idle timeout exceeded" in message.error["message"]


async def test_an_overflow_in_the_stream_makes_claude_code_compact(
    upstream: Upstream, proxy: Proxy
) -> None:
    """LM Studio answers 200 and says it in an event (lmstudio-bug-tracker#2322)."""
    said = "Cannot truncate prompt with n_keep (24012) >= n_ctx (16384)"
    upstream.script(Reply(b"event: error\n" + wire.event({"error": {"message": said}})))
    status, data = await proxy.ask(ask_body())
    assert status == 400
    words = json.loads(data)["error"]["message"]
    assert words == "prompt is too long: 24012 tokens > 16384 maximum"
    assert len(upstream.requests) == 1


async def test_a_model_that_is_being_loaded_is_waited_for(upstream: Upstream) -> None:
    limits = Limits(commit_s=5, keepalive_s=10)
    async with running_proxy(upstream.url, limits=limits) as proxy:
        proxy.services.clock = FastClock(20)
        upstream.script(*[fail(503, LOADING)] * 30, say("Hello ", "world"))
        status, data = await proxy.ask(ask_body())
        assert (status, validate(data).text) == (200, "Hello world")
        last = proxy.last
    assert (last.outcome, last.retries, last.reason) == (Outcome.COMPLETE, 0, "")
    assert last.keepalives >= 1
    # What was waited is load; asked every second, its end is known as well as that.
    assert last.load_s.source is Source.ESTIMATED
    assert last.load_s.value is not None
    assert last.load_s.value >= 30
    assert len(upstream.requests) == 31


async def test_a_model_that_is_loaded_for_too_long_is_told(upstream: Upstream) -> None:
    async with running_proxy(upstream.url, limits=Limits(first_byte_s=20)) as proxy:
        proxy.services.clock = FastClock(20)
        upstream.when(lambda seen: True, fail(503, LOADING))
        _, data = await proxy.ask(ask_body())
        error = validate(data).error
        assert error is not None
        assert "still loads its model after 20 s" in error["message"]
        assert proxy.last.retries == 0


@pytest.mark.parametrize(
    "words", ["Failed to load model", "server busy, please try again", "The model is overloaded"]
)
async def test_a_503_of_another_kind_is_told_at_once(
    upstream: Upstream, proxy: Proxy, words: str
) -> None:
    upstream.script(fail(503, {"error": {"message": words}}))
    status, data = await proxy.ask(ask_body())
    assert (status, json.loads(data)["error"]["message"]) == (503, words)
    assert len(upstream.requests) == 1
