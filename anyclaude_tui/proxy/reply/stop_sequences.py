"""Stop sequences, done here: servers do them wrong.

Pure and incremental. mlx_lm misses those off a token boundary and removes text; vllm-mlx
ignores them (`docs/protocol/mlx-lm.md`, `docs/protocol/vllm-mlx.md`).
"""

from __future__ import annotations

from collections.abc import Sequence

from anyclaude_tui.proxy.wire.text_pieces import overlap


class StopFinder:
    """Visible text in; out comes what may be shown, and the sequence that was met."""

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = [sequence for sequence in sequences if sequence]
        self._held = ""
        self.matched: str | None = None

    def feed(self, text: str) -> str:
        """The text that is certainly before any stop sequence.

        The sequence that is complete first counts, of several the longest, however the
        text is cut into pieces. Nothing comes any more once `matched` is set.
        """
        if not self._sequences or self.matched is not None:
            return "" if self.matched is not None else text
        text = self._held + text
        self._held = ""
        first: tuple[int, int] | None = None
        for sequence in self._sequences:
            start = text.find(sequence)
            if start >= 0 and (first is None or (start + len(sequence), start) < first):
                first = (start + len(sequence), start)
                self.matched = sequence
        if first is not None:
            return text[: first[1]]
        keep = max(overlap(text, sequence) for sequence in self._sequences)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def end(self) -> str:
        """The text that was held back: no more follows."""
        held, self._held = self._held, ""
        return held
