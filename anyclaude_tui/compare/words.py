"""How numbers are written in reports and verdicts: short, with units, unknown as –.

`~` stands before an estimated number, as on the screens.
"""

from __future__ import annotations

from anyclaude_tui.telemetry.events import Figure, Source

UNKNOWN = "–"


def seconds(value: float | None) -> str:
    """4 ms, 430 ms, 8.43 s, 12.4 s, 1m 24s."""
    if value is None:
        return UNKNOWN
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 9.995:
        return f"{value:.2f} s"
    if value < 59.95:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole // 60}m {whole % 60:02d}s"


def rate(value: float | None) -> str:
    """Tokens per second: 4.27, 38.2, 2,500."""
    if value is None:
        return UNKNOWN
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def count(value: float | None) -> str:
    """18,490."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def kilobytes(value: float | None) -> str:
    """812 B, 76.4 KB (1,000 bytes each)."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f} B" if value < 1000 else f"{value / 1000:,.1f} KB"


def percent(share: float | None) -> str:
    """A share of one as 84 %."""
    return UNKNOWN if share is None else f"{100 * share:.0f} %"


def times(ratio: float) -> str:
    """1.08×, 4.2×, 12×."""
    if ratio < 2:
        return f"{ratio:.2f}×"
    return f"{ratio:.1f}×" if ratio < 9.95 else f"{ratio:.0f}×"


def marked(figure: Figure, text: str) -> str:
    """The text with `~` before it when the figure is estimated."""
    return f"~{text}" if figure.source is Source.ESTIMATED and text != UNKNOWN else text
