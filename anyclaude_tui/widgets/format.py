"""Numbers as parts of lines: what is not known is faint, what a backend told a little apart.

How they are written is in `figures.py`; the screens find it here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from anyclaude_tui.figures import UNKNOWN_TEXT as UNKNOWN_TEXT
from anyclaude_tui.figures import Figure, Source
from anyclaude_tui.figures import about as about
from anyclaude_tui.figures import about_span as about_span
from anyclaude_tui.figures import ago as ago
from anyclaude_tui.figures import clock as clock
from anyclaude_tui.figures import clock_s as clock_s
from anyclaude_tui.figures import count as count
from anyclaude_tui.figures import counted as counted
from anyclaude_tui.figures import exact as exact
from anyclaude_tui.figures import figure as figure
from anyclaude_tui.figures import percent as percent
from anyclaude_tui.figures import rate as rate
from anyclaude_tui.figures import seconds as seconds
from anyclaude_tui.figures import size as size
from anyclaude_tui.widgets.lines import Line, Tone

if TYPE_CHECKING:
    pass


def value(number: Figure, write: Callable[[float], str], tone: Tone = Tone.TEXT) -> Line:
    """`figure` as a line; what a backend reported is set a little apart."""
    if number.value is None:
        tone = Tone.FAINT
    elif number.source is Source.REPORTED and tone is Tone.TEXT:
        tone = Tone.REPORTED
    return ((figure(number, write), tone),)


def known(number: float | None, write: Callable[[float], str]) -> Line:
    """A plain number that may be missing."""
    return ((UNKNOWN_TEXT, Tone.FAINT),) if number is None else ((write(number), Tone.TEXT),)


def tally(number: int, tone: Tone = Tone.TEXT) -> Line:
    """A count: nothing is faint, something has the tone."""
    return ((count(number), tone if number else Tone.FAINT),)


def home_relative(path: str) -> str:
    """The path with `~` for the user's home."""
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if path == home or path.startswith(home + os.sep) else path
