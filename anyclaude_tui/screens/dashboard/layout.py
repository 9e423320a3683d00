"""Where everything goes at each size of the window: one pure function.

Claude Code is best at 80 columns or more, so the pane gets those first; panels stand to
its right where there is room, below it in a tall window, and shrink to a strip of three
lines at 80 × 24.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from textual.geometry import Region

from anyclaude_tui.terminal.window_sizes import MIN_HEIGHT, MIN_WIDTH, PANE_HEIGHT, PANE_WIDTH

SIDE_LEAST, SIDE_MOST = 40, 60
STRIP_ROWS = 3

NEEDS = {"now": 10, "backend": 7, "why": 4, "requests": 7, "session": 6, "trend": 6}
"""Rows without which a panel is left out, the most important panel first."""
GROWTH = (
    ("backend", 8),
    ("now", 13),
    ("session", 8),
    ("requests", 9),
    ("why", 5),
    ("trend", 8),
    ("now", 15),
)
"""Who gets spare rows, up to how many; what is left goes to `requests`."""
SIDE_ORDER = ("now", "backend", "session", "trend", "requests", "why")
BELOW_ORDER = (("now", "why", "requests"), ("backend", "session", "trend"))
FULL_ORDER = (("now", "why"), ("backend", "session", "trend"), ("requests",))


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome: what stands where; what is not named is not shown."""

    mode: str
    """small, zoom, strip, below, side or full."""
    regions: dict[str, Region]
    edges: dict[str, str] = field(default_factory=dict)
    """The first character of each panel's title rule; none means no line at its left."""


def plan(
    width: int,
    height: int,
    *,
    zoom: bool = False,
    panels: bool = True,
    external: bool = False,
    hidden: frozenset[str] = frozenset(),
    note_rows: int = 0,
    command_rows: int = 1,
) -> Plan:
    """The layout for a window of `width` × `height` cells.

    `panels` False: the strip at most. `external`: no pane, but a `command` instead of it.
    `hidden`: panels that the user does not want. `note_rows`: lines above the pane.
    `command_rows`: what the `command` would like to have.
    """
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return Plan("small", {"small": Region(0, 0, width, height)})
    room = height - 1
    regions = {"footer": Region(0, room, width, 1)}
    note_rows = min(note_rows, room // 4)
    if note_rows:
        regions["note"] = Region(0, 0, width, note_rows)
    if external:
        return _full(width, note_rows, room, regions, hidden, command_rows)
    wanted = [name for name in NEEDS if name not in hidden] if panels else []
    if zoom:
        mode = "zoom"
        regions["pane"] = Region(0, note_rows, width, room - note_rows)
    elif wanted and width >= PANE_WIDTH + SIDE_LEAST and height >= 20:
        return _side(width, note_rows, room, regions, hidden)
    elif wanted and width >= PANE_WIDTH and room - PANE_HEIGHT - note_rows >= NEEDS["now"]:
        return _below(width, note_rows, room, regions, hidden)
    elif not panels and width < PANE_WIDTH + SIDE_LEAST:
        mode = "zoom"
        regions["pane"] = Region(0, note_rows, width, room - note_rows)
    else:
        mode = "strip"
        rows = STRIP_ROWS if height >= 18 else 1
        regions["pane"] = Region(0, note_rows, width, room - note_rows - rows)
        regions["strip"] = Region(0, room - rows, width, rows)
    return Plan(mode, regions)


def heights(names: list[str], room: int) -> dict[str, int]:
    """Rows for each panel that fits into `room`, by importance; the sum is `room`."""
    given: dict[str, int] = {}
    left = room
    for name, least in NEEDS.items():
        if name in names and least <= left:
            given[name] = least
            left -= least
    for name, most in GROWTH:
        if name in given:
            more = min(left, most - given[name])
            if more > 0:
                given[name] += more
                left -= more
    if given and left:
        given["requests" if "requests" in given else [n for n in names if n in given][-1]] += left
    return given


def _side(
    width: int, top: int, room: int, regions: dict[str, Region], hidden: frozenset[str]
) -> Plan:
    size = min(SIDE_MOST, SIDE_LEAST + (width - PANE_WIDTH - SIDE_LEAST) // 5)
    head = 1 if room >= 30 else 0
    if head:
        regions["header"] = Region(0, top, width - size, 1)
    regions["pane"] = Region(0, top + head, width - size, room - top - head)
    edges: dict[str, str] = {}
    first = "┬" if head else "┌"
    _column(SIDE_ORDER, Region(width - size, top, size, room - top), hidden, first, regions, edges)
    return Plan("side", regions, edges)


def _below(
    width: int, top: int, room: int, regions: dict[str, Region], hidden: frozenset[str]
) -> Plan:
    rows = min(20, room - top - PANE_HEIGHT)
    regions["pane"] = Region(0, top, width, room - top - rows)
    edges: dict[str, str] = {}
    _columns(BELOW_ORDER, Region(0, room - rows, width, rows), hidden, regions, edges)
    return Plan("below", regions, edges)


def _full(
    width: int,
    top: int,
    room: int,
    regions: dict[str, Region],
    hidden: frozenset[str],
    wanted: int,
) -> Plan:
    rows = max(1, min(wanted, room - top - NEEDS["now"]))
    regions["command"] = Region(0, top, width, rows)
    area = Region(0, top + rows, width, room - top - rows)
    edges: dict[str, str] = {}
    if width >= 150:
        _columns(FULL_ORDER, area, hidden, regions, edges)
    elif width >= PANE_WIDTH:
        _columns(BELOW_ORDER, area, hidden, regions, edges)
    else:
        _column(SIDE_ORDER, area, hidden, "", regions, edges)
    return Plan("full", regions, edges)


def _columns(
    order: tuple[tuple[str, ...], ...],
    area: Region,
    hidden: frozenset[str],
    regions: dict[str, Region],
    edges: dict[str, str],
) -> None:
    """Panels side by side in `area`; a column whose panels are all hidden takes no room."""
    shown = [names for names in order if any(name not in hidden for name in names)]
    for place, names in enumerate(shown):
        left = area.width * place // len(shown)
        right = area.width * (place + 1) // len(shown)
        part = Region(area.x + left, area.y, right - left, area.height)
        _column(names, part, hidden, "┬" if place else "─", regions, edges)


def _column(
    order: tuple[str, ...],
    area: Region,
    hidden: frozenset[str],
    first: str,
    regions: dict[str, Region],
    edges: dict[str, str],
) -> None:
    """Panels from top to bottom in `area`."""
    names = [name for name in order if name not in hidden]
    given = heights(names, area.height)
    y = area.y
    for name in names:
        if name in given:
            regions[name] = Region(area.x, y, area.width, given[name])
            edges[name] = first if y == area.y or first in ("", "─") else "├"
            y += given[name]
