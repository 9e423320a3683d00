"""What kind of OpenAI-compatible server answers at a URL, seen from what it answers.

llama.cpp, vLLM, SGLang, Ollama, mlx_lm and our simulator each tell their window and their
slots in their own place, and want their requests in their own way.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from anyclaude_tui.backends import http, mlx_lm
from anyclaude_tui.backends.address import is_local
from anyclaude_tui.backends.base import BackendError, Dialect, ModelInfo, Rendering
from anyclaude_tui.backends.models import files as modelfiles
from anyclaude_tui.backends.templates.probe import NoTemplateError, of_server, of_text
from anyclaude_tui.backends.templates.profile import Profile, Source
from anyclaude_tui.backends.templates.sources import AskedSource, CountedSource

REMOTE_SLOTS = 8


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
    template: str | None = None
    """The chat template's text, where the model's folder lies on this disk."""
    tokens: Mapping[str, str] = field(default_factory=dict)
    """The special tokens that it may name."""
    own_template: str = ""
    """The template's text where the server tells it, and renders it itself."""
    build: str = ""
    """Which build of the server renders it."""
    sampling: Mapping[str, float] = field(default_factory=dict)
    """What the model's folder says of sampling, where it lies on this disk."""


async def ask_models(client: httpx.AsyncClient, base: str) -> httpx.Response:
    """GET /v1/models. Raises BackendError in words for anything but a list."""
    try:
        answer = await client.get("/v1/models")
    except httpx.HTTPError as error:
        raise http.unreachable(base, error) from None
    if answer.status_code in (401, 403):
        raise BackendError(f"{base} refused the key (HTTP {answer.status_code}): set api_key")
    http.refuse_loading(base, answer)
    if answer.status_code != 200:
        raise BackendError(
            f"{base}/v1/models answered HTTP {answer.status_code}: is that an OpenAI-compatible "
            f"server? It says: {http.words(answer)}"
        )
    return answer


def parse_models(answer: httpx.Response) -> list[ModelInfo]:
    """The models of a /v1/models answer, with the windows that some servers tell."""
    # mlx_lm answers with an empty body when its cache folder is missing.
    return [
        ModelInfo(id=str(item["id"]), window_tokens=_window(item))
        for item in http.parts(http.object_of(answer).get("data"))
        if "id" in item
    ]


def _window(item: Mapping[str, Any]) -> int | None:
    """vLLM and SGLang: max_model_len; OpenRouter: context_length; llama.cpp: meta.n_ctx."""
    meta = http.part(item.get("meta"))
    seen = (item.get("max_model_len"), item.get("context_length"), meta.get("n_ctx"))
    return next((window for value in seen if (window := http.number(value))), None)


async def inspect(client: httpx.AsyncClient, base: str, listed: httpx.Response) -> Server:
    """What kind of server this is, from its list of models, headers and own routes."""
    models = tuple(parse_models(listed))
    listing = http.parts(http.object_of(listed).get("data"))
    owners = {str(item.get("owned_by")) for item in listing}
    server = Server(models)
    if "llamacpp" in owners or "llama.cpp" in listed.headers.get("server", "").lower():
        return await llama_cpp(client, base, server)
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
    if not is_local(base):
        return replace(server, dialect=Dialect(top_k=False, images=True, stop=True))
    if "library" in owners or (await http.get_object(client, "/api/version")).get("version"):
        return await _ollama(client, server)
    if await _is_mlx_lm(client, listed, owners):
        return await _mlx_lm(client, server)
    if any(info.id.startswith("simulated ") for info in models):
        return replace(server, flavour="simulator", dialect=mlx_lm.dialect(), slots=mlx_lm.SLOTS)
    return server


