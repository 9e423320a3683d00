"""vllm-mlx in a child process of ours (wire/vllm-mlx.md)."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from anyclaude_tui.backends import http, machine, memory, modelfiles
from anyclaude_tui.backends.base import BackendError, Dialect, Endpoint, ModelInfo, Progress
from anyclaude_tui.backends.modelfiles import ModelFiles
from anyclaude_tui.backends.supervised import NotServingError, SupervisedBackend
from anyclaude_tui.config import BackendSettings

MAX_TOKENS = 32_768
"""A larger `max_tokens` is refused with 400."""
CACHE_SHARE = 0.15
PREFILL_STEP_TOKENS = 512
SLOTS = 4
INSTALL = "pip install vllm-mlx" + (
    "" if machine.MACOS else ', then pip install "mlx[cpu]" (6.5 GB in all)'
)
_CHAT = "/v1/chat/completions"
_EXIT_PORT_TAKEN = "exit 3"
_STATUS_TIMEOUT_S = 1.0


class VllmMlxBackend(SupervisedBackend):
    """`vllm-mlx serve`."""

    kind = "vllm_mlx"

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        super().__init__(name, settings, home)
        if not settings.model:
            raise BackendError(f"{name}: no model given: set model to the path of an MLX model")
        self._model = settings.model
        self._local = modelfiles.is_path(self._model)
        self._path = Path(self._model).expanduser().absolute()
        self._files: ModelFiles | None = None

    @property
    def model_name(self) -> str:
        """See SupervisedBackend; also the name that the server is told to serve it under."""
        return self._path.name if self._local else self._model

    async def check(self) -> tuple[str, ...]:
        """See SupervisedBackend: the model is there, and so is vllm-mlx."""
        if self._program() is None:
            raise BackendError(f"vllm-mlx is not installed: {INSTALL}")
        if not self._local:
            return ()
        self._files = await asyncio.to_thread(modelfiles.read, self._path)
        warning = memory.estimate(self._files, self.settings.context_window).warning()
        return (warning,) if warning else ()

    def command(self, port: int) -> Sequence[str]:
        """See SupervisedBackend. Without --continuous-batching a second stream fails."""
        cache_mb = int(machine.memory().total_bytes * CACHE_SHARE / 2**20)
        calls, reasoning = parsers(self._files.config if self._files else {}, self.model_name)
        return [
            *self.settings.launcher,
            str(self._program() or "vllm-mlx"),
            *("serve", str(self._path) if self._local else self._model),
            *("--served-model-name", self.model_name),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--continuous-batching", "--max-num-seqs", str(self.settings.slots or SLOTS)),
            *("--prefill-step-size", str(PREFILL_STEP_TOKENS)),
            *("--cache-memory-mb", str(cache_mb)),
            *("--enable-auto-tool-choice", "--tool-call-parser", calls),
            *(("--reasoning-parser", reasoning) if reasoning else ()),
            *(("--offline",) if self._local else ()),
            *self.settings.args,
        ]

    def environment(self) -> Mapping[str, str]:
        """See SupervisedBackend."""
        return {"HF_HUB_OFFLINE": "1"} if self._local else {}

    async def connect(self, client: httpx.AsyncClient) -> Endpoint:
        """See SupervisedBackend. The port opens after the load; the first chat is slow."""
        timeout_s = client.timeout.read or 60.0
        answer = await http.one_token_chat(client, _CHAT, self.model_name, timeout_s=timeout_s)
        if answer.status_code != 200:
            raise NotServingError(f"it refused a 1-token chat: {http.words(answer)}")
        strict = self._files.strict_system if self._files else False
        if not strict:
            late = await http.one_token_chat(
                client, _CHAT, self.model_name, timeout_s=timeout_s, messages=http.LATE_SYSTEM
            )
            strict = late.status_code != 200
        window = self._files.window_tokens if self._files else None
        return Endpoint(
            url=self.base_url + _CHAT,
            model=self.model_name,
            dialect=Dialect(
                late_system="user" if strict else "system",
                tool_choice="strings",
                json_schema=False,
                enable_thinking=True,
                max_tokens_cap=MAX_TOKENS,
                reasoning_history="reasoning_content",
                silent_tool_calls=True,
            ),
            window_tokens=self.settings.context_window or window,
            slots=self.settings.slots or SLOTS,
            tokenizer_dir=self._files.tokenizer_dir if self._files else None,
        )

    def explain_exit(self, reason: str, tail: Sequence[str]) -> str:
        """See SupervisedBackend."""
        if reason.startswith(_EXIT_PORT_TAKEN):
            return f"port {self.port} was taken by another process: start it again"
        return reason

    async def models(self) -> Sequence[ModelInfo]:
        """The one model that it was started with."""
        files = self._files
        window = files.window_tokens if files else self.settings.context_window
        size = files.weight_bytes if files else None
        loaded = self._endpoint is not None
        return (ModelInfo(self.model_name, window, loaded=loaded, size_bytes=size),)

    async def progress(self) -> Progress | None:
        """See Backend: `/v1/status` alone knows the cached tokens, `usage` never has them."""
        if self._endpoint is None:
            return None
        async with http.client(self.base_url, timeout_s=_STATUS_TIMEOUT_S) as client:
            return parse_progress(await http.get_json(client, "/v1/status"))

    def _program(self) -> Path | None:
        """`vllm-mlx` beside the configured Python, beside ours, or on PATH."""
        for python in filter(None, (self.settings.python, sys.executable)):
            beside = Path(python).expanduser().with_name("vllm-mlx")
            if beside.exists():
                return beside
        found = shutil.which("vllm-mlx")
        return Path(found) if found else None


def parse_progress(status: Any) -> Progress | None:
    """The progress of the one running request; None when there are several (whose is it?)."""
    requests = status.get("requests") if isinstance(status, dict) else None
    running = [
        request
        for request in requests or ()
        if isinstance(request, dict) and request.get("status") == "running"
    ]
    if len(running) != 1:
        return None
    (request,) = running
    total, cached = request.get("prompt_tokens"), request.get("cached_tokens")
    done = total if request.get("phase") == "generation" else None
    return Progress(prefill_done_tokens=done, prefill_total_tokens=total, cached_tokens=cached)


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
