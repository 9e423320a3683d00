"""A prompt read before anybody asks: the request for it, whole or piece by piece, and its run.

It is what the proxy would send for a conversation, with one token of reply: the server's
cache then holds the prompt. A server that keeps nothing of a prefill that is stopped gets it in
pieces, each of which begins with the one before (docs/prompt-cache.md, "Warming").
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.proxy.attempt import Attempt
from anyclaude_tui.proxy.context import Services
from anyclaude_tui.proxy.deadlines import Timers
from anyclaude_tui.proxy.recording import note_ending, note_request
from anyclaude_tui.proxy.request.openai import UpstreamRequest
from anyclaude_tui.proxy.watcher import Watcher
from anyclaude_tui.proxy.wire.safe_json import json_bytes
from anyclaude_tui.proxy.wire_format import WireFormat
from anyclaude_tui.telemetry.events import Outcome, RequestRecord

WORD = "."
"""The end of a piece of a prompt, where the user's words would stand."""
TEXT_BYTES = 2_000
"""The system text is cut this fine."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The beginning of a prompt: a request of its own."""

    body: Mapping[str, Any]
    size_bytes: int
    """The bytes of the prompt that it reads."""


def for_warming(body: Mapping[str, Any]) -> dict[str, Any]:
    """The upstream request with one token of reply; everything that the prompt is made from is
    as it was."""
    limit = "max_completion_tokens" if "max_completion_tokens" in body else "max_tokens"
    return {**body, limit: 1}


def pieces(body: Mapping[str, Any]) -> Iterator[Piece]:
    """The beginnings of a chat completions request, each longer than the last; the last one is
    all of it."""
    messages, tools = list(body["messages"]), list(body.get("tools") or ())
    first = messages[0]
    system = first["content"] if first["role"] == "system" else None
    word = {"role": "user", "content": WORD}
    head = messages[:1] if system is not None else []
    size = 0
    if isinstance(system, str) and not tools:  # tools stand behind it, or before: all or nothing
        for end in range(TEXT_BYTES, len(system), TEXT_BYTES):
            yield Piece(_with(body, [{**first, "content": system[:end]}, word], []), end)
    size = json_bytes(head)
    for number in range(1, len(tools)):
        yield Piece(_with(body, [*head, word], tools[:number]), size + json_bytes(tools[:number]))
    size += json_bytes(tools)
    yield Piece(_with(body, [*head, word], tools), size)
    for number in range(len(head), len(messages)):
        size += json_bytes(messages[number])
        whole = number == len(messages) - 1
        if whole or messages[number + 1]["role"] == "assistant":
            yield Piece(_with(body, messages[: number + 1], tools), size)


def _with(body: Mapping[str, Any], messages: list[Any], tools: list[Any]) -> dict[str, Any]:
    made = {**body, "messages": messages}
    if tools:
        return made | {"tools": tools}
    made.pop("tools", None)
    return made


class WarmRun:
    """One such request at a backend; `record` tells how it went, and how far it has come."""

    def __init__(
        self,
        services: Services,
        endpoint: Endpoint,
        request: UpstreamRequest,
        record: RequestRecord,
    ) -> None:
        self._endpoint = endpoint
        self._services = services
        self._request = request
        self.record = record

    async def run(self) -> bool:
        """Send the request; True if the prompt was read to its end. Raises ApiError for a refusal,
        and CancelledError."""
        services, record = self._services, self.record
        note_request(record, self._request, self._endpoint)
        wire = WireFormat.for_(self._endpoint)
        translator = wire.translator(record, self._request, 0, services.memory)
        timers = Timers(services.limits, services.clock.now(), quiet_commit_s=math.inf)
        attempt = Attempt(
            self._endpoint,
            self._request,
            translator,
            record,
            timers,
            _nobody,
            http=services.http,
            limits=services.limits,
            clock=services.clock,
        )
        record.prompt_bytes = len(attempt.data)
        watcher = Watcher(timers, services.clock, late=attempt.expire, failed=lambda _: None)
        try:
            async with watcher:
                ending = await attempt.run()
        except asyncio.CancelledError:
            record.outcome, record.reason = Outcome.CANCELLED, "a request went first"
            raise
        finally:
            record.status = attempt.status
        note_ending(record, ending, translator.facts)
        return ending.error is None and ending.outcome in (Outcome.COMPLETE, Outcome.LIMIT)


async def _nobody(data: bytes) -> None:
    """Nobody gets the reply."""
