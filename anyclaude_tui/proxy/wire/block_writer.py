"""The content blocks of one reply, one after the other, never interleaved.

Pure. What to show comes in as text, thinking and whole tool calls; Anthropic events go
out through `out`. White space that stands alone between blocks is not shown: mlx_lm sends
"\\n" between parallel calls, and a white-space-only text block is dropped from the history
by Claude Code, which would change the prompt's prefix (`docs/protocol/claude-code.md`, "Prefix
stability").
"""

from __future__ import annotations

from typing import Any

from anyclaude_tui.proxy.wire import anthropic_events
from anyclaude_tui.proxy.wire.text_pieces import mend

MAX_BLANK_CHARS = 4096
"""More white space than this in a row is shown, so that it need not be held."""


class BlockWriter:
    """A writer of events to `out`; `message_start` goes before the first of them."""

    def __init__(self, message_id: str, start: bytes, *, gather: bool = False) -> None:
        self.out: list[bytes] = []
        self.started = False
        self.shown = False
        """A block has been sent."""
        self.text_shown = False
        self.kind = ""
        """The open block: "text", "thinking" or none."""
        self.prefix = b""
        """The beginning of each delta of the open block; `wire.DELTA_END` closes it."""
        self.blocks: list[dict[str, Any]] = []
        """All blocks so far, when gathering."""
        self._message_id = message_id
        self._start = start
        self._gather = gather
        self._index = -1
        self._blank = ""
        self._blank_kind = ""
        self._after_thinking = False
        self._parts: list[str] = []

    def start(self) -> None:
        """`message_start`, once."""
        if not self.started:
            self.started = True
            self.out.append(self._start)

    def text(self, text: str) -> None:
        """Visible text. Leading white space waits until something else comes."""
        if self.kind != "text":
            text = self._substance("text", text)
            if self._after_thinking or self.kind == "thinking":
                text = text.lstrip("\r\n")  # the separator that templates put there
            if not text:
                return
            self._open("text", {"type": "text", "text": ""}, "text_delta", "text")
            self.text_shown = True
        self._delta(text)

    def thinking(self, text: str) -> None:
        """Reasoning. Leading white space waits until something else comes."""
        if self.kind != "thinking":
            text = self._substance("thinking", text)
            if not text:
                return
            block = {"type": "thinking", "thinking": "", "signature": ""}
            self._open("thinking", block, "thinking_delta", "thinking")
        self._delta(text)

    def tool_use(self, call_id: str, name: str, arguments: str, value: dict[str, Any]) -> None:
        """A whole tool call; `arguments` is `value` as JSON text."""
        self.close()
        self._begin({"type": "tool_use", "id": call_id, "name": name, "input": {}})
        index = self._index
        self.out.append(
            anthropic_events.delta(index, "input_json_delta", "partial_json", arguments)
        )
        self.out.append(anthropic_events.block_stop(index))
        self._after_thinking = False
        if self._gather:
            self.blocks[-1]["input"] = value

    def close(self) -> None:
        """End the open block, if any; white space that waits is dropped."""
        self._blank = ""
        kind, self.kind, self.prefix = self.kind, "", b""
        if not kind:
            return
        index = self._index
        signature = ""
        if kind == "thinking":
            signature = anthropic_events.signature(self._message_id, index)
            self.out.append(
                anthropic_events.delta(index, "signature_delta", "signature", signature)
            )
        self.out.append(anthropic_events.block_stop(index))
        self._after_thinking = kind == "thinking"
        if self._gather:
            self.blocks[-1][kind] = "".join(self._parts)
            if signature:
                self.blocks[-1]["signature"] = signature
            self._parts.clear()

    def empty_delta(self) -> bytes:
        """A delta of the open block that adds nothing (a keepalive); b"" if none is open."""
        return self.prefix + b'""' + anthropic_events.DELTA_END if self.kind else b""

    def take(self) -> bytes:
        """All bytes since the last call."""
        data = b"".join(self.out)
        self.out.clear()
        return data

    def _substance(self, kind: str, text: str) -> str:
        """`text` with the white space that waited for it; "" while there is only that."""
        if kind == self._blank_kind:
            text = self._blank + text
        self._blank = ""
        self._blank_kind = kind
        if text.isspace() and len(text) < MAX_BLANK_CHARS:
            self._blank = text
            return ""
        return text

    def _open(self, kind: str, block: dict[str, Any], delta: str, field: str) -> None:
        self.close()
        self._begin(block)
        self.kind = kind
        self.prefix = anthropic_events.delta_prefix(self._index, delta, field)

    def _begin(self, block: dict[str, Any]) -> None:
        self.start()
        self._index += 1
        self.shown = True
        self.out.append(anthropic_events.block_start(self._index, block))
        if self._gather:
            self.blocks.append(dict(block))

    def _delta(self, text: str) -> None:
        try:
            data = anthropic_events.encode(text)
        except UnicodeEncodeError:
            text = mend(text)
            data = anthropic_events.encode(text)
        self.out += (self.prefix, data, anthropic_events.DELTA_END)
        if self._gather:
            self._parts.append(text)
