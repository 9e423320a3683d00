"""Model servers that somebody else has started, as real processes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from anyclaude_tui.backends.llama_cpp.program import WHEEL_SERVER
from tests.e2e.terminal import end_group
from tests.support.assets import LLAMA_ARGS, TINY_GGUF, TINY_MODEL


@asynccontextmanager
async def llama_cpp(port: int, *args: str) -> AsyncIterator[str]:
    """Their llama.cpp, once it answers; its URL."""
    command = ("-P", str(WHEEL_SERVER), "--model", str(TINY_GGUF), "--alias", "theirs")
    async with _running(port, *command, *LLAMA_ARGS, *args) as url:
        yield url


@asynccontextmanager
async def mlx_lm(port: int) -> AsyncIterator[str]:
    """Their mlx_lm.server, once its port is open; its URL."""
    async with _running(port, "-m", "mlx_lm", "server", "--model", str(TINY_MODEL)) as url:
        yield url


@asynccontextmanager
async def _running(port: int, *args: str) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *(*args, "--port", str(port)),
        env={name: value for name, value in os.environ.items() if name != "LLAMA_API_KEY"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
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
