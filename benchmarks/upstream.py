"""The bench's own model server: raw asyncio, fast enough not to be the limit.

A simulated backend, in a process of its own. What it does is asked for in the last user
message: `flood N` (N chunks as fast as the socket takes them), `paced N RATE` (RATE
chunks/s, each with the time it was written), `bytes N` (N bytes of text), `hang` (one chunk,
then silence). It speaks chat completions, and Messages for the relay's sake the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import re
import time
from multiprocessing.queues import Queue
from typing import Any

COMMAND = re.compile(rb"@@(flood|paced|bytes|hang) ?(\d*) ?(\d*)@@")
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
    b"Server: bench-fake\r\n\r\n"
)
FINISH = (
    b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},'
    b'"finish_reason":"stop"}]}\n\n'
    b'data: {"id":"c","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":10,'
    b'"completion_tokens":10,"total_tokens":20}}\n\ndata: [DONE]\n\n'
)
WORDS = tuple(f"w{number:03} " for number in range(200))
"""The words of a flood, a chunk each. Not one word again and again: a peer takes that for a model
gone mad."""


def chunk(text: str) -> bytes:
    """One content chunk, as mlx_lm writes it."""
    return (
        b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"m",'
        b'"choices":[{"index":0,"finish_reason":null,"delta":{"role":"assistant","content":%b}}]}'
        b"\n\n" % json.dumps(text).encode()
    )


class _Server:
    def __init__(self, left: Queue[float]) -> None:
        self._left = left

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = re.search(r"content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        if not body:
            await self._whole(writer, {"object": "list", "data": [{"id": "bench-model"}]})
            return
        found = list(COMMAND.finditer(body))
        if not found:  # a probe
            choice = {"index": 0, "message": {"content": "."}, "finish_reason": "length"}
            await self._whole(writer, {"choices": [choice]})
            return
        writer.write(HEAD)
        name, first, second = found[-1].groups()
        number = int(first or 0)
        if name == b"flood":
            await self._flood(writer, number)
        elif name == b"paced":
            await self._paced(writer, number, int(second))
        elif name == b"bytes":
            piece = chunk("x" * 4096)
            for _ in range(number // len(piece)):
                writer.write(piece)
                await writer.drain()
        else:
            writer.write(chunk("one"))
            await reader.read(1)
            self._left.put(time.monotonic())
            return
        writer.write(FINISH)
        await writer.drain()

    async def _flood(self, writer: asyncio.StreamWriter, chunks: int) -> None:
        block = b"".join(chunk(word) for word in WORDS)
        for _ in range(chunks // len(WORDS)):
            writer.write(block)
            await writer.drain()
        writer.write(b"".join(chunk(word) for word in WORDS[: chunks % len(WORDS)]))

    async def _paced(self, writer: asyncio.StreamWriter, chunks: int, rate: int) -> None:
        start = time.monotonic()
        for number in range(chunks):
            await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
            writer.write(chunk(f"t={time.monotonic_ns()};"))

    async def _whole(self, writer: asyncio.StreamWriter, body: Any) -> None:
        raw = json.dumps(body).encode()
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
        await writer.drain()


def _run(ports: Queue[int], left: Queue[float]) -> None:
    async def main() -> None:
        server = await asyncio.start_server(_Server(left).connected, "127.0.0.1", 0, backlog=512)
        ports.put(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())


class UpstreamProcess:
    """`with UpstreamProcess() as upstream:` gives `port`, and `left` (when clients left)."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        ports: Queue[int] = context.Queue()
        self.left: Queue[float] = context.Queue()
        self._process = context.Process(target=_run, args=(ports, self.left), daemon=True)
        self._process.start()
        self.port = ports.get(timeout=30)

    @property
    def pid(self) -> int:
        pid = self._process.pid
        assert pid is not None
        return pid

    def __enter__(self) -> UpstreamProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()
