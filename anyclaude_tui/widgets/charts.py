"""Charts from eighth blocks: sparkline, progress bar and area, as lines of text.

Own drawing, measured against the plotting libraries (docs/terminal.md, E): the cheapest, the
best looking, and nothing to depend on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from anyclaude_tui.widgets.lines import Line, Tone

UP = " ▁▂▃▄▅▆▇█"
RAMP = (Tone.HOT1, Tone.HOT2, Tone.HOT3, Tone.HOT4)


def bar(share: float, width: int, tone: Tone = Tone.LIVE) -> Line:
    """A progress bar of `width` cells; `share` from 0 to 1.

    A line and no block: between rows of text a full block is too loud.
    """
    halves = round(max(0.0, min(1.0, share)) * width * 2)
    full, half = divmod(halves, 2)
    return (("━" * full + "╸" * half, tone), ("─" * (width - full - half), Tone.RULE))


def spark(values: Sequence[float], width: int, tone: Tone = Tone.HOT3) -> Line:
    """One row: the last `width` values, the newest at the right. No value, no mark."""
    return ((area(values, width, 1)[0][0][0], tone),)


def area(
    values: Sequence[float | None], width: int, height: int, top: float | None = None
) -> list[Line]:
    """The last `width` values over `height` rows, the newest at the right.

    `top` is the value of the upper edge (default: the largest shown). A value above 0
    always shows at least the lowest mark; None leaves its column empty.
    """
    shown = list(values)[-width:] if width > 0 else []
    highest = top or max((v for v in shown if v is not None), default=0.0)
    levels = [_level(v, highest, height * 8) for v in shown]
    lead = " " * (width - len(levels))
    lines: list[Line] = []
    for row in range(height - 1, -1, -1):
        cells = "".join(UP[max(0, min(8, level - row * 8))] for level in levels)
        lines.append(((lead + cells, ramp(row, height)),))
    return lines


def round_top(value: float) -> float:
    """The end of an axis: 1, 2 or 5 times a power of ten, a little above the value; 0 for 0."""
    if value <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 5, 10, 20) if power * step >= value * 1.1)


def ramp(row: int, height: int) -> Tone:
    """The tone of a chart's row, counted from the bottom: the higher the stronger."""
    return RAMP[2] if height <= 1 else RAMP[round(row * (len(RAMP) - 1) / (height - 1))]


def _level(value: float | None, highest: float, eighths: int) -> int:
    if value is None or value <= 0 or highest <= 0:
        return 0
    return max(1, min(eighths, round(value / highest * eighths)))
