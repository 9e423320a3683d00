"""An Anthropic stream read as a client reads it: what it showed, counted. Pure.

Used on both ways: through the proxy on what the proxy sends, and direct on what the
backend's stream is translated to, so that both are counted by the same rule.
"""

from __future__ import annotations

from typing import Any

import msgspec

from anyclaude_tui.proxy.wire.sse import Event, SSEReader

ANSWER, THINKING = "── answer ──", "── thinking ──"
"""Lines of their own in `ClientReader.text`, where the one goes over to the other."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class ClientReader:
    """Bytes in; what a client has seen so far, as attributes."""

    def __init__(self) -> None:
        self.deltas = 0
        """Non-empty deltas of text and thinking, and tool calls."""
        self.text_deltas = 0
        self.keepalives = 0
        """Events that only say that it goes on."""
        self.text = ""
        """Everything shown, thinking too, in the order in which it came."""
        self.answer = ""
        """The visible text alone."""
        self.tool_calls: list[tuple[str, str]] = []
        """Name and input (JSON text) of each tool call."""
        self.stop_reason: str | None = None
        self.error = ""
        self.stopped = False
        """`message_stop` was seen."""
        self._sse = SSEReader()
        self._kind = ""
        """Of the last delta with words in it."""

    def feed(self, data: bytes) -> None:
        """Read on. Events that are no JSON objects count as an error."""
        for event in self._sse.feed(data):
            if isinstance(event, Event):
                try:
                    self._take(_decode(event.data))
                except (ValueError, TypeError, AttributeError, LookupError):
                    self.error = "an event that cannot be read"

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "content_block_delta":
            self._delta(event["delta"])
        elif kind == "content_block_start":
            block = event["content_block"]
            if block.get("type") == "tool_use":
                self.deltas += 1
                self.tool_calls.append((str(block.get("name", "")), ""))
        elif kind == "message_delta":
            reason = event["delta"].get("stop_reason")
            self.stop_reason = reason or self.stop_reason
            self.keepalives += reason is None
        elif kind == "ping":
            self.keepalives += 1
        elif kind == "message_stop":
            self.stopped = True
        elif kind == "error":
            self.error = str(event.get("error", {}).get("message", "error"))

    def _delta(self, delta: dict[str, Any]) -> None:
        kind = delta.get("type")
        if kind == "input_json_delta":
            name, raw = self.tool_calls[-1] if self.tool_calls else ("", "")
            self.tool_calls[-1:] = [(name, raw + delta.get("partial_json", ""))]
            return
        piece = delta.get("text") if kind == "text_delta" else delta.get("thinking")
        if kind not in ("text_delta", "thinking_delta"):
            return
        if not piece:
            self.keepalives += 1
            return
        self.deltas += 1
        if self._kind not in ("", kind):
            self.text += f"\n{ANSWER if kind == 'text_delta' else THINKING}\n"
        self._kind = kind
        self.text += piece
        if kind == "text_delta":
            self.text_deltas += 1
            self.answer += piece
