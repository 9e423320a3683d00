"""`?`, `:` and `[keys]`: on every screen, and true."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.command import CommandPalette

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.config.settings import DashboardSettings, Settings
from anyclaude_tui.screens import actions
from anyclaude_tui.screens.all_screens import ALL, keymap
from anyclaude_tui.screens.common.key_help import KeyHelp, commands, key_words
from anyclaude_tui.screens.dashboard.command_palette import screen_entries
from anyclaude_tui.widgets.lines import plain
from tests.screens import kept
from tests.screens.dashboard.test_screen import LEADER, dashboard, toasts, words


@pytest.mark.parametrize("key", ["b", "i", "v", "l", "comma"])
async def test_every_screen_explains_its_keys(tmp_path: Path, key: str) -> None:
    async with dashboard(tmp_path, size=(120, 40), found=kept.Client(kept.usual(tmp_path))) as (
        app,
        _,
        pilot,
    ):
        await pilot.press(LEADER, key)
        await pilot.pause()
        below = app.screen
        await pilot.press("question_mark")
        assert isinstance(app.screen, KeyHelp)
        shown = "\n".join(plain(line) for line in app.screen.lines(70))
        for one in commands(type(below)):
            assert one.keys in shown
            assert one.words.split()[0] in shown
        if key == "i":
            assert "ttft>5" in shown
            assert "role:…" in shown
        await pilot.press("q")
        assert app.screen is below
        await pilot.press("colon")
        assert isinstance(app.screen, CommandPalette)
        names = [entry.name for entry in screen_entries(below)]
        assert any(one.words.capitalize() in names for one in commands(type(below)))


async def test_the_keys_of_a_question_mark_typed_into_a_filter_are_text(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=(120, 40)) as (app, _, pilot):
        await pilot.press(LEADER, "i", "slash", "question_mark", "colon")
        assert not isinstance(app.screen, KeyHelp | CommandPalette)


def test_no_two_commands_of_a_screen_have_one_key() -> None:
    for screen in ALL:
        keys = [key for one in commands(screen) for key in one.keys.split()]
        own = [key for key in keys if key not in ("q", "Esc", "n", "N", "/", "h", "l")]
        assert len(own) == len(set(own)), screen


def test_keys_are_written_as_they_are_pressed() -> None:
    assert key_words("escape,q") == "Esc q"
    assert key_words("slash") == "/"
    assert key_words("N,shift+n") == "N"
    assert key_words("tab,right") == "Tab Right"


async def test_other_keys_work_and_are_shown_where_the_old_ones_were(tmp_path: Path) -> None:
    client = kept.Client(kept.usual(tmp_path))
    keys = {"requests": "R", "requests.filter": "F", "zoom": "b", "nonsens": "y", "help": "9"}
    settings = Settings(dashboard=DashboardSettings(theme="anyclaude"), keys=keys)
    app = DashboardApp(client, settings)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.pause()
        assert "'b' is the key of backends: zoom keeps z" in toasts(app)
        assert "there is no command nonsens" in toasts(app)
        assert "one character is a key" in toasts(app)
        await pilot.press(LEADER)
        assert "R requests" in words(app, "menu")
        await pilot.press("R", "F")
        await pilot.press(*"9999")
        assert app.screen.query_one("#filter").display
        await pilot.press("escape", "question_mark")
        assert isinstance(app.screen, KeyHelp)
        lines = [plain(line) for line in app.screen.lines(70)]
        assert any(line.startswith("F ") and "filter" in line for line in lines)


def test_conflicts_on_a_screen_are_told() -> None:
    found, problems = keymap({"requests.sort": "f", "logs.levl": "x", "request.copy": "Y"})
    assert found == {"request.copy": "Y"}
    assert problems == [
        "requests.sort = 'f' is the key of requests.follow",
        "there is no command logs.levl: did you mean logs.level?",
    ]


def test_the_table_of_commands_with_the_user_s_keys() -> None:
    table, problems = actions.with_keys({"restart_backend": "R", "quit": "Q"})
    assert problems == []
    assert {a.name: a.key for a in table if a.key in "RQ"} == {"restart backend": "R", "quit": "Q"}
    assert actions.find("r", table) is None
