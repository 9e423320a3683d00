"""LM Studio: found by its greeting, asked and told through its own API.

Source: docs/protocol/lm-studio.md.

Its server is started when it is down and `lms` is there; it is never stopped by us.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from anyclaude_tui.backends import http
from anyclaude_tui.backends.address import is_local, is_near
from anyclaude_tui.backends.attached import AttachedBackend
from anyclaude_tui.backends.base import (
    CLAUDE_CODE_PROMPT,
    GOOD_WINDOW_TOKENS,
    SMALL_WINDOW_TOKENS,
    BackendError,
    Endpoint,
    Finding,
    ModelInfo,
    Tool,
    small_window,
)
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.http_client import Client, ConnectError, HttpError
from anyclaude_tui.backends.lmstudio.api import LmModel, is_lm_studio, list_models, load, unload
from anyclaude_tui.backends.lmstudio.files import PLACE, lms_program
from anyclaude_tui.backends.slots.source import decide
from anyclaude_tui.backends.templates.probe import followed, of_server
from anyclaude_tui.backends.templates.profile_table import rows
from anyclaude_tui.backends.templates.sources import CountedSource
from anyclaude_tui.config.settings import BackendSettings
from anyclaude_tui.redaction import without_secrets

CHAT = "/v1/chat/completions"
DEFAULT_URL = "http://127.0.0.1:1234"
LOAD_TIMEOUT_S = 1800.0
SERVER_START_S = 30.0


class LmStudioBackend(AttachedBackend):
    """A running LM Studio."""

    kind = "lmstudio"

    @classmethod
    def tools(cls) -> Sequence[Tool]:
        """See Backend."""
        return (Tool(cls.kind, PLACE, lms_program(), "https://lmstudio.ai"),)

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        super().__init__(name, settings, home, settings.url or DEFAULT_URL)
        self._wanted = settings.model
        self._model: LmModel | None = None

    async def before_start(self) -> None:
        """Start LM Studio's server when it is down and its command line tool is there."""
        async with self.client() as client:
            if await is_lm_studio(client):
                return
            try:
                answer = await client.get("/v1/models")
            except ConnectError:
                pass
            except HttpError as error:
                raise http.unreachable(self.base_url, error) from None
            else:
                if answer.status_code == 200:
                    raise BackendError(
                        f"what answers at {self.base_url} is not LM Studio: "
                        f"use --backend openai:{self.base_url}"
                    )
            program = lms_program()
            if program is None or not is_local(self.base_url):
                raise BackendError(
                    f"nothing answers at {self.base_url}: open LM Studio and start its server "
                    "(Developer, Start Server)"
                )
            await _start_server(program, urlsplit(self.base_url).port or 1234)
            if not await is_lm_studio(client):
                raise BackendError(
                    f"`lms server start` ran, but nothing answers at {self.base_url}: "
                    "start the server in LM Studio"
                )

    async def connect(self, client: Client) -> Endpoint:
        """See AttachedBackend: chooses the model, loads it where nothing is loaded."""
        chosen = self._choose(await list_models(client))
        if not chosen.loaded:
            chosen = await self._load(client, chosen, self.settings.context_window)
        self._model = chosen
        self._warn(chosen)
        self.warnings += await self.check_chat(client, chosen.id, LOAD_TIMEOUT_S)
        base = Dialect(
            tool_choice="strings",
            images=chosen.vision,
            stop=True,
            top_k=True,
            renamed={"repetition_penalty": "repeat_penalty"},
        )
        profile = await of_server(CountedSource(client, CHAT, chosen.id, LOAD_TIMEOUT_S), base)
        self.warnings += profile.warnings if profile else ()
        self.template = tuple(rows(profile)) if profile else ()
        return Endpoint(
            url=self.base_url + CHAT,
            model=chosen.id,
            dialect=await followed(profile, base, client, CHAT, chosen.id),
            headers=self.headers(),
            query=self.query,
            window_tokens=chosen.context_tokens or self.settings.context_window,
            # Parallel requests invalidate its KV cache or crash the model ("Known faults").
            slots=decide(set_to=self.settings.slots, known=1),
            # It finishes a prompt whose client has left ("Known faults").
            warms="unstopped" if is_near(self.base_url) else "",
        )

    async def look(self) -> Sequence[Finding]:
        """See Backend: not running is no fault where `lms` can start it."""
        async with self.client() as client:
            if await is_lm_studio(client):
                return await self._ask(self.examine)
        if lms_program() and is_local(self.base_url):
            return (Finding("not running; its server is started when it is needed"),)
        raise BackendError(
            f"LM Studio does not answer at {self.base_url}: open it and start its server "
            "(Developer, Start Server)"
        )

    async def examine(self, client: Client) -> Sequence[Finding]:
        """See AttachedBackend."""
        models = await list_models(client)
        if not models:
            raise BackendError("LM Studio has no model: download one there")
        loaded = [model for model in models if model.loaded]
        if not loaded:
            words = f"{len(models)} models, none loaded: one is loaded when it is needed"
            return (Finding(words),)
        window = loaded[0].context_tokens
        words = f"{loaded[0].id}" + (f", loaded with {window:,} tokens" if window else "")
        remedy = (
            "press ! in the backends screen (Ctrl+] b), or load it again with "
            f"{GOOD_WINDOW_TOKENS:,} tokens"
        )
        return (Finding(words), *small_window(window, remedy))

    async def answers(self, client: Client) -> None:
        """See AttachedBackend."""
        if not await is_lm_studio(client):
            raise BackendError(f"LM Studio does not answer at {self.base_url}: start its server")

    async def models(self) -> Sequence[ModelInfo]:
        """See Backend."""
        async with self.client() as client:
            return tuple(model.info() for model in await list_models(client))

    async def not_loaded(self) -> str:
        """See Backend: a chat would load its model, and evict another one."""
        model = self._model
        if model is None:
            return "no model is loaded"
        try:
            models = await self._ask(list_models)
        except BackendError as error:
            return str(error)
        loaded = any(found.id == model.id and found.loaded for found in models)
        return "" if loaded else f"{model.id} is not loaded any more"

    async def restart(self) -> None:
        """A cold cache: the model is unloaded and loaded again, at the same context length."""
        model = self._model
        if model is None:
            await super().restart()
            return
        await self.load_model(model.key, model.context_tokens)

    async def remedy(self) -> None:
        """Load the model again with a context that Claude Code can work in."""
        if self._model is None:
            raise BackendError(f"{self.name} is not started")
        await self.load_model(self._model.key, self._better_window(self._model))

    async def load_model(self, model: str, context_tokens: int | None = None) -> None:
        """See Backend. An instance of the same model is unloaded first."""
        await self.stop()
        async with self.client() as client:
            for known in await list_models(client):
                if known.key == model and known.loaded:
                    await unload(client, known.id)
            await load(client, model, context_tokens, timeout_s=LOAD_TIMEOUT_S)
        self._wanted = model
        await self.start()

    async def unload_model(self, model: str) -> None:
        """See Backend. `model` is an id from `models`."""
        async with self.client() as client:
            await unload(client, model)
        if self._model is not None and self._model.id == model:
            await self.stop()

    def _choose(self, models: Sequence[LmModel]) -> LmModel:
        if not models:
            raise BackendError("LM Studio has no model: download one there first")
        wanted = self._wanted
        if wanted:
            fitting = [model for model in models if wanted in (model.id, model.key)]
            if not fitting:
                known = ", ".join(sorted({model.key for model in models}))
                raise BackendError(f"LM Studio has no model {wanted!r}. It has: {known}")
            return next((model for model in fitting if model.loaded), fitting[0])
        return next((model for model in models if model.loaded), models[0])

    async def _load(self, client: Client, model: LmModel, context_tokens: int | None) -> LmModel:
        window = context_tokens or self._better_window(model)
        await load(client, model.key, window, timeout_s=LOAD_TIMEOUT_S)
        listed = await list_models(client)
        found = [other for other in listed if other.key == model.key and other.loaded]
        return found[0] if found else model

    def _better_window(self, model: LmModel) -> int:
        wanted = self.settings.context_window or GOOD_WINDOW_TOKENS
        return min(wanted, model.max_context_tokens or wanted)

    def _warn(self, model: LmModel) -> None:
        """The loaded context is what counts, whatever the model could do."""
        self.warnings, self.remedy_words = (), ""
        window = model.context_tokens
        if window is None or window >= SMALL_WINDOW_TOKENS:
            return
        self.warnings = (
            f"{model.key} is loaded with a context of {window:,} tokens: {CLAUDE_CODE_PROMPT}",
        )
        better = self._better_window(model)
        if better > window:
            self.remedy_words = f"load it again with {better:,} tokens"


LMS_TOKENS = ("LM_API_TOKEN",)
"""The environment variables of the token that LM Studio's own programs use
(docs/protocol/lm-studio.md)."""


async def _start_server(program: str, port: int) -> None:
    """`lms server start -p PORT`, which returns when the server is up."""
    command = (program, "server", "start", "-p", str(port), "--bind", "127.0.0.1")
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        env=without_secrets(os.environ, LMS_TOKENS),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SERVER_START_S)
    except TimeoutError:
        raise BackendError(
            f"`lms server start` did not end in {SERVER_START_S:.0f} s: "
            "start the server in LM Studio"
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        said = output.decode(errors="replace").strip()[-300:]
        raise BackendError(f"`lms server start` failed (exit {process.returncode}): {said}")
