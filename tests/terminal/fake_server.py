"""A scripted Anthropic server for the real Claude Code: says what a script tells it to.

Only for recordings and for looking at the pane; the proxy's own tests have their own.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

MARKDOWN = """\
# A reply with *everything*

Some **bold**, *italic*, `code` and a [link](https://example.org/page).

```python
def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)
```

| name | width |
|------|-------|
| 漢字 | two |
| é à ü | one |
| 👩‍👩‍👧 🇩🇪 ❤️ | emoji |

1. first
2. second
   - nested

> a quotation

"""


def events(text: str, message: int, tool: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The stream of one reply: text in words, then perhaps a tool call."""
    usage = {"input_tokens": 10, "output_tokens": 1}
    found: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {
                "id": f"msg_{message}",
                "type": "message",
                "role": "assistant",
                "content": [],
                "model": "fake",
                "stop_reason": None,
                "stop_sequence": None,
                "usage": usage,
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    ]
    found += [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
        for word in (text[i : i + 4] for i in range(0, len(text), 4))
    ]
    found.append({"type": "content_block_stop", "index": 0})
    if tool is not None:
        block = {"type": "tool_use", "id": f"toolu_{message}", "name": tool["name"], "input": {}}
        found += [
            {"type": "content_block_start", "index": 1, "content_block": block},
            {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "input_json_delta", "partial_json": json.dumps(tool["input"])},
            },
            {"type": "content_block_stop", "index": 1},
        ]
    reason = "tool_use" if tool is not None else "end_turn"
    found += [
        {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": {"output_tokens": len(text) // 4},
        },
        {"type": "message_stop"},
    ]
    return found


class FakeServer:
    """Answers by the last word of the prompt: `markdown`, `long`, `tool`, else an echo."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self._ids = itertools.count(1)

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/messages."""
        body = await request.json()
        text, tool = self._reply(body)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        try:
            for event in events(text, next(self._ids), tool):
                line = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
                await response.write(line.encode())
                await asyncio.sleep(self.delay_s)
        except (ConnectionResetError, ConnectionError):
            pass
        return response

    def _reply(self, body: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
        if "tools" not in body or not body["tools"]:
            return '{"title": "A recorded session"}', None
        users = [message for message in body["messages"] if message["role"] == "user"]
        last = users[-1]["content"]
        if isinstance(last, list):
            if any(block["type"] == "tool_result" for block in last):
                return "The tool has run.", None
            last = last[-1].get("text", "")
        if "markdown" in last:
            return MARKDOWN, None
        if "tool" in last:
            command = {"command": "echo from the tool", "description": "Say so"}
            return "Let me run that.", {"name": "Bash", "input": command}
        if "long" in last:
            return "".join(f"{n}. a line of a long reply\n" for n in range(60)), None
        return "Hello from the fake server.", None


@asynccontextmanager
async def fake_server(delay_s: float = 0.004) -> AsyncIterator[str]:
    """A running server's base URL."""
    server = FakeServer(delay_s)
    app = web.Application()
    app.router.add_post("/v1/messages", server.messages)
    app.router.add_route("HEAD", "/", _empty)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def _empty(request: web.Request) -> web.Response:
    return web.Response()


async def _main() -> None:
    async with fake_server(0.01) as url:
        print(url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
