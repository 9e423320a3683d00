"""Surrogate pairs that servers written in UTF-16 languages cut in two.

`"\\ud83e"` in one chunk and `"\\udd99"` in the next are one character; alone, neither can be
written as UTF-8.
"""

from __future__ import annotations


def mend(text: str) -> str:
    """Halves that stand together made whole; lone ones replaced by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class HalfKeeper:
    """Text in pieces, out without half a pair at the end: that waits for the other half."""

    def __init__(self) -> None:
        self.half = ""

    def feed(self, text: str) -> str:
        """The text that is whole; lone halves inside are replaced."""
        if text.isascii() and not self.half:
            return text
        text = self.half + text
        self.half = ""
        if "\ud800" <= text[-1:] <= "\udbff":
            self.half = text[-1]
            text = text[:-1]
        return mend(text)

    def end(self) -> str:
        """The replacement for a half whose other half never came; else empty."""
        half, self.half = self.half, ""
        return mend(half)


def overlap(text: str, marker: str) -> int:
    """The number of characters at the end of `text` that are a proper beginning of `marker`."""
    at = text.find(marker[0], max(len(text) - len(marker) + 1, 0))
    while at >= 0:
        if marker.startswith(text[at:]):
            return len(text) - at
        at = text.find(marker[0], at + 1)
    return 0
