"""A server of ours that runs one MLX model: a folder on this disk, or a name on the hub."""

from __future__ import annotations

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from anyclaude_tui.backends import http
from anyclaude_tui.backends.base import (
    Finding,
    ModelInfo,
    Rendering,
    as_finding,
    in_tokens,
    small_window,
)
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.http_client import Answer, Client
from anyclaude_tui.backends.models import files as modelfiles
from anyclaude_tui.backends.models import memory
from anyclaude_tui.backends.models.files import ModelFiles
from anyclaude_tui.backends.supervision.supervised import SupervisedBackend
from anyclaude_tui.backends.templates.probe import (
    NoTemplateError,
    followed,
    of_server,
    of_text,
)
from anyclaude_tui.backends.templates.profile import Profile
from anyclaude_tui.backends.templates.profile_table import rows
from anyclaude_tui.backends.templates.sources import CountedSource
from anyclaude_tui.config.settings import BackendSettings
from anyclaude_tui.figures import size

CHAT = "/v1/chat/completions"
HUB_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN")


class MlxModelBackend(SupervisedBackend):
    """The common part of mlx_lm and vllm-mlx."""

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        super().__init__(name, settings, home)
        self._given = settings.model or ""
        self._path = Path(self._given).expanduser().absolute()
        self._files: ModelFiles | None = None
        self._profiling: asyncio.Task[Profile | None] | None = None
        """The template is looked at while the model loads."""
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
        """The facts about a local model; None before `check`, or where it is not local."""
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
        self._profiling = asyncio.create_task(self._profile(self._files))
        warning = memory.estimate(self._files, self.settings.context_window).warning()
        return (warning,) if warning else ()

    async def look(self) -> Sequence[Finding]:
        """See Backend: its program, its model, and whether Claude Code can work with that."""
        warnings = await self.check()
        if self._files is None:
            return (Finding(f"{self._given}, from the Hugging Face hub at the start"),)
        files, window = self._files, self.window_tokens
        words = f"{files.path.name}, {size(files.weight_bytes)}{in_tokens(window)}"
        profile = await self._profiling if self._profiling else None
        warnings += profile.warnings if profile else ()
        own = [f"{name} {value:g}" for name, value in files.sampling.items()]
        sampled = Finding(f"its generation_config.json: {', '.join(own)}")
        found = (Finding(words), sampled) if own else (Finding(words),)
        return (*found, *map(as_finding, warnings), *_fitness(files, window))

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

    def needed_variables(self) -> Sequence[str]:
        """See SupervisedBackend: a model from the hub may ask for the user's token there."""
        return () if self.local else HUB_TOKENS

    async def models(self) -> Sequence[ModelInfo]:
        """The one model that it was started with."""
        weights = self._files.weight_bytes if self._files else None
        loaded = self._endpoint is not None
        return (ModelInfo(self.model_name, self.window_tokens, loaded=loaded, size_bytes=weights),)

    @property
    @abstractmethod
    def plain_dialect(self) -> Dialect:
        """The server's request form, whatever the model."""

    async def followed(self, client: Client, model: str) -> Dialect:
        """The dialect that follows from the model's chat template; and its warnings."""
        base = self.plain_dialect
        if self._profiling is not None:
            profile = await self._profiling
        else:
            timeout_s = client.timeout_s
            profile = await of_server(CountedSource(client, CHAT, model, timeout_s), base)
        self._warnings += profile.warnings if profile else ()
        self._template = tuple(rows(profile)) if profile else ()
        return await followed(profile, base, client, CHAT, model)

    async def rendering(self) -> Rendering | None:
        """See Endpoint."""
        files = self._files
        profile = await self._profiling if self._profiling else None
        if files is None or profile is None or not profile.rewrites:
            return None
        template = _given_template(self.settings.args) or files.chat_template or ""
        return Rendering(template, files.special_tokens)

    async def _profile(self, files: ModelFiles) -> Profile | None:
        template = _given_template(self.settings.args) or files.chat_template
        if template is None:
            return None
        with contextlib.suppress(NoTemplateError):
            return await of_text(
                template,
                files.special_tokens,
                self.plain_dialect,
                trims=files.trims,
                home=self.home,
            )
        return None

    async def chat(self, client: Client, model: str) -> Answer:
        """A chat of one token; `model` as the server calls it. Raises HttpError."""
        timeout_s = client.timeout_s
        return await http.short_chat(client, CHAT, model, timeout_s=timeout_s)


def _fitness(files: ModelFiles, window_tokens: int | None) -> Iterator[Finding]:
    """The findings on Claude Code's needs, from the model's files: window and chat template."""
    yield from small_window(window_tokens, "take a model with a larger context window")
    if files.chat_template is None:
        words = "the model has no chat template: it is a base model"
        yield Finding(words, "take the instruct version of the model")


def _given_template(args: Sequence[str]) -> str | None:
    """The template that the user's own `--chat-template` gives in the model's place."""
    for flag, value in zip_longest(args, args[1:], fillvalue=""):
        if flag == "--chat-template" and value:
            return value
        if flag.startswith("--chat-template="):
            return flag.partition("=")[2]
    return None
