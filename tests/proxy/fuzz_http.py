"""A fuzzer of HTTP and of backends' answers: `python -m tests.proxy.fuzz_http --count 3000`.

The real proxy on loopback, in front of a server that answers anything. Requests and answers are
well-formed ones with pieces swapped, doubled, cut, and bytes changed. Checked on each: it ends in
time, is no fault of ours, tells nobody the token, and what
comes without the token reaches no backend. The same is done with what a backend says of its models.
A finding is printed with its seed and ends the run with exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.backends.registry import create
from anyclaude_tui.config.settings import BackendSettings, Limits
from tests.proxy.fuzz_streams import stream
from tests.support.proxy import TOKEN, Proxy, running_proxy

PATIENCE_S = 20.0
SILENCE_S = 0.05
_NOWHERE = Path("/")
ROUTES = (
    *(
        "/v1/messages",
        "/v1/messages?beta=true",
        "/v1/messages/count_tokens",
        "/v1/models",
        "/health",
    ),
    *(
        "/v1/models/x",
        "/metrics",
        "/",
        "/v1",
        "//v1/messages",
        "/v1/messages/",
        "/%2e%2e/etc",
        "/é",
    ),
)
METHODS = ("POST", "POST", "POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "get", "X", "")
HEADERS = (
    *("Host: 127.0.0.1", "Host: localhost", "Host: example.com", "Host:", "Origin: null"),
    *("Content-Type: application/json", "Content-Type: text/plain", "Content-Encoding: gzip"),
    *(
        "Transfer-Encoding: chunked",
        "Content-Length: 5",
        "Content-Length: -1",
        "Expect: 100-continue",
    ),
    *("Connection: close", "Connection: upgrade", "Upgrade: websocket", "anthropic-beta: x,y"),
    *(
        "X-Claude-Code-Session-Id: \x01",
        "x-api-key: nobody",
        "Authorization: Basic eDp5",
        "A" * 9000,
    ),
)
VALUES: tuple[object, ...] = (
    None,
    True,
    0,
    -1,
    1e308,
    "",
    "x",
    "\x00",
    "\ud800",
    [],
    {},
    [[]],
    {"type": "text"},
    2**70,
)
BODY = {
    "model": "m", "max_tokens": 8, "stream": True, "system": [{"type": "text", "text": "be good"}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "B", "input": {}}]},  # noqa: E501
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "ok"}]},
    ],
    "tools": [{"name": "B", "input_schema": {"type": "object", "properties": {}}}],
    "thinking": {"type": "adaptive"}, "metadata": {"user_id": "u"}, "stop_sequences": ["STOP"],
}  # fmt: skip
MODELS = {"object": "list", "data": [{"id": "m", "object": "model", "max_model_len": 4096}]}
STATUSES = (
    "200 OK",
    "200 OK",
    "200 OK",
    "200 OK",
    "400 Bad",
    "404 No",
    "429 Slow",
    "500 Bad",
    "302 F",
)
KINDS = ("text/event-stream", "application/json", "text/html", "", "text/event-stream; charset=x")
PAGES = (
    b"<html><script>",
    b"<title>Bad",
    b"null",
    b"[]",
    b'{"error": {"message": 5}}',
    b"",
    b"\xff",
)


def changed(value: object, dice: random.Random, odds: float = 0.06) -> object:
    """A JSON value with other values in some places."""
    if dice.random() < odds:
        return dice.choice(VALUES)
    if isinstance(value, dict):
        kept = {
            key: changed(item, dice, odds) for key, item in value.items() if dice.random() > odds
        }
        return kept | ({"odd": dice.choice(VALUES)} if dice.random() < odds else {})
    if isinstance(value, list):
        made = [changed(item, dice, odds) for item in value]
        return made * 2 if dice.random() < odds else made
    return value


def broken(data: bytes, dice: random.Random, odds: float) -> bytes:
    """Bytes that are cut, doubled or changed somewhere."""
    while dice.random() < odds and data:
        at = dice.randrange(len(data))
        end = min(len(data), at + dice.choice((1, 3, 30)))
        odd = bytes([dice.randrange(256)])
        data = dice.choice(
            (
                data[:at],
                data[:at] + data[end:],
                data[:end] + data[at:],
                data[:at] + odd + data[end:],
            )
        )
    return data


def request(dice: random.Random) -> tuple[bytes, bool]:
    """The bytes of a request, and whether it has the token."""
    body = json.dumps(changed(BODY, dice, dice.choice((0.0, 0.005, 0.02)))).encode()
    body = broken(body, dice, 0.05)
    headers = [dice.choice(HEADERS) for _ in range(dice.choice((0, 0, 0, 1, 2)))]
    known = dice.random() < 0.7
    headers.append(f"Authorization: Bearer {TOKEN}" if known else "Authorization: Bearer nobody")
    if dice.random() < 0.9:
        headers += [
            f"Content-Length: {len(body)}",
            "Content-Type: application/json",
            "Host: localhost",
        ]
    headers += ["Connection: close"] if dice.random() < 0.9 else []
    version = dice.choice(("HTTP/1.1",) * 9 + ("HTTP/1.0", "HTTP/9", ""))
    route = ROUTES[0] if dice.random() < 0.8 else dice.choice(ROUTES)
    method = "POST" if dice.random() < 0.85 else dice.choice(METHODS)
    head = "\r\n".join([f"{method} {route} {version}", *headers])
    whole = head.encode("utf-8", "surrogatepass") + b"\r\n\r\n"
    return broken(whole, dice, 0.02) + body, known


def answer(dice: random.Random) -> bytes:
    """The bytes of a backend's answer."""
    body = stream(dice) if dice.random() < 0.7 else dice.choice(PAGES)
    if dice.random() < 0.1:
        body = json.dumps(changed(MODELS, dice, 0.2)).encode()
    head = [f"HTTP/1.1 {dice.choice(STATUSES)}", f"Content-Type: {dice.choice(KINDS)}"]
    if dice.random() < 0.3:
        head.append(f"Content-Length: {len(body) + dice.choice((0, 0, -1, 5))}")
    head += ["Location: http://127.0.0.1:9/", "Content-Encoding: gzip"][
        : dice.choice((0, 0, 0, 1, 2))
    ]
    return (
        broken("\r\n".join([*head, "Connection: close"]).encode() + b"\r\n\r\n", dice, 0.05) + body
    )


