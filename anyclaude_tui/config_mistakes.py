"""A mistake in a settings file, for people: which line it is on, and what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

_HEADING = re.compile(r"\s*\[+([^\]]*)\]")
_PART = re.compile(r"\"[^\"]*\"|'[^']*'|[^.\s]+")


def line_of(text: str, dotted: str) -> str:
    """`:LINE` of the line that sets a key, else of the section that it is in, or nothing."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        heading = _HEADING.match(line)
        if heading:
            table = _path(heading.group(1))
            lines.setdefault(table, number)
            continue
        left, equals, _ = line.partition("=")
        if equals:
            lines.setdefault(".".join(filter(None, (table, _path(left)))), number)
    while dotted:
        if dotted in lines:
            return f":{lines[dotted]}"
        dotted = dotted.rpartition(".")[0]
    return ""


def _path(key: str) -> str:
    """A key as TOML writes it, without quotes and blanks."""
    return ".".join(part.strip("\"'") for part in _PART.findall(key))


def nearest(word: str, known: Sequence[str]) -> str:
    """(did you mean 'that'?), where something near is known."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def plain(what: str) -> str:
    """`Expected `int` <= 65535` and the like, as a sentence."""
    missing = re.match(r"Object missing required field `(\w+)`", what)
    if missing:
        return f"{missing.group(1)} is missing"
    return what[:1].lower() + what[1:].replace("`", "")
