"""The sizes of window that the dashboard and Claude Code want, in cells."""

from __future__ import annotations

MIN_WIDTH, MIN_HEIGHT = 40, 10
"""In less the dashboard is not drawn."""
PANE_WIDTH, PANE_HEIGHT = 80, 24
"""From here on Claude Code's screen is at its best."""
