"""The real llama.cpp as a server that somebody else has started, and starts anew."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from anyclaude_tui.backends import attached, machine
from anyclaude_tui.backends.discovery import discover
from anyclaude_tui.backends.llama_cpp.program import WHEEL_SERVER
from tests.backends.conftest import Make
from tests.e2e.terminal import end_group
from tests.support.assets import LLAMA_ARGS, TINY_GGUF

pytestmark = pytest.mark.e2e


@asynccontextmanager
async def somebodys(port: int, *args: str) -> AsyncIterator[str]:
    """Their server, once it answers; its URL."""
    command = ["-P", str(WHEEL_SERVER), "--model", str(TINY_GGUF), "--port", str(port)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *(*command, "--alias", "theirs", *LLAMA_ARGS, *args),
        env={name: value for name, value in os.environ.items() if name != "LLAMA_API_KEY"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(30), httpx.AsyncClient(trust_env=False) as client:
            while not await _healthy(client, url):
                assert process.returncode is None, "their server has ended"
                await asyncio.sleep(0.02)
        yield url
    finally:
        await end_group(process)


async def _healthy(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/health")).status_code == 200
    except httpx.TransportError:
        return False


async def test_it_is_named_and_looked_at_again_when_it_was_started_anew(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached, "RECOVER_POLL_S", 0.05)
    port = machine.free_port()
    async with somebodys(port, "-c", "8192", "-np", "2") as url:
        (offer,) = (
            one for one in (await discover(ports=[port], app_ports=[])).offers if one.running
        )
        assert (offer.title, offer.model) == (f"llama.cpp at 127.0.0.1:{port}", "theirs")
        assert offer.window_tokens == 8192
        backend = make(kind="openai", url=url)
        await backend.start()
        assert (backend.endpoint.window_tokens, backend.endpoint.slots) == (8192, 2)
    recovering = asyncio.create_task(backend.recover())  # a request has met a dead server
    async with somebodys(port, "-c", "65536", "-np", "4"):
        await recovering
        assert (backend.endpoint.window_tokens, backend.endpoint.slots) == (65_536, 4)
        assert backend.status().server == "llama.cpp"
