"""Every case of `assets/cases`, played through the proxy; the streams also cut at each byte."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from anyclaude_tui.proxy.reply.translator import Translator
from anyclaude_tui.proxy.wire.sse import SSEReader
from tests.proxy import cases
from tests.proxy.reply.test_passthrough import translator as native_translator
from tests.proxy.streams import new
from tests.support.proxy import running_proxy
from tests.support.validator import validate

CASES = {case["name"]: case for case in cases.load()}
SCHEMAS = {tool["name"]: tool["input_schema"] for tool in cases.TOOLS}
STREAMS = {
    name: case
    for name, case in CASES.items()
    if isinstance(case["upstream"], dict) and "script" in case["upstream"]
}


class Backend:
    """Plays a case's answers, the last one again and again."""

    def __init__(self, case: dict[str, Any]) -> None:
        upstream = case["upstream"]
        self._answers = list(upstream) if isinstance(upstream, list) else [upstream]
        self.bodies: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(json.dumps(await request.json(), ensure_ascii=False))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        status, kind = answer.get("status", 200), answer.get("type", "application/json")
        if "body" in answer:
            body = answer["body"]
            text = body if isinstance(body, str) else json.dumps(body)
            return web.Response(status=status, text=text, content_type=kind)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for data in cases.stream(answer["script"]):
            await response.write(data)
            await asyncio.sleep(answer.get("pause", 0))
        return response


@pytest.mark.parametrize("name", CASES)
async def test_case(name: str) -> None:
    case = CASES[name]
    native = case.get("backend") == "anthropic"
    backend = Backend(case)
    app = web.Application()
    app.router.add_post("/{path:.*}", backend.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        async with running_proxy(url) as proxy:
            if native:
                proxy.backend.now(native=True, url=f"{url}/messages")
            status, data = await proxy.ask(cases.request(case))
    finally:
        await runner.cleanup()
    expect = dict(case["expect"])
    for words in expect.pop("up_has", ()):
        assert words in "".join(backend.bodies)
    if status == 200:
        assert cases.faults(expect, validate(data), data.decode()) == []
    else:
        assert expect.keys() <= {"error_has", "error_lacks"}
        assert expect.get("error_has", "") in data.decode()
        assert "error_lacks" not in expect


def replay(case: dict[str, Any], data: bytes, sizes: Iterator[int]) -> tuple[Any, Any]:
    """What the client gets of this much of the stream, read in pieces of these sizes."""
    made: Translator
    if case.get("backend") == "anthropic":
        ids = itertools.count()
        made = native_translator(tools=SCHEMAS, call_id=lambda: f"toolu_{next(ids)}")
    else:
        made = new(tools=SCHEMAS)
    reader, out, at = SSEReader(), b"", 0
    while at < len(data) and not made.finished:
        size = next(sizes)
        out += made.feed(reader.feed(data[at : at + size]))
        at += size
    if not made.finished:
        out += made.feed(reader.end())
    ending = made.close()
    return validate(out + ending.data), ending


def forever(size: int) -> Iterator[int]:
    while True:
        yield size


@pytest.mark.parametrize("name", STREAMS)
def test_a_cut_gives_no_call_that_the_whole_does_not_give(name: str) -> None:
    """Cut at each byte: no argument that the model did not finish, and no call twice."""
    case = STREAMS[name]
    data = b"".join(cases.stream(case["upstream"]["script"]))
    whole, _ = replay(case, data, forever(len(data)))
    for size in (1, 7):
        split, _ = replay(case, data, forever(size))
        assert (split.blocks, split.stop_reason) == (whole.blocks, whole.stop_reason)
    for cut in range(0, len(data), max(1, len(data) // 60)):
        part, _ = replay(case, data[:cut], forever(64))
        left = list(whole.calls)
        for call in part.calls:
            assert call in left, f"cut at {cut}"
            left.remove(call)
