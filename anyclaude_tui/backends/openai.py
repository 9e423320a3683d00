"""Any server that speaks OpenAI's chat completions and runs already: asked, never stopped.

What kind of server it is (llama.cpp, vLLM, Ollama, …) is seen from what it answers; that
tells the window, the slots and how it wants its requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from anyclaude_tui.backends import http, mlx_lm, modelfiles
from anyclaude_tui.backends.base import (
    Backend,
    BackendError,
    BackendState,
    BackendStatus,
    Dialect,
    Endpoint,
    ModelInfo,
)
from anyclaude_tui.config import BackendSettings

RECOVER_S = 60.0
RECOVER_POLL_S = 1.0
FIRST_CHAT_S = 900.0
"""A local server may load its model for the first chat."""
REMOTE_SLOTS = 8
LOCAL_SLOTS = 1


@dataclass(frozen=True, slots=True)
class Server:
    """What was found out about a server."""

    models: tuple[ModelInfo, ...]
    flavour: str = "openai"
    dialect: Dialect = field(default_factory=Dialect)
    window_tokens: int | None = None
    slots: int | None = None
    tokenize_url: str | None = None
    tokenizer_dir: str | None = None


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


async def ask_models(client: httpx.AsyncClient, base: str) -> httpx.Response:
    """GET /v1/models. Raises BackendError in words for anything but a list."""
    try:
        answer = await client.get("/v1/models")
    except httpx.HTTPError as error:
        raise http.unreachable(base, error) from None
    if answer.status_code in (401, 403):
        raise BackendError(f"{base} refused the key (HTTP {answer.status_code}): set api_key")
    if answer.status_code != 200:
        raise BackendError(
            f"{base}/v1/models answered HTTP {answer.status_code}: is that an OpenAI-compatible "
            f"server? It says: {http.words(answer)}"
        )
    return answer


def parse_models(answer: httpx.Response) -> list[ModelInfo]:
    """The models of a /v1/models answer, with the windows that some servers tell."""
    try:
        data = answer.json().get("data") or ()
    except (ValueError, AttributeError):
        return []  # mlx_lm answers with an empty body when its cache folder is missing
    return [
        ModelInfo(id=str(item["id"]), window_tokens=_window(item))
        for item in data
        if isinstance(item, dict) and "id" in item
    ]


def _window(item: Mapping[str, Any]) -> int | None:
    """vLLM and SGLang: max_model_len; OpenRouter: context_length; llama.cpp: meta.n_ctx."""
    meta = item.get("meta") if isinstance(item.get("meta"), dict) else {}
    seen = (item.get("max_model_len"), item.get("context_length"), (meta or {}).get("n_ctx"))
    return next((value for value in seen if isinstance(value, int) and value > 0), None)


async def inspect(client: httpx.AsyncClient, base: str, listed: httpx.Response) -> Server:
    """What kind of server this is, from its list of models, headers and own routes."""
    models = tuple(parse_models(listed))
    owners = {str(item.get("owned_by")) for item in _items(listed)}
    server = Server(models)
    if "llamacpp" in owners or "llama.cpp" in listed.headers.get("server", "").lower():
        return await _llama_cpp(client, base, server)
    if owners & {"vllm", "sglang"}:
        flavour = "vllm" if "vllm" in owners else "sglang"
        dialect = Dialect(enable_thinking=True, stop=True, reasoning_history="reasoning_content")
        return replace(
            server,
            flavour=flavour,
            dialect=dialect,
            slots=REMOTE_SLOTS,
            tokenize_url=f"{base}/tokenize" if flavour == "vllm" else None,
        )
    if not http.is_local(base):
        return replace(server, dialect=Dialect(top_k=False, images=True, stop=True))
    if "library" in owners or (await http.get_json(client, "/api/version") or {}).get("version"):
        return await _ollama(client, server)
    if listed.headers.get("server", "").startswith("BaseHTTP/"):
        return await _mlx_lm(client, server)
    if any(info.id.startswith("simulated ") for info in models):
        return replace(server, flavour="simulator", dialect=mlx_lm.dialect(), slots=mlx_lm.SLOTS)
    return server


def _items(listed: httpx.Response) -> list[dict[str, Any]]:
    try:
        data = listed.json().get("data") or []
    except (ValueError, AttributeError):
        return []
    return [item for item in data if isinstance(item, dict)]


async def _llama_cpp(client: httpx.AsyncClient, base: str, server: Server) -> Server:
    """llama-server: /props tells the context of a slot and their number."""
    props = await http.get_json(client, "/props") or {}
    defaults = props.get("default_generation_settings") or {}
    modalities = props.get("modalities") or {}
    return replace(
        server,
        flavour="llama.cpp",
        dialect=Dialect(
            images=bool(modalities.get("vision")),
            stop=True,
            enable_thinking=True,
            reasoning_history="reasoning_content",
            extra={"return_progress": True},  # its prefill progress, in the stream
        ),
        window_tokens=defaults.get("n_ctx") or props.get("n_ctx"),
        slots=props.get("total_slots"),
        tokenize_url=f"{base}/tokenize",
    )


async def _mlx_lm(client: httpx.AsyncClient, server: Server) -> Server:
    """mlx_lm.server: any model name but `default_model` makes it drop the good one.

    It lists the Hugging Face cache and, last, the model that it was started with.
    """
    started_with = Path(server.models[-1].id) if server.models else None
    files = None
    if started_with is not None and started_with.is_absolute():
        with contextlib.suppress(BackendError):
            files = await asyncio.to_thread(modelfiles.read, started_with)
    window = files.window_tokens if files else None
    model = ModelInfo(
        mlx_lm.MODEL_NAME, window, loaded=True, detail=str(started_with) if files else ""
    )
    return replace(
        server,
        models=(model,),
        flavour="mlx_lm",
        dialect=mlx_lm.dialect(strict_system=not files or files.strict_system),
        slots=mlx_lm.SLOTS,
        tokenizer_dir=files.tokenizer_dir if files else None,
    )


async def _ollama(client: httpx.AsyncClient, server: Server) -> Server:
    """Ollama: the loaded context is in /api/ps (0.7 and later)."""
    running = await http.get_json(client, "/api/ps") or {}
    loaded = {
        str(item.get("model") or item.get("name")): item.get("context_length")
        for item in running.get("models") or ()
        if isinstance(item, dict)
    }
    models = tuple(
        replace(info, loaded=info.id in loaded, window_tokens=loaded.get(info.id) or None)
        for info in server.models
    )
    dialect = Dialect(
        tool_choice="ignored",
        top_k=False,
        stop=True,
        reasoning_effort=True,
        reasoning_history="reasoning",
    )
    return replace(server, models=models, flavour="ollama", dialect=dialect)


def _bearer(key: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}
