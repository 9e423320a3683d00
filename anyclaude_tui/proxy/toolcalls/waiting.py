"""Calls found in text that wait until it is known that they were not only thought about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Piece = tuple[str, Any]
"""("text", str), ("thinking", str), ("call", Call) or ("lost", Lost)."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A call that the model wrote and nobody can use."""

    name: str
    text: str
    """As it was written; "" if it has been shown as text."""


class Waiting:
    """Pieces that wait, each with the text as it was written."""

    def __init__(self) -> None:
        self.on = False
        """True while what comes waits."""
        self.chars = 0
        self._pieces: list[tuple[str, Piece]] = []

    def add(self, raw: str, piece: Piece) -> bool:
        """Keep a piece; False if nothing waits (any more)."""
        if self.on:
            self._pieces.append((raw, piece))
            self.chars += len(raw)
        return self.on

    def release(self) -> list[Piece]:
        """All pieces: they were meant."""
        pieces = [piece for _, piece in self._pieces]
        self._end()
        return pieces

    def as_written(self) -> str:
        """All of it as text: it was only thought."""
        text = "".join(raw for raw, _ in self._pieces)
        self._end()
        return text

    def _end(self) -> None:
        self.on = False
        self.chars = 0
        self._pieces = []
