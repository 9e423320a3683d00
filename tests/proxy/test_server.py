"""Who may come in to the proxy, as raw bytes, and what is said to those who do it wrongly."""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from anyclaude_tui.config.settings import Limits
from anyclaude_tui.proxy.server import ProxyServer
from tests.support import wire
from tests.support.proxy import TOKEN, Proxy, ask_body, running_proxy
from tests.support.upstream import HEADERS, STALL, Reply, Upstream, say
from tests.support.validator import validate
from tests.support.waiting import until

AUTH = f"Authorization: Bearer {TOKEN}\r\n"
WORDS = "Hello world"

POST = "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as server:
        server.when(lambda seen: True, lambda seen: say("Hello ", "world"))
        yield server


@pytest.fixture
async def proxy(upstream: Upstream) -> AsyncIterator[Proxy]:
    async with running_proxy(upstream.url, limits=Limits(max_body_bytes=100_000)) as running:
        yield running


async def raw(proxy: Proxy, line: str, headers: str = "", body: bytes = b"") -> tuple[int, bytes]:
    """One request byte by byte as given; the answer's status and body."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    head = f"{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}{length}\r\n"
    host, _, port = proxy.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    try:
        writer.write(head.encode("latin-1") + body)
        async with asyncio.timeout(20):
            start = await reader.readuntil(b"\r\n\r\n")
            if b" 100 Continue" in start:
                start = await reader.readuntil(b"\r\n\r\n")
            told = start.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            rest = await (reader.readexactly(int(told)) if told else reader.read())
    finally:
        writer.close()
    return int(start.split()[1]), rest


def message(data: bytes) -> tuple[str, str]:
    """Type and words of an error body."""
    error: dict[str, Any] = json.loads(data)["error"]
    return error["type"], error["message"]


@pytest.mark.parametrize(
    "header", ["", "Authorization: Bearer \xff\xfe\r\n", "x-api-key: \xe9\r\n"]
)
@pytest.mark.parametrize(
    "line",
    ["GET /health", "GET /nothing", "POST /v1/messages", "DELETE /v1/messages", "GET /metrics"],
)
async def test_without_the_token_every_path_looks_the_same(
    line: str, header: str, proxy: Proxy
) -> None:
    for expect in ("", "Expect: 100-continue\r\n"):
        status, data = await raw(proxy, line, header + expect, b"{}")
        assert (status, message(data)[0]) == (401, "authentication_error")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("", b"{" * 20_000),
        ("", b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
        ("", b'{"a": "\xff"}'),
        ("", b"[]"),
        ("Content-Encoding: gzip\r\n", b"this is no gzip"),
        ("Content-Encoding: deflate\r\n", zlib.compress(b"[]")),
    ],
    ids=["braces", "deep", "no UTF-8", "list", "no gzip", "deflated list"],
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_a_body_that_cannot_be_read_is_a_400_in_words(
    path: str, headers: str, body: bytes, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    status, data = await raw(proxy, f"POST {path}", AUTH + headers, body)
    assert status == 400
    assert message(data)[0] == "invalid_request_error"
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


async def test_a_size_that_is_too_large_is_refused_before_the_upload(proxy: Proxy) -> None:
    status, data = await raw(proxy, "POST /v1/messages", f"{AUTH}Content-Length: 99999999\r\n")
    assert (status, message(data)[0]) == (413, "request_too_large")


async def test_a_body_that_grows_too_large_is_refused(proxy: Proxy) -> None:
    chunked = b"%x\r\n%b\r\n" % (60_000, b"x" * 60_000)
    headers = f"{AUTH}Transfer-Encoding: chunked\r\n\r\n"
    host, _, port = proxy.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{POST}{headers}".encode() + chunked * 2)
    async with asyncio.timeout(20):
        assert b"413" in await reader.readline()
    writer.close()


async def test_other_limits_hold_from_the_next_request_on(proxy: Proxy) -> None:
    proxy.services.limits = Limits(max_body_bytes=300_000)
    status, data = await proxy.ask(ask_body("x" * 200_000))
    assert (status, validate(data).text) == (200, WORDS)


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on(proxy: Proxy) -> None:
    body = json.dumps(ask_body()).encode()
    status, data = await raw(proxy, "POST /v1/messages", f"{AUTH}Expect: 100-continue\r\n", body)
    assert status == 200
    assert b"message_stop" in data


async def test_an_upload_that_breaks_off_leaves_nothing(proxy: Proxy) -> None:
    host, _, port = proxy.url.removeprefix("http://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"{POST}{AUTH}Content-Length: 999\r\n\r\n{{"
    writer.write(head.encode())
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.transport.abort()
    await until(lambda: not proxy.server._exchanges)
    assert not proxy.hub.in_flight
    assert not proxy.hub.recent


async def test_a_fault_of_ours_is_told_and_noted(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def count(*_: object) -> None:
        raise LookupError("oh")

    monkeypatch.setattr(proxy.services.counter, "count", count)
    async with proxy.client.post("/v1/messages/count_tokens", json=ask_body()) as response:
        data = await response.read()
    assert response.status == 500
    assert message(data) == ("api_error", "fault in the proxy: LookupError('oh')")
    assert [notice.level for notice in proxy.hub.notices] == ["error"]
    assert not caplog.records


async def test_requests_on_one_connection_are_answered_in_turn(
    upstream: Upstream, proxy: Proxy
) -> None:
    body = json.dumps(ask_body()).encode()
    first = f"{POST}{AUTH}Content-Length: {len(body)}\r\n\r\n"
    host, _, port = proxy.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    last = first.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
    writer.write((first.encode() + body) * 2 + last.encode() + body)
    async with asyncio.timeout(20):
        data = await reader.read()
    writer.close()
    assert data.count(b"HTTP/1.1 200 OK") == data.count(b"event: message_stop") == 3


async def test_a_client_of_http_1_0_gets_all_of_it(proxy: Proxy) -> None:
    body = json.dumps(ask_body()).encode()
    head = f"POST /v1/messages HTTP/1.0\r\n{AUTH}Content-Length: {len(body)}\r\n\r\n"
    host, _, port = proxy.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode() + body)
    async with asyncio.timeout(20):
        data = await reader.read()
    writer.close()
    assert validate(data.partition(b"\r\n\r\n")[2]).text == WORDS


async def test_it_serves_on_ipv6(upstream: Upstream) -> None:
    async with running_proxy(upstream.url) as proxy:
        server = ProxyServer(proxy.services, TOKEN, "::1", 0)
        await server.start()
        try:
            assert server.url.startswith("http://[::1]:")
            headers = {"Authorization": f"Bearer {TOKEN}"}
            async with proxy.client.head(f"{server.url}/", headers=headers) as response:
                assert response.status == 200
        finally:
            await server.stop()


async def test_a_request_that_comes_while_it_stops_is_told_so(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a connection that was open before; it must not be cut off in the middle."""
    monkeypatch.setattr("anyclaude_tui.proxy.server.SHUTDOWN_S", 0.3)
    async with running_proxy(upstream.url) as proxy:
        body = json.dumps(ask_body()).encode()
        host, _, port = proxy.url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"HEAD / HTTP/1.1\r\nHost: localhost\r\n{AUTH}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        upstream._rules.clear()
        upstream.script(Reply(HEADERS, STALL))
        running = asyncio.create_task(proxy.ask(ask_body("one that runs")))
        await upstream.received(1)
        stopping = asyncio.create_task(proxy.server.stop())
        await asyncio.sleep(0.05)
        head = f"{POST}{AUTH}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        async with asyncio.timeout(20):
            data = await reader.read()
        writer.close()
        assert b" 503 " in data.partition(b"\r\n")[0]
        assert b"anyclaude-tui is stopping" in data
        await asyncio.gather(stopping, running)
        assert len(upstream.requests) == 1


