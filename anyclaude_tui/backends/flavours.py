"""The kind of OpenAI-compatible server at a URL, recognised by its answers.

`recognitions.py` has a row for each that is known by its name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anyclaude_tui.backends import http
from anyclaude_tui.backends.address import is_local
from anyclaude_tui.backends.base import BackendError, ModelInfo, Progress, Rendering
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.http_client import QUESTION_TIMEOUT_S, Answer, Client, HttpError
from anyclaude_tui.backends.recognitions import UNKNOWN, Listing, Server, recognise
from anyclaude_tui.backends.templates.probe import NoTemplateError, of_server, of_text
from anyclaude_tui.backends.templates.profile import Profile, Source
from anyclaude_tui.backends.templates.sources import AskedSource, CountedSource

CHAT = "/v1/chat/completions"
RENDERS = "/apply-template"
"""llama.cpp renders a prompt there."""


async def ask_models(client: Client, base: str) -> Answer:
    """GET /v1/models. Raises BackendError in words for anything but a list."""
    try:
        answer = await client.get("/v1/models")
    except HttpError as error:
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


def parse_models(answer: Answer) -> list[ModelInfo]:
    """The models of a /v1/models answer, with the windows that some servers tell."""
    # mlx_lm answers with an empty body when its cache folder is missing.
    return [
        ModelInfo(
            id=str(item["id"]),
            window_tokens=_window(item),
            loaded=item["loaded"] if isinstance(item.get("loaded"), bool) else None,
        )
        for item in http.parts(http.object_of(answer).get("data"))
        if "id" in item
    ]


def _window(item: Mapping[str, Any]) -> int | None:
    """vLLM and SGLang: max_model_len; OpenRouter: context_length; Rapid-MLX: context_window;
    llama.cpp: meta.n_ctx."""
    meta = http.part(item.get("meta"))
    names = ("max_model_len", "context_length", "context_window")
    seen = (*map(item.get, names), meta.get("n_ctx"))
    return next((window for value in seen if (window := http.number(value))), None)


async def inspect(client: Client, base: str, listed: Answer) -> Server:
    """Find out the kind of a server, from its list of models, headers and own routes."""
    listing = Listing(base, http.parts(http.object_of(listed).get("data")), listed.headers)
    local = is_local(base)
    known = await recognise(client, listing, local=local)
    dialect = known.dialect
    if known is UNKNOWN and not local:
        dialect = Dialect(top_k=False, images=True, stop=True)
    server = Server(tuple(parse_models(listed)), known, dialect)
    return await known.details(client, base, server) if known.details else server


async def profile_of(
    client: Client,
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
    route = server.known.template_from
    if not route and timeout_s is None:
        return None
    seconds = timeout_s or QUESTION_TIMEOUT_S
    source: Source = CountedSource(client, route or CHAT, model, seconds)
    if route == RENDERS:
        source = AskedSource(client, model, server.own_template)
    return await of_server(source, server.dialect, stamp=stamp, home=home)


def rendering_of(base: str, server: Server, profile: Profile | None) -> Rendering | None:
    """See Endpoint."""
    if profile is None or not profile.rewrites:
        return None
    if server.template is not None:
        return Rendering(server.template, server.tokens)
    return Rendering(url=base + RENDERS) if server.known.template_from == RENDERS else None


def parse_progress(status: Any) -> Progress | None:
    """The progress of the one running request, as vLLM-MLX and Rapid-MLX tell it; None when there
    are several (whose is it?)."""
    requests = http.parts(http.part(status).get("requests"))
    running = [request for request in requests if request.get("status") == "running"]
    if len(running) != 1:
        return None
    (request,) = running
    total, cached = http.number(request.get("prompt_tokens")), request.get("cached_tokens")
    cached = cached if isinstance(cached, int) else None
    done = total if request.get("phase") == "generation" else None
    return Progress(prefill_done_tokens=done, prefill_total_tokens=total, cached_tokens=cached)
