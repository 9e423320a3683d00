"""The settings screen as its user meets it: what is listed, changed, refused, and saved."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from anyclaude_tui import config
from anyclaude_tui.app import DashboardApp
from anyclaude_tui.config.kinds import KINDS
from anyclaude_tui.config.reference import sections
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.screens.settings.dialogs import Choice, Value
from anyclaude_tui.screens.settings.screen import SettingsScreen
from anyclaude_tui.widgets.lines import plain
from anyclaude_tui.widgets.panel import LinesView
from anyclaude_tui.widgets.textual_internals import key_name
from tests.screens import fakes, found

LEADER = "ctrl+right_square_bracket"
MINE = """\
# mine
backend = "coder"

[backends.coder]
kind = "mlx_lm"
model = "/models/qwen"
api_key = "sk-secret"

[dashboard]
theme = "anyclaude-light"
"""


class Client(found.FoundClient):
    """Remembers the settings that the session was given."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, fakes.snapshot(history=()))
        self.applied: list[Settings] = []

        async def apply(settings: Settings) -> None:
            self.applied.append(settings)

        self.session.apply = apply  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ANYCLAUDE_MODE", "ANYCLAUDE_DEBUG", "ANYCLAUDE_HOME", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@asynccontextmanager
async def opened(
    home: Path, text: str = MINE, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[DashboardApp, Client, Pilot[Any]]]:
    """The app with the settings screen on it."""
    (home / "config.toml").write_text(text)
    client = Client(home)
    try:
        app = DashboardApp(client, config.load({"ANYCLAUDE_HOME": str(home)}, home))
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.press(LEADER, ",")
            await pilot.pause()
            assert isinstance(app.screen, SettingsScreen)
            yield app, client, pilot
    finally:
        client.close()


def words(app: DashboardApp, name: str) -> str:
    view = app.screen.query_one(f"#{name}", LinesView)
    return "\n".join(plain(line) for line in view.lines)


async def go_to(app: DashboardApp, pilot: Pilot[Any], *key: str) -> None:
    """Put the cursor on a setting."""
    listed = app.screen.query_one("#rows", OptionList)
    listed.highlighted = listed.get_option_index("\0".join(key))
    await pilot.pause()


async def type_in(app: DashboardApp, pilot: Pilot[Any], text: str) -> str:
    """Type into the dialog and press Enter; what it says is wrong."""
    assert isinstance(app.screen, Value)
    app.screen.query_one(Input).value = text
    await pilot.pause()
    said = str(app.screen.query_one("#advice", Static).visual)
    await pilot.press("enter")
    await pilot.pause()
    return said


def saved(home: Path) -> dict[str, Any]:
    return tomllib.loads((home / "config.toml").read_text())


