"""Where things stand at each size."""

from __future__ import annotations

import pytest

from anyclaude_tui.screens.dashboard.arrangement import USUAL, Arrangement
from anyclaude_tui.screens.dashboard.layout import NEEDS, Plan, heights, plan
from anyclaude_tui.terminal.window_sizes import PANE_HEIGHT

SIZES = [
    (width, height)
    for width in (40, 60, 79, 80, 100, 119, 120, 140, 160, 200, 320)
    for height in (10, 14, 18, 24, 30, 34, 40, 48, 60, 100)
]


def check(made: Plan, width: int, height: int) -> None:
    """Nothing overlaps and nothing is outside."""
    taken: set[tuple[int, int]] = set()
    for name, region in made.regions.items():
        cells = {(x, y) for x in region.column_range for y in region.line_range}
        assert cells, name
        assert not cells & taken, name
        assert region.x >= 0
        assert region.y >= 0
        assert region.right <= width
        assert region.bottom <= height
        taken |= cells


@pytest.mark.parametrize("zoom", [False, True])
@pytest.mark.parametrize("panels", [False, True])
def test_nothing_overlaps_and_the_pane_has_its_room(zoom: bool, panels: bool) -> None:
    for width, height in SIZES:
        made = plan(width, height, zoom=zoom, panels=panels)
        check(made, width, height)
        pane = made.regions["pane"]
        assert pane.width >= min(80, width)
        assert pane.height >= min(height - 4, 20)
        if made.mode == "below":
            assert pane.height >= PANE_HEIGHT


@pytest.mark.parametrize("hidden", [frozenset(), frozenset({"now", "requests"}), frozenset(NEEDS)])
@pytest.mark.parametrize("external", [False, True])
def test_panels_can_be_hidden_at_every_size(hidden: frozenset[str], external: bool) -> None:
    for width, height in SIZES:
        shown = Arrangement(tuple(name for name in USUAL.panels if name not in hidden))
        made = plan(width, height, panels_as=shown, external=external, note_rows=2, command_rows=18)
        check(made, width, height)
        assert not hidden & set(made.regions)
        assert ("pane" in made.regions) is not external


@pytest.mark.parametrize(
    ("size", "mode"),
    [
        ((20, 5), "small"),
        ((39, 24), "small"),
        ((80, 9), "small"),
        ((80, 24), "strip"),
        ((100, 44), "below"),
        ((119, 30), "strip"),
        ((120, 24), "side"),
        ((120, 40), "side"),
        ((160, 48), "side"),
        ((200, 60), "wide"),
    ],
)
def test_mode_for_size(size: tuple[int, int], mode: str) -> None:
    assert plan(*size).mode == mode


def test_at_80_by_24_the_pane_keeps_80_by_20() -> None:
    pane = plan(80, 24).regions["pane"]
    assert (pane.width, pane.height) == (80, 20)


def test_all_panels_are_there_on_a_wide_screen() -> None:
    assert set(NEEDS) <= set(plan(160, 48).regions)
    assert set(NEEDS) - {"trend"} <= set(plan(120, 40).regions)


def test_without_panels_a_wide_screen_still_has_the_essentials() -> None:
    assert plan(160, 48, panels=False).mode == "strip"
    assert plan(80, 24, panels=False).mode == "zoom"
    assert "strip" not in plan(160, 48, zoom=True).regions


def test_heights_use_all_the_room_by_importance() -> None:
    for room in range(1, 90):
        given = heights(list(NEEDS), room)
        assert sum(given.values()) == (room if given else 0)
        assert all(rows >= NEEDS[name] for name, rows in given.items())
        assert ("now" in given) is (room >= NEEDS["now"])
