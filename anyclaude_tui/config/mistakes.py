"""A mistake in a settings file, for people: which line it is on, and what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

_HEADING = re.compile(r"\s*+\[++([^\]]*)\]")
_PART = re.compile(r"\"[^\"]*\"|'[^']*'|[^.\s]+")


class ConfigError(Exception):
    """Something in the settings is wrong; for each mistake the text has a line with file, line
    number, key and what to do."""


def line_of(text: str, dotted: str) -> str:
    """`:LINE` of the line that sets a key, else of the section that it is in, or nothing."""
    lines: dict[str, int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        heading = heading_of(line)
        if heading is not None:
            table = heading
            lines.setdefault(".".join(table), number)
        elif "=" in line:
            lines.setdefault(".".join((*table, *key_of(line))), number)
    while dotted:
        if dotted in lines:
            return f":{lines[dotted]}"
        dotted = dotted.rpartition(".")[0]
    return ""


def heading_of(line: str) -> tuple[str, ...] | None:
    """The table that a line heads, `[backends."my own"]`; None where it heads none."""
    found = _HEADING.match(line)
    return _parts(found.group(1)) if found else None


def key_of(line: str) -> tuple[str, ...]:
    """The key that a line sets, without quotes and blanks."""
    return _parts(line.partition("=")[0])


def _parts(key: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(key))


def nearest(word: str, known: Sequence[str]) -> str:
    """(did you mean 'that'?), where something near is known."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


_TYPES = {
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list, [...]",
    "object": "a table",
    "null": "nothing",
}


_BOUNDS = {"<=": "at most", ">=": "at least", "<": "below", ">": "above"}


def plain(what: str) -> str:
    """`Expected `int` <= 65535` and the like (msgspec 0.23), as a sentence."""
    missing = re.match(r"Object missing required field `(\w+)`", what)
    if missing:
        return f"{missing.group(1)} is missing"
    bound = re.match(r"Expected `\w+` (<=|>=|<|>) (\S+)", what)
    if bound:
        return f"must be {_BOUNDS[bound[1]]} {float(bound[2]):g}"
    types = re.match(r"Expected `([^`]*)`(?:, got `([^`]*)`)?$", what)
    if types:
        wanted = [_TYPES.get(one, one) for one in types[1].split(" | ") if one != "null"]
        got = f", not {_TYPES.get(types[2], types[2])}" if types[2] else ""
        return f"must be {' or '.join(wanted)}{got}"
    return what[:1].lower() + what[1:].replace("`", "")
