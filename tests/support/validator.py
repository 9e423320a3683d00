"""A strict judge of Anthropic event streams.

The SDKs accept too much to be one (`docs/protocol/messages.md`: a missing message_stop, a second
message_start, truncated JSON as `{}`). This one takes the bytes that a client received
and either returns the message or raises AssertionError saying what is wrong.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

STOP_REASONS = {
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
}
ERROR_TYPES = {
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "timeout_error",
    "overloaded_error",
}
DELTA_OF = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "input_json_delta": ("tool_use", "partial_json"),
}
"""Delta type → block type it belongs to, and its field."""
EMPTY = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
USAGE = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)


@dataclass
class Message:
    """What a stream said."""

    id: str = ""
    model: str = ""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: dict[str, int] = field(default_factory=dict)
    server_tool_use: dict[str, int] = field(default_factory=dict)
    """The usage's own member of this name."""
    error: dict[str, Any] | None = None
    """The error that ended it instead of `message_stop`."""
    pings: int = 0
    keepalives: int = 0
    """Empty deltas, and `message_delta` events with a null stop reason."""
    deltas: int = 0

    @property
    def text(self) -> str:
        """All visible text."""
        return "".join(one["text"] for one in self.blocks if one["type"] == "text")

    @property
    def thinking(self) -> str:
        """All reasoning."""
        return "".join(one["thinking"] for one in self.blocks if one["type"] == "thinking")

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """(name, input) of every tool call."""
        return [(one["name"], one["input"]) for one in self.blocks if one["type"] == "tool_use"]

    @property
    def kinds(self) -> list[str]:
        """The types of the blocks in order."""
        return [one["type"] for one in self.blocks]


def validate(data: bytes) -> Message:
    """The message in a whole stream. Raises AssertionError if any rule is broken."""
    judge = _Judge()
    for name, payload in events(data):
        judge.take(name, payload)
    return judge.end()


def validate_part(data: bytes) -> Message:
    """The same for the beginning of a stream: it may stop anywhere between two events."""
    judge = _Judge()
    for name, payload in events(data):
        judge.take(name, payload)
    return judge.message


