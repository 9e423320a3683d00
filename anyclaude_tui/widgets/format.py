"""Numbers as parts of lines: what is not known is faint, what a backend told a little apart.

How they are written is in `telemetry/numbers.py`; the screens find it here.
"""

from __future__ import annotations

from collections.abc import Callable

from anyclaude_tui.telemetry.events import Figure, Source
from anyclaude_tui.telemetry.numbers import UNKNOWN as UNKNOWN
from anyclaude_tui.telemetry.numbers import about as about
from anyclaude_tui.telemetry.numbers import ago as ago
from anyclaude_tui.telemetry.numbers import clock as clock
from anyclaude_tui.telemetry.numbers import clock_s as clock_s
from anyclaude_tui.telemetry.numbers import count as count
from anyclaude_tui.telemetry.numbers import counted as counted
from anyclaude_tui.telemetry.numbers import exact as exact
from anyclaude_tui.telemetry.numbers import figure as figure
from anyclaude_tui.telemetry.numbers import percent as percent
from anyclaude_tui.telemetry.numbers import rate as rate
from anyclaude_tui.telemetry.numbers import seconds as seconds
from anyclaude_tui.telemetry.numbers import size as size
from anyclaude_tui.widgets.lines import Line, Tone


def value(number: Figure, write: Callable[[float], str], tone: Tone = Tone.TEXT) -> Line:
    """`figure` as a line; what a backend reported is set a little apart."""
    if number.value is None:
        tone = Tone.FAINT
    elif number.source is Source.REPORTED and tone is Tone.TEXT:
        tone = Tone.REPORTED
    return ((figure(number, write), tone),)


def known(number: float | None, write: Callable[[float], str]) -> Line:
    """A plain number that may be missing."""
    return ((UNKNOWN, Tone.FAINT),) if number is None else ((write(number), Tone.TEXT),)


def tally(number: int, tone: Tone = Tone.TEXT) -> Line:
    """A count: nothing is faint, something has the tone."""
    return ((count(number), tone if number else Tone.FAINT),)
