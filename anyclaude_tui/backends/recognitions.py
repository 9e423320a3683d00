"""The servers that are known by their name: a row for each, with how it is told from the others.

A row says how the server is known by its list of models, how it wants its requests, and where it
tells its window and slots. Nothing else compares a server's name: it asks the row. Each row has a
recorded answer of the real server in `tests/assets/servers/`. Source: docs/protocol/.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anyclaude_tui.backends import http
from anyclaude_tui.backends.base import BackendError, ModelInfo
from anyclaude_tui.backends.dialect import (
    MLX_LM_MODEL,
    MLX_SLOTS,
    Dialect,
    mlx_lm_dialect,
    vllm_mlx_dialect,
)
from anyclaude_tui.backends.http_client import Client
from anyclaude_tui.backends.models import files as modelfiles
from anyclaude_tui.backends.models.files import ModelFiles

REMOTE_SLOTS = 8
_READS_REASONING = Dialect(enable_thinking=True, stop=True, reasoning_history="reasoning_content")


@dataclass(frozen=True, slots=True)
class Listing:
    """A server's list of models, and the headers that it came with."""

    base: str
    items: Sequence[Mapping[str, Any]]
    headers: Mapping[str, str]

    @property
    def owners(self) -> set[str]:
        """The owners of the models, as the list names them."""
        return {str(item.get("owned_by")) for item in self.items}

    @property
    def server(self) -> str:
        """The header `Server`, in small letters."""
        return self.headers.get("server", "").lower()


@dataclass(frozen=True, slots=True)
class Server:
    """The facts that were found out about a server."""

    models: tuple[ModelInfo, ...]
    known: Known
    dialect: Dialect = field(default_factory=Dialect)
    window_tokens: int | None = None
    slots: int | None = None
    """Requests at once, where it says so itself."""
    tokenize_url: str | None = None
    tokenizer_dir: str | None = None
    template: str | None = None
    """The chat template's text, where the model's folder lies on this disk."""
    tokens: Mapping[str, str] = field(default_factory=dict)
    """The special tokens that it may name."""
    own_template: str = ""
    """The template's text where the server tells it, and renders it itself."""
    build: str = ""
    """The build of the server that renders it."""
    sampling: Mapping[str, float] = field(default_factory=dict)
    """The sampling values of the model's folder, where it lies on this disk."""
    advice: tuple[str, ...] = ()
    """The settings that would make the server work better: `WHAT: REMEDY`."""


