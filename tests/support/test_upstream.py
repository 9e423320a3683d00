"""The scripted upstream does what its script says: other tests rely on it."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from tests.support.upstream import (
    CUT,
    HEADERS,
    RESET,
    STALL,
    Reply,
    Upstream,
    fail,
    say,
)
from tests.support.wire import call_in_pieces, comment, ending, text

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


async def ask(session: aiohttp.ClientSession, upstream: Upstream) -> tuple[int, bytes]:
    async with session.post(upstream.url + "/chat/completions", json=CHAT) as response:
        return response.status, await response.read()


async def test_replies_are_played_in_order_and_requests_kept() -> None:
    async with Upstream() as upstream, aiohttp.ClientSession() as session:
        upstream.script(say("one"), fail(429, {"error": {"message": "slow down"}}, retry_after="3"))
        assert await ask(session, upstream) == (200, text("one") + ending())
        status, body = await ask(session, upstream)
        assert (status, json.loads(body)) == (429, {"error": {"message": "slow down"}})
        assert (await ask(session, upstream))[0] == 500
        assert [seen.json for seen in upstream.requests] == [CHAT] * 3
        assert [seen.outcome for seen in upstream.requests] == ["sent"] * 3
        assert len(upstream.unexpected) == 1
        assert upstream.open_connections == 1  # kept alive


async def test_probes_and_rules_leave_the_script_alone() -> None:
    async with Upstream() as upstream, aiohttp.ClientSession() as session:
        upstream.script(say("from the script"))
        upstream.when(lambda seen: seen.said("hi"), say("from the rule"))
        assert b"from the rule" in (await ask(session, upstream))[1]
        probe = CHAT | {"max_tokens": 1}
        async with session.post(upstream.url + "/chat/completions", json=probe) as response:
            assert (await response.json())["choices"][0]["finish_reason"] == "length"
        async with session.get(upstream.url + "/models") as response:
            assert (await response.json())["data"][0]["id"] == "scripted-model"
        assert len(upstream.probes) == len(upstream.others) == len(upstream.requests) == 1


@pytest.mark.parametrize("framing", ["chunked", "close"])
async def test_segments_and_line_ends(framing: str) -> None:
    reply = Reply(
        comment("keepalive 1/2"),
        text("Grüße, 世界 🌍"),
        ending(),
        framing=framing,  # type: ignore[arg-type]
        segment=1,
        newline="\r\n",
    )
    async with Upstream() as upstream, aiohttp.ClientSession() as session:
        upstream.script(reply)
        _, body = await ask(session, upstream)
        sent = comment("keepalive 1/2") + text("Grüße, 世界 🌍") + ending()
        assert body == sent.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(CUT), aiohttp.ServerDisconnectedError),
        (Reply(RESET), aiohttp.ClientConnectionError),
        (Reply(HEADERS, CUT), aiohttp.ClientPayloadError),
        (Reply(text("a"), RESET), aiohttp.ClientError),
        (Reply(text("a"), call_in_pieces("f", ['{"a"']), CUT), aiohttp.ClientPayloadError),
        (Reply(b"{", CUT, framing="length"), aiohttp.ClientPayloadError),
    ],
)
async def test_faults(reply: Reply, error: type[Exception]) -> None:
    async with Upstream() as upstream, aiohttp.ClientSession() as session:
        upstream.script(reply)
        with pytest.raises(error):
            await ask(session, upstream)


@pytest.mark.parametrize("steps", [(STALL,), (HEADERS, STALL), (text("a"), STALL)])
async def test_a_client_that_leaves_is_noticed(steps: tuple[bytes]) -> None:
    async with Upstream() as upstream, aiohttp.ClientSession() as session:
        upstream.script(Reply(*steps))
        asking = asyncio.create_task(ask(session, upstream))
        seen = await upstream.received(1)
        asking.cancel()
        await asyncio.wait_for(seen.done.wait(), 20)
        assert seen.outcome == "left"
        assert seen.left_at is not None


async def test_a_hold_and_a_close_delimited_cut() -> None:
    hold = asyncio.Event()
    async with Upstream() as upstream, aiohttp.ClientSession() as session:
        upstream.script(Reply(text("a"), hold, text("b"), CUT, framing="close"))
        asking = asyncio.create_task(ask(session, upstream))
        seen = await upstream.received(1)
        assert not seen.done.is_set()
        hold.set()
        assert await asking == (200, text("a", "b"))
        await seen.done.wait()
        assert seen.outcome == "cut"
