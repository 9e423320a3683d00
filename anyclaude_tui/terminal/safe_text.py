"""Text from the program, made safe to write to the outer terminal.

Control characters must not reach it from a cell (the grid keeps C1 controls, and in UTF-8
U+009B is a CSI to some terminals), nor may a cell that has no width shift its row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

DOUBTFUL_WIDTH = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u109f\u1ab0-\u1aff"
    "\u1dc0-\u1dff\u200d\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U0001f000-\U0001ffff]"
)
"""Combining marks, joiners, variation selectors, and all of the emoji planes: terminals do not
agree on their width."""

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NO_WIDTH = _BIDI | frozenset("\u200b\u200c\u200d\u2060\u2028\u2029\ufeff")


def safe_run(text: str, cells: Sequence[str]) -> str:
    """`text`, joined from these cells, made safe."""
    return text if text.isprintable() else "".join(map(safe_cell, cells))


def safe_cell(text: str) -> str:
    """One cell's text ("" for a wide character's second), made safe without changing its width."""
    if text == "" or text.isprintable():
        return text
    first = text[0]
    if _is_control(first):
        return "\ufffd"
    if first in _NO_WIDTH:
        return " "
    return "".join(c for c in text if not _is_control(c) and c not in _BIDI)


def one_line(text: str, limit: int = 200) -> str:
    """A title or a message."""
    return "".join(character for character in text if character.isprintable())[:limit]


def clean_text(text: str) -> str:
    """A text of several lines, for the clipboard: line ends and tabs are its only controls."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in lines if c in "\n\t" or not (_is_control(c) or c in _BIDI))


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f"
