"""The backends usable on this machine without a configuration file: servers that answer on the
usual ports, and models on disk that an installed server can start. Only looks, starts nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from anyclaude_tui.backends import http
from anyclaude_tui.backends.address import Address, address, is_local
from anyclaude_tui.backends.base import BackendError, Tool, in_tokens
from anyclaude_tui.backends.flavours import ask_models, inspect
from anyclaude_tui.backends.http_client import Client, HttpError
from anyclaude_tui.backends.installed import engine_for, find_tools
from anyclaude_tui.backends.lmstudio.api import is_lm_studio, list_models
from anyclaude_tui.backends.lmstudio.files import lms_program
from anyclaude_tui.backends.models.on_disk import DiskModel, find_models, looked_in
from anyclaude_tui.backends.recognitions import Server
from anyclaude_tui.config.settings import BackendSettings
from anyclaude_tui.figures import size

USUAL_PORTS = (1234, 8080, 8081, 8000, 8001, 8002, 11434, 10240, 8095, 30000)
"""LM Studio; mlx_lm, llama.cpp and mlx-vlm; a second of these; vLLM, vLLM-MLX, mlx-openai-server;
Rapid-MLX beside one of these; Ollama; mlx-omni-server; mlx-serve; SGLang."""
LM_STUDIO_APP_PORTS = (41343, 52993, 16141, 39414, 22931)
"""The ports of LM Studio's app itself; it listens on the first that is free, even with its server
off (its SDKs, PyPI 1.5.0 and npm 2.0.0)."""
ANSWER_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that can be chosen."""

    spec: str
    """The name to give to `--backend`, or to switch to."""
    title: str
    detail: str
    running: bool
    usable: bool = True
    """False: the detail says what is missing."""
    model: str = ""
    """The model that it serves or would serve."""
    window_tokens: int | None = None
    size_bytes: int | None = None
    """Size of the weights, of a model on disk."""
    fits: bool = True
    """False: at its full context it needs more memory than this machine has."""
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Discovery:
    """All that was found, servers that run first."""

    offers: tuple[Offer, ...]
    tools: tuple[Tool, ...]
    """The programs that can serve models, with how to install what is missing."""
    looked_in: str = looked_in()
    """The places that were searched for models on disk, in words."""


async def discover(
    configured: Mapping[str, BackendSettings] | None = None,
    *,
    ports: Sequence[int] = USUAL_PORTS,
    not_ports: Collection[int] = (),
    model_folders: Sequence[str] = (),
    app_ports: Sequence[int] = LM_STUDIO_APP_PORTS,
) -> Discovery:
    """Look now. `not_ports` are our own servers'; `model_folders` are looked through besides
    the usual ones. Takes at most a few seconds; raises nothing.
    """
    bases = [f"http://127.0.0.1:{port}" for port in ports if port not in not_ports]
    places = {base: (Address(base), "") for base in bases}
    for name, settings in (configured or {}).items():
        if not settings.url or not is_local(settings.url):
            continue
        with suppress(ValueError):  # its start says what is wrong with it
            place = address(settings.url)
            if place.headers or place.query:  # no spec that may be shown has these
                places[place.base] = place, name
            places.setdefault(place.base, (place, ""))
    running, models, tools = await asyncio.gather(
        asyncio.gather(*(_ask(*place) for place in places.values())),
        asyncio.to_thread(find_models, model_folders),
        asyncio.to_thread(find_tools),
    )
    found = [offer for offers in running for offer in offers]
    if not any(offer.spec.startswith("lmstudio") for offer in found):
        found += await _lm_studio_without_server(app_ports)
    found += [_disk_offer(model, *engine_for(model.format, tools)) for model in models]
    return Discovery(tuple(found), tuple(tools), looked_in(model_folders))


async def _ask(place: Address, name: str) -> Sequence[Offer]:
    """The offers of the server at an address; empty when none answers, or none of use.

    `name`: of the backend that is configured for it, where only that can use it.
    """
    url, headers, query = place.base, place.headers, place.query
    try:
        async with (
            asyncio.timeout(2 * ANSWER_TIMEOUT_S),
            http.client(url, headers=headers, query=query, timeout_s=ANSWER_TIMEOUT_S) as client,
        ):
            if await is_lm_studio(client):
                return (await _lm_studio(client, url, name),)
            answer = await client.get("/v1/models")
            if answer.status_code == 401:
                locked = Offer(
                    name or f"openai:{url}",
                    f"server at {_place(url)}",
                    "needs a key: add it to config.toml with url and api_key",
                    running=True,
                    usable=False,
                )
                return (locked,)
            server = await inspect(client, url, await ask_models(client, url))
    except (HttpError, BackendError, TimeoutError):
        return ()
    return _offers(url, server, name)


def _offers(url: str, server: Server, name: str) -> Sequence[Offer]:
    """The server, and its own Messages endpoint where that is good."""
    if not server.models:
        return ()
    model = next((info for info in server.models if info.loaded), server.models[0])
    window = model.window_tokens or server.window_tokens
    more = f" and {len(server.models) - 1} more" if len(server.models) > 1 else ""
    title = f"{server.known.title} at {_place(url)}"
    offer = Offer(
        name or f"openai:{url}",
        title,
        f"{model.detail or model.id}{more}{in_tokens(window)}",
        running=True,
        model=model.detail or model.id,
        window_tokens=window,
        simulated=server.known.simulated,
    )
    if not server.known.native or name:
        return (offer,)
    return offer, replace(offer, spec=f"anthropic:{url}", title=f"{title} (Messages API)")


async def _lm_studio_without_server(ports: Sequence[int]) -> list[Offer]:
    """LM Studio's app, where it runs with its server off."""
    for port in ports:
        url = f"http://127.0.0.1:{port}"
        async with http.client(url, timeout_s=ANSWER_TIMEOUT_S) as client:
            if not await is_lm_studio(client):
                continue
        lms = lms_program()
        detail = "its server is off: " + (
            "it is started with lms" if lms else "start it in the app, under Developer"
        )
        return [Offer("lmstudio", "LM Studio", detail, running=True, usable=lms is not None)]
    return []


async def _lm_studio(client: Client, url: str, name: str) -> Offer:
    models = await list_models(client)
    loaded = [model for model in models if model.loaded]
    if loaded:
        detail = f"{loaded[0].id}{in_tokens(loaded[0].context_tokens)}"
    else:
        detail = f"{len(models)} models, none loaded" if models else "no model downloaded"
    return Offer(
        name or f"lmstudio:{url}",
        f"LM Studio at {_place(url)}",
        detail,
        running=True,
        usable=bool(models),
        model=loaded[0].id if loaded else "",
        window_tokens=loaded[0].context_tokens if loaded else None,
    )


def _disk_offer(model: DiskModel, engine: str, missing: Tool | None) -> Offer:
    parts = [size(model.size_bytes), model.place]
    if model.window_tokens:
        parts.insert(1, f"{model.window_tokens:,} tokens")
    if not model.fits:
        parts.append("more than this machine's memory at its full context")
    if missing is not None:
        parts.append(f"needs {missing.title}: {missing.hint}")
    return Offer(
        f"{engine}:{model.path}",
        model.name,
        ", ".join(parts),
        running=False,
        usable=missing is None,
        model=model.name,
        window_tokens=model.window_tokens,
        size_bytes=model.size_bytes,
        fits=model.fits,
    )


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}"
