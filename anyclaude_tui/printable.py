"""Words of others made safe to show: the one filter in front of every output.

A backend's error, a server's last lines, a model's name: printed as they come they would
command the terminal (escape sequences, C1 controls, which some terminals obey in UTF-8 too),
or show another order of letters than is there (bidi controls).
"""

from __future__ import annotations

import re
import unicodedata

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)"  # strings
    r"|\x1b[ -/]{0,4}[0-~]"
)
_JOINERS = "\u200c\u200d"
"""Invisible, but parts of words and of emoji."""


def printable(text: str, *, lines: bool = False) -> str:
    """The text without what a terminal would obey. On one line, unless `lines`: then the ends of
    lines and tabs stay."""
    if text.isprintable():
        return text
    text = _SEQUENCE.sub("", text)
    return "".join(
        c if c.isprintable() or c in _JOINERS or (lines and c in "\n\t") else _instead(c)
        for c in text
    )


def _instead(character: str) -> str:
    """A space for what separates; nothing for a control."""
    separates = character in "\t\n\v\f\r\x85" or unicodedata.category(character).startswith("Z")
    return " " if separates else ""
