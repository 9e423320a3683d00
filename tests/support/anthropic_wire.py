"""What a scripted server of the Messages API says, as bytes: for native (passthrough) backends.

The order and the fields are those of `docs/protocol/messages.md`, "Anthropic side". Builders return
server-sent events; put them into an `upstream.Reply` like those of `wire.py`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

_ids = itertools.count(1)


def event(data: Mapping[str, Any]) -> bytes:
    """One named event; its name is the data's own type."""
    raw = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {data['type']}\ndata: {raw}\n\n".encode()


def start(prompt: int = 100) -> bytes:
    """`message_start`, with an id that no other message of this process has."""
    message: dict[str, Any] = {
        "id": f"msg_scripted{next(_ids)}",
        "type": "message",
        "role": "assistant",
        "model": "scripted-fake",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": prompt, "output_tokens": 0},
    }
    return event({"type": "message_start", "message": message})


def delta(index: int, **fields: Any) -> bytes:
    """One `content_block_delta`: `delta(0, type="text_delta", text="a")`."""
    return event({"type": "content_block_delta", "index": index, "delta": fields})


def open_block(index: int, **fields: Any) -> bytes:
    """`content_block_start`: `open_block(0, type="text", text="")`."""
    return event({"type": "content_block_start", "index": index, "content_block": fields})


def close_block(index: int) -> bytes:
    """`content_block_stop`."""
    return event({"type": "content_block_stop", "index": index})


def text(*pieces: str, index: int = 0) -> bytes:
    """A whole text block."""
    deltas = b"".join(delta(index, type="text_delta", text=piece) for piece in pieces)
    return open_block(index, type="text", text="") + deltas + close_block(index)


def thinking(*pieces: str, index: int = 0, signature: str = "c2NyaXB0ZWQ=") -> bytes:
    """A whole thinking block with a signature."""
    deltas = b"".join(delta(index, type="thinking_delta", thinking=piece) for piece in pieces)
    signed = delta(index, type="signature_delta", signature=signature)
    opened = open_block(index, type="thinking", thinking="", signature="")
    return opened + deltas + signed + close_block(index)


def call(name: str, arguments: Mapping[str, Any] | str, index: int = 0) -> bytes:
    """A whole tool_use block; its id is unique in this process."""
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
    opened = open_block(index, type="tool_use", id=f"toolu_s{next(_ids)}", name=name, input={})
    return opened + delta(index, type="input_json_delta", partial_json=raw) + close_block(index)


def keepalive() -> bytes:
    """A `message_delta` without a stop reason: Claude Code counts it, `ping` it does not."""
    return event({"type": "message_delta", "delta": {"stop_reason": None}, "usage": {}})


def ping() -> bytes:
    """A `ping` event."""
    return event({"type": "ping"})


def ending(stop_reason: str = "end_turn", output: int = 10) -> bytes:
    """`message_delta` and `message_stop`."""
    fields = {"stop_reason": stop_reason, "stop_sequence": None}
    counted = {"type": "message_delta", "delta": fields, "usage": {"output_tokens": output}}
    return event(counted) + event({"type": "message_stop"})


def error(kind: str, message: str) -> dict[str, Any]:
    """An error's body, also the data of an `error` event."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
