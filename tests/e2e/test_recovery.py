"""A backend that dies under a real Claude Code: the conversation goes on by itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
import psutil
import pytest

from anyclaude_tui.claude_code.launch import session_env
from tests.e2e.claude import Claude
from tests.e2e.servers import Serve, serve

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


def model_server(serving: Serve) -> psutil.Process | None:
    """The simulated model server, a child of `serve`."""
    for process in serving.family()[1:]:
        if "simulator.server" in " ".join(process.cmdline()):
            return process
    return None


async def test_killed_in_mid_text_and_restarted_the_reply_is_complete(tmp_path: Path) -> None:
    """SIGKILL while the text streams: Claude Code is made to carry on, on the restarted server."""
    async with serve("simulator:fast", home=tmp_path) as serving:
        env = session_env(serving.url, serving.token, serving.model, None)
        claude = Claude(tmp_path, serving.url, serving.token, **env)
        asking = asyncio.create_task(
            claude.ask("count", "--output-format", "stream-json", "--verbose", "--tools", "")
        )
        first = model_server(serving)
        assert first is not None
        await decoding(serving)
        await asyncio.sleep(1)  # past the thinking, into the text: it takes several seconds
        first.kill()
        done = await asking
        assert done.code == 0, done.err
        second = model_server(serving)
        assert second is not None
        assert second.pid != first.pid
        lines = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
        results = [line for line in lines if line.get("type") == "result"]
        assert results[-1]["subtype"] == "success"
        journal = (serving.home / "request-logs").glob("*.jsonl")
        requests = [json.loads(line) for file in journal for line in file.read_text().splitlines()]
        assert "cut" in [request["truncation"] for request in requests]
        assert requests[-1]["outcome"] == "complete"


async def decoding(serving: Serve) -> None:
    """Returns when a request is being decoded, as `/metrics` tells."""
    headers = {"Authorization": f"Bearer {serving.token}"}
    async with aiohttp.ClientSession(serving.url, headers=headers) as client, asyncio.timeout(60):
        while True:
            async with client.get("/metrics") as response:
                if 'phase="decode"' in await response.text():
                    return
            await asyncio.sleep(0.05)
