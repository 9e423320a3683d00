"""The life of a request where several things happen at once: a slow client and the end, a
keepalive and a write, the queue and a deadline, a connection that had died in the pool."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from anyclaude_tui.config.settings import Limits
from anyclaude_tui.telemetry.events import Outcome, Truncation
from tests.support import wire
from tests.support.clock import FastClock
from tests.support.proxy import TOKEN, Proxy, ask_body, running_proxy
from tests.support.upstream import CUT, HEADERS, STALL, Reply, Upstream, say, wait
from tests.support.validator import validate
from tests.support.waiting import until

TEXT = wire.text("Hello ", "world")
WORDS = "Hello world"


class SlowClient:
    """A client with tiny buffers that reads only when it is told to."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.data = bytearray()

    async def read(self, size: int = 65536) -> bytes:
        data = await asyncio.get_running_loop().sock_recv(self._sock, size)
        self.data += data
        return data

    async def read_to(self, end: bytes) -> bytes:
        """Reads until `end` has come, or the connection ends; returns all of it."""
        while end not in self.data and await self.read():
            pass
        return bytes(self.data)


@asynccontextmanager
async def slow_client(
    proxy: Proxy, body: Mapping[str, Any], headers: str = ""
) -> AsyncIterator[SlowClient]:
    """One request on a connection whose kernel buffers hold next to nothing."""
    runner = proxy.server._runner
    assert runner is not None
    for site in runner.sites:
        for listening in site._server.sockets:  # type: ignore[union-attr]
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    host, _, port = proxy.url.removeprefix("http://").rpartition(":")
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, (host, int(port)))
        raw = json.dumps(body).encode()
        head = (
            f"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n{headers}"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        await loop.sock_sendall(sock, head.encode() + raw)
        yield SlowClient(sock)


def paused_at_the_end() -> Reply:
    """A reply that a client which does not read holds up at its very last write.

    aiohttp waits for the client only after each 64 KiB: the first piece passes just below
    that, the second one fills the transport, the end has to wait.
    """
    return Reply(wire.text("a" * 70_000), wait(0.05), wire.text("b" * 30_000), wire.ending())


async def held_up(proxy: Proxy) -> None:
    """Until the last piece has come and the end waits for the client."""
    await until(
        lambda: any(r.attempt.upstream_bytes > 100_000 for r in proxy.hub.in_flight.values())
    )
    await asyncio.sleep(0.05)


async def test_nothing_is_said_after_the_end(upstream: Upstream) -> None:
    """No keepalive is due while the end waits for the client, and none is counted."""
    limits = Limits(keepalive_s=0.1, commit_s=0.1)
    async with running_proxy(upstream.url, limits=limits) as proxy:
        upstream.script(paused_at_the_end())
        async with slow_client(proxy, ask_body()) as client:
            await held_up(proxy)
            (record,) = proxy.hub.in_flight.values()
            before = record.keepalives  # a busy machine may have had time for some
            await asyncio.sleep(0.3)
            data = await client.read_to(b"0\r\n\r\n")
            await until(lambda: not proxy.hub.in_flight)
            await asyncio.sleep(0.05)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.read(), 0.1)
        assert data.endswith(b"0\r\n\r\n")
        assert (proxy.last.outcome, proxy.last.keepalives) == (Outcome.COMPLETE, before)


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_a_client_that_never_takes_the_end_is_dropped(
    streamed: bool, upstream: Upstream
) -> None:
    limits = Limits(keepalive_s=0.1, commit_s=0.1, client_stall_s=0.3)
    async with running_proxy(upstream.url, limits=limits) as proxy:
        upstream.script(paused_at_the_end())
        async with slow_client(proxy, ask_body(stream=streamed)) as client:
            if streamed:
                await client.read(1)
            await until(lambda: proxy.hub.in_flight)
            await until(lambda: not proxy.hub.in_flight)
        assert proxy.last.outcome is Outcome.CANCELLED


async def test_keepalives_go_on_after_a_client_was_slow(upstream: Upstream) -> None:
    """The watcher had gone to sleep until the deadline of the write that waited."""
    limits = Limits(keepalive_s=0.1, commit_s=0.1, client_stall_s=60, between_deltas_s=60)
    async with running_proxy(upstream.url, limits=limits) as proxy:
        upstream.script(Reply(wire.text(*["x" * 4096] * 100), STALL))
        async with slow_client(proxy, ask_body()) as client:
            await client.read(1)
            await asyncio.sleep(0.5)
            last = json.dumps({"type": "text_delta", "text": ""}, separators=(",", ":")).encode()
            async with asyncio.timeout(10):
                await client.read_to(last)
        await until(lambda: not proxy.hub.in_flight)
        assert proxy.last.keepalives >= 1


