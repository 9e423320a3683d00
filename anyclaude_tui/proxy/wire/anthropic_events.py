"""Anthropic stream events as bytes.

Pure. Most events are rare and made from dicts; a delta of an open block is a prefix that
is made once per block, the text as JSON, and an end: that is the hot path.
Source: `docs/protocol/messages.md`, "Anthropic side".
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

encode = msgspec.json.encode

DELTA_END = b"}}\n\n"
"""The end of a delta, after the JSON text that follows its prefix."""

SIGNATURE_PREFIX = base64.b64encode(b"anyclaude-tui::").decode()
"""Every signature of ours begins so; one that does not is from another service."""

MESSAGE_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def event(payload: Mapping[str, Any]) -> bytes:
    """Any event; its name is the payload's own type."""
    name: str = payload["type"]
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encode(payload))


def message_start(message_id: str, model: str, usage: Mapping[str, Any]) -> bytes:
    """The first event: an empty message."""
    return event({"type": "message_start", "message": message(message_id, model, usage)})


def message(
    message_id: str,
    model: str,
    usage: Mapping[str, Any],
    content: list[dict[str, Any]] | None = None,
    stop_reason: str | None = None,
    stop_sequence: str | None = None,
) -> dict[str, Any]:
    """A Messages response, as in `message_start` (empty) or as the whole JSON reply."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content or [],
        "stop_reason": stop_reason,
        "stop_sequence": stop_sequence,
        "usage": dict(usage),
    }


def usage(prompt_tokens: int, cached_tokens: int, output_tokens: int) -> dict[str, int]:
    """Usage in Anthropic's terms: cached tokens are not counted among `input_tokens`."""
    return {
        "input_tokens": max(prompt_tokens - cached_tokens, 0),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached_tokens,
        "output_tokens": output_tokens,
    }


def block_start(index: int, block: Mapping[str, Any]) -> bytes:
    """A content block begins; `block` is its empty form."""
    return event({"type": "content_block_start", "index": index, "content_block": block})


def delta_prefix(index: int, kind: str, field: str) -> bytes:
    """The beginning of a delta of block `index`; its JSON text and `DELTA_END` follow."""
    return (
        "event: content_block_delta\n"
        f'data: {{"type":"content_block_delta","index":{index},'
        f'"delta":{{"type":"{kind}","{field}":'
    ).encode()


def delta(index: int, kind: str, field: str, value: str) -> bytes:
    """One whole delta, for those that are rare."""
    return delta_prefix(index, kind, field) + encode(value) + DELTA_END


def block_stop(index: int) -> bytes:
    """A content block ends."""
    return event({"type": "content_block_stop", "index": index})


def message_delta(
    stop_reason: str | None,
    stop_sequence: str | None,
    usage: Mapping[str, Any],
) -> bytes:
    """The event of the message's stop reason and usage. With a null stop reason it is the keepalive
    that Claude Code counts (`docs/protocol/claude-code.md`, "Keepalives that work")."""
    return event(
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason, "stop_sequence": stop_sequence},
            "usage": dict(usage),
        }
    )


def signature(message_id: str, index: int, tag: str = "") -> str:
    """The signature of a thinking block of ours: opaque to clients, the same each time. `tag`
    says which server sent it unsigned (`server_tag`)."""
    said = f"{message_id}:{index}{tag and ':'}{tag}"
    return SIGNATURE_PREFIX + base64.b64encode(said.encode()).decode()


def server_tag(server: str) -> str:
    """The tag of a server in a signature; "" for none."""
    return hashlib.blake2b(server.encode(), digest_size=9).hexdigest() if server else ""


def tag_in(signature: str) -> str:
    """The server's tag in a signature of ours; "" where it has none."""
    try:
        said = base64.b64decode(signature.removeprefix(SIGNATURE_PREFIX), validate=True).decode()
    except ValueError:
        return ""
    parts = said.split(":")
    return parts[2] if len(parts) == 3 else ""
