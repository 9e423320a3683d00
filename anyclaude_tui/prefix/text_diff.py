"""The first difference between two texts, and an excerpt: pure, bounded for megabytes."""

from __future__ import annotations

import difflib

_LINE_BYTES = 1_000
"""As much of a line is looked at on either side: a line may be megabytes of JSON, and this
runs beside the streams."""


def line_at(text: bytes, offset: int) -> bytes:
    """The line that a byte is in, or what of it is near."""
    first, last = max(0, offset - _LINE_BYTES), offset + _LINE_BYTES
    start = text.rfind(b"\n", first, offset) + 1 or first
    end = text.find(b"\n", offset, last)
    return text[start : last if end < 0 else end]


_PIECE_CHARS = 120
_PIECE_LINES = 3
_PIECE_BYTES = 4_000
"""As much of both texts is searched for the line where they meet again."""


def first_change(old: bytes, new: bytes, offset: int) -> tuple[str, str]:
    """The lines of both texts that the first change is about; of each only the first few.

    Both are cut after they were compared: cut before, an inserted line would push one out at
    the end, which would look removed.
    """
    start = max(old.rfind(b"\n", 0, offset) + 1, offset - 60)
    was, became = _piece(old, start), _piece(new, start)
    matcher = difflib.SequenceMatcher(None, was, became, autojunk=False)
    for kind, was_from, was_to, new_from, new_to in matcher.get_opcodes():
        if kind != "equal":
            return _cut(was[was_from:was_to]), _cut(became[new_from:new_to])
    return "", ""


def _piece(text: bytes, start: int) -> list[str]:
    """The whole lines from there on, as far as is searched; at least the first."""
    piece = text[start : start + _PIECE_BYTES].decode(errors="ignore")
    lines = piece.splitlines()
    return lines[:-1] if len(text) > start + _PIECE_BYTES and len(lines) > 1 else lines


def _cut(lines: list[str]) -> str:
    return "\n".join(lines[:_PIECE_LINES])[:_PIECE_CHARS]