async def test_a_keepalive_is_not_piled_on_what_the_client_has_not_read(
    upstream: Upstream,
) -> None:
    """They would fill the buffer of a client that sleeps, and are no sign of life to it."""
    limits = Limits(keepalive_s=0.05, commit_s=0.05)
    async with running_proxy(upstream.url, limits=limits) as proxy:
        upstream.script(Reply(wire.text("a" * 60_000), STALL))
        async with slow_client(proxy, ask_body()):
            await until(lambda: any(r.attempt.deltas for r in proxy.hub.in_flight.values()))
            await asyncio.sleep(0.5)
            (record,) = proxy.hub.in_flight.values()
            assert record.keepalives <= 1
        await until(lambda: not proxy.hub.in_flight)


async def test_a_whole_reply_does_not_wait_for_a_backend_that_has_finished(
    upstream: Upstream,
) -> None:
    """The watcher slept until its first keepalive at 240 s, past every other deadline."""
    async with running_proxy(upstream.url) as proxy:
        proxy.services.clock = FastClock(50)
        upstream.script(Reply(TEXT, wire.finish(), STALL))
        status, data = await proxy.ask(ask_body(stream=False))
        assert (status, json.loads(data)["content"][0]["text"]) == (200, WORDS)
        assert proxy.last.outcome is Outcome.COMPLETE
        assert proxy.last.elapsed_s < 60


async def test_a_stall_of_a_whole_reply_is_seen_in_its_time(upstream: Upstream) -> None:
    async with running_proxy(upstream.url) as proxy:
        proxy.services.clock = FastClock(100)
        upstream.script(Reply(TEXT, STALL))
        await proxy.ask(ask_body(stream=False))
        assert proxy.last.truncation is Truncation.STALL
        assert proxy.last.elapsed_s < 120


async def test_the_wait_in_line_has_an_end(upstream: Upstream) -> None:
    limits = Limits(queue_s=0.2, commit_s=5)
    async with running_proxy(upstream.url, limits=limits, slots=1) as proxy:
        hold = asyncio.Event()
        upstream.script(Reply(HEADERS, hold, TEXT, wire.ending()))
        first = asyncio.create_task(proxy.ask(ask_body("first")))
        await upstream.received(1)
        async with asyncio.timeout(20):
            status, data = await proxy.ask(ask_body("second"))
        error = json.loads(data)["error"]
        assert (status, error["type"]) == (504, "timeout_error")
        assert "in line" in error["message"]
        hold.set()
        _, whole_reply = await first
        assert validate(whole_reply).text == WORDS
        assert proxy.gate.busy == 0


async def test_a_connection_that_died_in_the_pool_is_nobodys_fault(upstream: Upstream) -> None:
    """The backend closes an idle connection just as the next request goes out on it."""
    answered = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        for turn in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            if turn:
                break  # closed without a word
            answered += 1
            body = TEXT + wire.ending()
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n"
            )
            writer.write(head % len(body) + body)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server, running_proxy(url) as proxy:
        for _ in range(2):
            _, data = await proxy.ask(ask_body())
            assert validate(data).text == WORDS
            assert (proxy.last.retries, proxy.backend.recoveries) == (0, 0)
        assert answered == 2


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("newlines", ["\n", "\n\n"])
async def test_a_json_body_in_place_of_a_stream_is_taken(
    streamed: bool, newlines: str, upstream: Upstream
) -> None:
    async with running_proxy(upstream.url) as proxy:
        body = wire.completion(WORDS)
        body["choices"][0]["finish_reason"] = "stop"
        raw = json.dumps(body, indent=2).replace("\n", newlines)
        upstream.script(Reply(raw.encode(), content_type="application/json", framing="length"))
        status, data = await proxy.ask(ask_body(stream=streamed))
        assert status == 200
        text = validate(data).text if streamed else json.loads(data)["content"][0]["text"]
        assert text == WORDS
        assert proxy.last.outcome is Outcome.COMPLETE


async def test_a_json_error_with_status_200_keeps_its_words(upstream: Upstream) -> None:
    async with running_proxy(upstream.url, limits=Limits(retries=0)) as proxy:
        raw = json.dumps({"error": {"message": "no model is loaded"}}, indent=2).encode()
        upstream.script(Reply(raw, content_type="application/json", framing="length"))
        status, data = await proxy.ask(ask_body())
        assert status == 500
        assert json.loads(data)["error"]["message"] == "no model is loaded"


