"""Passthrough: a native server's stream reaches the client under the same promise.

The server is the scripted fake; its bytes are those of `anthropic_wire.py`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.config.settings import Limits
from anyclaude_tui.figures import estimated, reported
from anyclaude_tui.proxy.reply.passthrough import NativeTranslator
from anyclaude_tui.proxy.wire.sse import Event, SSEReader
from anyclaude_tui.telemetry.events import Outcome, Truncation
from tests.support import anthropic_wire as wire
from tests.support.proxy import READ_TOOL, Proxy, ask_body, running_proxy
from tests.support.upstream import CUT, HEADERS, STALL, Reply, Upstream, wait
from tests.support.validator import validate

LIMITS = Limits(keepalive_s=0.1, commit_s=0.2, retries=1)
SHORT = Limits(keepalive_s=0.1, commit_s=0.2, first_byte_s=0.6, between_deltas_s=0.4, retries=1)
"""For a reply that stalls; on a busy machine a good one may take longer than that."""
HALF_TEXT = wire.open_block(0, type="text", text="") + wire.delta(
    0, type="text_delta", text="Hello"
)
HALF_CALL = wire.open_block(0, type="tool_use", id="toolu_1", name="Read", input={}) + wire.delta(
    0, type="input_json_delta", partial_json='{"file_path": "/t'
)


def translator(**more: object) -> NativeTranslator:
    fields = {
        "message_id": "msg_ours",
        "model": "claude-test",
        "prompt_tokens": 5,
        "tools": {"Read": READ_TOOL["input_schema"]},
        **more,
    }
    return NativeTranslator(**fields)  # type: ignore[arg-type]


def run(data: bytes, made: NativeTranslator, cuts: list[int] | None = None) -> bytes:
    """The client's bytes for a whole upstream reply, fed in pieces."""
    reader, out, start = SSEReader(), b"", 0
    for cut in [*sorted(cuts or []), len(data)]:
        out += made.feed(reader.feed(data[start:cut]))
        start = max(start, cut)
    return out + made.feed(reader.end()) + made.close().data


WHOLE = (
    wire.start(prompt=70)
    + wire.ping()
    + wire.thinking("Let me ", "see", signature="c2lnbmVk")
    + wire.text("Hello ", "wörld", index=1)
    + wire.call("Read", {"file_path": "/tmp/a"}, index=2)
    + wire.ending("tool_use", output=33)
)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=30))
def test_any_cutting_gives_the_same_valid_reply(cuts: list[int]) -> None:
    message = validate(run(WHOLE, translator(), cuts))
    assert message.thinking == "Let me see"
    assert message.text == "Hello wörld"
    assert message.calls == [("Read", {"file_path": "/tmp/a"})]
    assert message.stop_reason == "tool_use"
    assert message.usage["input_tokens"] == 70
    assert message.usage["output_tokens"] == 33


def test_the_signature_of_the_service_survives_and_the_ids_are_ours() -> None:
    data = run(WHOLE, translator(call_id=lambda: "toolu_ours"))
    assert b"c2lnbmVk" in data
    message = validate(data)
    assert message.id == "msg_ours"
    assert message.blocks[2]["id"] == "toolu_ours"


@given(st.integers(0, len(WHOLE) - 1))
def test_a_cut_anywhere_never_looks_complete_nor_leaves_half_a_call(cut: int) -> None:
    made = translator()
    reader = SSEReader()
    data = made.feed(reader.feed(WHOLE[:cut]))
    ending = made.close(Truncation.CUT, "cut by the test")
    if ending.outcome is Outcome.COMPLETE:
        assert made.facts.finish_reason is not None  # only the goodbye was lost
    if ending.error is None:
        message = validate(data + ending.data)
        assert message.calls in ([], [("Read", {"file_path": "/tmp/a"})])
    else:
        assert ending.retry


def test_it_gathers_the_whole_message() -> None:
    made = translator(gather=True)
    run(WHOLE, made)
    message = made.message()
    kinds = [block["type"] for block in message["content"]]
    assert kinds == ["thinking", "text", "tool_use"]
    assert message["content"][0]["signature"] == "c2lnbmVk"
    assert message["content"][2]["input"] == {"file_path": "/tmp/a"}


@pytest.fixture
async def proxy(upstream: Upstream) -> AsyncIterator[Proxy]:
    async with running_proxy(upstream.url, limits=LIMITS) as running:
        url = upstream.url + "/messages"
        running.backend.now(native=True, url=url)
        yield running


