"""The stream to a native server's client: blocks with our indexes, bytes where they fit. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anyclaude_tui.proxy.reply.native_message import framed
from anyclaude_tui.proxy.reply.native_parts import EMPTY, OpenBlock, gather, whole_input
from anyclaude_tui.proxy.wire import anthropic_events

MAX_EARLY = 64
"""So many events that nobody knows wait for the first block; nothing is begun for them."""


class NativeWriter:
    """Blocks in, bytes out. Several may be open at once, as the backend has them."""

    def __init__(
        self, begin: Callable[[], bytes], signature: Callable[[int], str], *, gather: bool
    ) -> None:
        """`begin` gives `message_start` ahead of the first block; `signature` that of a
        thinking block that came without one, by its index."""
        self.blocks: list[dict[str, Any]] = []
        """All blocks, when gathering."""
        self._begin = begin
        self._signature = signature
        self._gather = gather
        self._out: list[bytes] = []
        self._early: list[bytes] = []
        self._index = -1

    @property
    def shown(self) -> bool:
        """A block has been begun."""
        return self._index >= 0

    def unknown(self, event: bytes) -> None:
        """An event that nobody knows; ahead of the first block it waits for it."""
        if self.shown:
            self._out.append(event)
        elif len(self._early) < MAX_EARLY:
            self._early.append(event)

    def start(self, block: OpenBlock) -> None:
        """The start of a block, byte for byte where its index is the same."""
        self._out.append(self._begin())
        self._out += self._early
        self._early.clear()
        self._index += 1
        block.place = self._index
        more = {"content_block": block.start}
        self._event("content_block_start", block, more, block.event, block.data)
        if self._gather:
            self.blocks.append(dict(block.start))

    def delta(
        self,
        block: OpenBlock,
        delta: Mapping[str, Any],
        event: Mapping[str, Any] | None = None,
        data: bytes = b"",
    ) -> None:
        """A delta of a block, after its start: no block is begun for nothing.

        `event` and `data`: the backend's, where it is one of its own.
        """
        if not block.sent:
            self.start(block)
        self._event("content_block_delta", block, {"delta": delta}, event, data)
        if self._gather:
            gather(self.blocks[block.place], delta)

    def close(
        self, block: OpenBlock, event: Mapping[str, Any] | None = None, data: bytes = b""
    ) -> None:
        """The end of a block, if it was begun; what follows of it gets a block of its own."""
        if not block.sent:
            return
        if block.kind == "thinking" and not block.signed:
            signature = block.signature or self._signature(block.place)
            self.delta(block, {"type": "signature_delta", "signature": signature})
        self._event("content_block_stop", block, {}, event, data)
        if self._gather and block.json:
            self.blocks[block.place]["input"] = whole_input(block.json)
        if block.kind in EMPTY:
            block.turn_into(block.kind)
        block.place = -1

    def say(self, words: str) -> None:
        """A text of ours, in a block of its own."""
        block = OpenBlock({"type": "text"}, {}, b"")
        self.delta(block, {"type": "text_delta", "text": words})
        self.close(block)

    def take(self) -> bytes:
        """The bytes that have been written since."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def take_early(self) -> bytes:
        """The events that waited for a block, where none came."""
        data = b"".join(self._early)
        self._early.clear()
        return data

    def _event(
        self,
        kind: str,
        block: OpenBlock,
        more: Mapping[str, Any],
        event: Mapping[str, Any] | None,
        data: bytes,
    ) -> None:
        if data and event is not None and event.get("index") == block.place:
            self._out.append(framed(kind, data))
            return
        ours = {"type": kind, "index": block.place, **more}
        self._out.append(anthropic_events.event({**(event or {}), **ours}))
