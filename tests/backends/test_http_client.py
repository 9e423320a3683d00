"""A server that answers without end, compressed or drop by drop: bounded, and said in words."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from anyclaude_tui.backends import http
from anyclaude_tui.backends.http_client import (
    ANSWER_BYTES,
    Client,
    ConnectError,
    HttpError,
    TimedOut,
    start_of,
)

Handler = Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]


@asynccontextmanager
async def server(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_an_answer_without_end() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while sent < 100 * ANSWER_BYTES:
            await response.write(b" " * 65536)
            sent += 65536
        return response

    async with server(endless) as url, http.client(url) as client:
        with pytest.raises(HttpError, match="over 4 MB"):
            await client.get("/")
    assert sent < 10 * ANSWER_BYTES


async def test_an_answer_that_comes_drop_by_drop() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    async with server(slow) as url, http.client(url, timeout_s=0.3) as client:
        with pytest.raises(TimedOut, match="not whole in time"):
            await client.get("/")
        assert await http.get_object(client, "/") == {}


async def test_nothing_compressed_is_asked_for_or_taken() -> None:
    asked: list[str] = []

    async def packed(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers["Accept-Encoding"])
        response = web.json_response({"data": "x" * 100_000})
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with server(packed) as url, http.client(url) as client:
        with pytest.raises(HttpError, match="compressed"):
            await client.get("/")
    assert asked == ["identity"]


async def test_an_answer_nested_too_deep_is_none() -> None:
    async def deep(request: web.Request) -> web.StreamResponse:
        return web.Response(text="[" * 50_000 + "]" * 50_000, content_type="application/json")

    async with server(deep) as url, http.client(url) as client:
        assert await http.get_object(client, "/") == {}
        assert http.words(await client.get("/")).startswith("[[[")


async def test_an_aiohttp_answer_is_read_up_to_its_bound() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"x" * 65536)
        return response

    async with (
        server(endless) as url,
        aiohttp.ClientSession() as session,
        session.get(url) as response,
    ):
        assert len(await start_of(response, 100_000)) == 100_000


async def test_a_question_as_a_server_gets_it() -> None:
    asked: list[tuple[str, str, dict[str, str], bytes]] = []

    async def kept(request: web.Request) -> web.StreamResponse:
        asked.append(
            (request.method, request.raw_path, dict(request.headers), await request.read())
        )
        return web.Response(body="ß".encode("latin-1"), content_type="text/plain", charset="latin1")

    async with (
        server(kept) as url,
        Client(f"{url}/base", headers={"x-key": "k"}, query="api_key=a%20b&empty=") as client,
    ):
        assert (await client.get("/v1/models")).text == "ß"
        await client.post("/slots/1", {"name": "ä"}, params={"action": "save"})
        await client.post(f"{url}/elsewhere", b'{"as": "it is"}')
    assert [(method, path) for method, path, _, _ in asked] == [
        ("GET", "/base/v1/models?api_key=a+b&empty="),
        ("POST", "/base/slots/1?api_key=a+b&empty=&action=save"),
        ("POST", "/elsewhere?api_key=a+b&empty="),
    ]
    assert all(headers["x-key"] == "k" for _, _, headers, _ in asked)
    assert asked[1][2]["Content-Type"] == "application/json"
    assert json.loads(asked[1][3]) == {"name": "ä"}
    assert asked[2][3] == b'{"as": "it is"}'


async def test_a_stream_is_read_line_by_line_and_closed_when_nobody_wants_it() -> None:
    left = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            await response.write(b"data: o")
            await response.write(b"ne\r\n\r\ndata: two\n")
            while True:
                await response.write(b": on\n")
                await asyncio.sleep(0.01)
        finally:
            left.set()

    async with (
        server(endless) as url,
        Client(url) as client,
        aclosing(client.lines("/", {}, timeout_s=30)) as lines,
    ):
        assert [await anext(lines) for _ in range(3)] == ["data: one", "", "data: two"]
        await lines.aclose()
        await asyncio.wait_for(left.wait(), 30)


async def test_what_goes_wrong_is_told_in_kinds() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        async with Client(url) as client:
            with pytest.raises(ConnectError):
                await client.get("/")

    async def off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    broken = await asyncio.start_server(off, "127.0.0.1", 0)
    async with broken, Client() as client:
        port = broken.sockets[0].getsockname()[1]
        with pytest.raises(HttpError):
            await client.get(f"http://127.0.0.1:{port}/")
        with pytest.raises(HttpError):
            await client.get("http://[half/")
    async with Client(headers={"x-key": "two\nlines"}) as client:
        with pytest.raises(HttpError):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_a_redirect_is_an_answer() -> None:
    async def elsewhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("http://127.0.0.1:1/")

    async with server(elsewhere) as url, Client(url) as client:
        assert (await client.get("/")).status_code == 302


def test_a_start_reads_no_certificates_and_a_request_that_needs_them_does() -> None:
    """In a process of its own: here aiohttp was imported before."""
    code = (
        "import ssl, anyclaude_tui.session.session, aiohttp.connector as connector\n"
        "from anyclaude_tui.backends.http_client import trusted\n"
        "contexts = connector._SSL_CONTEXT_VERIFIED, trusted('https://a.example')\n"
        "print(*('x509' in c.cert_store_stats() and c.verify_mode is ssl.CERT_REQUIRED"
        " and c.check_hostname for c in contexts))\n"
        "print(contexts[0].cert_store_stats()['x509'], trusted('http://a.example'))\n"
        "made = ssl.create_default_context()\n"
        "print(made.cert_store_stats() == contexts[1].cert_store_stats())\n"
    )
    said = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["True", "True", "0", "True", "True"]


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    """The TLS of a server whose certificate is its own."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    self_signed: ssl.SSLContext,
) -> None:
    asked: list[str] = []

    async def heard(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response()

    async with server(heard, self_signed) as url, Client(url) as client:
        with pytest.raises(ConnectError):
            await client.get("/")
        async with aiohttp.ClientSession() as plain:
            with pytest.raises(aiohttp.ClientConnectorError):
                await plain.get(url)
    assert asked == []