async def test_every_setting_that_means_something_is_listed_with_its_explanation(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as (app, _, pilot):
        listed = app.screen.query_one("#rows", OptionList)
        ids = {option.id for option in listed.options if option.id}
        for section in sections():
            for field in section.fields:
                if field.kind == "tables":
                    continue
                name = section.name.replace("NAME", "coder")
                key = (*filter(None, name.split(".")), field.key)
                if "coder" in name and not KINDS["mlx_lm"].takes(field.key):
                    assert ("\0".join(key) in ids) == (field.key == "api_key")  # which is set
                    continue
                assert "\0".join(key) in ids
                await go_to(app, pilot, *key)
                assert field.words.split()[0] in words(app, "details")
        await go_to(app, pilot, "limits", "keepalive_s")
        assert "from the next request on" in words(app, "details")


async def test_an_explanation_that_is_cut_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path, size=(160, 48)) as (app, _, pilot):
        await go_to(app, pilot, "limits", "keepalive_s")
        listed = app.screen.query_one("#rows", OptionList)
        first = app.screen._compositor.render_strips()[2 : listed.size.height]
        for row in (strip.text[: listed.size.width].rstrip(" ▁▂▃▄▅▆▇█") for strip in first):
            field = next((f for s in sections() for f in s.fields if f" {f.key} " in row), None)
            if field is not None and field.words[:12] in row:
                assert row.endswith(("…", field.words[-8:])), row


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 60)])
async def test_it_fits_any_window(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(tmp_path, size=size) as (app, _, _):
        for name in ("title", "details", "keys"):
            rows = words(app, name).split("\n")
            assert max(map(len, rows)) <= size[0]
        assert "back" in words(app, "keys")


async def test_secrets_are_not_shown(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, _, pilot):
        await go_to(app, pilot, "backends", "coder", "api_key")
        listed = app.screen.query_one("#rows", OptionList)
        shown = " ".join(str(option.prompt) for option in listed.options)
        assert "sk-secret" not in shown + words(app, "details")
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen.query_one(Input).value == ""
        assert app.screen.query_one(Input).password


async def test_the_secrets_of_a_url_are_not_shown_nor_lost(tmp_path: Path) -> None:
    url = "http://me:hunter2@127.0.0.1:1234/v1?api_key=k3y"
    mine = f'[backends.coder]\nkind = "openai"\nurl = "{url}"\n'
    async with opened(tmp_path, mine) as (app, _, pilot):
        await go_to(app, pilot, "backends", "coder", "url")
        listed = app.screen.query_one("#rows", OptionList)
        shown = " ".join(str(option.prompt) for option in listed.options) + words(app, "details")
        assert "me:…@127.0.0.1" in shown
        assert "hunter2" not in shown
        assert "k3y" not in shown
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen.query_one(Input).value == ""  # what is shown must not be saved
        await pilot.press("escape")
        await pilot.pause()
    assert url in (tmp_path / "config.toml").read_text()


async def test_the_secrets_of_an_environment_are_not_shown_nor_lost(tmp_path: Path) -> None:
    mine = '[claude.env]\nMY_API_KEY = "hunter2"\nLANG = "C"\nOTHER_TOKEN = "env:OTHER"\n'
    async with opened(tmp_path, mine) as (app, _, pilot):
        await go_to(app, pilot, "claude", "env")
        listed = app.screen.query_one("#rows", OptionList)
        shown = " ".join(str(option.prompt) for option in listed.options) + words(app, "details")
        assert "hunter2" not in shown
        assert "MY_API_KEY=…" in shown
        assert "LANG=C" in shown
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen.query_one(Input).value == ""
        await pilot.press("escape")
        await pilot.pause()
    assert "hunter2" in (tmp_path / "config.toml").read_text()


BOX = """\
[backends.box]
kind = "openai"
url = "http://127.0.0.1:1/v1"
headers = { X-Team = "hunter2hunter2", X-Other = "env:OTHER" }
extra_body = { api_key = "hunter3", list = [1] }
"""


async def test_headers_and_members_are_typed_checked_and_never_shown(tmp_path: Path) -> None:
    async with opened(tmp_path, BOX) as (app, _, pilot):
        await go_to(app, pilot, "backends", "box", "headers")
        shown = words(app, "details")
        assert "X-Team=…" in shown
        assert "X-Other=env:OTHER" in shown
        assert "when this backend is started" in shown
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen.query_one(Input).password
        assert "how the request is sent" in await type_in(app, pilot, "Host=me")
        await type_in(app, pilot, "X-Team=env:TEAM")
        assert saved(tmp_path)["backends"]["box"]["headers"] == {"X-Team": "env:TEAM"}
        await go_to(app, pilot, "backends", "box", "extra_body")
        assert "hunter3" not in words(app, "details")
        assert '"list": [1]' in words(app, "details")
        assert "from the next request on" in words(app, "details")
        await pilot.press("enter")
        await pilot.pause()
        assert "JSON object" in await type_in(app, pilot, "[1]")
        assert "null" in await type_in(app, pilot, '{"a": [null]}')
        assert "cannot be set" in await type_in(app, pilot, '{"stream": false}')
        await type_in(app, pilot, '{"options": {"num_ctx": 65536}}')
        wanted = {"options": {"num_ctx": 65536}}
        assert saved(tmp_path)["backends"]["box"]["extra_body"] == wanted


async def test_thinking_is_chosen_and_a_value_out_of_bounds_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        await go_to(app, pilot, "backends", "coder", "thinking")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, Choice)
        await pilot.press("end", "enter")
        await pilot.pause()
        await go_to(app, pilot, "backends", "coder", "temperature")
        await pilot.press("enter")
        await pilot.pause()
        assert "at most 2" in await type_in(app, pilot, "3")
        await type_in(app, pilot, "0.7")
        await app.workers.wait_for_complete()
        applied = client.applied[-1].backends["coder"]
        assert (applied.thinking, applied.temperature) == ("high", 0.7)
        await go_to(app, pilot, "backends", "coder", "leave_out")
        assert "from the next conversation on" in words(app, "details")