async def llama_cpp(client: httpx.AsyncClient, base: str, server: Server) -> Server:
    """llama-server: /props tells the context of a slot and their number."""
    props = await http.get_object(client, "/props")
    defaults = http.part(props.get("default_generation_settings"))
    modalities = http.part(props.get("modalities"))
    return replace(
        server,
        flavour="llama.cpp",
        dialect=Dialect(
            images=bool(modalities.get("vision")),
            stop=True,
            enable_thinking=True,
            reasoning_history="reasoning_content",
            renamed={"repetition_penalty": "repeat_penalty"},
            extra={"return_progress": True},  # its prefill progress, in the stream
        ),
        window_tokens=http.number(defaults.get("n_ctx")) or http.number(props.get("n_ctx")),
        slots=http.number(props.get("total_slots")),
        tokenize_url=f"{base}/tokenize",
        own_template=str(props.get("chat_template") or ""),
        build=str(props.get("build_info") or ""),
    )


async def _is_mlx_lm(client: httpx.AsyncClient, listed: httpx.Response, owners: set[str]) -> bool:
    """Any small server in Python says `BaseHTTP/`; mlx_lm's list names no owner, and its
    `/health` says so."""
    if not listed.headers.get("server", "").startswith("BaseHTTP/") or owners - {"None"}:
        return False
    return "status" in await http.get_object(client, "/health")


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
        mlx_lm.MODEL_NAME, window, loaded=True, detail=files.path.name if files else ""
    )
    return replace(
        server,
        models=(model,),
        flavour="mlx_lm",
        dialect=mlx_lm.dialect(),
        slots=mlx_lm.SLOTS,
        tokenizer_dir=files.tokenizer_dir if files else None,
        template=files.chat_template if files else None,
        tokens=files.special_tokens if files else {},
        sampling=files.sampling if files else {},
    )


async def _ollama(client: httpx.AsyncClient, server: Server) -> Server:
    """Ollama: the loaded context is in /api/ps (0.7 and later)."""
    running = await http.get_object(client, "/api/ps")
    loaded = {
        str(item.get("model") or item.get("name")): http.number(item.get("context_length"))
        for item in http.parts(running.get("models"))
    }
    models = tuple(
        replace(info, loaded=info.id in loaded, window_tokens=loaded.get(info.id))
        for info in server.models
    )
    dialect = Dialect(
        tool_choice="ignored",
        top_k=False,
        stop=True,
        reasoning_effort=True,
        reasoning_off="none",
        reasoning_history="reasoning",
        # Its OpenAI route reads no others; they are set in a Modelfile.
        left_out=frozenset({"top_k", "min_p", "repetition_penalty"}),
    )
    return replace(server, models=models, flavour="ollama", dialect=dialect)


async def profile_of(
    client: httpx.AsyncClient,
    server: Server,
    model: str,
    timeout_s: float | None,
    home: Path | None = None,
) -> Profile | None:
    """The profile of the chat template behind a server on this machine; in our folder `home` it
    is kept. `timeout_s`: for a chat, which it has answered before; None: nothing may be generated,
    and there is no profile where only chats would tell."""
    if server.template is not None:
        with contextlib.suppress(NoTemplateError):
            return await of_text(server.template, server.tokens, server.dialect, home=home)
        return None
    stamp = server.own_template and server.own_template + server.build
    source: Source = CountedSource(client, "/v1/chat/completions", model, timeout_s or 0.0)
    if server.flavour == "llama.cpp":
        source = AskedSource(client, model, server.own_template)
    elif server.flavour == "vllm":
        source = CountedSource(client, "/tokenize", model, timeout_s or http.QUESTION_TIMEOUT_S)
    elif timeout_s is None:
        return None
    return await of_server(source, server.dialect, stamp=stamp, home=home)


def rendering_of(base: str, server: Server, profile: Profile | None) -> Rendering | None:
    """See Endpoint."""
    if profile is None or not profile.rewrites:
        return None
    if server.template is not None:
        return Rendering(server.template, server.tokens)
    return Rendering(url=f"{base}/apply-template") if server.flavour == "llama.cpp" else None
