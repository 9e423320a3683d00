"""A target's own client, on a raw server: what a measurement must not count as a failure."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from anyclaude_tui.compare.measuring import timed_run
from anyclaude_tui.compare.measuring.logged_proxy import LoggedProxy
from anyclaude_tui.compare.measuring.run import Run
from anyclaude_tui.compare.measuring.targets import MeasuredTarget
from anyclaude_tui.compare.workload import from_prompt
from anyclaude_tui.config.settings import Limits, Settings
from anyclaude_tui.telemetry.events import Outcome
from tests.support import wire

BODY = from_prompt("hello").body


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One stream on each connection: the next request on it finds it closed."""
    streamed = False
    while head := await reader.readline():
        length = 0
        while (line := await reader.readline()).strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        body = json.loads(await reader.readexactly(length)) if length else {}
        if streamed:
            break
        streamed = body.get("stream") is True
        models = {"object": "list", "data": [{"id": "m"}]}
        answer = models if b"/v1/models" in head else wire.completion("x")
        data = wire.text("hello") + wire.ending() if streamed else json.dumps(answer).encode()
        status = b"200 OK" if b"/v1/" in head else b"404 Not Found"
        kind = b"text/event-stream" if streamed else b"application/json\r\nConnection: close"
        writer.write(
            b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (status, kind, len(data), data)
        )
        await writer.drain()
        if not streamed:
            break
    writer.close()
    await writer.wait_closed()


async def test_a_connection_that_died_in_the_pool_is_no_failed_run(tmp_path: Path) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"openai:http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        measured = MeasuredTarget(url, Settings(limits=Limits(retries=0)), tmp_path)
        await measured.bring_up()
        try:
            for _ in range(2):
                run = Run("direct")
                taken = await timed_run.direct(
                    run, measured.http, measured.endpoint, BODY, Limits()
                )
                assert (taken.view.outcome, taken.view.reason) == (Outcome.COMPLETE, "")
            async with LoggedProxy(measured.session) as proxy:
                for _ in range(2):
                    taken = await timed_run.through_proxy(
                        Run("logged"), measured.http, proxy.url, proxy.token, proxy.hub, BODY
                    )
                    assert (taken.view.outcome, taken.view.reason) == (Outcome.COMPLETE, "")
        finally:
            await measured.take_down()
