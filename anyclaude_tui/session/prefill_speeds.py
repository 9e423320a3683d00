"""The prefill speed of each backend, from its own requests. Pure."""

from __future__ import annotations

from anyclaude_tui.telemetry.events import RequestRecord
from anyclaude_tui.telemetry.metrics import prefill_tokens_per_s, uncached_tokens

LEAST_TOKENS = 128
"""Fewer uncached tokens tell no speed."""
ALIKE = 0.5
"""A read of this share of the largest one, or more, counts in its place: of a few tokens behind a
long prompt most of the time is no reading (measured: 133 tokens/s, and 475 for the whole)."""


class PrefillSpeeds:
    """Tokens per second, by backend: of the last read that was about as long as the longest."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, float]] = {}

    def note(self, record: RequestRecord) -> None:
        """A request that has ended."""
        speed, tokens = prefill_tokens_per_s(record).value, uncached_tokens(record).value
        if not speed or not tokens or tokens < LEAST_TOKENS:
            return
        longest = self._known.get(record.backend, (0.0, 0.0))[0]
        if tokens >= ALIKE * longest:
            self._known[record.backend] = (max(tokens, longest), speed)

    def seconds(self, backend: str, tokens: int) -> float | None:
        """The time that a backend takes to read so many tokens; None where it is not known."""
        known = self._known.get(backend)
        return tokens / known[1] if known else None
