"""Any server that speaks OpenAI's chat completions and runs already."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from anyclaude_tui.backends import http
from anyclaude_tui.backends.address import is_local, is_near
from anyclaude_tui.backends.attached import AttachedBackend
from anyclaude_tui.backends.base import (
    BackendError,
    Endpoint,
    Finding,
    ModelInfo,
    Progress,
    Rendering,
    Tool,
    as_finding,
    in_tokens,
    small_window,
)
from anyclaude_tui.backends.dialect import MLX_LM_MODEL
from anyclaude_tui.backends.flavours import (
    ask_models,
    inspect,
    parse_models,
    parse_progress,
    profile_of,
    rendering_of,
)
from anyclaude_tui.backends.http_client import Client
from anyclaude_tui.backends.recognitions import REMOTE_SLOTS, UNKNOWN, Known, Server
from anyclaude_tui.backends.slots.source import Slots, SlotsFrom, decide
from anyclaude_tui.backends.templates.probe import followed
from anyclaude_tui.backends.templates.profile_table import rows
from anyclaude_tui.config.settings import BackendSettings

FIRST_CHAT_S = 900.0
"""A local server may load its model for the first chat."""
LOCAL_SLOTS = 1
"""Until it is measured (`session/slot_probe.py`)."""


class OpenAiBackend(AttachedBackend):
    """A compatible server at a URL."""

    kind = "openai"

    @classmethod
    def tools(cls) -> Sequence[Tool]:
        """See Backend: the usual ones."""
        return (Tool(cls.kind, "Ollama", shutil.which("ollama"), "https://ollama.com"),)

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        super().__init__(name, settings, home, settings.url or "")
        self._wanted = settings.model
        self._known: Known = UNKNOWN
        self._measured: tuple[int, int] | None = None
        """Slots that were measured, and in which generation of the server."""
        self._loaded: tuple[int, str] | None = None
        """The model that has answered a chat, and in which generation."""

    async def connect(self, client: Client) -> Endpoint:
        """See AttachedBackend. On this machine a chat must be answered as well."""
        server = await self._inspected(client)
        model = self._choose(server.models)
        self.warnings, self.template = (), ()
        rendering: Rendering | None = None
        if is_local(self.base_url):  # elsewhere a chat may cost money
            self.warnings = await self.check_chat(client, model, FIRST_CHAT_S)
            self._loaded = None if self.warnings else (self.generation, model)
            if _window(server, model) is None:  # a router, or Ollama: it has loaded it only now
                server = await self._inspected(client)
            server, rendering = await self._followed(client, server, model)
        self.warnings += server.advice
        return replace(self._endpoint_of(server, model), rendering=rendering)

    async def _inspected(self, client: Client) -> Server:
        listed = await ask_models(client, self.base_url)
        server = await inspect(client, self.base_url, listed)
        self._known, self.simulated = server.known, server.known.simulated
        return server

    def _endpoint_of(self, server: Server, model: str) -> Endpoint:
        chosen = next((info for info in server.models if info.id == model), None)
        return Endpoint(
            url=f"{self.base_url}/v1/chat/completions",
            model=model,
            label=chosen.detail if chosen else "",
            dialect=server.dialect,
            headers=self.headers(),
            query=self.query,
            window_tokens=self.settings.context_window or _window(server, model),
            slots=self._slots_of(server),
            probes=self._probes(chosen, model),
            tokenize_url=server.tokenize_url,
            tokenizer_dir=server.tokenizer_dir,
            model_sampling=server.sampling,
            warms="sliced" if is_near(self.base_url) and not server.known.simulated else "",
        )

    def _slots_of(self, server: Server) -> Slots:
        measured, of = self._measured or (0, 0)
        return decide(
            set_to=self.settings.slots,
            said=server.slots,
            known=server.known.slots,
            measured=measured if of == self.generation else None,
            assumed=LOCAL_SLOTS if is_local(self.base_url) else REMOTE_SLOTS,
        )

    def _probes(self, chosen: ModelInfo | None, model: str) -> Literal["", "used", "now"]:
        """See Endpoint. In this network a key may mean that somebody pays; on this machine it has
        been asked for a chat as well."""
        local = is_local(self.base_url)
        if not local and (not is_near(self.base_url) or self.headers() or self.query):
            return ""
        loaded = chosen is not None and chosen.loaded is True
        return "now" if loaded or self._loaded == (self.generation, model) else "used"

    def measured(self, slots: int) -> None:
        """See Backend."""
        self._measured = (slots, self.generation)
        endpoint = self._endpoint
        if endpoint is not None and endpoint.slots.source is SlotsFrom.ASSUMED:
            self._endpoint = replace(endpoint, slots=decide(measured=slots))

    async def renewed(self, client: Client, endpoint: Endpoint) -> Endpoint:
        """See AttachedBackend: window, slots, model and vision, without a chat where the server
        and its model are the same."""
        before = self._known
        server = await self._inspected(client)
        if server.known is not before or self._choose(server.models) != endpoint.model:
            self.generation += 1
            return await self.connect(client)
        now = self._endpoint_of(server, endpoint.model)
        dialect = replace(endpoint.dialect, images=server.dialect.images)
        return replace(now, dialect=dialect, rendering=endpoint.rendering)

    @property
    def server(self) -> str:
        """See AttachedBackend."""
        return self._known.title if self._known is not UNKNOWN else ""

    async def progress(self) -> Progress | None:
        """See Backend: vLLM-MLX and Rapid-MLX tell of running requests beside the stream."""
        if not self._known.status_path or self._endpoint is None:
            return None
        async with self.client() as client:
            return parse_progress(await http.get_object(client, self._known.status_path))

    async def _followed(
        self, client: Client, server: Server, model: str
    ) -> tuple[Server, Rendering | None]:
        """With the dialect that follows from the model's chat template; and its warnings."""
        if server.known.simulated:
            return server, None
        profile = await profile_of(client, server, model, FIRST_CHAT_S, self.home)
        if profile is not None:
            self.warnings += profile.warnings
            self.template = tuple(rows(profile))
        dialect = await followed(profile, server.dialect, client, "/v1/chat/completions", model)
        rendering = rendering_of(self.base_url, server, profile)
        return replace(server, dialect=dialect), rendering

    async def examine(self, client: Client) -> Sequence[Finding]:
        """See AttachedBackend."""
        settings = self.settings
        server = await inspect(client, self.base_url, await ask_models(client, self.base_url))
        names = [model.id for model in server.models]
        chosen = next((model for model in server.models if model.id == settings.model), None)
        chosen = chosen or next((model for model in server.models if model.loaded), None)
        chosen = chosen or (server.models[0] if server.models else None)
        if chosen is None:
            raise BackendError(f"{self.base_url} lists no model: load one there")
        window = settings.context_window or chosen.window_tokens or server.window_tokens
        model = settings.model or chosen.detail or chosen.id
        words = f"{server.known.title} at {self.base_url}, {model}"
        words += in_tokens(window) or ", context window unknown"
        found = [Finding(f"{words}, {self._slots_of(server)}")]
        if not window:
            words = "it does not tell its context window, so Claude Code cannot compact in time"
            found.append(Finding(words, "set context_window for it", minor=True))
        if settings.model and settings.model not in names and chosen.id != MLX_LM_MODEL:
            known = ", ".join(names[:5])
            remedy = f"set model to one of: {known}"
            found.append(Finding(f"it lists no {settings.model!r}", remedy))
        found += map(as_finding, server.advice)
        found += small_window(window, "start the server with a larger context")
        if is_local(self.base_url):
            profile = await profile_of(client, server, chosen.id, None, self.home)
            found += map(as_finding, profile.warnings if profile else ())
        return found

    async def answers(self, client: Client) -> None:
        """See AttachedBackend."""
        await ask_models(client, self.base_url)

    async def models(self) -> Sequence[ModelInfo]:
        """See Backend."""
        async with self.client() as client:
            return parse_models(await ask_models(client, self.base_url))

    async def load_model(self, model: str, context_tokens: int | None = None) -> None:
        """See Backend. Servers with several models (Ollama, llama-swap) load it for a chat."""
        before, self._wanted = self._wanted, model
        await self.stop()
        try:
            await self.start()
        except BackendError:
            self._wanted = before
            raise

    def _choose(self, models: Sequence[ModelInfo]) -> str:
        wanted = self._wanted
        if wanted and not any(info.id == MLX_LM_MODEL for info in models):
            return wanted
        if not models:
            raise BackendError(
                f"{self.base_url} lists no model: load one there, or set model for {self.name}"
            )
        return next((info.id for info in models if info.loaded), models[0].id)


def _window(server: Server, model: str) -> int | None:
    """The window of one of its models, else the server's."""
    chosen = next((info for info in server.models if info.id == model), None)
    return chosen.window_tokens if chosen and chosen.window_tokens else server.window_tokens
