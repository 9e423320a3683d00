"""Acting on panels: with the keys, with the mouse; what is arranged is remembered."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.config.settings import PANELS, DashboardSettings
from anyclaude_tui.screens.backends.screen import BackendsScreen
from anyclaude_tui.screens.common.dialogs import key_in
from anyclaude_tui.screens.common.key_help import KeyHelp
from anyclaude_tui.screens.common.keys_and_tabs import pressed
from anyclaude_tui.screens.dashboard.arrangement import PRESETS, USUAL, Arrangement
from anyclaude_tui.screens.dashboard.layout import NEEDS, heights, plan
from anyclaude_tui.screens.requests.details import RequestDetailsScreen
from anyclaude_tui.screens.requests.screen import RequestsScreen
from anyclaude_tui.widgets.lines import Tone, plain
from anyclaude_tui.widgets.panel import LinesView
from tests.screens import kept
from tests.screens.dashboard.test_screen import LEADER, dashboard, on_top, pane_text, words
from tests.support.waiting import until

SIZE = (160, 48)


def saved(home: Path) -> dict[str, Any]:
    path = home / "config.toml"
    return tomllib.loads(path.read_text()).get("dashboard", {}) if path.exists() else {}


def where(app: DashboardApp, words_: str, name: str) -> tuple[int, int]:
    """Where words stand in a panel, from its top left."""
    rows = words(app, name).splitlines()
    y = next(y for y, row in enumerate(rows) if words_ in row)
    return rows[y].index(words_), y


async def click(pilot: Pilot[Any], name: str, at: tuple[int, int]) -> None:
    await pilot.click(f"#{name}", offset=at)
    await pilot.pause()


async def test_the_keys_go_to_the_panels_and_back(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=SIZE) as (app, _, pilot):
        await pilot.press(LEADER, "w")
        assert app.dashboard.panel_keys.focus == "now"
        assert "▶ Now" in words(app, "now")
        assert "Enter open" in words(app, "footer")
        await pilot.press("tab", "j", "x")
        assert app.dashboard.panel_keys.focus == "now"
        assert "backend" not in app.dashboard.arrangement.regions
        await pilot.press("2")
        assert app.dashboard.panel_keys.focus == "session"
        await pilot.press("escape", "h", "i")
        await until(lambda: "hi" in pane_text(app))
        assert "▶" not in words(app, "session")
        await pilot.press(LEADER, "tab")
        assert app.dashboard.panel_keys.focus == "now"


async def test_a_row_opens_its_request(tmp_path: Path) -> None:
    client = kept.Client(kept.usual(tmp_path))
    async with dashboard(tmp_path, size=SIZE, found=client) as (app, _, pilot):
        await pilot.press(LEADER, "w", "5", "j", "j", "enter")
        await pilot.pause()
        assert isinstance(app.screen, RequestDetailsScreen)
        assert app.screen._request_id == client.shown.recent[0].id
        await pilot.press("escape")
        assert app.dashboard.panel_keys.focus == "requests"
        await pilot.press("1", "enter")
        await pilot.pause()
        assert isinstance(app.screen, RequestDetailsScreen)


async def test_what_is_arranged_is_remembered(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=SIZE) as (app, _, pilot):
        height = app.dashboard.arrangement.regions["now"].height
        await pilot.press(LEADER, "w", "plus", "greater_than_sign", "x", "w", "w")
        await pilot.pause()
        kept_ = saved(tmp_path)
        assert kept_["panel_rows"] == {"now": height + 1}
        assert kept_["panels"] == ["backend", "session", "trend", "requests", "why"]
        assert kept_["panels_at"] == "below"
        assert app.dashboard.arrangement.mode == "below"
    look = DashboardSettings(
        panels=tuple(kept_["panels"]), panels_at="below", panel_rows=kept_["panel_rows"]
    )
    assert Arrangement.of(look) == app.dashboard.panels_as
    async with dashboard(tmp_path, size=SIZE) as (app, _, pilot):
        await pilot.press(LEADER, "w", "0")
        await pilot.pause()
        assert saved(tmp_path) == {}


async def test_with_the_mouse_alone(tmp_path: Path) -> None:
    """A row opens its request, a title takes the focus, the wheel scrolls, keys can be clicked."""
    client = kept.Client(kept.usual(tmp_path))
    async with dashboard(tmp_path, size=SIZE, found=client) as (app, _, pilot):
        await click(pilot, "requests", (10, 4))
        assert isinstance(app.screen, RequestDetailsScreen)
        assert app.screen._request_id == client.shown.recent[1].id
        await pilot.press("escape")
        before = words(app, "requests")
        await pilot._post_mouse_events([events.MouseScrollDown], "#requests", (10, 4))
        await pilot.pause()
        assert words(app, "requests") != before
        await click(pilot, "backend", (10, 0))
        assert app.dashboard.panel_keys.focus == "backend"
        await click(pilot, "pane", (5, 5))
        assert app.dashboard.panel_keys.focus is None
        await click(pilot, "backend", (10, 2))
        assert isinstance(app.screen, BackendsScreen)
        await pilot.press("escape")
        await click(pilot, "footer", where(app, "requests", "footer"))
        assert isinstance(app.screen, RequestsScreen)
        await pilot.press("escape")
        await click(pilot, "footer", where(app, "Ctrl+]", "footer"))
        assert app.leader_keys.pressed
        await click(pilot, "menu", where(app, "zoom", "menu"))
        assert app.dashboard.arrangement.mode == "zoom"
        assert not app.leader_keys.pressed


@pytest.mark.parametrize("name", PANELS)
def test_arrangements(name: str) -> None:
    hidden = USUAL.toggled(name)
    assert name not in hidden.panels
    assert hidden.toggled(name) == USUAL
    assert USUAL.moved(name, -9).panels[0] == name
    assert USUAL.moved(name, 9).panels[-1] == name
    assert USUAL.resized(name, 9, 2).rows == {name: 11}
    assert USUAL.resized(name, 3, -1).rows == {name: 3}


def test_presets_come_one_after_the_other() -> None:
    arrangement, seen = USUAL, []
    for _ in PRESETS:
        name, arrangement = arrangement.preset()
        seen.append(name)
    assert sorted(seen) == sorted(PRESETS)
    assert arrangement == USUAL


def test_the_settings_may_hold_nonsense() -> None:
    look = DashboardSettings(panels=("why", "nothing", "why"), panels_at="left")
    assert Arrangement.of(look) == Arrangement(("why",))


def test_a_panel_has_the_rows_that_the_user_gave_it() -> None:
    given = heights(list(NEEDS), 60, {"now": 20, "trend": 4})
    assert (given["now"], given["trend"]) == (20, 4)
    assert sum(given.values()) == 60


def test_a_wide_window_is_filled_with_the_pane_above_and_all_columns_of_the_requests() -> None:
    made = plan(200, 60)
    assert made.mode == "wide"
    assert made.regions["pane"].width == 200
    assert set(PANELS) <= set(made.regions)
    assert made.regions["requests"].width >= 114
    assert plan(200, 60, panels_as=Arrangement(place="right")).mode == "side"
    assert plan(120, 60, panels_as=Arrangement(place="below")).mode == "below"
    assert plan(160, 48, panels_as=Arrangement(side=70)).regions["now"].width == 70


async def test_the_row_under_the_cursor_is_marked(tmp_path: Path) -> None:
    client = kept.Client(kept.usual(tmp_path))
    async with dashboard(tmp_path, size=SIZE, found=client) as (app, _, pilot):
        await pilot.press(LEADER, "w", "5", "j")
        await pilot.pause()
        panel = app.dashboard._panel("requests")
        assert any(tone is Tone.KEY for _, tone in panel.lines[2])
        assert not any(tone is Tone.KEY for _, tone in panel.lines[3])


async def test_the_keys_of_every_screen_can_be_clicked(tmp_path: Path) -> None:
    client = kept.Client(kept.usual(tmp_path))
    async with dashboard(tmp_path, size=SIZE, found=client) as (app, _, pilot):
        await pilot.press(LEADER, "i")
        await pilot.pause()
        keys = plain(app.screen.query_one("#keys", LinesView).lines[0])
        await pilot.click("#keys", offset=(keys.index("filter"), 0))
        await pilot.pause()
        assert app.screen.query_one("#filter").display
        await pilot.press("escape")
        await pilot.click("#keys", offset=(keys.index("? keys"), 0))
        await pilot.pause()
        assert isinstance(app.screen, KeyHelp)
        await pilot.click(offset=(1, 1))
        await pilot.pause()
        assert isinstance(app.screen, RequestsScreen), "a click beside a dialog leaves it"
        await pilot.click("#keys", offset=(keys.index("q Esc"), 0))
        await pilot.pause()
        assert on_top(app) is app.dashboard


def test_the_keys_on_a_dialog_s_edge_can_be_clicked() -> None:
    words = "y yes · n no · Esc back"
    assert [key_in(words, x) for x in (0, 4, 6, 8, 14, 22)] == ["y", "y", "", "n", "", "escape"]
    assert pressed("q Esc") == "escape"
    assert pressed("/") == "slash"
    assert pressed("n N") == "N"
