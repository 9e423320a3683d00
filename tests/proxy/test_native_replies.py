"""What the proxy changes of a native server's reply; that nothing else is: test_native_sdk.py."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from anyclaude_tui.proxy.wire.anthropic_events import SIGNATURE_PREFIX
from anyclaude_tui.telemetry.events import Outcome
from tests.proxy.reply.test_passthrough import run, translator
from tests.support.native_streams import (
    READ,
    STREAMS,
    Event,
    block,
    closed,
    delta,
    ending,
    json_of,
    opened,
    signed,
    sse,
    start,
    text,
    thought,
)
from tests.support.proxy import READ_TOOL, Proxy, ask_body, running_proxy
from tests.support.upstream import Reply, Upstream
from tests.support.validator import events, validate


@pytest.fixture
async def proxy(upstream: Upstream) -> AsyncIterator[Proxy]:
    async with running_proxy(upstream.url) as running:
        running.backend.now(native=True, url=f"{upstream.url}/messages")
        yield running


def reply(*parts: Event) -> Reply:
    return Reply(*sse(list(parts)))


def given(*parts: Event, **options: Any) -> bytes:
    """The client's bytes for these events."""
    return run(b"".join(sse(list(parts))), translator(**options))


# --- thinking without a signature ----------------------------------------------------------------

UNSIGNED = {
    "no signature": block(0, "thinking", thought("Let me see.")),
    "an empty one": block(0, "thinking", thought("Let me see."), signed("")),
}


def history(data: bytes) -> list[dict[str, Any]]:
    """The next request's messages, as a client makes them of a reply."""
    said = [one for one in validate(data).blocks if one["type"] != "text"]
    return [
        {"role": "user", "content": [{"type": "text", "text": "go"}]},
        {"role": "assistant", "content": [*said, {"type": "text", "text": "Seen."}]},
        {"role": "user", "content": [{"type": "text", "text": "on"}]},
    ]


@pytest.mark.parametrize("how", UNSIGNED)
async def test_unsigned_thinking_goes_back_to_the_server_that_sent_it(
    how: str, upstream: Upstream, proxy: Proxy
) -> None:
    answer = [start(), *UNSIGNED[how], *block(1, "text", text("Seen.")), *ending()]
    upstream.script(*(reply(*answer) for _ in range(3)))
    _, data = await proxy.ask(ask_body())
    thinking = validate(data).blocks[0]
    assert thinking["signature"].startswith(SIGNATURE_PREFIX), "clients want one"
    messages = history(data)
    await proxy.ask(ask_body(messages=messages))
    sent = upstream.requests[-1].json["messages"][1]["content"]
    assert sent[0] == {"type": "thinking", "thinking": "Let me see.", "signature": ""}
    proxy.backend.now(url=f"{upstream.url}/other/v1/messages")
    await proxy.ask(ask_body(messages=messages))
    sent = upstream.requests[-1].json["messages"][1]["content"]
    assert sent == [{"type": "text", "text": "Seen."}], "no other takes our signature"


async def test_thinking_of_a_translated_reply_goes_to_no_native_server(
    upstream: Upstream, proxy: Proxy
) -> None:
    ours = {"type": "thinking", "thinking": "Hm.", "signature": f"{SIGNATURE_PREFIX}bXNnXzE6MA=="}
    odd = {**ours, "signature": f"{SIGNATURE_PREFIX}%%"}
    said = {"type": "text", "text": "Seen."}
    user = {"role": "user", "content": [{"type": "text", "text": "go"}]}
    upstream.script(reply(*STREAMS["text"]))
    await proxy.ask(ask_body(messages=[user, {"role": "assistant", "content": [ours, odd, said]}]))
    assert upstream.requests[0].json["messages"][1]["content"] == [said]


def test_a_signature_that_comes_with_the_start_is_kept() -> None:
    parts = block(0, "thinking", thought("Let me see."), signature="c2ln")
    assert validate(given(start(), *parts, *ending())).blocks[0]["signature"] == "c2ln"


# --- calls ---------------------------------------------------------------------------------------


def call(id_: str = str(READ["id"]), index: int = 0, **more: Any) -> list[Event]:
    return block(index, "tool_use", *json_of('{"file_path": "/a"}'), **{**READ, "id": id_, **more})


