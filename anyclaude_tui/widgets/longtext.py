"""Long text and JSON as lines for the screen: wrapped, safe to print, bounded. Pure.

JSON is shown to be read: a string with line ends stands over several lines, and one that is
a picture or a document in base64 is cut short. What is copied or saved is the exact JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from rich.cells import cell_len, get_character_cell_size

from anyclaude_tui.widgets import format
from anyclaude_tui.widgets.lines import Line, Tone, fit, text, width_of

MOST_LINES = 20_000
"""More of a text is not shown: the screen says so."""
_BASE64_CHARS = 2_000
_DEEPEST = 60


def printable(words: str) -> str:
    """Without control, bidirectional and other invisible characters; tabs are spaces."""
    if words.isprintable():
        return words
    return "".join(c if c.isprintable() else " " for c in words.expandtabs(4))


def chopped(words: str, width: int) -> list[str]:
    """One line of printable text in pieces of at most `width` cells: broken at spaces, and in a
    word only where the word is longer than a line."""
    width = max(4, width)
    cells = len if words.isascii() else cell_len
    pieces = []
    while cells(words) > width:
        end = width if words.isascii() else _characters_within(words, width)
        indent = len(words) - len(words.lstrip(" "))
        space = words.rfind(" ", indent, end)
        end = space + 1 if space > indent else end
        pieces.append(words[:end])
        words = words[end:]
    return [*pieces, words]


def _characters_within(words: str, width: int) -> int:
    """The number of first characters that stand in `width` cells."""
    used = 0
    for place, character in enumerate(words):
        used += get_character_cell_size(character)
        if used > width:
            return max(1, place)
    return len(words)


def text_lines(words: str, width: int, tone: Tone = Tone.TEXT, indent: str = "") -> Iterator[Line]:
    """A text over as many lines as it takes, each with the indent."""
    for row in words.splitlines() or [""]:
        for piece in chopped(printable(row), width - len(indent)):
            yield ((indent + piece, tone),)


def json_lines(value: Any, width: int, most: int = MOST_LINES) -> list[Line]:
    """A JSON value over at most `most` lines."""
    made = islice(_value((), value, "", width, 0), most + 1)
    lines = [fit(line, width) for line in made]
    if len(lines) > most:
        lines[most:] = [text("… and more: w saves all of it to a file", Tone.WARN)]
    return lines


def _value(head: Line, value: Any, tail: str, width: int, depth: int) -> Iterator[Line]:
    """`head` is what stands before the value on its first line, `tail` a comma or nothing."""
    if isinstance(value, str):
        yield from _string(head, value, tail, width, depth)
    elif isinstance(value, dict | list) and value and depth < _DEEPEST:
        opened, closed = ("{", "}") if isinstance(value, dict) else ("[", "]")
        yield (*head, (opened, Tone.FAINT))
        inner = "  " * (depth + 1)
        pairs = value.items() if isinstance(value, dict) else ((None, one) for one in value)
        last = len(value) - 1
        for place, (key, one) in enumerate(pairs):
            start: Line = text(inner)
            if key is not None:
                start = ((inner, Tone.TEXT), (printable(str(key)), Tone.LABEL), (": ", Tone.FAINT))
            yield from _value(start, one, "," if place < last else "", width, depth + 1)
        yield ((f"{'  ' * depth}{closed}{tail}", Tone.FAINT),)
    else:
        words = {True: "true", False: "false", None: "null"}.get(value) if _odd(value) else None
        if isinstance(value, dict | list):
            words = "…" if value else ("{}" if isinstance(value, dict) else "[]")
        tone = Tone.FAINT if value is None or isinstance(value, dict | list) else Tone.LIVE
        yield (*head, (words or str(value), tone), (tail, Tone.FAINT))


def _odd(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _string(head: Line, value: str, tail: str, width: int, depth: int) -> Iterator[Line]:
    if len(value) > _BASE64_CHARS and not any(c.isspace() for c in value[:_BASE64_CHARS]):
        size = format.size(len(value))
        yield (*head, (value[:16] + "…", Tone.TEXT), (f" {size}{tail}", Tone.FAINT))
        return
    if "\n" not in value and width_of(head) + len(value) + 3 <= width:
        yield (*head, (f'"{printable(value)}"', Tone.TEXT), (tail, Tone.FAINT))
        return
    yield (*head, ("“", Tone.FAINT))
    yield from text_lines(value, width, indent="  " * (depth + 1))
    yield (("  " * depth + "”" + tail, Tone.FAINT),)