class Server:
    """Answers what `make` says, and counts who came."""

    def __init__(self) -> None:
        self.next = b""
        self.came = 0
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await reader.readuntil(b"\r\n\r\n")
            self.came += 1
            writer.write(self.next)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """The server, on loopback."""
    made = Server()
    listening = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield made


async def said(proxy: Proxy, data: bytes) -> bytes:
    """What the proxy answers to these bytes until it closes, or works on nothing and is silent."""
    where = urlsplit(proxy.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    heard = bytearray()
    try:
        writer.write(data)
        await writer.drain()
        while True:
            try:
                async with asyncio.timeout(SILENCE_S):
                    piece = await reader.read(65536)
            except TimeoutError:
                if not proxy.hub.in_flight:  # half a request: it waits for the rest
                    break
            else:
                if not piece:
                    break
                heard += piece
    except ConnectionError:
        pass
    finally:
        writer.close()
    return bytes(heard)


def judge(heard: bytes, known: bool, reached: bool) -> str:
    """What is wrong with an answer; empty when nothing is."""
    ours = (b"Traceback", b"fault of anyclaude", b"Server got itself in trouble")
    if any(words in heard for words in ours):
        return "a fault of ours"
    if TOKEN.encode() in heard and not known:  # who has it may be shown what they sent
        return "the token is told"
    if not known and reached:
        return "a backend was reached without the token"
    return ""


async def surface(seed: int, count: int, until: float) -> int:
    """Exchanges through the proxy; how many. Raises AssertionError that names the seed."""
    limits = Limits(first_byte_s=2, between_deltas_s=2, commit_s=1, recover_s=2)
    async with serving() as server, running_proxy(f"{server.url}/v1", limits=limits) as proxy:
        for number in range(count):
            if time.monotonic() > until:
                return number
            dice = random.Random(f"{seed} {number}")
            data, known = request(dice)
            server.next, server.came = answer(dice), 0
            try:
                async with asyncio.timeout(PATIENCE_S):
                    heard = await said(proxy, data)
            except TimeoutError:
                raise AssertionError(f"seed {seed} {number}: no end\n{data!r}") from None
            wrong = judge(heard, known, server.came > 0)
            assert not wrong, f"seed {seed} {number}: {wrong}\n{data!r}\n{server.next!r}\n{heard!r}"
            assert not proxy.hub.in_flight, f"seed {seed} {number}: it still runs\n{data!r}"
    return count


async def models(seed: int, count: int, until: float) -> int:
    """Backends that say anything about themselves; how many."""
    async with serving() as server:
        for number in range(count):
            if time.monotonic() > until:
                return number
            dice = random.Random(f"{seed} models {number}")
            body = json.dumps(changed(MODELS, dice, 0.15)).encode()
            head = f"HTTP/1.1 {dice.choice(STATUSES)}\r\nContent-Type: application/json".encode()
            head += b"\r\n\r\n"
            server.next = broken(head, dice, 0.05) + broken(body, dice, 0.2)
            backend = create("x", BackendSettings(kind="openai", url=server.url), _NOWHERE)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    with suppress(BackendError):
                        await backend.start()
                    with suppress(BackendError):
                        await backend.models()
            except TimeoutError:
                raise AssertionError(f"seed {seed} models {number}: no end") from None
            except Exception as error:
                words = f"seed {seed} models {number}: {error!r}\n{server.next!r}"
                raise AssertionError(words) from error
            finally:
                await backend.stop()
    return count


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    until = time.monotonic() + options.seconds
    try:
        through = asyncio.run(surface(options.seed, options.count, until))
        asked = asyncio.run(models(options.seed, options.count // 3, until))
    except AssertionError as error:
        print(error)
        return 1
    print(f"{through} exchanges and {asked} backends, seed {options.seed}: nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