def events(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    """(event name, payload) of every event; comments are left out."""
    text = data.decode("utf-8")  # strict: half a character is an error
    assert "\r" not in text, "CR in the stream"
    assert not text or text.endswith("\n\n"), f"the last event is not ended: {text[-80:]!r}"
    out: list[tuple[str, dict[str, Any]]] = []
    for block in text.split("\n\n")[:-1]:
        lines = [line for line in block.split("\n") if not line.startswith(":")]
        if not lines:
            continue
        assert len(lines) == 2, f"an event needs one event: and one data: line: {block!r}"
        assert lines[0].startswith("event: "), f"no event: line: {block!r}"
        assert lines[1].startswith("data: "), f"no data: line: {block!r}"
        payload = json.loads(lines[1][6:], parse_constant=_no_constant)
        assert isinstance(payload, dict), f"the data is no object: {block!r}"
        out.append((lines[0][7:], payload))
    return out


def _no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


class _Judge:
    def __init__(self) -> None:
        self.message = Message()
        self._started = False
        self._open: dict[str, Any] | None = None
        self._index = -1
        self._json: list[str] = []
        self._ended = False
        self._stopped = False
        self._call_ids: set[str] = set()

    def take(self, name: str, payload: dict[str, Any]) -> None:
        kind = payload.get("type")
        assert name == kind, f"event {name!r} carries type {kind!r}"
        assert not self._stopped, f"{kind} after the end"
        if kind == "ping":
            self.message.pings += 1
        elif kind == "error":
            self._error(payload)
        elif kind == "message_start":
            self._start(payload)
        else:
            assert self._started, f"{kind} before message_start"
            handlers = {
                "content_block_start": self._block_start,
                "content_block_delta": self._block_delta,
                "content_block_stop": self._block_stop,
                "message_delta": self._message_delta,
                "message_stop": self._message_stop,
            }
            assert kind in handlers, f"unknown event {kind!r}"
            handlers[kind](payload)

    def end(self) -> Message:
        assert self._started or self.message.error, "no message_start"
        assert self._stopped, "neither message_stop nor error: the stream just ends"
        return self.message

    def _start(self, payload: dict[str, Any]) -> None:
        assert not self._started, "a second message_start"
        self._started = True
        _keys(payload, {"type", "message"})
        message = payload["message"]
        assert message["type"] == "message"
        assert message["role"] == "assistant"
        assert message["content"] == [], "message_start with content"
        assert message["stop_reason"] is None
        assert message["stop_sequence"] is None
        assert isinstance(message["id"], str), "no message id"
        assert message["id"], "no message id"
        assert isinstance(message["model"], str)
        self.message.id, self.message.model = message["id"], message["model"]
        self.message.usage = _usage(message["usage"])

    def _block_start(self, payload: dict[str, Any]) -> None:
        _keys(payload, {"type", "index", "content_block"})
        assert self._open is None, "a block begins while another is open"
        assert not self._ended, "a block after the message's stop reason"
        self._index += 1
        assert payload["index"] == self._index, f"index {payload['index']}, not {self._index}"
        block = payload["content_block"]
        kind = block["type"]
        if kind == "tool_use":
            _keys(block, {"type", "id", "name", "input"})
            assert block["input"] == {}, "a call's input belongs into its deltas"
            assert isinstance(block["name"], str), "a call without a name"
            assert block["name"], "a call without a name"
            assert isinstance(block["id"], str), "a call without an id"
            assert block["id"].startswith("toolu_"), f"not an id of ours: {block['id']!r}"
            assert block["id"] not in self._call_ids, f"id {block['id']} used twice"
            self._call_ids.add(block["id"])
        elif kind == "server_tool_use":
            _keys(block, {"type", "id", "name", "input"})
            assert block["input"] == {}, "a call's input belongs into its deltas"
            assert block["id"].startswith("srvtoolu_"), f"no id of a server tool: {block['id']!r}"
            assert block["id"] not in self._call_ids, f"id {block['id']} used twice"
            self._call_ids.add(block["id"])
        elif kind == "web_search_tool_result":
            _keys(block, {"type", "tool_use_id", "content"})
            assert block["tool_use_id"] in self._call_ids, "a result without its call"
            assert self.message.kinds[-1] == "server_tool_use", "a result not behind its call"
        else:
            assert block == EMPTY.get(kind), f"odd start of a block: {block}"
        self._open = dict(block)
        self._json = []
        self.message.blocks.append(self._open)

    def _block_delta(self, payload: dict[str, Any]) -> None:
        _keys(payload, {"type", "index", "delta"})
        assert self._open is not None, "a delta without an open block"
        assert payload["index"] == self._index, "a delta for a block that is not open"
        delta = payload["delta"]
        kind = delta["type"]
        assert kind in DELTA_OF, f"unknown delta {kind!r}"
        block, name = DELTA_OF[kind]
        allowed = (block, "server_tool_use") if block == "tool_use" else (block,)
        assert self._open["type"] in allowed, f"{kind} in a block of type {self._open['type']}"
        _keys(delta, {"type", name})
        value = delta[name]
        assert isinstance(value, str), f"{kind} without a text"
        if kind == "input_json_delta":
            self._json.append(value)
            return
        signed = self._open.get("signature")
        assert not signed, f"{kind} after the signature"
        self._open[name] += value
        if value:
            self.message.deltas += 1
        else:
            self.message.keepalives += 1

    def _block_stop(self, payload: dict[str, Any]) -> None:
        _keys(payload, {"type", "index"})
        assert self._open is not None, "a stop without an open block"
        assert payload["index"] == self._index, "a stop for a block that is not open"
        block, self._open = self._open, None
        if block["type"] == "web_search_tool_result":
            return
        if block["type"] in ("tool_use", "server_tool_use"):
            text = "".join(self._json)
            try:
                block["input"] = json.loads(text, parse_constant=_no_constant)
            except ValueError:
                raise AssertionError(f"the input is not JSON: {text!r}") from None
            assert isinstance(block["input"], dict), f"the input is no object: {text!r}"
        elif block["type"] == "thinking":
            assert block["signature"], "a thinking block without a signature"
            assert block["thinking"].strip(), "a thinking block without thinking"
        else:
            assert block["text"].strip(), "a text block of white space only"

    def _message_delta(self, payload: dict[str, Any]) -> None:
        # A service says with its beta what it left out of the context.
        _keys(payload, {"type", "delta", "usage"} | ({"context_management"} & payload.keys()))
        assert self._open is None, "message_delta inside a block"
        _keys(payload["delta"], {"stop_reason", "stop_sequence"})
        usage = _usage(payload["usage"])
        reason = payload["delta"]["stop_reason"]
        sequence = payload["delta"]["stop_sequence"]
        if reason is None:
            assert sequence is None
            self.message.keepalives += 1
            return
        assert not self._ended, "a second stop reason"
        assert reason in STOP_REASONS, f"unknown stop reason {reason!r}"
        assert (reason == "stop_sequence") == (sequence is not None), "which stop sequence?"
        if reason == "tool_use":
            assert "tool_use" in self.message.kinds, "stop reason tool_use without a call"
        self._ended = True
        self.message.stop_reason, self.message.stop_sequence = reason, sequence
        self.message.usage = usage
        self.message.server_tool_use = payload["usage"].get("server_tool_use", {})

    def _message_stop(self, payload: dict[str, Any]) -> None:
        _keys(payload, {"type"})
        assert self._open is None, "message_stop inside a block"
        assert self._ended, "message_stop without a stop reason"
        self._stopped = True

    def _error(self, payload: dict[str, Any]) -> None:
        assert self._open is None, "an error inside a block"
        assert not self._ended, "an error after the stop reason"
        _keys(payload, {"type", "error", "request_id"})
        error = payload["error"]
        _keys(error, {"type", "message"})
        assert error["type"] in ERROR_TYPES, f"unknown error type {error['type']!r}"
        assert isinstance(error["message"], str), "an error without words"
        assert error["message"].strip(), "an error without words"
        self.message.error = error
        self._stopped = True


def _keys(payload: dict[str, Any], allowed: set[str]) -> None:
    assert set(payload) == allowed, f"fields {sorted(payload)}, not {sorted(allowed)}"


def _usage(usage: Any) -> dict[str, int]:
    assert isinstance(usage, dict), "no usage"
    for name in USAGE:
        value = usage.get(name)
        assert isinstance(value, int), f"usage.{name} is {value!r}"
        assert value >= 0, f"usage.{name} is {value!r}"
    return {name: usage[name] for name in USAGE}
