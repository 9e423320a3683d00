"""Builders of OpenAI streams, and a run of the translator over one."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.proxy.reply.endings import Ending
from anyclaude_tui.proxy.reply.openai import StreamTranslator
from anyclaude_tui.proxy.wire.sse import SSEReader
from anyclaude_tui.proxy.wire.wanted_back import WantedBack
from anyclaude_tui.telemetry.events import Truncation
from tests.support.validator import Message, validate, validate_part

DONE = b"data: [DONE]\n\n"

BASH = {
    "type": "object",
    "properties": {
        "command": {"type": "string"},
        "timeout": {"type": "number"},
        "run_in_background": {"type": "boolean"},
    },
    "required": ["command"],
    "additionalProperties": False,
}
EDIT = {
    "type": "object",
    "properties": {
        "file_path": {"type": "string"},
        "edits": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"old": {"type": "string"}, "count": {"type": "integer"}},
                "required": ["old"],
            },
        },
        "options": {"type": "object", "properties": {"all": {"type": "boolean"}}},
    },
    "required": ["file_path"],
}
PING = {"type": "object", "properties": {}}
TOOLS: Mapping[str, Mapping[str, Any]] = {"Bash": BASH, "Edit": EDIT, "Ping": PING}


def sse(payload: Any) -> bytes:
    """One data event."""
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def chunk(finish: str | None = None, usage: Any = None, **delta: Any) -> bytes:
    """One chunk with this delta."""
    payload: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "local",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    if usage is not None:
        payload["usage"] = usage
    return sse(payload)


def usage_chunk(prompt: int, completion: int, cached: int | None = None) -> bytes:
    """The last chunk: usage and no choices."""
    usage: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": completion}
    if cached is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
    return sse({"id": "chatcmpl-1", "choices": [], "usage": usage})


def call(
    name: str | None = None,
    arguments: Any = None,
    *,
    index: int | None = 0,
    id: str | None = None,
) -> dict[str, Any]:
    """A fragment of a tool call."""
    out: dict[str, Any] = {"function": {}, "type": "function"}
    if index is not None:
        out["index"] = index
    if id is not None:
        out["id"] = id
    if name is not None:
        out["function"]["name"] = name
    if arguments is not None:
        out["function"]["arguments"] = arguments
    return out


class Memory:
    """What would be kept for the history."""

    def __init__(self) -> None:
        self.calls: dict[str, tuple[str, str]] = {}

    def remember(self, call_id: str, name: str, arguments: str) -> None:
        self.calls[call_id] = (name, arguments)

    def keep(self, call_id: str, wanted: WantedBack) -> None:
        pass


@dataclass
class Run:
    """A translated stream."""

    message: Message
    ending: Ending
    translator: StreamTranslator
    data: bytes
    memory: Memory = field(default_factory=Memory)


def new(
    *,
    tools: Mapping[str, Mapping[str, Any]] | None = None,
    stop_sequences: Sequence[str] = (),
    thinks_until: str = "",
    gather: bool = False,
    fast: bool = True,
    memory: Memory | None = None,
    resumes: bool = False,
    compacts: bool = False,
    max_tokens: int | None = None,
) -> StreamTranslator:
    """A translator whose ids are toolu_0, toolu_1, …"""
    numbers = itertools.count()
    return StreamTranslator(
        message_id="msg_1",
        model="claude-test",
        prompt_tokens=100,
        tools=TOOLS if tools is None else tools,
        stop_sequences=stop_sequences,
        thinks_until=thinks_until,
        memory=memory,
        gather=gather,
        fast=fast,
        call_id=lambda: f"toolu_{next(numbers)}",
        error_from=error_from,
        resumes=resumes,
        compacts=compacts,
        max_tokens=max_tokens,
    )


def error_from(payload: Any) -> ApiError:
    """Stands for `upstream_errors.from_payload`, which has its own tests."""
    error = payload.get("error") if isinstance(payload, dict) else payload
    words = error.get("message") if isinstance(error, dict) else error
    return ApiError("api_error", str(words or payload))


def run(
    *parts: bytes,
    tools: Mapping[str, Mapping[str, Any]] | None = None,
    stop_sequences: Sequence[str] = (),
    thinks_until: str = "",
    gather: bool = False,
    fast: bool = True,
    size: int | None = None,
    cause: Truncation | None = None,
    reason: str = "",
    resumes: bool = False,
    compacts: bool = False,
    max_tokens: int | None = None,
) -> Run:
    """Translate these bytes, in pieces of `size`, and judge the result strictly."""
    memory = Memory()
    translator = new(
        tools=tools,
        stop_sequences=stop_sequences,
        thinks_until=thinks_until,
        gather=gather,
        fast=fast,
        memory=memory,
        resumes=resumes,
        compacts=compacts,
        max_tokens=max_tokens,
    )
    reader = SSEReader()
    stream = b"".join(parts)
    size = size or max(len(stream), 1)
    out: list[bytes] = []
    for at in range(0, len(stream), size):
        out.append(translator.feed(reader.feed(stream[at : at + size])))
        validate_part(b"".join(out))
        if translator.finished:
            break
    else:
        out.append(translator.feed(reader.end()))
    ending = translator.close(cause, reason)
    data = b"".join([*out, ending.data])
    return Run(validate(data), ending, translator, data, memory)
