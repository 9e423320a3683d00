"""Lines of styled text as plain values, so that what a panel shows is a pure function.

A panel's text is a list of `Line`s; a `Line` is a tuple of (text, tone). Tones are the few
meanings that a colour may have; `STYLES` is the one place that turns them into the theme's
colours. Comparing two lists tells whether a panel has to be painted again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from rich.cells import cell_len, set_cell_size

from anyclaude_tui.printable import printable


class Tone(StrEnum):
    """The meaning of a piece of text."""

    TEXT = "text"
    LABEL = "label"
    FAINT = "faint"
    STRONG = "strong"
    REPORTED = "reported"
    """A number in the backend's own words (measured ones are plain)."""
    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    LIVE = "live"
    """The tone of what is going on now."""
    KEY = "key"
    RULE = "rule"
    HOT1 = "hot1"
    """Chart rows, from the bottom (1) to the top (4)."""
    HOT2 = "hot2"
    HOT3 = "hot3"
    HOT4 = "hot4"
    ONE = "one"
    """Things told apart in a chart: the first, the second …"""
    TWO = "two"
    THREE = "three"
    FOUR = "four"


STYLES: dict[Tone, str] = {
    Tone.TEXT: "",
    Tone.LABEL: "$dash-label",
    Tone.FAINT: "$dash-faint",
    Tone.STRONG: "bold",
    Tone.REPORTED: "italic",
    Tone.OK: "$success",
    Tone.WARN: "$warning",
    Tone.BAD: "$error",
    Tone.LIVE: "$dash-live",
    Tone.KEY: "bold $dash-live",
    Tone.RULE: "$dash-rule",
    Tone.HOT1: "$dash-chart-1",
    Tone.HOT2: "$dash-chart-2",
    Tone.HOT3: "$dash-chart-3",
    Tone.HOT4: "$dash-chart-4",
    Tone.ONE: "$dash-series-1",
    Tone.TWO: "$dash-series-2",
    Tone.THREE: "$dash-series-3",
    Tone.FOUR: "$dash-series-4",
}
"""The `$dash-…` variables come from `themes.variables`."""

Seg = tuple[str, Tone]
Line = tuple[Seg, ...]

_GLUE = "\0"
_UNIT = re.compile(r"(?<=\d) (?=(?:%|ms|s|k?B|[MG]i?B)(?:\W|$))")


def clean(text: str) -> str:
    """The text on one line without control characters: it may come from a log or a model."""
    return printable(text).strip()


def plain(line: Line) -> str:
    """The line's text without its tones."""
    return "".join(text for text, _ in line)


def width_of(line: Iterable[Seg]) -> int:
    """Terminal cells that the line takes."""
    return sum(cell_len(text) for text, _ in line)


def text(words: str, tone: Tone = Tone.TEXT) -> Line:
    """A line of one tone."""
    return ((words, tone),)


def fit(line: Line, width: int) -> Line:
    """The line in at most `width` cells; what is cut off is marked with an ellipsis."""
    if width_of(line) <= width:
        return line
    if width <= 0:
        return ()
    left = width - 1
    kept: list[Seg] = []
    tone = Tone.TEXT
    for words, tone in line:
        size = cell_len(words)
        if size > left:
            kept.append((set_cell_size(words, left).rstrip() + "…", tone))
            return tuple(kept)
        kept.append((words, tone))
        left -= size
    return tuple(kept)


def pad(line: Line, width: int) -> Line:
    """The line in exactly `width` cells."""
    line = fit(line, width)
    missing = width - width_of(line)
    return (*line, (" " * missing, Tone.TEXT)) if missing > 0 else line


def spread(left: Line, right: Line, width: int) -> Line:
    """`left` at the left edge and `right` at the right one; `left` gives way."""
    right = fit(right, width)
    room = width - width_of(right) - (1 if right else 0)
    left = fit(left, room)
    gap = width - width_of(left) - width_of(right)
    return (*left, (" " * gap, Tone.TEXT), *right)


def columns(cells: Sequence[tuple[str, Line]], count: int, width: int, gap: int = 3) -> list[Line]:
    """Pairs of label and value in `count` columns: labels to the left, values to the right."""
    each = (width - gap * (count - 1)) // count
    lines = []
    for start in range(0, len(cells), count):
        line: Line = ()
        for place, (label, value) in enumerate(cells[start : start + count]):
            size = each if place < count - 1 else width - (each + gap) * place
            line += ((" " * gap, Tone.TEXT),) if place else ()
            line += spread(text(label, Tone.LABEL), value, size)
        lines.append(line)
    return lines


def joined(parts: Iterable[Line], separator: str = " · ") -> Line:
    """The non-empty parts with a faint separator between them."""
    line: Line = ()
    for part in parts:
        if width_of(part):
            line = (*line, (separator, Tone.FAINT), *part) if line else part
    return line


def joined_within(parts: Iterable[Line], width: int, separator: str = " · ") -> Line:
    """As `joined`, but parts that do not fit whole are left out; only the first one is cut."""
    line: Line = ()
    for part in parts:
        wider = joined([line, part], separator)
        if line and width_of(wider) > width:
            break
        line = wider
    return fit(line, width)


def wrapped(words: str, width: int, rows: int, tone: Tone = Tone.TEXT) -> list[Line]:
    """The words over at most `rows` lines, broken at spaces but not between a number and its
    unit; the last one is cut to fit."""
    lines: list[str] = []
    for word in _UNIT.sub(_GLUE, clean(words)).split():
        word = word.replace(_GLUE, " ")
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    if len(lines) > rows:
        lines[rows - 1 :] = [" ".join(lines[rows - 1 :])]
    return [fit(text(line, tone), width) for line in lines[: max(0, rows)]]