async def test_a_request_that_is_being_sent_while_it_stops_is_told_so(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyclaude_tui.proxy.server.SHUTDOWN_S", 0.5)
    async with running_proxy(upstream.url) as proxy:
        upstream._rules.clear()
        upstream.when(lambda seen: True, Reply(wire.text("Hello"), STALL))
        running = asyncio.create_task(proxy.ask(ask_body("one that runs")))
        await upstream.received(1)
        body = json.dumps(ask_body()).encode()
        host, _, port = proxy.url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"{POST}{AUTH}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body[:20])
        await asyncio.sleep(0.05)
        stopping = asyncio.create_task(proxy.server.stop())
        await asyncio.sleep(0.05)
        writer.write(body[20:])
        async with asyncio.timeout(20):
            data = await reader.read()
        writer.close()
        await asyncio.gather(stopping, running)
        assert b" 503 " in data.partition(b"\r\n")[0]
        assert b"anyclaude-tui is stopping" in data
        assert len(upstream.requests) == 1


async def test_the_end_of_a_stream_says_it_when_the_proxy_stops(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of one that waits: for a place in line, or for the same body to end."""
    monkeypatch.setattr("anyclaude_tui.proxy.server.SHUTDOWN_S", 0.1)
    async with running_proxy(upstream.url, slots=1) as proxy:
        upstream._rules.clear()
        upstream.script(Reply(wire.text("Hello"), STALL))
        asking = [asyncio.create_task(proxy.ask(ask_body(str(n)))) for n in range(3)]
        await until(lambda: len(proxy.hub.in_flight) == 3 and upstream.requests)
        await asyncio.sleep(0.05)
        await proxy.server.stop()
        for status, data in await asyncio.gather(*asking):
            assert b"anyclaude-tui is stopping" in data
            assert status == (200 if b"event:" in data else 503)
        assert proxy.gate.busy == 0
        assert not proxy.hub.in_flight


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "pages.example.org"},
        {"Host": "pages.example.org:8080"},
        {"Host": "127.0.0.1.example.org"},
        {"Origin": "http://127.0.0.1:9"},
        {"Origin": "https://pages.example.org"},
        {"Origin": "null"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/", "/health", "/v1/models"])
async def test_a_web_page_is_refused_with_the_token_too(headers: dict[str, str], path: str) -> None:
    async with Upstream() as upstream, running_proxy(upstream.url) as proxy:
        async with proxy.client.get(path, headers=headers) as response:
            assert response.status == 403
            error = (await response.json())["error"]
        assert error["type"] == "permission_error"
        assert proxy.url in error["message"]
        for name in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80"):
            async with proxy.client.get(path, headers={"Host": name}) as response:
                assert response.status == 200


async def test_an_id_that_is_no_text_is_kept_as_one() -> None:
    """It went into the journal's line, which then could not be written."""
    async with Upstream() as upstream, running_proxy(upstream.url) as proxy:
        upstream.script(say("hi"))
        raw = b"session-\xff\xfe".decode("utf-8", "surrogateescape")
        headers = {"X-Claude-Code-Session-Id": raw + "x" * 5000}
        async with proxy.post(ask_body(), headers=headers) as response:
            await response.read()
        kept = proxy.last.session_id
        assert kept.startswith("session-x")
        assert len(kept) == 200
        kept.encode()


@pytest.mark.parametrize(
    "line",
    [
        f"Authorization Bearer {TOKEN}\r\n",
        f"Author ization: Bearer {TOKEN}\r\n",
        f"Authorization: Bearer {TOKEN}\x00\r\n",
        f"Authorization: Bearer {TOKEN * 400}\r\n",
        f"X: 1\r\n {TOKEN}\x01\r\n",
    ],
    ids=["no colon", "space in name", "zero byte", "too long", "folded"],
)
async def test_headers_that_are_none_are_answered_in_our_words(line: str, proxy: Proxy) -> None:
    status, data = await raw(proxy, "POST /v1/messages", line, b"{}")
    assert 400 <= status < 500
    assert message(data)[0] in ("invalid_request_error", "authentication_error")
    assert TOKEN.encode() not in data
    assert b"ization" not in data
