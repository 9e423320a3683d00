"""A server of ours that runs one MLX model: a folder on this disk, or a name on the hub."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx

from anyclaude_tui.backends import http
from anyclaude_tui.backends.base import Finding, ModelInfo, in_tokens, small_window
from anyclaude_tui.backends.models import files as modelfiles
from anyclaude_tui.backends.models import memory
from anyclaude_tui.backends.models.files import ModelFiles
from anyclaude_tui.backends.supervision.supervised import SupervisedBackend, as_finding
from anyclaude_tui.config.settings import BackendSettings

CHAT = "/v1/chat/completions"


class MlxModelBackend(SupervisedBackend):
    """What mlx_lm and vllm-mlx have in common."""

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        super().__init__(name, settings, home)
        self._given = settings.model or ""
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

    async def look(self) -> Sequence[Finding]:
        """See Backend: its program, its model, and whether Claude Code can work with that."""
        warnings = await self.check()
        if self._files is None:
            return (Finding(f"{self._given}, from the Hugging Face hub at the start"),)
        files, window = self._files, self.window_tokens
        words = f"{files.path.name}, {files.weight_bytes / 2**30:.1f} GiB{in_tokens(window)}"
        return (Finding(words), *map(as_finding, warnings), *_fitness(files, window))

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


def _fitness(files: ModelFiles, window_tokens: int | None) -> Iterator[Finding]:
    """Whether Claude Code can work with the model, as far as its files tell."""
    yield from small_window(window_tokens, "take a model with a larger context window")
    template = files.chat_template
    if template is None:
        words = "the model has no chat template: it is a base model"
        yield Finding(words, "take the instruct version of the model")
    elif "tools" not in template:
        words = "the model's chat template knows no tools: Claude Code's would not reach it"
        yield Finding(words, "take a model that was trained for tool calls")