async def test_a_number_is_checked_saved_and_applied(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        await go_to(app, pilot, "limits", "keepalive_s")
        await pilot.press("enter")
        await pilot.pause()
        assert "a number" in await type_in(app, pilot, "often")
        assert "above 0" in await type_in(app, pilot, "0")
        assert isinstance(app.screen, Value), "what is wrong is not taken"
        assert await type_in(app, pilot, "2.5") == ""
        assert saved(tmp_path)["limits"] == {"keepalive_s": 2.5}
        assert "# mine" in (tmp_path / "config.toml").read_text()
        await app.workers.wait_for_complete()
        assert client.applied[-1].limits.keepalive_s == 2.5
        assert "2.5" in words(app, "details")
        await pilot.press("d")
        assert saved(tmp_path)["limits"] == {}
        assert client.applied is not None


async def test_a_switch_is_turned_by_enter(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, _, pilot):
        await go_to(app, pilot, "keep_backends")
        await pilot.press("enter")
        assert saved(tmp_path)["keep_backends"] is True
        await pilot.press("enter")
        assert saved(tmp_path)["keep_backends"] is False


async def test_a_theme_is_seen_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, _, pilot):
        assert app.theme == "anyclaude-light"
        await go_to(app, pilot, "dashboard", "theme")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, Choice)
        await pilot.press("home", "enter")
        await pilot.pause()
        first = sorted(app.available_themes)[0]
        assert (app.theme, saved(tmp_path)["dashboard"]["theme"]) == (first, first)


async def test_another_leader_works_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, _, pilot):
        await go_to(app, pilot, "dashboard", "leader")
        await pilot.press("enter")
        await pilot.pause()
        assert "take a key" in await type_in(app, pilot, "a")
        await type_in(app, pilot, "ctrl+o")
        await pilot.press("escape")
        await pilot.pause()
        assert "Ctrl+O" in words(app, "footer")
        await pilot.press("ctrl+o", ",")
        await pilot.pause()
        assert isinstance(app.screen, SettingsScreen)


async def test_grey_and_colours_again(tmp_path: Path) -> None:
    def colours(app: DashboardApp) -> int:
        found = 0
        for row in app.screen._compositor.render_strips():
            for segment in row:
                style = segment.style
                for color in (style.color, style.bgcolor) if style else ():
                    if color is not None and color.triplet is not None:
                        found += len(set(color.triplet)) > 1
        return found

    async with opened(tmp_path) as (app, _, pilot):
        assert colours(app)
        await go_to(app, pilot, "dashboard", "colours")
        await pilot.press("enter")
        await pilot.pause()
        assert colours(app) == 0
        await pilot.press("enter")
        await pilot.pause()
        assert colours(app)
        await go_to(app, pilot, "dashboard", "motion")
        await pilot.press("enter")
        assert app.animation_level == "none"


async def test_the_backend_to_start_with(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, _, pilot):
        await go_to(app, pilot, "backend")
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("end", "enter")  # another…
        await pilot.pause()
        assert "no backend called" in await type_in(app, pilot, "codr")
        await type_in(app, pilot, "simulator:slow")
        assert saved(tmp_path)["backend"] == "simulator:slow"


async def test_a_backend_is_added_and_removed(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, _, pilot):
        await pilot.press("a")
        await pilot.pause()
        assert "a name" in await type_in(app, pilot, "mlx_lm:/models/x")
        assert "already" in await type_in(app, pilot, "coder = simulator")
        assert "needs a URL" in await type_in(app, pilot, "box = openai:box")
        await type_in(app, pilot, "my box = openai:http://10.0.0.2:8000/v1")
        added = {"kind": "openai", "url": "http://10.0.0.2:8000/v1"}
        assert saved(tmp_path)["backends"]["my box"] == added
        await go_to(app, pilot, "backends", "coder", "model")
        await pilot.press("x")
        await pilot.pause()
        await pilot.press("y")
        await pilot.pause()
        assert list(saved(tmp_path)["backends"]) == ["my box"]


async def test_what_is_stronger_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYCLAUDE_DEBUG", "2")
    async with opened(tmp_path, "[logs]\ndebug = 1\n") as (app, _, pilot):
        await go_to(app, pilot, "logs", "debug")
        assert "the environment" in words(app, "details")
        assert "stronger" in words(app, "details")


async def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        (tmp_path / "config.toml").unlink()
        client.folder = tmp_path / "file" / "home"
        (tmp_path / "file").write_text("")
        await go_to(app, pilot, "keep_backends")
        await pilot.press("enter")
        await pilot.pause()
        assert "Not saved" in words(app, "keys")
        assert "ANYCLAUDE_HOME" in " ".join(one.message for one in app._notifications)


async def test_a_file_broken_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, _, pilot):
        (tmp_path / "config.toml").write_text("backend = ")
        await go_to(app, pilot, "keep_backends")
        await pilot.press("enter")
        await pilot.pause()
        assert "Not saved" in words(app, "keys")
        assert (tmp_path / "config.toml").read_text() == "backend = "


@pytest.mark.parametrize(
    ("chord", "name"),
    [("ctrl+]", LEADER), ("ctrl+o", "ctrl+o"), ("f12", "f12"), (LEADER, LEADER)],
)
def test_chords_may_be_written_as_people_do(chord: str, name: str) -> None:
    assert key_name(chord) == name
