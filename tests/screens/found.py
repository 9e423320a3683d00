"""What a search of this machine could find, and a Client whose session is made up: for the tests of
the backends and first-run screens.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from anyclaude_tui.backends.base import BackendState, BackendStatus, ModelInfo, Tool
from anyclaude_tui.backends.discovery import Discovery, Offer
from anyclaude_tui.backends.models.memory import Estimate
from anyclaude_tui.backends.slots.source import decide
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.telemetry.hub import Snapshot
from tests.screens import fakes

T = TypeVar("T")
GB = 1_000_000_000

STUDIO = BackendStatus(
    name="studio",
    kind="lmstudio",
    state=BackendState.READY,
    model="qwen/qwen3-coder-30b",
    url="http://127.0.0.1:1234",
    window_tokens=4096,
    slots=decide(known=1),
    warnings=(
        "qwen/qwen3-coder-30b is loaded with a context of 4,096 tokens: Claude Code's own "
        "prompt is 13,000 to 23,000 tokens",
    ),
    remedy="load it again with 65,536 tokens",
)
SERVER = Offer(
    "openai:http://127.0.0.1:8080",
    "mlx_lm.server at 127.0.0.1:8080",
    "Qwen3-8B-4bit, 40,960 tokens",
    running=True,
    model="Qwen3-8B-4bit",
    window_tokens=40_960,
)
LOCKED = Offer(
    "openai:http://127.0.0.1:8000",
    "server at 127.0.0.1:8000",
    "needs a key: add it to config.toml with url and api_key",
    running=True,
    usable=False,
)
SMALL = Offer(
    "mlx_lm:/models/small",
    "mlx-community/Llama-3.2-3B-Instruct-4bit",
    "1.83 GB, 131,072 tokens, Hugging Face cache",
    running=False,
    window_tokens=131_072,
    size_bytes=1_830_000_000,
)
LARGE = Offer(
    "mlx_lm:/models/large",
    "mlx-community/Qwen3-30B-A3B-4bit",
    "17.2 GB, 40,960 tokens, Hugging Face cache",
    running=False,
    window_tokens=40_960,
    size_bytes=17_180_000_000,
)
HUGE = Offer(
    "mlx_lm:/models/huge",
    "mlx-community/GLM-4.6-4bit",
    "198.0 GB, 202,752 tokens, LM Studio, more than this machine's memory at its full context",
    running=False,
    window_tokens=202_752,
    size_bytes=198_000_000_000,
    fits=False,
)
TOOLS = (
    Tool("mlx_lm", "mlx-lm", "/venv/mlx_lm/__init__.py", "pip install 'anyclaude-tui[mlx]'"),
    Tool("vllm_mlx", "vllm-mlx", None, "pip install vllm-mlx"),
    Tool("lmstudio", "LM Studio", None, "https://lmstudio.ai"),
    Tool("openai", "Ollama", "/usr/bin/ollama", "https://ollama.com"),
)
FOUND = Discovery((SERVER, LOCKED, LARGE, SMALL, HUGE), TOOLS)
NOTHING = Discovery((), TOOLS)
ESTIMATE = Estimate(17_180_000_000, 4_000_000_000, 98_304, 40_960, 51 * GB)


class FoundSession:
    """What the screens ask of a session; it writes down what it was asked."""

    def __init__(self) -> None:
        self.found = FOUND
        self.asked: list[str] = []
        self.listed: Sequence[ModelInfo] = ()
        self.ended: list[str] = []
        self.refusal: Exception | None = None
        self.found_refusal: Exception | None = None
        self.version: str | None = "2.1.209"
        self.wait: asyncio.Event | None = None

    @property
    def switchboard(self) -> FoundSession:
        return self

    async def discover(self) -> Discovery:
        self.asked.append("discover")
        if self.found_refusal is not None:
            raise self.found_refusal
        return self.found

    async def estimate(self, name: str) -> Estimate | None:
        return ESTIMATE if name == LARGE.spec else None

    async def claude_version(self) -> tuple[str | None, str | None]:
        return (None if self.version is None else "/usr/local/bin/claude"), self.version

    async def models(self, name: str) -> Sequence[ModelInfo]:
        await self._do(f"models {name}")
        return self.listed

    async def switch(self, name: str) -> None:
        await self._do(f"switch {name}")

    async def restart_backend(self) -> None:
        await self._do("restart")

    async def load_model(self, name: str, model: str, context_tokens: int | None = None) -> None:
        await self._do(f"load {model} on {name} with {context_tokens}")

    async def unload_model(self, name: str, model: str) -> None:
        await self._do(f"unload {model} of {name}")

    async def remedy(self) -> None:
        await self._do("remedy")

    async def release(self, name: str) -> None:
        await self._do(f"release {name}")

    async def _do(self, words: str) -> None:
        self.asked.append(words)
        if self.wait is not None:
            await self.wait.wait()
        if self.refusal is not None:
            raise self.refusal
        self.ended.append(words)


class FoundClient(fakes.FakeClient):
    """A client to a `FoundSession`, which runs on a loop of its own, as the real one does."""

    def __init__(self, home: Path, shown: Snapshot) -> None:
        super().__init__(home, shown)
        self.session = FoundSession()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def close(self) -> None:
        """End the loop's thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    switch = SessionClient.switch
    restart_backend = SessionClient.restart_backend

    def call(self, work: Callable[[Any], Coroutine[Any, Any, T]]) -> concurrent.futures.Future[T]:
        return asyncio.run_coroutine_threadsafe(work(self.session), self._loop)
