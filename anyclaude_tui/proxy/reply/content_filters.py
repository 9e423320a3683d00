"""The text of `delta.content`, sorted into thinking, visible text and calls.

Pure and incremental. Three filters in a row: think tags, calls written as text, stop
sequences; each lets plain text through at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from anyclaude_tui.proxy.reply.stop_sequences import StopFinder
from anyclaude_tui.proxy.reply.think_tags import ThinkTags
from anyclaude_tui.proxy.toolcalls.from_text import TextCalls
from anyclaude_tui.proxy.toolcalls.validation import Toolbox
from anyclaude_tui.proxy.toolcalls.waiting import Piece

special = re.compile(r"[<\[\]`◁]").search
"""The search for a character that could begin a tag or a call in text. Content without any
may go past the filters while `passes` or `thinks`."""


class Content:
    """Content in, pieces out, in order."""

    def __init__(
        self, toolbox: Toolbox, stop_sequences: Sequence[str], thinks_until: str = ""
    ) -> None:
        """`thinks_until`: see `Dialect.thinks_until`."""
        self.calls = TextCalls(toolbox)
        self._tags = ThinkTags(thinks_until)
        self._stops = StopFinder(stop_sequences)
        self._sequences = frozenset(stop_sequences)

    @property
    def stopped_by(self) -> str | None:
        """The stop sequence that was met."""
        return self._stops.matched

    @property
    def passes(self) -> bool:
        """Text without special characters may go past, straight to the client."""
        return self._tags.passes and self.calls.passes and not self._sequences

    @property
    def thinks(self) -> bool:
        """Text without special characters is thinking."""
        return self._tags.thinks

    @property
    def in_thought(self) -> bool:
        """The content is inside of a thinking block, as far as it came."""
        return self._tags.inside or self.calls.in_thought

    def known_stop(self, sequence: str) -> str | None:
        """The stop sequence that the backend says it met, if it is one of the client's."""
        return sequence if sequence in self._sequences else None

    def thinking_came(self) -> None:
        """The server sends reasoning under its own name."""
        self._tags.read_elsewhere()

    def feed(self, text: str) -> list[Piece]:
        """The pieces that `text` completes."""
        return self._sort(self._tags.feed(text))

    def end(self, *, cut: bool) -> list[Piece]:
        """The pieces that are held back; of a reply that was `cut` off, no half tags or calls."""
        pieces = self._sort(self._tags.end(cut=cut))
        pieces += self._stop(self.calls.end(cut=cut))
        rest = self._stops.end()
        return [*pieces, ("text", rest)] if rest else pieces

    def _sort(self, parts: list[tuple[bool, str]]) -> list[Piece]:
        out: list[Piece] = []
        for is_thinking, text in parts:
            if is_thinking:
                self.calls.reasoned = True
                out.append(("thinking", text))
            else:
                out += self._stop(self.calls.feed(text))
        return out

    def _stop(self, pieces: list[Piece]) -> list[Piece]:
        """The pieces before a stop sequence; all of them if there is none."""
        if not self._sequences:
            return pieces
        out: list[Piece] = []
        for kind, piece in pieces:
            if self._stops.matched is not None:
                break
            text = self._stops.feed(piece) if kind == "text" else self._stops.end()
            if text:
                out.append(("text", text))
            if kind != "text":
                out.append((kind, piece))
        return out