@pytest.mark.parametrize(
    ("id_", "kept"),
    [
        ("toolu_01T1x1fJ34qAmk2tNTrN7Up6", True),
        ("toolu_1", False),
        ("call_0", False),
        ("", False),
        ("toolu_01T1x1fJ34qAmk2tNTrN7Up6 \n", False),
    ],
)
def test_an_id_stays_where_it_is_surely_new(id_: str, kept: bool) -> None:
    """The server may know its call again by it (a program that waits for its result)."""
    (got,) = validate(given(start(), *call(id_), *ending("tool_use"))).blocks
    assert (got["id"] == id_) is kept


async def test_an_id_that_was_used_is_replaced(upstream: Upstream, proxy: Proxy) -> None:
    """In the reply, in an earlier one, or in the conversation as the client tells it."""
    twice = [start(), *call(), *call(index=1), *ending("tool_use")]
    upstream.script(*(reply(*twice) for _ in range(2)))
    seen = []
    for _ in range(2):
        _, data = await proxy.ask(ask_body(tools=[READ_TOOL]))
        seen += [one["id"] for one in validate(data).blocks]
    assert len(set(seen)) == 4
    assert seen[0] == READ["id"]


async def test_an_id_of_the_history_is_replaced_after_a_restart(
    upstream: Upstream, proxy: Proxy
) -> None:
    used = {"type": "tool_use", "id": READ["id"], "name": "Read", "input": {"file_path": "/a"}}
    result = {"type": "tool_result", "tool_use_id": READ["id"], "content": "a"}
    messages = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [used]},
        {"role": "user", "content": [result]},
    ]
    upstream.script(reply(start(), *call(), *ending("tool_use")))
    _, data = await proxy.ask(ask_body(messages=messages, tools=[READ_TOOL]))
    assert validate(data).blocks[0]["id"] != READ["id"]


def test_end_turn_beside_a_call_is_tool_use() -> None:
    message = validate(given(start(), *call(), *ending("end_turn")))
    assert (message.stop_reason, message.calls) == ("tool_use", [("Read", {"file_path": "/a"})])


def test_a_call_written_as_text_is_rescued() -> None:
    words = '<tool_call>\n{"name": "Read", "arguments": {"file_path": "/a"}}\n</tool_call>'
    pieces = [text(words[at : at + 7]) for at in range(0, len(words), 7)]
    message = validate(given(start(), *block(0, "text", text("I read.\n"), *pieces), *ending()))
    assert (message.stop_reason, message.calls) == ("tool_use", [("Read", {"file_path": "/a"})])
    assert message.text.strip() == "I read."


@pytest.mark.parametrize("cut", ['{"file_path": "/a', '{"file_path": "/a"}'], ids=["half", "whole"])
def test_a_cut_call_is_no_call(cut: str) -> None:
    """One that the reply breaks off in is not given, whole as it may look."""
    made = translator()
    parts = [start(), opened(0, "tool_use", **READ), *(delta(0, one) for one in json_of(cut))]
    data = run(b"".join(sse(parts)), made)
    assert b"tool_use" not in data
    limit = validate(given(*parts, *ending("max_tokens")))
    assert (limit.calls, limit.stop_reason) == ([], "max_tokens")


async def test_the_call_of_a_tool_that_the_conversation_added_is_one(
    upstream: Upstream, proxy: Proxy
) -> None:
    added = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": READ_TOOL}}
    message = {"role": "user", "content": [{"type": "text", "text": "go"}, added]}
    upstream.script(reply(start(), *call(), *ending("tool_use")))
    _, data = await proxy.ask(ask_body(messages=[message]))
    assert validate(data).calls == [("Read", {"file_path": "/a"})]


# --- the message ---------------------------------------------------------------------------------


async def test_a_reply_begun_by_a_keepalive_tells_its_usage_at_the_end(
    upstream: Upstream, proxy: Proxy
) -> None:
    """`message_start` has gone out with an estimate by then."""
    made = translator()
    data = made.start() + made.keepalive()
    data += run(b"".join(sse([start(), *block(0, "text", text("Hi")), *ending()])), made)
    last = [payload for name, payload in events(data) if name == "message_delta"][-1]
    assert last["usage"]["cache_read_input_tokens"] == 2048
    assert last["usage"]["service_tier"] == "standard"


