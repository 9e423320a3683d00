"""Texts that are kept together and hold much the same: each piece that they share is kept once.

A text is cut where the items of a request begin (messages, tools, blocks), so that a piece is the
same bytes in every request that has the item.
"""

from __future__ import annotations

from dataclasses import dataclass

Pieces = tuple[bytes, ...]
"""A text, cut; joined it is the text again."""

_MARKS = (b'{"role":', b'{"name":', b'{"type":"text"')
"""The beginnings of an item, in the order in which a text is cut."""
_WHOLE_BYTES = 2_000
"""A piece up to here is not cut again."""
_STARTS_KEPT = 8
"""Texts that a new one may begin as; more conversations are seldom under way."""
_PIECE_COST = 150
_REFERENCE_COST = 8
"""The bytes that a piece, and a mention of it, take besides the text."""


@dataclass(slots=True)
class _Piece:
    text: bytes
    """The one object that is kept of it."""
    taken: int = 0


class Pool:
    """The pieces of the texts that are kept. Used on one thread; pieces can be joined on any."""

    def __init__(self) -> None:
        self._pieces: dict[bytes, _Piece] = {}
        self._last: list[Pieces] = []
        """Texts that were taken last, the newest first."""
        self.size_bytes = 0
        """The memory that all of it takes."""

    def take(self, text: bytes) -> Pieces:
        """The text as pieces, those kept before where there are such."""
        known, size = self._pieces, 0
        taken: list[bytes] = []
        for piece in self._cut(text):
            entry = known.get(piece)
            if entry is None:
                entry = known[piece] = _Piece(piece)
                size += len(piece) + _PIECE_COST
            entry.taken += 1
            taken.append(entry.text)
        self.size_bytes += size + _REFERENCE_COST * len(taken)
        pieces = tuple(taken)
        self._remember(pieces)
        return pieces

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

    def _cut(self, text: bytes) -> list[bytes]:
        """The text cut, as one before it was as far as they are the same: that is looked at and
        not searched, and its pieces need not be hashed again."""
        start: Pieces = ()
        size = 0
        for pieces in self._last:
            count, end = _shared(pieces, text)
            if end > size:
                start, size = pieces[:count], end
            if 2 * size > len(text):
                break
        return [*start, *_cut(text[size:], is_long=len(text) > _WHOLE_BYTES)]

    def _remember(self, pieces: Pieces) -> None:
        """Instead of the one that it goes on from, or the oldest."""
        if not pieces:
            return
        others = [one for one in self._last if one[0] is not pieces[0] or one[1:2] != pieces[1:2]]
        self._last = [pieces, *others[: _STARTS_KEPT - 1]]


def _shared(pieces: Pieces, text: bytes) -> tuple[int, int]:
    """The number of pieces that a text begins with, and the end of the last of them."""
    end = 0
    for count, piece in enumerate(pieces):
        if not text.startswith(piece, end):
            return count, end
        end += len(piece)
    return len(pieces), end


def _cut(text: bytes, *, is_long: bool) -> list[bytes]:
    """`is_long`: the whole text, of which this may be the rest, is cut however short this is."""
    pieces = [text] if text else []
    for mark in _MARKS:
        finer: list[bytes] = []
        for piece in pieces:
            if not (is_long or len(piece) > _WHOLE_BYTES) or mark not in piece:
                finer.append(piece)
                continue
            first, *others = piece.split(mark)
            if first:
                finer.append(first)
            finer += [mark + other for other in others]
        pieces, is_long = finer, False
    return pieces
