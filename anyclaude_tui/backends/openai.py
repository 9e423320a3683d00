"""Any server that speaks OpenAI's chat completions and runs already: asked, never stopped."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from anyclaude_tui.backends import http, mlx_lm
from anyclaude_tui.backends.base import (
    Backend,
    BackendError,
    BackendState,
    BackendStatus,
    Endpoint,
    ModelInfo,
)
from anyclaude_tui.backends.flavours import REMOTE_SLOTS, ask_models, inspect, parse_models
from anyclaude_tui.config import BackendSettings

RECOVER_S = 60.0
RECOVER_POLL_S = 1.0
FIRST_CHAT_S = 900.0
"""A local server may load its model for the first chat."""
LOCAL_SLOTS = 1


def base_of(url: str) -> str:
    """The URL up to and without `/v1`, whichever way it was written."""
    base = url.rstrip("/")
    for ending in ("/chat/completions", "/models", "/v1"):
        base = base.removesuffix(ending)
    return base


def key_of(settings: BackendSettings) -> str | None:
    """The API key; `env:NAME` is read from the environment. Raises BackendError when unset."""
    key = settings.api_key
    if key is None or not key.startswith("env:"):
        return key
    name = key.removeprefix("env:")
    found = os.environ.get(name)
    if not found:
        raise BackendError(f"api_key is env:{name}, but ${name} is not set: export {name}=…")
    return found


class OpenAiBackend(Backend):
    """A compatible server at a URL."""

    kind = "openai"

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        super().__init__(name)
        if not settings.url:
            raise BackendError(f"{name}: no URL given: set url to the server's base URL")
        self.settings = settings
        self._base = base_of(settings.url)
        self._state = BackendState.STOPPED
        self._reason = ""
        self._endpoint: Endpoint | None = None
        self._models: tuple[ModelInfo, ...] = ()

    async def start(self) -> None:
        """See Backend: asks what it is, and on this machine whether a chat is answered."""
        if self._state is BackendState.READY:
            return
        self._state, self._reason = BackendState.STARTING, ""
        try:
            self._endpoint = await self._connect()
        except BackendError as error:
            self._state, self._reason = BackendState.FAILED, str(error)
            raise
        except BaseException:
            self._state = BackendState.STOPPED
            raise
        self._state = BackendState.READY

    async def stop(self) -> None:
        """Let go of it; it goes on running."""
        self._state, self._reason, self._endpoint = BackendState.STOPPED, "", None

    async def recover(self) -> None:
        """See Backend: asks again until it answers, for a minute."""
        until = time.monotonic() + RECOVER_S
        while True:
            try:
                async with self._client() as client:
                    models = await self._list(client)
                    if self._endpoint is None:
                        self._endpoint = await self._connect()
            except BackendError as error:
                self._state, self._reason = BackendState.DEGRADED, str(error)
                if time.monotonic() > until:
                    self._state = BackendState.FAILED
                    raise
                await asyncio.sleep(RECOVER_POLL_S)
            else:
                self._models = self._models or tuple(models)
                self._state, self._reason = BackendState.READY, ""
                return

    def status(self) -> BackendStatus:
        """See Backend."""
        endpoint = self._endpoint
        return BackendStatus(
            name=self.name,
            kind=self.kind,
            state=self._state,
            reason=self._reason,
            model=endpoint.model if endpoint else self.settings.model,
            url=self._base,
            window_tokens=endpoint.window_tokens if endpoint else self.settings.context_window,
            slots=endpoint.slots if endpoint else self.settings.slots,
            simulated=self.simulated,
        )

    @property
    def endpoint(self) -> Endpoint:
        """See Backend."""
        if self._endpoint is None or self._state is BackendState.FAILED:
            raise BackendError(f"{self.name} is {self._state}: {self._reason or 'start it first'}")
        return self._endpoint

    async def models(self) -> Sequence[ModelInfo]:
        """See Backend."""
        async with self._client() as client:
            self._models = tuple(await self._list(client))
        return self._models

    def _client(self) -> httpx.AsyncClient:
        return http.client(self._base, key=key_of(self.settings))

    async def _list(self, client: httpx.AsyncClient) -> list[ModelInfo]:
        return parse_models(await ask_models(client, self._base))

    async def _connect(self) -> Endpoint:
        async with self._client() as client:
            listed = await ask_models(client, self._base)
            server = await inspect(client, self._base, listed)
            self._models, self.simulated = server.models, server.flavour == "simulator"
            model = self._choose(server.models)
            if http.is_local(self._base):  # elsewhere a chat may cost money
                await self._first_chat(client, model)
        chosen = next((info for info in server.models if info.id == model), None)
        window = chosen.window_tokens if chosen and chosen.window_tokens else server.window_tokens
        fallback = LOCAL_SLOTS if http.is_local(self._base) else REMOTE_SLOTS
        return Endpoint(
            url=f"{self._base}/v1/chat/completions",
            model=model,
            dialect=server.dialect,
            headers=_bearer(key_of(self.settings)),
            window_tokens=self.settings.context_window or window,
            slots=self.settings.slots or server.slots or fallback,
            tokenize_url=server.tokenize_url,
            tokenizer_dir=server.tokenizer_dir,
        )

    def _choose(self, models: Sequence[ModelInfo]) -> str:
        wanted = self.settings.model
        if wanted and not any(info.id == mlx_lm.MODEL_NAME for info in models):
            return wanted
        if not models:
            raise BackendError(
                f"{self._base} lists no model: load one there, or set model for {self.name}"
            )
        return next((info.id for info in models if info.loaded), models[0].id)

    async def _first_chat(self, client: httpx.AsyncClient, model: str) -> None:
        path = "/v1/chat/completions"
        try:
            answer = await http.one_token_chat(client, path, model, timeout_s=FIRST_CHAT_S)
        except httpx.HTTPError as error:
            raise http.unreachable(self._base, error) from None
        if answer.status_code != 200:
            raise BackendError(
                f"{self._base} refused a 1-token chat with model {model!r} "
                f"(HTTP {answer.status_code}): {http.words(answer)}"
            )


def _bearer(key: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}
