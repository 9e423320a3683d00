"""A prompt whose tokens were counted piece by piece. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from anyclaude_tui.figures import UNKNOWN, Figure, estimated, measured
from anyclaude_tui.prefix.segments import Prompt


@dataclass(frozen=True, slots=True)
class CountedPrompt:
    """The tokens of a prompt's segments, as many in all as its server has counted."""

    prompt: Prompt
    tokens: tuple[int | None, ...]
    """Of each segment; None for one that is told to the server otherwise than as text."""
    ends: tuple[int, ...]
    """Of each segment: the tokens of the prompt up to its end, the template's own among them."""
    total: int

    @property
    def template(self) -> int:
        """The tokens of no segment: roles, signs, what the template says itself."""
        return self.total - sum(tokens or 0 for tokens in self.tokens)

    def of(self, number: int) -> Figure:
        """The tokens of a segment."""
        return measured(self.tokens[number])

    def up_to(self, shared_bytes: int) -> Figure:
        """The tokens of so many bytes from the start: exact where they end with a segment, else
        estimated within the segment where they end."""
        so_far, tokens = 0, 0
        for segment, own, end in zip(self.prompt.segments, self.tokens, self.ends, strict=True):
            size = len(segment.text)
            if so_far + size > shared_bytes:
                part = (shared_bytes - so_far) / size
                return estimated(tokens + (own or 0) * part) if part else measured(tokens)
            so_far += size
            tokens = max(tokens, end)
        return measured(self.total)

    def between(self, start_bytes: int, end_bytes: int) -> Figure:
        """The tokens from one place to another."""
        start, end = self.up_to(start_bytes), self.up_to(end_bytes)
        if start.value is None or end.value is None:
            return UNKNOWN
        exact = start.source is end.source is measured(0).source
        length = max(0.0, end.value - start.value)
        return measured(length) if exact else estimated(length)
