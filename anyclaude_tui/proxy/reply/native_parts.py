"""The blocks of a Messages stream, which come in pieces, kept until they are whole. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from anyclaude_tui.proxy.reply.content_filters import Content
from anyclaude_tui.proxy.reply.endings import WINDOW_FULL

FINISH = {
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
    WINDOW_FULL: WINDOW_FULL,
}
"""Anthropic's stop reasons in the words of `endings.py`; all others count as `stop`."""
EMPTY = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}
"""Text and thinking begin so; what a server puts there at once is their first delta."""
BLOCK_OF = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}
BEGINS = {"text_delta": "text", "thinking_delta": "thinking"}
"""The blocks whose start a server may forget."""
TEXT_FIELDS = {"text_delta": "text", "thinking_delta": "thinking"}
"""A delta's type → the member with its words."""


class OpenBlock:
    """A block that is being received, if it is no tool call."""

    def __init__(self, block: Mapping[str, Any], event: Mapping[str, Any], data: bytes) -> None:
        """`event` and `data`: the event that began it, and its bytes."""
        self.kind = str(block["type"])
        """The type of the client's open block; other than the backend's in the middle of text."""
        self.start: dict[str, Any] = dict(block) | EMPTY.get(self.kind, {})
        self.event = event
        self.data = data if self.start == block else b""
        """The bytes of the event that began it, where they may go to the client as they are."""
        self.place = -1
        """The index under which the client knows it; -1 before its start was sent."""
        self.signed = False
        self.signature = ""
        """One that came with the block's start."""
        self.blank = ""
        """White space ahead of its first word: a block of nothing else is not sent."""
        self.content: Content | None = None
        """The filters that sort its text."""
        self.json: list[str] = []
        """The input of a server's own tool, as far as it came."""

    @property
    def sent(self) -> bool:
        """Its start has gone to the client."""
        return self.place >= 0

    def turn_into(self, kind: str) -> None:
        """Become a block of this kind: what follows stands in one of its own."""
        self.kind, self.start, self.event, self.data = kind, {"type": kind} | EMPTY[kind], {}, b""
        self.signed, self.signature, self.blank, self.place = False, "", "", -1


def as_object(value: Any) -> dict[str, Any]:
    """The value, if it is an object; what a server puts elsewhere is nothing."""
    return value if isinstance(value, dict) else {}


def gather(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    """Put a delta into a whole block, as the SDKs do."""
    kind = str(delta.get("type"))
    field = TEXT_FIELDS.get(kind)
    if field is not None:
        block[field] = block.get(field, "") + str(delta.get(field) or "")
    elif kind == "citations_delta":
        block["citations"] = [*(block.get("citations") or ()), delta.get("citation")]
    elif kind != "input_json_delta":
        block |= {key: value for key, value in delta.items() if key != "type"}


def whole_input(pieces: list[str]) -> Any:
    """The input of a server's own tool; what is no JSON is nothing."""
    try:
        return json.loads("".join(pieces) or "{}")
    except (ValueError, RecursionError):
        return {}
