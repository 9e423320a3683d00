"""A server of ours that runs one MLX model: a folder on this disk, or a name on the hub."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from anyclaude_tui.backends import http
from anyclaude_tui.backends.base import BackendError, ModelInfo
from anyclaude_tui.backends.models import files as modelfiles
from anyclaude_tui.backends.models import memory
from anyclaude_tui.backends.models.files import ModelFiles
from anyclaude_tui.backends.supervision.supervised import SupervisedBackend
from anyclaude_tui.config.settings import BackendSettings

CHAT = "/v1/chat/completions"


class MlxModelBackend(SupervisedBackend):
    """What mlx_lm and vllm-mlx have in common."""

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        super().__init__(name, settings, home)
        if not settings.model:
            raise BackendError(f"{name}: no model given: set model to the path of an MLX model")
        self._given = settings.model
        self._path = Path(self._given).expanduser().absolute()
        self._files: ModelFiles | None = None
        self.local = modelfiles.is_path(self._given)
        """The model lies on this disk."""

    @property
    def model(self) -> str:
        """The model as the server is told it."""
        return str(self._path) if self.local else self._given

    @property
    def model_name(self) -> str:
        """See SupervisedBackend."""
        return self._path.name if self.local else self._given

    @property
    def files(self) -> ModelFiles | None:
        """What is known of a local model; None before `check`, or where it is not local."""
        return self._files

    @property
    def window_tokens(self) -> int | None:
        """The context window: the settings' own, else the model's."""
        return self.settings.context_window or (self._files.window_tokens if self._files else None)

    async def check(self) -> tuple[str, ...]:
        """See SupervisedBackend: the model is there, and whether it fits into memory."""
        if not self.local:
            return ()
        self._files = await asyncio.to_thread(modelfiles.read, self._path)
        warning = memory.estimate(self._files, self.settings.context_window).warning()
        return (warning,) if warning else ()

    async def start_bytes(self) -> int | None:
        """See Backend."""
        if not self.local:
            return None
        files = self._files
        if files is None:
            files = await asyncio.to_thread(modelfiles.read, self._path)
        return memory.estimate(files, self.settings.context_window).start_bytes

    def environment(self) -> Mapping[str, str]:
        """See SupervisedBackend."""
        return {"HF_HUB_OFFLINE": "1"} if self.local else {}

    async def models(self) -> Sequence[ModelInfo]:
        """The one model that it was started with."""
        size = self._files.weight_bytes if self._files else None
        loaded = self._endpoint is not None
        return (ModelInfo(self.model_name, self.window_tokens, loaded=loaded, size_bytes=size),)

    async def chat(self, client: httpx.AsyncClient, model: str) -> httpx.Response:
        """A chat of one token; `model` as the server calls it. Raises httpx.HTTPError."""
        timeout_s = client.timeout.read or 60.0
        return await http.one_token_chat(client, CHAT, model, timeout_s=timeout_s)
