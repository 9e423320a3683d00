"""The API that an endpoint speaks: what a request becomes for it, and what reads its reply.

`WireFormat.for_(endpoint)` is the one place where `Endpoint.native` is asked. A request is
translated, counted and made to fit; the translation goes off the loop where it would hold
the streams up.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.bounded import in_thread
from anyclaude_tui.figures import estimated
from anyclaude_tui.proxy.reply.openai import StreamTranslator
from anyclaude_tui.proxy.reply.passthrough import NativeTranslator
from anyclaude_tui.proxy.reply.translator import Translator
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import UpstreamRequest, clamp, translate
from anyclaude_tui.proxy.request.passthrough import native_request
from anyclaude_tui.proxy.request.token_counter import TokenCounter
from anyclaude_tui.telemetry.events import RequestRecord

NEAR_WINDOW = 0.6
"""From this share of the window on the prompt is counted exactly where the backend can."""
NEAR_WINDOW_NATIVE = 0.9
"""The same where that costs a round trip to a service, which refuses an overflow itself."""


def slow_to_translate(raw: bytes) -> bool:
    """True if this body holds a PDF, which takes up to seconds to read."""
    return b"application/pdf" in raw


class WireFormat(ABC):
    """One endpoint's API: `request()`, `fit()` and `translator()`, in this order."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    @staticmethod
    def for_(
        endpoint: Endpoint, client_headers: Mapping[str, str] | None = None, client_query: str = ""
    ) -> WireFormat:
        """The format of this endpoint. `client_headers`, `client_query` (`beta=true`): those of
        the client's that a native server also gets."""
        if endpoint.native:
            return Messages(endpoint, client_headers or {}, client_query)
        return ChatCompletions(endpoint)

    async def request(
        self, body: Mapping[str, Any], memory: CallMemory, *, slow: bool = False
    ) -> UpstreamRequest:
        """The request for `body`, translated in a thread where that is slow; elsewhere a
        thread would cost more. Raises ApiError."""
        if slow:
            return await in_thread(self._translated, body, memory)
        return self._translated(body, memory)

    async def fit(
        self,
        request: UpstreamRequest,
        counter: TokenCounter,
        http: aiohttp.ClientSession,
        record: RequestRecord,
    ) -> tuple[UpstreamRequest, int]:
        """The request with a `max_tokens` that the window has room for, and its prompt tokens,
        which `record` gets too.

        Raises ApiError for a prompt that is too long, while a real 400 is possible.
        """
        endpoint = self.endpoint
        tokens = counter.estimate(endpoint.label or endpoint.model, request.prompt_bytes)
        figure = estimated(tokens)
        near = NEAR_WINDOW_NATIVE if endpoint.native else NEAR_WINDOW
        if endpoint.window_tokens and tokens > near * endpoint.window_tokens:
            figure = await counter.count(endpoint, request, http)
            tokens = int(figure.value or tokens)
        record.attempt.prompt_tokens = figure
        request = clamp(request, tokens, endpoint)
        record.max_tokens = request.body.get("max_tokens")
        return self._named(request), tokens

    def _named(self, request: UpstreamRequest) -> UpstreamRequest:
        """The request with the limit of output tokens under the name that the server wants."""
        wanted = self.endpoint.dialect.max_tokens_name
        if wanted == "max_tokens" or "max_tokens" not in request.body:
            return request
        body = {wanted if key == "max_tokens" else key: v for key, v in request.body.items()}
        return replace(request, body=body)

    @abstractmethod
    def translator(
        self,
        record: RequestRecord,
        request: UpstreamRequest,
        prompt_tokens: int,
        memory: CallMemory,
    ) -> Translator:
        """The translator that reads the reply to `request`."""

    @abstractmethod
    def _translated(self, body: Mapping[str, Any], memory: CallMemory) -> UpstreamRequest:
        """The request for `body`. Raises ApiError."""


class ChatCompletions(WireFormat):
    """OpenAI's chat completions: everything is translated."""

    def translator(
        self,
        record: RequestRecord,
        request: UpstreamRequest,
        prompt_tokens: int,
        memory: CallMemory,
    ) -> Translator:
        """See WireFormat."""
        return StreamTranslator(
            **_reply(record, prompt_tokens, memory),
            tools=request.tools,
            unlisted=request.unlisted,
            stop_sequences=request.stop_sequences,
            single_call=request.single_call,
            server=self.endpoint.server,
            max_tokens=_limit(request),
            thinks_until=request.thinks_until,
        )

    def _translated(self, body: Mapping[str, Any], memory: CallMemory) -> UpstreamRequest:
        return translate(body, self.endpoint, memory)


class Messages(WireFormat):
    """The Messages API itself (passthrough): the prompt's hygiene only."""

    def __init__(
        self, endpoint: Endpoint, client_headers: Mapping[str, str], client_query: str
    ) -> None:
        headers = {**client_headers, **endpoint.headers}
        query = "&".join(part for part in (endpoint.query, client_query) if part)
        super().__init__(replace(endpoint, headers=headers, query=query))

    def translator(
        self,
        record: RequestRecord,
        request: UpstreamRequest,
        prompt_tokens: int,
        memory: CallMemory,
    ) -> Translator:
        """See WireFormat."""
        return NativeTranslator(
            **_reply(record, prompt_tokens, memory),
            tools=request.tools,
            unlisted=request.unlisted,
            single_call=request.single_call,
            server=self.endpoint.url,
            is_used=lambda call_id: call_id in request.call_ids or memory.knows(call_id),
        )

    def _translated(self, body: Mapping[str, Any], memory: CallMemory) -> UpstreamRequest:
        return native_request(body, self.endpoint, memory)


def _limit(request: UpstreamRequest) -> int | None:
    """The limit of output tokens that goes upstream, under either name."""
    body = request.body
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    return limit if isinstance(limit, int) else None


def unsent(record: RequestRecord, memory: CallMemory) -> Translator:
    """The translator that speaks to the client while nothing has been sent yet."""
    return StreamTranslator(**_reply(record, 0, memory))


def _reply(record: RequestRecord, prompt_tokens: int, memory: CallMemory) -> dict[str, Any]:
    """The arguments of every translator about the reply that it makes."""
    return {
        "message_id": f"msg_{record.id.removeprefix('req_')}",
        "request_id": record.id,
        "model": record.requested_model,
        "prompt_tokens": prompt_tokens,
        "memory": memory,
        "gather": not record.streaming,
        "resumes": record.client_resumes,
        "compacts": record.client_compacts,
    }