async def test_a_redirect_is_named(upstream: Upstream) -> None:
    async with running_proxy(upstream.url) as proxy:
        there = "https://elsewhere.example/v1/chat/completions"
        upstream.script(Reply(status=308, headers={"Location": there}, framing="length"))
        status, data = await proxy.ask(ask_body())
        message = json.loads(data)["error"]["message"]
        assert status == 500
        assert there in message
        assert "url" in message


async def test_large_headers_of_a_gateway_are_taken(upstream: Upstream) -> None:
    async with running_proxy(upstream.url) as proxy:
        upstream.script(say("Hello ", "world", headers={"X-Policy": "p" * 20_000}))
        _, data = await proxy.ask(ask_body())
        assert validate(data).text == WORDS


async def test_two_subagents_may_say_the_same(upstream: Upstream) -> None:
    """Only the same agent's request again is the same request."""
    async with running_proxy(upstream.url) as proxy:
        hold = asyncio.Event()
        upstream.when(lambda seen: True, lambda seen: Reply(HEADERS, hold, TEXT, wire.ending()))

        async def ask(agent: str) -> bytes:
            headers = {"X-Claude-Code-Session-Id": "s1", "x-claude-code-agent-id": agent}
            async with proxy.post(ask_body(), headers=headers) as response:
                data: bytes = await response.read()
                return data

        asking = [asyncio.create_task(ask(agent)) for agent in ("one", "two")]
        await upstream.received(2)
        hold.set()
        for data in await asyncio.gather(*asking):
            assert validate(data).text == WORDS


async def ask_in_session(proxy: Proxy, question: str = "hello") -> tuple[int, bytes]:
    headers = {"X-Claude-Code-Session-Id": "s1"}
    async with proxy.post(ask_body(question), headers=headers) as response:
        return response.status, await response.read()


async def test_others_of_the_same_length_go_on_and_each_is_known_again(upstream: Upstream) -> None:
    async with running_proxy(upstream.url) as proxy:
        hold = asyncio.Event()
        upstream.when(lambda seen: True, lambda seen: Reply(HEADERS, hold, TEXT, wire.ending()))
        first = [asyncio.create_task(ask_in_session(proxy, text)) for text in ("one", "two")]
        await upstream.received(2)
        again = asyncio.create_task(ask_in_session(proxy, "one"))
        assert (await first[0])[0] == 500
        await upstream.received(3)
        assert not first[1].done()
        hold.set()
        for _, data in await asyncio.gather(first[1], again):
            assert validate(data).text == WORDS


async def test_the_first_of_the_same_request_is_told_why_it_ends(upstream: Upstream) -> None:
    """A connection that is just dropped would be repeated, and end the other one in turn."""
    async with running_proxy(upstream.url) as proxy:
        upstream.script(Reply(HEADERS, STALL), say("Hello ", "world"))
        first = asyncio.create_task(ask_in_session(proxy))
        await upstream.received(1)
        _, data = await ask_in_session(proxy)
        assert validate(data).text == WORDS
        status, data = await first
        assert status == 500
        assert "came again" in json.loads(data)["error"]["message"]
        assert [view.outcome for view in proxy.hub.recent] == [Outcome.COMPLETE, Outcome.CANCELLED]
        assert "came again" in proxy.hub.recent[1].reason


async def test_the_same_request_again_does_not_wait_for_a_client_that_takes_nothing(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyclaude_tui.proxy.server.AGAIN_S", 0.1)
    async with running_proxy(upstream.url) as proxy:
        upstream.script(Reply(wire.text(*["x" * 4096] * 100), STALL), say("Hello ", "world"))
        async with slow_client(proxy, ask_body(), "X-Claude-Code-Session-Id: s1\r\n"):
            await until(lambda: any(r.attempt.deltas for r in proxy.hub.in_flight.values()))
            async with asyncio.timeout(20):
                _, data = await ask_in_session(proxy)
            assert validate(data).text == WORDS
        assert proxy.gate.busy == 0


async def test_a_client_that_leaves_during_the_recovery_is_forgotten(upstream: Upstream) -> None:
    async with running_proxy(upstream.url) as proxy:
        recovering = asyncio.Event()

        async def recover() -> None:
            recovering.set()
            await asyncio.Event().wait()

        proxy.backend.recover = recover  # type: ignore[method-assign]
        upstream.script(Reply(CUT))
        asking = asyncio.create_task(proxy.ask(ask_body()))
        await recovering.wait()
        asking.cancel()
        await until(lambda: not proxy.hub.in_flight)
        assert proxy.last.outcome is Outcome.CANCELLED
        assert proxy.gate.busy == 0
