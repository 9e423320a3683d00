"""The Python SDK at a native server, directly and through the proxy: it understands the same.

What differs is what docs/protocol/messages.md, "Native servers", names; over sockets, in three
chunkings. The TypeScript SDK does the same in `tests/e2e/test_sdk.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from anthropic import AsyncAnthropic

from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.wire.sse import SSEReader
from anyclaude_tui.telemetry.events import Outcome
from tests.proxy.reply.test_passthrough import run, translator
from tests.support.native_streams import STREAMS, sse
from tests.support.proxy import READ_TOOL, TOKEN, Proxy, running_proxy
from tests.support.upstream import Reply, Upstream

CHUNKINGS: dict[str, dict[str, Any]] = {
    "whole": {},
    "an event a segment": {},
    "seven bytes a segment": {"segment": 7},
}
ASK: dict[str, Any] = {
    "model": "claude-any",
    "max_tokens": 500,
    "messages": [{"role": "user", "content": "hello"}],
    "tools": [READ_TOOL, {"type": "bash_20250124", "name": "bash"}],
}


@pytest.fixture
async def proxy(upstream: Upstream) -> AsyncIterator[Proxy]:
    async with running_proxy(upstream.url) as running:
        running.backend.now(native=True, url=f"{upstream.url}/messages", model="")
        yield running


def reply(name: str, chunking: str) -> Reply:
    events = sse(STREAMS[name])
    return Reply(*(events if chunking != "whole" else [b"".join(events)]), **CHUNKINGS[chunking])


def ours(message: dict[str, Any]) -> dict[str, Any]:
    """A message without what is the proxy's own."""
    return {key: value for key, value in message.items() if key not in ("id", "model")}


# Calls come one after the other, and a word about the usage with the last one.
OTHER_ORDER = ("a word about the usage on the way", "calls that interleave")
RAW = ("message_start", "content_block_start", "content_block_stop", "message_delta")


async def streamed(client: AsyncAnthropic) -> tuple[dict[str, Any], list[Any]]:
    """What the SDK makes of a stream: the message, and the events behind it."""
    events: list[Any] = []
    async with client.beta.messages.stream(**ASK) as stream:
        async for event in stream:
            if event.type not in RAW and event.type != "content_block_delta":
                continue  # the SDK's own
            said = event.to_dict(warnings=False)
            if event.type == "content_block_delta" and said["delta"]["type"] == "input_json_delta":  # type: ignore[index]
                continue  # calls come whole
            if event.type == "message_start":
                said["message"] = ours(said["message"])  # type: ignore[arg-type]
            events.append(said)
        return (await stream.get_final_message()).to_dict(warnings=False), events


@pytest.mark.parametrize("chunking", CHUNKINGS)
async def test_a_direct_run_and_one_through_the_proxy_are_the_same(
    chunking: str, upstream: Upstream, proxy: Proxy
) -> None:
    async with AsyncExitStack() as stack:
        direct, through = [
            await stack.enter_async_context(
                AsyncAnthropic(base_url=url, auth_token=TOKEN, api_key=None, max_retries=0)
            )
            for url in (upstream.url.removesuffix("/v1"), proxy.url)
        ]
        for name in STREAMS:
            upstream.script(*(reply(name, chunking) for _ in range(3)))
            wanted, events = await streamed(direct)
            proxy.services.memory = CallMemory()  # an id that was used gets another
            got, seen = await streamed(through)
            assert ours(got) == ours(wanted), name
            if name not in OTHER_ORDER:
                assert seen == events, name
            proxy.services.memory = CallMemory()
            whole = (await through.beta.messages.create(**ASK)).to_dict(warnings=False)
            if name != "what nobody knows yet":  # of which the SDK keeps less
                assert plain(ours(whole)) == plain(ours(wanted)), name
    assert {view.outcome for view in proxy.hub.recent} <= {Outcome.COMPLETE, Outcome.LIMIT}
    assert not any(view.retries for view in proxy.hub.recent)


def plain(value: Any) -> Any:
    """A message without members that say nothing: the SDK adds some to a stream's."""
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if one is not None}
        return {key: plain(one) for key, one in kept.items() if key != "parsed_output"}
    return [plain(one) for one in value] if isinstance(value, list) else value


CHANGED = {
    "two calls",  # whole
    "calls that interleave",
    "a call inside of a text",
    "a call by a program",
    "a tool of the API's own",
    "a word about the usage on the way",
}


@pytest.mark.parametrize("name", [name for name in STREAMS if name not in CHANGED])
def test_all_but_the_first_event_are_the_servers_own_bytes(name: str) -> None:
    """The first has our id and the client's model. A ping is not passed on."""
    events = sse(STREAMS[name])
    tools = {"Read": READ_TOOL["input_schema"], "bash": {}}
    got = run(b"".join(events), translator(tools=tools))
    kept = [one for one in events[1:] if b"event: ping" not in one]
    parts = [one + b"\n\n" for one in got.split(b"\n\n")[:-1]]
    early = [one for one in kept if b'"progress"' in one]  # it has waited for the first block
    assert parts[0].startswith(b"event: message_start\n")
    assert [one for one in parts[1:] if one not in early] == [
        one for one in kept if one not in early
    ]
    assert all(one in parts for one in early)


def test_crlf_and_comments_change_nothing() -> None:
    events = sse(STREAMS["what nobody knows yet"])
    data = b": hello\r\n\r\n" + b"".join(events).replace(b"\n", b"\r\n")
    assert run(data, translator()) == run(b"".join(events), translator())
    assert SSEReader().feed(data)
