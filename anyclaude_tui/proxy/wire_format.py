"""A request on its way upstream: translated, counted, made to fit; and what reads its reply.

The translation goes off the loop where it would hold the streams up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.figures import estimated
from anyclaude_tui.proxy.context import Services
from anyclaude_tui.proxy.reply.openai import StreamTranslator
from anyclaude_tui.proxy.reply.passthrough import NativeTranslator
from anyclaude_tui.proxy.reply.translator import Translator
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import UpstreamRequest, clamp, hygiene, translate
from anyclaude_tui.telemetry.events import RequestRecord

NEAR_WINDOW = 0.6
"""From this share of the window on the prompt is counted exactly where the backend can."""


def slow_to_translate(raw: bytes) -> bool:
    """Whether this body holds a PDF, which takes up to seconds to read."""
    return b"application/pdf" in raw


async def translated(
    body: Mapping[str, Any], endpoint: Endpoint, memory: CallMemory, slow: bool
) -> UpstreamRequest:
    """`translate`, in a thread where it is slow; elsewhere a thread would cost more."""
    if slow:
        return await asyncio.to_thread(translate, body, endpoint, memory)
    return translate(body, endpoint, memory)


async def fitted(
    request: UpstreamRequest, endpoint: Endpoint, services: Services, record: RequestRecord
) -> tuple[UpstreamRequest, int]:
    """The request with a `max_tokens` that the window has room for, and its prompt tokens.

    Raises ApiError for a prompt that is too long, while a real 400 is possible.
    """
    counter = services.counter
    tokens = counter.estimate(endpoint.label or endpoint.model, request.prompt_bytes)
    figure = estimated(tokens)
    if endpoint.window_tokens and tokens > NEAR_WINDOW * endpoint.window_tokens:
        figure = await counter.count(endpoint, request, services.http)
        tokens = int(figure.value or tokens)
    record.prompt_tokens = figure
    request = clamp(request, tokens, endpoint)
    record.max_tokens = request.body.get("max_tokens")
    return request, tokens


def translator_for(
    record: RequestRecord,
    request: UpstreamRequest | None,
    prompt_tokens: int,
    memory: CallMemory,
    *,
    native: bool = False,
) -> Translator:
    """What reads the reply; `request` None: none has been sent yet."""
    shared: Any = {
        "message_id": f"msg_{record.id.removeprefix('req_')}",
        "request_id": record.id,
        "model": record.requested_model,
        "prompt_tokens": prompt_tokens,
        "tools": request.tools if request else {},
        "memory": memory,
        "gather": not record.streaming,
    }
    if native:
        return NativeTranslator(**shared)
    if request is None:
        return StreamTranslator(**shared)
    return StreamTranslator(
        **shared,
        stop_sequences=request.stop_sequences,
        single_call=request.single_call,
        thinks_until=request.thinks_until,
    )


def native_body(
    body: Mapping[str, Any], request: UpstreamRequest, endpoint: Endpoint, memory: CallMemory
) -> dict[str, Any]:
    """The Messages request for a server that speaks the Messages API itself."""
    limit = request.body.get("max_tokens")
    native = hygiene(body, endpoint, memory) | {"stream": True}
    return native if limit is None else native | {"max_tokens": limit}
