"""vllm-mlx in a child process of ours (docs/protocol/vllm-mlx.md)."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anyclaude_tui.backends import http, machine
from anyclaude_tui.backends.base import BackendError, Endpoint, Progress, Tool
from anyclaude_tui.backends.dialect import MLX_SLOTS, Dialect, vllm_mlx_dialect
from anyclaude_tui.backends.flavours import parse_progress
from anyclaude_tui.backends.http_client import Client
from anyclaude_tui.backends.mlx_model import CHAT, MlxModelBackend
from anyclaude_tui.backends.slots.source import decide
from anyclaude_tui.backends.supervision.supervised import NotServingError

CACHE_SHARE = 0.15
PREFILL_STEP_TOKENS = 512
WRITE_BYTES_PER_S = 200e6
"""A slow disk: what its stop is given time for."""
INSTALL = "pip install vllm-mlx" + (
    "" if machine.MACOS else ', then pip install "mlx[cpu]" (6.5 GB in all)'
)
_EXIT_PORT_TAKEN = "exit 3"
_STATUS_TIMEOUT_S = 1.0


class VllmMlxBackend(MlxModelBackend):
    """`vllm-mlx serve`."""

    kind = "vllm_mlx"
    _unclean = False
    """It ended by itself or was killed: what it has on disk may be half."""
    _was_there = True
    """Its cache of this model is not of our making."""

    @classmethod
    def tools(cls) -> Sequence[Tool]:
        """See Backend."""
        found = _program(None)
        return (Tool(cls.kind, "vllm-mlx", str(found) if found else None, INSTALL),)

    async def check(self) -> tuple[str, ...]:
        """See MlxModelBackend; and vllm-mlx is there."""
        if _program(self.settings.python) is None:
            raise BackendError(f"vllm-mlx is not installed: {INSTALL}")
        await asyncio.to_thread(self._make_own_cache_safe)
        return await super().check()

    # It keeps its prefix cache on disk by itself, without a flag: 0644, not checked when it is
    # read (docs/protocol/vllm-mlx.md, "Cache").

    @property
    def own_cache(self) -> Path:
        """The folder where it keeps the prompts of this model."""
        home = Path(self.settings.env.get("HOME") or Path.home())
        return home / ".cache" / "vllm-mlx" / "prefix_cache" / self.model.replace("/", "--")

    def _make_own_cache_safe(self) -> None:
        """Others cannot look in; what a server that was killed may have left half is removed."""
        root = self.own_cache.parent
        with contextlib.suppress(OSError):
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            root.chmod(0o700)
        if self._unclean:
            self._clear_own_cache()
        self._unclean = False
        self._was_there = self.own_cache.exists()

    def _clear_own_cache(self) -> None:
        shutil.rmtree(self.own_cache, ignore_errors=True)

    @property
    def stop_grace_s(self) -> float:
        """See SupervisedBackend: at its end it writes all that is in its memory."""
        grace_s = super().stop_grace_s
        return grace_s + _cache_bytes() / WRITE_BYTES_PER_S if self.cache_policy.disk else grace_s

    async def stop(self) -> None:
        """See Backend. Without `[cache] disk` nothing stays that was not there before."""
        process = self._process
        await super().stop()
        if process is not None and process.exit_code == -signal.SIGKILL:
            self._unclean = True
        if not self.cache_policy.disk and not self._was_there:
            await asyncio.to_thread(self._clear_own_cache)

    async def restart(self) -> None:
        """See Backend: what it has kept on disk is forgotten too."""
        await self.stop()
        await asyncio.to_thread(self._clear_own_cache)
        await self.start()

    def command(self, port: int) -> Sequence[str]:
        """See SupervisedBackend. Without --continuous-batching a second stream fails."""
        cache_mb = _cache_bytes() // 2**20
        calls, reasoning = parsers(self.files.config if self.files else {}, self.model_name)
        return [
            *self.settings.launcher,
            str(_program(self.settings.python) or "vllm-mlx"),
            *("serve", self.model),
            *("--served-model-name", self.model_name),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--continuous-batching", "--max-num-seqs", str(self.settings.slots or MLX_SLOTS)),
            *("--prefill-step-size", str(PREFILL_STEP_TOKENS)),
            *("--cache-memory-mb", str(cache_mb)),
            *("--enable-auto-tool-choice", "--tool-call-parser", calls),
            *(("--reasoning-parser", reasoning) if reasoning else ()),
            *(("--offline",) if self.local else ()),
            *self.settings.args,
        ]

    @property
    def plain_dialect(self) -> Dialect:
        """See MlxModelBackend."""
        return vllm_mlx_dialect()

    async def connect(self, client: Client) -> Endpoint:
        """See SupervisedBackend. The port opens after the load; the first chat is slow."""
        answer = await self.chat(client, self.model_name)
        if answer.status_code != 200:
            raise NotServingError(f"it refused a short chat: {http.words(answer)}")
        return Endpoint(
            url=self.base_url + CHAT,
            model=self.model_name,
            dialect=await self.followed(client, self.model_name),
            rendering=await self.rendering(),
            window_tokens=self.window_tokens,
            slots=decide(set_to=self.settings.slots, known=MLX_SLOTS),
            tokenizer_dir=self.files.tokenizer_dir if self.files else None,
            model_sampling=self.files.sampling if self.files else {},
            # Where a cache cannot be cut back it reuses nothing between conversations.
            warms="sliced" if self.files is not None and self.files.trims else "",
        )

    def explain_exit(self, reason: str, tail: Sequence[str]) -> str:
        """See SupervisedBackend."""
        self._unclean = True
        if reason.startswith(_EXIT_PORT_TAKEN):
            return f"port {self.port} was taken by another process: start it again"
        return reason

    async def progress(self) -> Progress | None:
        """See Backend: `/v1/status` alone knows the cached tokens, `usage` never has them."""
        if self._endpoint is None:
            return None
        async with self.client(_STATUS_TIMEOUT_S) as client:
            return parse_progress(await http.get_object(client, "/v1/status"))


def _cache_bytes() -> int:
    return int(machine.memory().total_bytes * CACHE_SHARE)


def _program(python: str | None) -> Path | None:
    """`vllm-mlx` beside the configured Python, beside ours, or on PATH."""
    for beside in filter(None, (python, sys.executable)):
        program = Path(beside).expanduser().with_name("vllm-mlx")
        if program.exists():
            return program
    found = shutil.which("vllm-mlx")
    return Path(found) if found else None


def parsers(config: Mapping[str, Any], name: str) -> tuple[str, str | None]:
    """The tool call parser and the reasoning parser for a model, from its type and name."""
    kind = str(config.get("model_type") or "").lower()
    lower = name.lower()
    calls = "qwen3_coder" if "coder" in lower and "qwen3" in lower else "auto"
    if kind == "gpt_oss" or "gpt-oss" in lower:
        return calls, "gpt_oss"
    if (kind.startswith("qwen3") or "qwen3" in lower) and "instruct" not in lower:
        return calls, None if "coder" in lower else "qwen3"
    return calls, None
