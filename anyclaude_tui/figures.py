"""A figure, where it comes from, and how it is written: on screens, in reports, in messages.

`–` stands for a number that nobody knows, a leading `~` for an estimated one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """The provenance of a number. An unknown number is shown as unknown, never as 0."""

    MEASURED = "measured"
    REPORTED = "reported"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its provenance; `value` is None exactly when `source` is unknown."""

    value: float | None
    source: Source

    def __bool__(self) -> bool:
        return self.value is not None


UNKNOWN = Figure(None, Source.UNKNOWN)


def measured(value: float | None) -> Figure:
    """A number that we measured ourselves (None: not there yet)."""
    return UNKNOWN if value is None else Figure(value, Source.MEASURED)


def reported(value: float | None) -> Figure:
    """A number in the backend's own words."""
    return UNKNOWN if value is None else Figure(value, Source.REPORTED)


def estimated(value: float | None) -> Figure:
    """A number that we worked out from others."""
    return UNKNOWN if value is None else Figure(value, Source.ESTIMATED)


UNKNOWN_TEXT = "–"
"""The sign for a number that nobody knows."""


def seconds(value: float | None) -> str:
    """430 ms, 8.43 s, 12.4 s, 1m 24s, 1h 03m."""
    if value is None:
        return UNKNOWN_TEXT
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 9.995:
        return f"{value:.2f} s"
    if value < 59.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def about(value: float) -> str:
    """A guess at a time, with no digits that it cannot stand for: 6 s, 1m 24s."""
    return seconds(value) if value >= 59.5 else f"{value:.0f} s"


def clock_s(value: float) -> str:
    """A time that is running: 0.4 s, 12.4 s, 1m 24s; always tenths, so that it does not jump."""
    return f"{value:.1f} s" if value < 59.95 else seconds(value)


def count(value: float) -> str:
    """Exact up to 9,999, then 18.5k, 1.24M."""
    if value < 9_999.5:
        return f"{value:,.0f}"
    if value < 99_950:
        return f"{value / 1000:.1f}k"
    if value < 999_500:
        return f"{value / 1000:.0f}k"
    return f"{value / 1e6:.2f}M"


def exact(value: float | None) -> str:
    """18,490."""
    if value is None:
        return UNKNOWN_TEXT
    return f"{value:,.0f}"


def counted(number: int, noun: str) -> str:
    """1 token, 18,490 tokens."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def rate(value: float | None) -> str:
    """Tokens per second: 4.27, 38.2, 412."""
    if value is None:
        return UNKNOWN_TEXT
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def percent(value: float | None) -> str:
    """84 %; small shares keep a digit so that they are not called nothing."""
    if value is None:
        return UNKNOWN_TEXT
    return f"{value:.1f} %" if 0 < value < 0.95 else f"{value:.0f} %"


def share(part: float | None) -> str:
    """A share of one as 84 %."""
    return UNKNOWN_TEXT if part is None else percent(100 * part)


def times(ratio: float) -> str:
    """A ratio: 1.08×, 4.2×, 12×."""
    if ratio < 2:
        return f"{ratio:.2f}×"
    return f"{ratio:.1f}×" if ratio < 9.95 else f"{ratio:.0f}×"


def size(value: float | None) -> str:
    """Bytes in decimal units, as disks and macOS count them: 512 B, 18.4 kB, 1.20 GB."""
    if value is None:
        return UNKNOWN_TEXT
    for unit in ("B", "kB", "MB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.5 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.2f} GB" if value < 9.995 else f"{value:.1f} GB"


def figure(number: Figure, write: Callable[[float], str]) -> str:
    """A number with its provenance: `–` unknown, `~` estimated."""
    if number.value is None:
        return UNKNOWN_TEXT
    words = write(number.value)
    return f"~{words}" if number.source is Source.ESTIMATED else words


def clock(wall: float) -> str:
    """The local time of day, 14:03:27."""
    return time.strftime("%H:%M:%S", time.localtime(wall))


def ago(span_s: float) -> str:
    """just now, 12 s ago, 4 min ago, 2 h ago."""
    if span_s < 2:
        return "just now"
    if span_s < 60:
        return f"{span_s:.0f} s ago"
    return f"{span_s / 60:.0f} min ago" if span_s < 3600 else f"{span_s / 3600:.0f} h ago"


def about_span(span_s: float) -> str:
    """A span in round words: 40 s, 18 min, 3 h, 2 days."""
    if span_s < 90:
        return f"{span_s:.0f} s"
    if span_s < 5400:
        return f"{span_s / 60:.0f} min"
    return f"{span_s / 3600:.0f} h" if span_s < 129_600 else f"{span_s / 86400:.0f} days"


def marked(number: Figure, text: str) -> str:
    """The text with `~` before it where the number is estimated."""
    estimate = number.source is Source.ESTIMATED and text != UNKNOWN_TEXT
    return f"~{text}" if estimate else text