def test_members_about_another_ending_are_left_out() -> None:
    """A refusal's details beside a call, which makes it `tool_use`."""
    made = translator()
    parts = [start(), *call(), *ending("end_turn", stop_details={"type": "refusal"})]
    data = run(b"".join(sse(parts)), made)
    assert b"stop_details" not in data
    assert made.close().outcome is Outcome.COMPLETE


@pytest.mark.parametrize("missing", ["no usage", "zeros"])
def test_counts_that_the_server_does_not_have_are_ours(missing: str) -> None:
    usage = {} if missing == "no usage" else {"input_tokens": 0, "output_tokens": 0}
    last = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}
    parts = [start(usage=usage), *block(0, "text", text("Hi "), text("there")), last]
    message = validate(given(*parts, {"type": "message_stop"}))
    assert (message.usage["input_tokens"], message.usage["output_tokens"]) == (5, 2)


@pytest.mark.parametrize("gather", [False, True], ids=["streamed", "whole"])
def test_a_server_that_forgets_to_end_its_blocks(gather: bool) -> None:
    """They end with the message; one whose index begins again ends there."""
    parts = [
        start(),
        opened(0, "thinking"),
        delta(0, thought("Hm.")),
        opened(0, "text"),
        delta(0, text("Hello")),
        opened(1, "tool_use", **READ),
        *(delta(1, one) for one in json_of('{"file_path": "/a"}')),
        *ending("tool_use"),
    ]
    made = translator(gather=gather)
    message = validate(run(b"".join(sse(parts)), made))
    assert message.kinds == ["thinking", "text", "tool_use"]
    if gather:
        assert [one["type"] for one in made.message()["content"]] == message.kinds


def test_an_end_that_comes_late_ends_nothing_else() -> None:
    parts = [
        start(),
        *block(0, "text", text("Hello")),
        opened(1, "text"),
        delta(1, text(" wor")),
        closed(0),
        delta(1, text("ld")),
        closed(1),
        *ending(),
    ]
    message = validate(given(*parts))
    assert [one["text"] for one in message.blocks] == ["Hello", " world"]


def test_a_block_of_nothing_is_left_out() -> None:
    parts = [start(), *block(0, "text"), *block(1, "text", text("\n\n")), *call(index=2)]
    message = validate(given(*parts, *ending("tool_use")))
    assert message.kinds == ["tool_use"]


async def test_a_whole_message_keeps_what_it_says(upstream: Upstream, proxy: Proxy) -> None:
    """A server that does not stream; streamed to the client, and not."""
    details = {"type": "refusal", "category": None}
    message = {
        **start(container={"id": "container_1"})["message"],
        "content": [{"type": "text", "text": "No.", "citations": None}],
        "stop_reason": "refusal",
        "stop_details": details,
        "context_management": {"applied_edits": []},
    }
    answer = Reply(json.dumps(message).encode(), content_type="application/json")
    upstream.when(lambda seen: True, answer)
    _, data = await proxy.ask(ask_body(stream=False))
    whole = json.loads(data)
    kept = ("container", "stop_details", "context_management", "content", "usage", "stop_reason")
    assert {key: whole[key] for key in kept} == {key: message.get(key) for key in kept}
    _, data = await proxy.ask(ask_body())
    last = [payload for name, payload in events(data) if name == "message_delta"][-1]
    assert last["delta"]["stop_details"] == details
    assert last["context_management"] == {"applied_edits": []}


# --- anything at all -----------------------------------------------------------------------------

ANY_EVENT = st.sampled_from([one for stream in STREAMS.values() for one in stream])


@hypothesis.given(st.lists(ANY_EVENT, max_size=14), st.booleans())
def test_any_order_of_events_ends_in_blocks_that_are_whole(
    parts: list[Event], gather: bool
) -> None:
    """Each block is begun once, under the next index, and ended once; nothing raises."""
    made = translator(tools={"Read": READ_TOOL["input_schema"], "bash": {}}, gather=gather)
    data = run(b"".join(sse(parts)), made)
    made.message()
    open_now: set[int] = set()
    begun = 0
    for name, payload in events(data):
        if name == "content_block_start":
            assert payload["index"] == begun
            open_now.add(begun)
            begun += 1
        elif name == "content_block_stop":
            open_now.remove(payload["index"])
        elif name == "content_block_delta":
            assert payload["index"] in open_now
    assert not open_now
    assert name in ("message_stop", "error")