async def test_the_request_goes_through_with_its_hygiene(upstream: Upstream, proxy: Proxy) -> None:
    upstream.script(Reply(WHOLE))
    billing = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2; cch=1;"}
    system = [billing, {"type": "text", "text": "  Be brief.\n"}]
    headers = {"anthropic-beta": "b-1", "anthropic-version": "2023-06-01"}
    body = ask_body(system=system, tools=[READ_TOOL], unknown_field=1)
    async with proxy.post(body, headers=headers) as response:
        message = validate(await response.read())
    assert message.text == "Hello wörld"
    seen = upstream.requests[0]
    assert seen.headers["anthropic-beta"] == "b-1"
    assert seen.json["system"] == [{"type": "text", "text": "  Be brief.\n"}]
    assert seen.json["model"] == "real-model"
    assert seen.json["unknown_field"] == 1
    assert "authorization" not in seen.headers
    view = proxy.last
    assert (view.outcome, view.output_tokens.value) == (Outcome.COMPLETE, 33)


@pytest.mark.parametrize(
    ("steps", "outcome", "truncation", "stop_reason"),
    [
        ((wire.start(), HALF_TEXT, CUT), Outcome.LIMIT, Truncation.CUT, "max_tokens"),
        ((wire.start(), HALF_TEXT, STALL), Outcome.LIMIT, Truncation.STALL, "max_tokens"),
        ((wire.start(), HALF_CALL, CUT), Outcome.ERROR, Truncation.CUT, None),
        ((HEADERS, CUT), Outcome.ERROR, Truncation.CUT, None),
        ((b"data: {nonsense\n\n",), Outcome.ERROR, Truncation.MALFORMED, None),
    ],
    ids=["cut in text", "stall in text", "cut in a call", "cut after headers", "garbage"],
)
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_faults_end_as_for_every_backend(
    steps: tuple[bytes, ...],
    outcome: Outcome,
    truncation: Truncation,
    stop_reason: str | None,
    streamed: bool,
    upstream: Upstream,
    proxy: Proxy,
) -> None:
    if truncation is Truncation.STALL:
        proxy.services.limits = SHORT
    upstream.when(lambda seen: True, lambda seen: Reply(*steps))
    _, data = await proxy.ask(ask_body(stream=streamed, tools=[READ_TOOL]))
    view = proxy.last
    assert (view.outcome, view.truncation) == (outcome, truncation)
    assert view.stop_reason == stop_reason
    if outcome is Outcome.LIMIT and streamed:
        assert validate(data).text == "Hello"
    elif outcome is Outcome.LIMIT:
        assert json.loads(data)["stop_reason"] == "max_tokens"


MESSAGE = {
    "id": "msg_theirs",
    "type": "message",
    "role": "assistant",
    "model": "their-model",
    "content": [
        {"type": "thinking", "thinking": "Let me see", "signature": "c2lnbmVk"},
        {"type": "text", "text": "Hello wörld"},
        {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"file_path": "/tmp/a"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 70, "output_tokens": 33},
}


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_a_server_that_does_not_stream_is_streamed_by_us(
    kind: str, streamed: bool, upstream: Upstream, proxy: Proxy
) -> None:
    body = json.dumps(MESSAGE).encode()
    upstream.script(Reply(body[:90], wait(0.3), body[90:], content_type=kind))
    _, data = await proxy.ask(ask_body(stream=streamed, tools=[READ_TOOL]))
    if streamed:
        message = validate(data)
        assert message.thinking == "Let me see"
        assert message.text == "Hello wörld"
        assert message.calls == [("Read", {"file_path": "/tmp/a"})]
        assert message.blocks[0]["signature"] == "c2lnbmVk"
        assert (message.stop_reason, message.usage["output_tokens"]) == ("tool_use", 33)
    else:
        whole = json.loads(data)
        assert [block["type"] for block in whole["content"]] == ["thinking", "text", "tool_use"]
        assert whole["usage"]["input_tokens"] == 70
    view = proxy.last
    assert (view.outcome, view.retries) == (Outcome.COMPLETE, 0)
    assert (view.prompt_tokens.value, view.output_tokens.value) == (70, 33)


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"stop_reason": "max_tokens"}, Outcome.LIMIT),
        ({"stop_reason": "end_turn", "content": "words"}, Outcome.COMPLETE),
        ({"stop_reason": None}, Outcome.LIMIT),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, None),
        ({"content": [5, {"type": "tool_use", "name": "Read"}], "usage": None}, None),
    ],
    ids=["limit", "content is a string", "no stop reason", "two texts", "odd"],
)
def test_a_whole_message_ends_as_a_stream_of_it_would(
    fields: dict[str, object], outcome: Outcome | None
) -> None:
    data = json.dumps(MESSAGE | fields).encode()
    made = translator()
    out = made.feed([Event(data)])
    ending = made.close()
    validate(out + ending.data)
    assert outcome in (None, ending.outcome)