Details = Callable[[Client, str, Server], Awaitable[Server]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One server: a row of the table."""

    name: str
    title: str
    """Its name for people."""
    lists: Callable[[Listing], bool] = lambda _: False
    """True for a list of models that is this server's."""
    asked: Callable[[Client, Listing], Awaitable[bool]] | None = None
    """A question besides, where the list does not tell."""
    anywhere: bool = False
    """It is known on other machines too, by its list alone; the others only on this one."""
    dialect: Dialect = field(default_factory=Dialect)
    slots: int | None = None
    """Requests at once that servers of this name take, where each does not say so itself. None:
    it depends on how one was started, and is measured (docs/backends.md, "Requests at once")."""
    details: Details | None = None
    """The question to the server about itself, beyond its list of models."""
    template_from: str = ""
    """The route that tells of its chat template: /apply-template, /tokenize; "": chats."""
    status_path: str = ""
    """The route that tells of running requests, in vllm-mlx's form."""
    native: bool = False
    """Its own Messages endpoint is good: counts are right, and calls come whole."""
    simulated: bool = False


def _owned(*owners: str) -> Callable[[Listing], bool]:
    return lambda listing: bool(listing.owners & set(owners))


async def llama_cpp(client: Client, base: str, server: Server) -> Server:
    """llama-server: /props tells the context of a slot and their number."""
    props = await http.get_object(client, "/props")
    defaults = http.part(props.get("default_generation_settings"))
    modalities = http.part(props.get("modalities"))
    window = http.number(defaults.get("n_ctx")) or http.number(props.get("n_ctx"))
    models = server.models
    if len(models) == 1:  # its list tells of the whole context, which slots may share
        models = (replace(models[0], window_tokens=window or models[0].window_tokens),)
    return replace(
        server,
        models=models,
        dialect=replace(server.dialect, images=bool(modalities.get("vision"))),
        window_tokens=window,
        slots=http.number(props.get("total_slots")),
        tokenize_url=f"{base}/tokenize",
        own_template=str(props.get("chat_template") or ""),
        build=str(props.get("build_info") or ""),
    )


async def _vllm(_: Client, base: str, server: Server) -> Server:
    return replace(server, tokenize_url=f"{base}/tokenize")


async def _from_folder(_: Client, __: str, server: Server) -> Server:
    """The model's id is its folder on this disk, whose files tell what the server does not."""
    model = next((info for info in server.models if info.loaded), None)
    model = model or (server.models[0] if server.models else None)
    files = await _files(model.id) if model else None
    if files is None or model is None:
        return server
    window = model.window_tokens or files.window_tokens
    named = replace(model, detail=files.path.name, window_tokens=window, loaded=True)
    others = [info for info in server.models if info is not model]
    return replace(
        server,
        models=(named, *others),
        dialect=replace(server.dialect, images="vision_config" in files.config),
        tokenizer_dir=files.tokenizer_dir,
        template=files.chat_template,
        tokens=files.special_tokens,
        sampling=files.sampling,
    )


async def _vllm_mlx(client: Client, base: str, server: Server) -> Server:
    """vllm-mlx and Rapid-MLX: /health tells the engine. The simple one, vllm-mlx's default, fails
    at a second stream (0.6.0)."""
    health = await http.get_object(client, "/health")
    server = await _from_folder(client, base, server)
    return replace(server, slots=1) if health.get("engine_type") == "simple" else server


async def _files(path: str) -> ModelFiles | None:
    folder = Path(path)
    if not folder.is_absolute():
        return None
    with contextlib.suppress(BackendError, OSError):
        return await asyncio.to_thread(modelfiles.read, folder)
    return None


async def _mlx_vlm(client: Client, base: str, server: Server) -> Server:
    """mlx-vlm keeps no prompt cache unless it is told to (0.7.10)."""
    health = await http.get_object(client, "/health")
    server = await _from_folder(client, base, server)
    limit = http.number(health.get("effective_context_limit"))
    advice: tuple[str, ...] = ()
    if health.get("apc_enabled") is False:
        advice = (
            "mlx-vlm reads the whole prompt anew each time: start it with APC_ENABLED=1 in its "
            "environment",
        )
    models = [replace(info, window_tokens=limit or info.window_tokens) for info in server.models]
    return replace(server, models=tuple(models), window_tokens=limit, advice=advice)


async def _is_mlx_lm(client: Client, listing: Listing) -> bool:
    """Any small server in Python says `BaseHTTP/`; mlx_lm's list names no owner, and its
    `/health` says so."""
    if not listing.server.startswith("basehttp/") or listing.owners - {"None"}:
        return False
    return "status" in await http.get_object(client, "/health")


async def _mlx_lm(_: Client, __: str, server: Server) -> Server:
    """mlx_lm.server: any model name but `default_model` makes it drop the good one.

    It lists the Hugging Face cache and, last, the model that it was started with.
    """
    files = await _files(server.models[-1].id) if server.models else None
    window = files.window_tokens if files else None
    model = ModelInfo(MLX_LM_MODEL, window, loaded=True, detail=files.path.name if files else "")
    return replace(
        server,
        models=(model,),
        tokenizer_dir=files.tokenizer_dir if files else None,
        template=files.chat_template if files else None,
        tokens=files.special_tokens if files else {},
        sampling=files.sampling if files else {},
    )


async def _is_ollama(client: Client, _: Listing) -> bool:
    return bool((await http.get_object(client, "/api/version")).get("version"))


async def _ollama(client: Client, _: str, server: Server) -> Server:
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
    return replace(server, models=models)


def _is_mlx_serve(listing: Listing) -> bool:
    """Whoever made them, its models are `mlx-community`'s, and say what they can do."""
    first = listing.items[0] if listing.items else {}
    return listing.owners == {"mlx-community"} and isinstance(first.get("capabilities"), list)


def _is_mlx_openai_server(listing: Listing) -> bool:
    """Its models are owned by `local`, and named by their folders."""
    first = listing.items[0] if listing.items else {}
    named = str(first.get("id", "")).startswith("/") and "metadata" in first
    return listing.owners == {"local"} and named


LLAMA_CPP = Known(
    name="llama.cpp",
    title="llama.cpp",
    lists=lambda listing: "llamacpp" in listing.owners or "llama.cpp" in listing.server,
    anywhere=True,
    dialect=replace(
        _READS_REASONING,
        # The object that names a tool is taken as "auto", without a word.
        tool_choice="strings",
        renamed={"repetition_penalty": "repeat_penalty"},
        extra={"return_progress": True},  # its prefill progress, in the stream
    ),
    details=llama_cpp,
    template_from="/apply-template",
)
UNKNOWN = Known(name="openai", title="OpenAI-compatible server")
"""A server that no row knows."""
TABLE: tuple[Known, ...] = (
    LLAMA_CPP,
    Known(
        name="vllm-mlx",
        title="vLLM-MLX",
        lists=_owned("vllm-mlx"),
        anywhere=True,
        dialect=vllm_mlx_dialect(),
        slots=MLX_SLOTS,
        details=_vllm_mlx,
        status_path="/v1/status",
    ),
    Known(
        name="rapid-mlx",
        title="Rapid-MLX",
        lists=_owned("rapid-mlx"),
        anywhere=True,
        dialect=replace(vllm_mlx_dialect(), max_tokens_cap=None),
        slots=MLX_SLOTS,
        details=_vllm_mlx,
        status_path="/v1/status",
        native=True,
    ),
    Known(
        name="vllm",
        title="vLLM",
        lists=_owned("vllm"),
        anywhere=True,
        dialect=_READS_REASONING,
        slots=REMOTE_SLOTS,
        details=_vllm,
        template_from="/tokenize",
    ),
    Known(
        name="sglang",
        title="SGLang",
        lists=_owned("sglang"),
        anywhere=True,
        dialect=_READS_REASONING,
        slots=REMOTE_SLOTS,
    ),
    Known(
        name="mlx-vlm",
        title="mlx-vlm",
        lists=lambda listing: listing.server.startswith("mlx_vlm/"),
        anywhere=True,
        dialect=Dialect(tool_choice="ignored", json_schema=False),
        details=_mlx_vlm,
        native=True,
    ),
    Known(
        name="ollama",
        title="Ollama",
        lists=_owned("library"),
        asked=_is_ollama,
        dialect=Dialect(
            tool_choice="ignored",
            top_k=False,
            stop=True,
            reasoning_effort=True,
            reasoning_off="none",
            reasoning_history="reasoning",
            # Its OpenAI route reads no others; they are set in a Modelfile.
            left_out=frozenset({"top_k", "min_p", "repetition_penalty"}),
        ),
        # Its default (OLLAMA_NUM_PARALLEL), and all that some families of models ever get
        # (server/sched.go of 0.34). More is told nowhere; tried, it may load the model anew.
        slots=1,
        details=_ollama,
    ),
    Known(
        name="mlx-openai-server",
        title="mlx-openai-server",
        lists=_is_mlx_openai_server,
        dialect=Dialect(tool_choice="strings", json_schema=False, enable_thinking=True),
        details=_from_folder,
    ),
    Known(
        name="mlx-serve",
        title="mlx-serve",
        lists=_is_mlx_serve,
        anywhere=True,
        dialect=mlx_lm_dialect(),  # it starts mlx_lm.server behind itself
        slots=MLX_SLOTS,
    ),
    Known(
        name="mlx_lm",
        title="mlx_lm.server",
        asked=_is_mlx_lm,
        dialect=mlx_lm_dialect(),
        slots=MLX_SLOTS,
        details=_mlx_lm,
    ),
    Known(
        name="simulator",
        title="simulated server",
        lists=lambda one: any(str(item.get("id")).startswith("simulated ") for item in one.items),
        dialect=mlx_lm_dialect(),
        slots=MLX_SLOTS,
        simulated=True,
    ),
)
"""Every server that is known, in the order in which they are looked for."""


async def recognise(client: Client, listing: Listing, *, local: bool) -> Known:
    """The row of the server that this list is from; `UNKNOWN` where there is none. `local`: it
    is on this machine."""
    for row in TABLE:
        if row.anywhere or local:
            if row.lists(listing):
                return row
            if local and row.asked is not None and await row.asked(client, listing):
                return row
    return UNKNOWN
