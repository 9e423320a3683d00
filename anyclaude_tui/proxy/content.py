"""What comes in `delta.content`, sorted into thinking, visible text and calls.

Pure and incremental. Three filters in a row: think tags, calls written as text, stop
sequences; each lets plain text through at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anyclaude_tui.proxy.stops import StopFinder
from anyclaude_tui.proxy.thinktags import ThinkTags
from anyclaude_tui.proxy.toolbox import Toolbox

Piece = tuple[str, Any]
"""("thinking", str), ("text", str) or ("call", Call)."""


class Content:
    """Content in, pieces out, in order."""

    def __init__(self, toolbox: Toolbox, stop_sequences: Sequence[str]) -> None:
        self.last = ""
        """The last text that went past here on the fast lane."""
        self.dropped_calls = 0
        self.in_call = False
        self._tags = ThinkTags()
        self._stops = StopFinder(stop_sequences)
        self._sequences = frozenset(stop_sequences)

    @property
    def stopped_by(self) -> str | None:
        """The stop sequence that was met."""
        return self._stops.matched

    @property
    def passes(self) -> bool:
        """Text without special characters may go past, straight to the client."""
        return self._tags.passes and not self._sequences

    def known_stop(self, sequence: str) -> str | None:
        """The stop sequence that the backend says it met, if it is one of the client's."""
        return sequence if sequence in self._sequences else None

    def feed(self, text: str) -> list[Piece]:
        """The pieces that `text` completes."""
        return self._sort(self._tags.feed(text))

    def end(self, *, cut: bool) -> list[Piece]:
        """What is held back; of a reply that was `cut` off, no half calls."""
        pieces = self._sort(self._tags.end())
        rest = self._stops.end()
        if rest and self._stops.matched is None:
            pieces.append(("text", rest))
        return pieces

    def _sort(self, parts: list[tuple[bool, str]]) -> list[Piece]:
        out: list[Piece] = []
        for is_thinking, text in parts:
            if is_thinking:
                out.append(("thinking", text))
                continue
            shown = self._stops.feed(text)
            if shown:
                out.append(("text", shown))
        return out