async def test_the_output_tokens_of_the_start_are_no_count(
    upstream: Upstream, proxy: Proxy
) -> None:
    """Anthropic's `message_start` says 1 or so; a reply that is cut has told no other number."""
    start = wire.start(prompt=70).replace(b'"output_tokens":0', b'"output_tokens":1')
    words = [wire.delta(0, type="text_delta", text=f"word {n} ") for n in range(5)]
    opened = wire.open_block(0, type="text", text="")
    upstream.script(Reply(start, opened, *words, CUT))
    _, data = await proxy.ask(ask_body())
    assert validate(data).usage["output_tokens"] == 5
    assert proxy.last.prompt_tokens == reported(70)
    assert proxy.last.output_tokens == estimated(5)


def test_an_ending_said_twice_is_written_once() -> None:
    made = translator()
    data = run(WHOLE, made)
    assert replace(made.close(), data=b"") == made.close()
    assert data.count(b"message_stop") == 2  # the event's name and its type


def start_with(**block: object) -> bytes:
    return wire.start() + wire.open_block(0, **block)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "message_start", "message": "hello"},
        {"type": "content_block_start", "content_block": "text"},
        {"type": "content_block_start", "content_block": {"type": ["text"]}},
        {"type": "content_block_delta", "delta": 5},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": 5}},
        {"type": "content_block_delta", "delta": {"type": {}}},
        {"type": "message_delta", "delta": {"stop_reason": ["end_turn"]}, "usage": [1]},
        {"type": "message_delta", "delta": "end_turn", "usage": {"output_tokens": -1}},
        {"type": "error", "error": ["boom"]},
        ["no", "object"],
    ],
    ids=str,
)
def test_an_event_of_another_shape_is_no_fault_of_ours(event: object) -> None:
    data = b"data: " + json.dumps(event).encode() + b"\n\n"
    for before in (wire.start(), start_with(type="text", text="")):
        made = translator(gather=True)
        run(before + data, made)
        made.message()


def test_an_event_too_deep_to_read_is_malformed() -> None:
    made = translator()
    made.feed(SSEReader().feed(b"data: " + b"[" * 100_000 + b"\n\n"))
    assert made.close().truncation is Truncation.MALFORMED


def test_text_inside_a_call_does_not_give_half_of_it_away() -> None:
    call = start_with(type="tool_use", id="toolu_1", name="Read", input={})
    data = run(call + wire.delta(0, type="text_delta", text="oops"), translator())
    assert b"tool_use" not in data


def test_text_that_comes_with_the_start_of_its_block_is_kept() -> None:
    data = start_with(type="text", text="Hello ") + wire.delta(0, type="text_delta", text="world")
    assert validate(run(data, translator())).text == "Hello world"


def test_text_in_a_thinking_block_gets_a_block_of_its_own() -> None:
    data = start_with(type="thinking", thinking="") + wire.delta(
        0, type="thinking_delta", thinking="hm"
    )
    message = validate(run(data + wire.delta(0, type="text_delta", text="Hello"), translator()))
    assert (message.thinking, message.text) == ("hm", "Hello")


async def test_an_error_before_anything_was_shown_is_sent_again(upstream: Upstream) -> None:
    """As for every other backend."""
    error = {"type": "error", "error": {"type": "api_error", "message": "hiccup"}}
    async with running_proxy(upstream.url, limits=LIMITS) as proxy:
        proxy.backend.now(native=True, url=f"{upstream.url}/messages")
        upstream.script(
            Reply(b"event: error\ndata: " + json.dumps(error).encode() + b"\n\n"), Reply(WHOLE)
        )
        _, data = await proxy.ask(ask_body(tools=[READ_TOOL]))
        assert validate(data).text == "Hello wörld"
        assert proxy.last.retries == 1


def test_a_full_window_is_told_as_it_came_or_as_an_overflow() -> None:
    data = wire.start() + wire.text("Hello ") + wire.ending("model_context_window_exceeded")
    assert validate(run(data, translator())).stop_reason == "model_context_window_exceeded"
    error = validate(run(data, translator(compacts=True))).error
    assert error is not None
    assert error["message"].startswith("prompt is too long")
