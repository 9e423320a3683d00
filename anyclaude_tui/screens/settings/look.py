"""The faults of the dashboard's looks that only Textual can tell: a theme, a key."""

from __future__ import annotations

from collections.abc import Iterator

from textual.keys import Keys, key_to_character

from anyclaude_tui.config.mistakes import nearest
from anyclaude_tui.config.settings import DashboardSettings
from anyclaude_tui.widgets import themes

_KEYS = frozenset(one.value for one in Keys)


def faults(look: DashboardSettings) -> Iterator[tuple[str, str]]:
    """(dotted key, what is wrong with it)."""
    known = sorted(themes.names())
    if look.theme not in known:
        words = f"{look.theme!r} is not a theme{nearest(look.theme, known)}"
        yield "dashboard.theme", f"{words}. Use one of {', '.join(known)}."
    key = look.leader.rpartition("+")[2]
    if len(key) > 1 and key not in _KEYS and not key_to_character(key):
        yield "dashboard.leader", f"no terminal sends {look.leader!r}: try ctrl+o or f12"
