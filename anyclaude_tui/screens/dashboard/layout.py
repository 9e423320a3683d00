"""The place of everything at each size of the window: one pure function.

Claude Code is best at 80 columns or more, so the pane gets those first; panels stand to
its right where there is room, below it in a tall window, and shrink to a strip of three
lines at 80 × 24.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from textual.geometry import Region

from anyclaude_tui.screens.dashboard.arrangement import LEAST_BELOW, USUAL, Arrangement
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
"""The panels that get spare rows, up to how many; what is left goes to `requests`."""
BELOW_ORDER = (("now", "why", "requests"), ("backend", "session", "trend"))
FULL_ORDER = (("now", "why"), ("backend", "session", "trend"), ("requests",))
WIDE_WIDTH, WIDE_HEIGHT = 190, 54
"""From here on the panels stand below the pane in three columns, requests with all of theirs."""
WIDE_ROWS = 24
WIDE_SHARES = (22, 20, 58)


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome: what stands where; what is not named is not shown."""

    mode: str
    """small, zoom, strip, below, wide, side or full."""
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
    panels_as: Arrangement = USUAL,
    note_rows: int = 0,
    command_rows: int = 1,
) -> Plan:
    """The layout for a window of `width` × `height` cells.

    `panels` False: the strip at most. `external`: no pane, but a `command` instead of it.
    `panels_as`: the user's arrangement of them. `note_rows`: lines above the pane.
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
        return _full(width, note_rows, room, regions, panels_as, command_rows)
    wanted = panels_as.panels if panels else ()
    fits_right = width >= PANE_WIDTH + SIDE_LEAST and height >= 20
    fits_below = width >= PANE_WIDTH and room - PANE_HEIGHT - note_rows >= LEAST_BELOW
    is_wide = width >= WIDE_WIDTH and height >= WIDE_HEIGHT
    if zoom:
        mode = "zoom"
        regions["pane"] = Region(0, note_rows, width, room - note_rows)
    elif wanted and fits_below and (panels_as.place == "below" or (_auto(panels_as) and is_wide)):
        return _below(width, note_rows, room, regions, panels_as)
    elif wanted and fits_right:
        return _side(width, note_rows, room, regions, panels_as)
    elif wanted and fits_below and room - PANE_HEIGHT - note_rows >= NEEDS["now"]:
        return _below(width, note_rows, room, regions, panels_as)
    elif not panels and width < PANE_WIDTH + SIDE_LEAST:
        mode = "zoom"
        regions["pane"] = Region(0, note_rows, width, room - note_rows)
    else:
        mode = "strip"
        rows = STRIP_ROWS if height >= 18 else 1
        regions["pane"] = Region(0, note_rows, width, room - note_rows - rows)
        regions["strip"] = Region(0, room - rows, width, rows)
    return Plan(mode, regions)


def _auto(panels_as: Arrangement) -> bool:
    return panels_as.place == "auto"


def heights(names: list[str], room: int, rows: Mapping[str, int] | None = None) -> dict[str, int]:
    """Rows for each panel that fits into `room`, by importance; the sum is `room`. `rows`: what
    the user has set."""
    given: dict[str, int] = {}
    left, own = room, rows or {}
    for name, least in NEEDS.items():
        least = own.get(name, least)
        if name in names and least <= left:
            given[name] = least
            left -= least
    for name, most in GROWTH:
        if name in given and name not in own:
            more = min(left, most - given[name])
            if more > 0:
                given[name] += more
                left -= more
    if given and left:
        free = [name for name in names if name in given and name not in own]
        last = [name for name in names if name in given][-1]
        given["requests" if "requests" in free else (free or [last])[-1]] += left
    return given


def _side(
    width: int, top: int, room: int, regions: dict[str, Region], panels_as: Arrangement
) -> Plan:
    size = min(SIDE_MOST, SIDE_LEAST + (width - PANE_WIDTH - SIDE_LEAST) // 5)
    if panels_as.side:
        size = min(panels_as.side, width - MIN_WIDTH)
    head = 1 if room >= 30 else 0
    if head:
        regions["header"] = Region(0, top, width - size, 1)
    regions["pane"] = Region(0, top + head, width - size, room - top - head)
    edges: dict[str, str] = {}
    first = "┬" if head else "┌"
    area = Region(width - size, top, size, room - top)
    _column(panels_as.panels, area, panels_as, first, regions, edges)
    return Plan("side", regions, edges)


def _below(
    width: int, top: int, room: int, regions: dict[str, Region], panels_as: Arrangement
) -> Plan:
    wide = width >= WIDE_WIDTH
    rows = min(WIDE_ROWS if wide else 20, room - top - PANE_HEIGHT)
    if panels_as.below:
        rows = max(1, min(panels_as.below, room - top - MIN_HEIGHT))
    regions["pane"] = Region(0, top, width, room - top - rows)
    edges: dict[str, str] = {}
    order = FULL_ORDER if wide else BELOW_ORDER
    shares = WIDE_SHARES if wide else (1,) * len(order)
    area = Region(0, room - rows, width, rows)
    _columns(order, shares, area, panels_as, regions, edges)
    return Plan("wide" if wide else "below", regions, edges)


def _full(
    width: int,
    top: int,
    room: int,
    regions: dict[str, Region],
    panels_as: Arrangement,
    wanted: int,
) -> Plan:
    rows = max(1, min(wanted, room - top - NEEDS["now"]))
    regions["command"] = Region(0, top, width, rows)
    area = Region(0, top + rows, width, room - top - rows)
    edges: dict[str, str] = {}
    if width >= 150:
        _columns(FULL_ORDER, (1, 1, 1), area, panels_as, regions, edges)
    elif width >= PANE_WIDTH:
        _columns(BELOW_ORDER, (1, 1), area, panels_as, regions, edges)
    else:
        _column(panels_as.panels, area, panels_as, "", regions, edges)
    return Plan("full", regions, edges)


def _columns(
    order: tuple[tuple[str, ...], ...],
    shares: tuple[int, ...],
    area: Region,
    panels_as: Arrangement,
    regions: dict[str, Region],
    edges: dict[str, str],
) -> None:
    """Panels side by side in `area`, by their shares of the width; a column whose panels are all
    hidden takes no room. The user's order holds within a column and for the columns."""
    panels = panels_as.panels
    groups = [
        (tuple(sorted((n for n in names if n in panels), key=panels.index)), share)
        for names, share in zip(order, shares, strict=True)
    ]
    shown = sorted((g for g in groups if g[0]), key=lambda group: panels.index(group[0][0]))
    whole, done = sum(share for _, share in shown), 0
    for place, (names, share) in enumerate(shown):
        left = area.width * done // whole
        done += share
        right = area.width * done // whole
        part = Region(area.x + left, area.y, right - left, area.height)
        _column(names, part, panels_as, "┬" if place else "─", regions, edges)


def _column(
    names: Sequence[str],
    area: Region,
    panels_as: Arrangement,
    first: str,
    regions: dict[str, Region],
    edges: dict[str, str],
) -> None:
    """Panels from top to bottom in `area`."""
    given = heights(list(names), area.height, panels_as.rows)
    y = area.y
    for name in names:
        if name in given:
            regions[name] = Region(area.x, y, area.width, given[name])
            edges[name] = first if y == area.y or first in ("", "─") else "├"
            y += given[name]
