"""mlx_lm.server in a child process of ours, with its readiness and death traps (wire/mlx-lm.md)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from anyclaude_tui.backends import exits, http, machine, memory, modelfiles
from anyclaude_tui.backends.base import BackendError, Dialect, Endpoint, ModelInfo
from anyclaude_tui.backends.modelfiles import ModelFiles
from anyclaude_tui.backends.models_on_disk import hub_folder
from anyclaude_tui.backends.supervised import NotServingError, SupervisedBackend
from anyclaude_tui.config import BackendSettings

PREFILL_STEP_TOKENS = 512
"""One progress comment per step; with the server's own 2048 a slow model is silent for a minute."""
CACHE_SHARE = 0.15
"""The share of the machine's memory that the server may fill with prompt caches."""
SLOTS = 4
"""The server batches up to 32, but every running request takes decode speed from the others."""
MODEL_NAME = "default_model"
"""Any other name makes the server look for another model, and drop the good one first."""


def install(python: str | None = None) -> str:
    """The command that installs it for a Python; on Linux mlx alone has no backend."""
    extra = "" if machine.MACOS else " 'mlx[cpu]'"
    return f"{shlex.quote(python or sys.executable)} -m pip install mlx-lm{extra}"


INSTALL = install()
_CHAT = "/v1/chat/completions"


def dialect(*, strict_system: bool = False) -> Dialect:
    """How mlx_lm.server wants its requests (wire/mlx-lm.md)."""
    return Dialect(
        late_system="user" if strict_system else "system",
        tool_choice="ignored",
        json_schema=False,
        enable_thinking=True,
        # Messages reach the template untouched, which reads it under this name.
        reasoning_history="reasoning_content",
        silent_tool_calls=True,
        dead_words=("generation thread died",),
    )


class MlxLmBackend(SupervisedBackend):
    """`python -m mlx_lm server`."""

    kind = "mlx_lm"

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
        """See SupervisedBackend."""
        return self._path.name if self._local else self._model

    async def check(self) -> tuple[str, ...]:
        """See SupervisedBackend: the model is there, and so is mlx_lm."""
        if self._local:
            self._files = await asyncio.to_thread(modelfiles.read, self._path)
            warning = memory.estimate(self._files, self.settings.context_window).warning()
        else:
            warning = ""
        # A missing cache folder makes /v1/models answer 200 with an empty body.
        hub = hub_folder({**os.environ, **self.settings.env})
        with contextlib.suppress(OSError):
            await asyncio.to_thread(hub.mkdir, parents=True, exist_ok=True)
        return (warning,) if warning else ()

    def command(self, port: int) -> Sequence[str]:
        """See SupervisedBackend."""
        cache_bytes = int(machine.memory().total_bytes * CACHE_SHARE)
        model = str(self._path) if self._local else self._model
        return [
            *self.settings.launcher,
            self.settings.python or sys.executable,
            *("-m", "mlx_lm", "server", "--model", model),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--prefill-step-size", str(PREFILL_STEP_TOKENS)),
            *("--prompt-cache-bytes", str(cache_bytes)),
            *self.settings.args,  # the last word on a flag is the user's
        ]

    def environment(self) -> Mapping[str, str]:
        """See SupervisedBackend."""
        return {"HF_HUB_OFFLINE": "1"} if self._local else {}

    async def connect(self, client: httpx.AsyncClient) -> Endpoint:
        """See SupervisedBackend. The port opens, and /health says 200, before the load."""
        answer = await self._chat(client)
        if answer.status_code != 200:
            raise NotServingError(self._why_not(f"the model was not loaded ({http.words(answer)})"))
        strict = self._files.strict_system if self._files else False
        if not strict:
            late = await self._chat(client, http.LATE_SYSTEM)
            strict = late.status_code != 200
        window = self._files.window_tokens if self._files else None
        return Endpoint(
            url=self.base_url + _CHAT,
            model=MODEL_NAME,
            label=self.model_name,
            dialect=dialect(strict_system=strict),
            window_tokens=self.settings.context_window or window,
            slots=self.settings.slots or SLOTS,
            tokenizer_dir=self._files.tokenizer_dir if self._files else None,
        )

    async def still_serves(self, client: httpx.AsyncClient) -> None:
        """See SupervisedBackend: 503 means that the generation thread has died."""
        answer = await client.get("/health")
        if answer.status_code == 503:
            raise NotServingError(self._why_not("generation thread died"))

    def explain_exit(self, reason: str, tail: Sequence[str]) -> str:
        """See SupervisedBackend."""
        text = "\n".join(tail[-20:])
        if "No module named" in text and ("mlx_lm" in text or "mlx" in text):
            python = self.settings.python or sys.executable
            return f"mlx_lm is not installed for {python}: {install(python)}"
        if "libmlx" in text:
            return f"mlx cannot be loaded: {install(self.settings.python)}"
        return reason

    async def models(self) -> Sequence[ModelInfo]:
        """The one model that it was started with."""
        files = self._files
        window = files.window_tokens if files else self.settings.context_window
        size = files.weight_bytes if files else None
        return (ModelInfo(self._model, window, loaded=self._endpoint is not None, size_bytes=size),)

    async def _chat(
        self, client: httpx.AsyncClient, messages: list[dict[str, str]] | None = None
    ) -> httpx.Response:
        timeout_s = client.timeout.read or 60.0
        return await http.one_token_chat(
            client, _CHAT, MODEL_NAME, timeout_s=timeout_s, messages=messages
        )

    def _why_not(self, said: str) -> str:
        """The server's own words are few: the log says why."""
        last = exits.last_error(self._log.tail())
        hint = self.explain_exit("", self._log.tail())
        return hint or (f"{said}: {last}" if last and last not in said else said)
