"""Markers in text that arrives in pieces."""

from __future__ import annotations


def overlap(text: str, marker: str) -> int:
    """How many characters at the end of `text` are a proper beginning of `marker`."""
    at = text.find(marker[0], max(len(text) - len(marker) + 1, 0))
    while at >= 0:
        if marker.startswith(text[at:]):
            return len(text) - at
        at = text.find(marker[0], at + 1)
    return 0
