"""Any server that speaks OpenAI's chat completions and runs already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import httpx

from anyclaude_tui.backends import mlx_lm
from anyclaude_tui.backends.address import is_local
from anyclaude_tui.backends.attached import AttachedBackend
from anyclaude_tui.backends.base import BackendError, Endpoint, ModelInfo
from anyclaude_tui.backends.flavours import REMOTE_SLOTS, ask_models, inspect, parse_models
from anyclaude_tui.config.settings import BackendSettings

FIRST_CHAT_S = 900.0
"""A local server may load its model for the first chat."""
LOCAL_SLOTS = 1


class OpenAiBackend(AttachedBackend):
    """A compatible server at a URL."""

    kind = "openai"

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        if not settings.url:
            raise BackendError(f"{name}: no URL given: set url to the server's base URL")
        super().__init__(name, settings, home, settings.url)
        self._wanted = settings.model

    async def connect(self, client: httpx.AsyncClient) -> Endpoint:
        """See AttachedBackend. On this machine a chat must be answered as well."""
        listed = await ask_models(client, self.base_url)
        server = await inspect(client, self.base_url, listed)
        self.simulated = server.flavour == "simulator"
        model = self._choose(server.models)
        local = is_local(self.base_url)
        if local:  # elsewhere a chat may cost money
            await self.check_chat(client, model, FIRST_CHAT_S)
        chosen = next((info for info in server.models if info.id == model), None)
        window = chosen.window_tokens if chosen and chosen.window_tokens else server.window_tokens
        return Endpoint(
            url=f"{self.base_url}/v1/chat/completions",
            model=model,
            label=chosen.detail if chosen else "",
            dialect=server.dialect,
            headers=self.headers(),
            query=self.query,
            window_tokens=self.settings.context_window or window,
            slots=self.settings.slots or server.slots or (LOCAL_SLOTS if local else REMOTE_SLOTS),
            tokenize_url=server.tokenize_url,
            tokenizer_dir=server.tokenizer_dir,
        )

    async def answers(self, client: httpx.AsyncClient) -> None:
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
        if wanted and not any(info.id == mlx_lm.MODEL_NAME for info in models):
            return wanted
        if not models:
            raise BackendError(
                f"{self.base_url} lists no model: load one there, or set model for {self.name}"
            )
        return next((info.id for info in models if info.loaded), models[0].id)
