"""How a request ends badly and what is said of it: late failures, errors of every shape, and
numbers that only stand where something was counted."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from anthropic import APIConnectionError, AsyncAnthropic

from anyclaude_tui.config.settings import Limits
from anyclaude_tui.figures import Figure, estimated, reported
from anyclaude_tui.proxy.reply.openai import StreamTranslator
from anyclaude_tui.telemetry.events import Outcome, Truncation
from tests.support import wire
from tests.support.clock import FastClock
from tests.support.proxy import READ_TOOL, TOKEN, ask_body, running_proxy
from tests.support.upstream import CUT, HEADERS, STALL, Reply, Upstream
from tests.support.validator import validate
from tests.support.waiting import until

TEXT = wire.text("Hello ", "world")
WORDS = "Hello world"


async def test_a_whole_reply_that_was_begun_may_still_fail(upstream: Upstream) -> None:
    """White space, the error, and no end of the body: the SDKs take a whole one for a message."""
    async with running_proxy(upstream.url, limits=Limits(first_byte_s=400)) as proxy:
        proxy.services.clock = FastClock(200)
        upstream.script(Reply(HEADERS, STALL))
        data = bytearray()

        async def read(response: aiohttp.ClientResponse) -> None:
            while piece := await response.content.readany():
                data.extend(piece)

        async with proxy.post(ask_body(stream=False)) as response:
            with pytest.raises(aiohttp.ClientPayloadError):
                await read(response)
        assert (response.status, bytes(data[:1])) == (200, b" ")
        assert json.loads(data)["error"]["type"] == "timeout_error"
        await until(lambda: not proxy.hub.in_flight)
        assert proxy.last.keepalives > 0
        assert (proxy.last.outcome, proxy.last.truncation) == (Outcome.ERROR, Truncation.STALL)


async def test_the_sdk_raises_where_a_whole_reply_fails_late(upstream: Upstream) -> None:
    async with (
        running_proxy(upstream.url, limits=Limits(first_byte_s=400)) as proxy,
        AsyncAnthropic(
            base_url=proxy.url, auth_token=TOKEN, api_key=None, max_retries=0, timeout=60
        ) as client,
    ):
        proxy.services.clock = FastClock(200)
        upstream.script(Reply(HEADERS, STALL))
        with pytest.raises(APIConnectionError):
            await client.messages.create(
                model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
            )


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_a_client_that_wants_one_call_at_most_gets_one(
    streamed: bool, upstream: Upstream
) -> None:
    """Few servers can be told so, and a client that asks for it reads no second one."""
    calls = [
        wire.call("Read", {"file_path": name}, id=name, index=n) for n, name in enumerate("ab")
    ]
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    async with running_proxy(upstream.url) as proxy:
        upstream.script(Reply(*calls, wire.ending("tool_calls")))
        body = ask_body(tools=[READ_TOOL], tool_choice=choice, stream=streamed)
        _, data = await proxy.ask(body)
        if streamed:
            assert validate(data).calls == [("Read", {"file_path": "a"})]
        else:
            (call,) = json.loads(data)["content"]
            assert call["input"] == {"file_path": "a"}
        assert (proxy.last.tool_calls, proxy.last.dropped_calls) == (1, 1)
        assert (proxy.last.outcome, proxy.last.stop_reason) == (Outcome.COMPLETE, "tool_use")


@pytest.mark.parametrize("status", [429, 503, 529])
async def test_retry_after_does_not_keep_the_words_from_the_user(
    status: int, upstream: Upstream
) -> None:
    """Measured with 2.1.329: told when to ask again, it spins for minutes and says nothing."""
    async with running_proxy(upstream.url) as proxy:
        busy = Reply(b'{"error": "busy"}', status=status, headers={"Retry-After": "5"})
        upstream.script(busy)
        async with proxy.post(ask_body()) as response:
            assert response.headers["x-should-retry"] == "false"
            assert "retry-after" not in response.headers
            assert "busy" in (await response.json())["error"]["message"]


async def test_an_error_in_the_stream_names_the_request(upstream: Upstream) -> None:
    """By the id of the response's header and of the request log, to be found again."""
    async with running_proxy(upstream.url, limits=Limits(retries=0)) as proxy:
        upstream.script(Reply(TEXT, wire.error_event("boom")))
        async with proxy.post(ask_body()) as response:
            data = await response.read()
        error = json.loads(data.rpartition(b"data: ")[2])
        assert error["type"] == "error"
        assert error["request_id"] == response.headers["request-id"] == proxy.last.id


async def test_an_error_that_hangs_in_its_body_is_told_all_the_same(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyclaude_tui.proxy.upstream.ERROR_BODY_S", 0.2)
    async with running_proxy(upstream.url) as proxy:
        upstream.script(Reply(b'{"error": "no such model"', STALL, status=422))
        async with asyncio.timeout(20):
            status, data = await proxy.ask(ask_body())
        assert status == 424
        assert "no such model" in json.loads(data)["error"]["message"]


async def test_a_fault_in_the_watcher_ends_the_request_and_is_told(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it no deadline would be kept any more: the request would wait for ever."""

    def fault(_: object) -> bytes:
        raise LookupError("a fault of ours")

    monkeypatch.setattr(StreamTranslator, "keepalive", fault)
    async with running_proxy(upstream.url, limits=Limits(keepalive_s=0.1, commit_s=0.1)) as proxy:
        upstream.script(Reply(TEXT, STALL))
        async with asyncio.timeout(20):
            _, data = await proxy.ask(ask_body())
        assert b"fault in the proxy" in data
        assert proxy.last.outcome is Outcome.ERROR
        assert any("a fault of ours" in notice.text for notice in proxy.hub.notices)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((wire.usage(output=0), TEXT, wire.finish()), estimated(2)),
        ((TEXT, wire.finish(), wire.usage(output=0)), estimated(2)),
        ((wire.finish("length"), wire.usage(output=0)), reported(0)),
    ],
    ids=["before the text", "after the text", "nothing came"],
)
async def test_no_output_tokens_is_a_number_only_where_nothing_came(
    steps: tuple[bytes, ...], expected: Figure, upstream: Upstream
) -> None:
    async with running_proxy(upstream.url, limits=Limits(retries=0)) as proxy:
        upstream.script(Reply(*steps, wire.DONE))
        await proxy.ask(ask_body())
        assert proxy.last.output_tokens == expected


async def test_the_numbers_of_a_request_are_those_of_its_last_try(upstream: Upstream) -> None:
    """The first try was an empty reply with its usage; the second reports none."""
    async with running_proxy(upstream.url) as proxy:
        upstream.script(
            Reply(wire.finish(), wire.usage(prompt=5000, output=999), wire.DONE),
            Reply(TEXT, wire.finish(), wire.DONE),
        )
        _, data = await proxy.ask(ask_body())
        assert validate(data).text == WORDS
        assert proxy.last.retries == 1
        assert proxy.last.output_tokens.value == 2
        assert proxy.last.prompt_tokens.value != 5000


async def test_a_recovery_that_takes_too_long_is_given_up(upstream: Upstream) -> None:
    async with running_proxy(upstream.url, limits=Limits(recover_s=0.1)) as proxy:

        async def recover() -> None:
            await asyncio.Event().wait()

        proxy.backend.recover = recover  # type: ignore[method-assign]
        upstream.script(Reply(CUT))
        status, data = await proxy.ask(ask_body())
        assert status == 500
        assert "did not come back in time" in json.loads(data)["error"]["message"]
        assert proxy.gate.busy == 0
