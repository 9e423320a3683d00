"""How a comparison writes its numbers: as everywhere, and with shares and ratios.

`~` stands before an estimated number, as on the screens; a number may be missing.
"""

from __future__ import annotations

from anyclaude_tui.telemetry import numbers
from anyclaude_tui.telemetry.events import Figure, Source
from anyclaude_tui.telemetry.numbers import UNKNOWN as UNKNOWN


def seconds(value: float | None) -> str:
    """4 ms, 430 ms, 8.43 s, 12.4 s, 1m 24s."""
    return UNKNOWN if value is None else numbers.seconds(value)


def rate(value: float | None) -> str:
    """Tokens per second: 4.27, 38.2, 2,500."""
    return UNKNOWN if value is None else numbers.rate(value)


def count(value: float | None) -> str:
    """18,490."""
    return UNKNOWN if value is None else numbers.exact(value)


def size(value: float | None) -> str:
    """812 B, 76.4 kB."""
    return UNKNOWN if value is None else numbers.size(value)


def percent(share: float | None) -> str:
    """A share of one as 84 %."""
    return UNKNOWN if share is None else numbers.percent(100 * share)


def times(ratio: float) -> str:
    """1.08×, 4.2×, 12×."""
    if ratio < 2:
        return f"{ratio:.2f}×"
    return f"{ratio:.1f}×" if ratio < 9.95 else f"{ratio:.0f}×"


def marked(figure: Figure, text: str) -> str:
    """The text with `~` before it when the figure is estimated."""
    return f"~{text}" if figure.source is Source.ESTIMATED and text != UNKNOWN else text
