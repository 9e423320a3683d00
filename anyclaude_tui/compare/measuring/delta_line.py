"""Deltas over time, thinned out as it grows: enough for a chart, however long the reply."""

from __future__ import annotations

POINTS = 64


class Timeline:
    """At most `2 × POINTS` points (seconds, deltas so far); every second one goes when full."""

    def __init__(self) -> None:
        self._points: list[tuple[float, int]] = []
        self._every = 1
        self._seen = 0
        self._last: tuple[float, int] | None = None

    def add(self, seconds: float, deltas: int) -> None:
        """Note a moment; one without new deltas is left out."""
        if deltas == (self._last[1] if self._last else 0):
            return
        self._last = (round(seconds, 4), deltas)
        if self._seen % self._every == 0:
            self._points.append(self._last)
            if len(self._points) >= 2 * POINTS:
                del self._points[1::2]
                self._every *= 2
        self._seen += 1

    @property
    def points(self) -> tuple[tuple[float, int], ...]:
        """The points, the newest among them."""
        if self._last is None or self._points[-1] == self._last:
            return tuple(self._points)
        return (*self._points, self._last)
