"""The first token with llama.cpp: a random GGUF, the real server out of the wheel.

The older tree could only attach such a server, so the benchmark starts it there and ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx

from anyclaude_tui.backends import machine
from anyclaude_tui.backends.llama_cpp import wheel_server
from anyclaude_tui.backends.llama_cpp.backend import BATCH_TOKENS, CACHE_MIB_MOST, CACHE_SHARE
from benchmarks import random_gguf

HIDDEN, LAYERS = 192, 4
WINDOW_TOKENS = random_gguf.WINDOW_TOKENS
TEMPLATE = """\
{%- for m in messages %}
{{- '<|im_start|>' + m.role + '\\n' + (m.content or '') }}
{%- if loop.first and tools %}{{ '\\n# Tools\\n' }}
{%- for tool in tools %}{{ tool | tojson + '\\n' }}{% endfor %}{% endif %}
{%- for call in m.tool_calls or [] %}{{ '<tool_call>' + call.function | tojson }}{% endfor %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
"""Tools behind the system text, as most families have them."""
ATTACHED = """
[backends.{name}]
kind = "openai"
url = "{url}/v1"
"""
OURS = """
[backends.{name}]
kind = "llama_cpp"
model = "{model}"
context_window = {window}
slots = 1
"""


class Server:
    """A llama.cpp server that nobody supervises."""

    def __init__(self, model: Path, log: Path) -> None:
        self.port = machine.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._model = model
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns when it serves."""
        cache_mib = min(CACHE_MIB_MOST, int(machine.memory().total_bytes * CACHE_SHARE / 2**20))
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", wheel_server.__file__, "--model", str(self._model)),
                *("--host", "127.0.0.1", "--port", str(self.port), "--jinja", "--slots"),
                *("--ctx-size", str(WINDOW_TOKENS), "--batch-size", str(BATCH_TOKENS)),
                *("--cache-ram", str(cache_mib), "--parallel", "1", "--kv-unified"),
                stdout=log, stderr=log,
            )  # fmt: skip
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                if self._process.returncode is not None:
                    raise SystemExit(f"llama.cpp has ended: see {self._log}")
                try:
                    if (await client.get(f"{self.url}/health")).status_code == 200:
                        return
                except httpx.HTTPError:
                    await asyncio.sleep(0.1)

    async def again(self) -> None:
        """Kill it, and start it as a person would."""
        await self.kill()
        await self.start()

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


def bench(options: argparse.Namespace, trees: Mapping[str, Path], work: Path) -> dict[str, Any]:
    """Both trees in turns."""
    from benchmarks import first_token

    docs = sorted((first_token.ROOT / "docs").rglob("*.md"))
    model = random_gguf.make(
        work / "random.gguf", options.llama_hidden, options.llama_layers,
        template=TEMPLATE, text="\n".join(path.read_text() for path in docs),
    )  # fmt: skip
    found: dict[str, Any] = {"llama": f"{options.llama_layers} layers of {options.llama_hidden}"}
    for which, tree in trees.items():
        first_token.say(f"llama.cpp, {which}")
        root = work / f"llama-{which}"
        run = ours if which == "now" else attached
        seen = asyncio.run(run(tree, model, root))
        found[f"llama {which}"] = {name: first_token.vars_of(one) for name, one in seen.items()}
    return found


async def ours(tree: Path, model: Path, root: Path) -> dict[str, Any]:
    """A tree that starts the server itself."""
    from benchmarks import first_token

    made = (OURS.format(name=name, model=model, window=WINDOW_TOKENS) for name in "ab")
    return await first_token.plain(tree, "".join(made) + first_token.NEW, root)


async def attached(tree: Path, model: Path, root: Path) -> dict[str, Any]:
    """A tree that is given the addresses of two."""
    from benchmarks import first_token

    root.mkdir()
    servers = [Server(model, root / f"server-{name}") for name in "ab"]
    async with AsyncExitStack() as stack:
        for server in servers:
            stack.push_async_callback(server.kill)
            await server.start()
        named = zip("ab", servers, strict=True)
        config = "".join(ATTACHED.format(name=name, url=one.url) for name, one in named)
        return await first_token.plain(tree, config, root, servers[0].again)
