"""Texts that are kept together and hold much the same: each piece that they share is kept once.

A text is cut where the items of a request begin (messages, tools, blocks), so that a piece is the
same bytes in every request that has the item.
"""

from __future__ import annotations

from dataclasses import dataclass

Pieces = tuple[bytes, ...]
"""A text, cut; joined it is the text again."""

_MARKS = (b'{"role":', b'{"name":', b'{"type":"text"')
"""How an item begins, in the order in which a text is cut."""
_WHOLE_BYTES = 2_000
"""A piece up to here is not cut again."""
_PIECE_COST = 150
_REFERENCE_COST = 8
"""The bytes that a piece, and a mention of it, take besides the text."""


@dataclass(slots=True)
class _Piece:
    text: bytes
    """The one object that is kept of it."""
    taken: int = 0


class Pool:
    """What is kept of the texts. Used on one thread; pieces can be joined on any."""

    def __init__(self) -> None:
        self._pieces: dict[bytes, _Piece] = {}
        self.size_bytes = 0
        """The memory that all of it takes."""

    def take(self, text: bytes) -> Pieces:
        """The text as pieces, those kept before where there are such."""
        known, size = self._pieces, 0
        taken: list[bytes] = []
        for piece in _cut(text):
            entry = known.get(piece)
            if entry is None:
                entry = known[piece] = _Piece(piece)
                size += len(piece) + _PIECE_COST
            entry.taken += 1
            taken.append(entry.text)
        self.size_bytes += size + _REFERENCE_COST * len(taken)
        return tuple(taken)

    def give_back(self, pieces: Pieces) -> None:
        """A text that `take` has cut is not kept any more."""
        known, size = self._pieces, _REFERENCE_COST * len(pieces)
        for piece in pieces:
            entry = known[piece]
            entry.taken -= 1
            if not entry.taken:
                del known[piece]
                size += len(piece) + _PIECE_COST
        self.size_bytes -= size


def _cut(text: bytes) -> list[bytes]:
    pieces = [text] if text else []
    for mark in _MARKS:
        finer: list[bytes] = []
        for piece in pieces:
            if len(piece) <= _WHOLE_BYTES or mark not in piece:
                finer.append(piece)
                continue
            first, *others = piece.split(mark)
            if first:
                finer.append(first)
            finer += [mark + other for other in others]
        pieces = finer
    return pieces
