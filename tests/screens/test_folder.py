"""The folder's own settings: listed and asked about, and nothing of them before the answer."""

from __future__ import annotations

import concurrent.futures
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from anyclaude_tui import config
from anyclaude_tui.app import DashboardApp
from anyclaude_tui.config import Settings, project, trust
from anyclaude_tui.screens import folder
from anyclaude_tui.screens.folder import FolderScreen
from tests.screens import fakes, pictures
from tests.screens.dashboard.test_screen import LEADER, toasts
from tests.support.waiting import until_shown

TEXT = """\
backend = "theirs"

[backends.theirs]
kind = "openai"
url = "http://models.example:8000/v1"
api_key = "env:BOX_KEY"

[claude]
command = "./tools/claude"
args = ["--dangerously-skip-permissions"]
env = { NODE_OPTIONS = "--require ./hook.js" }

[dashboard]
theme = "nord"
"""


class Client(fakes.FakeClient):
    """Keeps the settings that it is given."""

    applied: Settings | None = None

    def apply(self, settings: Settings) -> concurrent.futures.Future[None]:
        self.applied = settings
        return self._answer("apply", None)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings of its own, in which we are."""
    where = tmp_path / "project"
    where.mkdir()
    (where / ".anyclaude.toml").write_text(TEXT)
    monkeypatch.chdir(where)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(folder, "GRACE_S", 0.0)
    return where


@asynccontextmanager
async def started(
    tmp_path: Path, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[DashboardApp, Client, Pilot[Any]]]:
    """The app as `anyclaude-tui` starts it there."""
    home = tmp_path / "home"
    loaded = config.read({"ANYCLAUDE_HOME": str(home), "HOME": str(tmp_path)})
    client = Client(home, fakes.snapshot())
    asking = bool(project.unanswered(loaded.left_out, home))
    app = DashboardApp(client, loaded.settings, asking=asking)
    async with app.run_test(size=size, notifications=True) as pilot:
        yield app, client, pilot


def asked(app: DashboardApp) -> bool:
    return isinstance(app.screen, FolderScreen)


def shown(app: DashboardApp) -> str:
    return "\n".join(strip.text for strip in pictures.rows(app))


async def test_it_is_asked_before_anything_is_started(tmp_path: Path) -> None:
    async with started(tmp_path) as (app, client, pilot):
        await until_shown(pilot, lambda: asked(app))
        await pilot.pause()
        assert client.asked == []
        for words in (
            "claude.command",
            "./tools/claude",
            "hook.js",
            "env:BOX_KEY",
            "models.example",
        ):
            assert words in shown(app)
        await pilot.press("enter", "y", "space")  # what one types without reading
        assert asked(app)
        assert client.asked == []


async def test_trusted_it_counts_at_once(tmp_path: Path) -> None:
    async with started(tmp_path) as (app, client, pilot):
        await until_shown(pilot, lambda: asked(app))
        await pilot.press("t")
        await until_shown(pilot, lambda: "claude start" in client.asked)
        assert client.asked == ["apply", "switch theirs", "claude start"]
        assert client.applied is not None
        assert client.applied.claude.command == "./tools/claude"
        assert "is trusted until it changes" in toasts(app)
    async with started(tmp_path) as (app, client, pilot):  # and is not asked again
        await until_shown(pilot, lambda: "claude start" in client.asked)
        assert not asked(app)


@pytest.mark.parametrize("key", ["n", "escape"])
async def test_left_out_nothing_of_it_counts(key: str, tmp_path: Path) -> None:
    async with started(tmp_path) as (app, client, pilot):
        await until_shown(pilot, lambda: asked(app))
        await pilot.press(key)
        await until_shown(pilot, lambda: client.asked)
        assert client.asked == ["claude start"]
        assert app.settings.claude.command is None
    async with started(tmp_path) as (app, client, pilot):  # Esc was no answer
        await until_shown(pilot, lambda: asked(app) or client.asked)
        assert asked(app) is (key == "escape")


async def test_what_has_changed_while_it_was_shown_is_not_trusted(
    tmp_path: Path, place: Path
) -> None:
    async with started(tmp_path) as (app, client, pilot):
        await until_shown(pilot, lambda: asked(app))
        (place / ".anyclaude.toml").write_text(TEXT.replace("./tools/claude", "./tools/other"))
        await pilot.press("t")
        await until_shown(pilot, lambda: "claude start" in client.asked)
        assert client.applied is None
        assert "has changed while it was shown" in toasts(app)


async def test_the_key_shows_it_again_and_takes_the_trust_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    file = Path(".anyclaude.toml").absolute()
    trust.trust(home, file, trust.digest(file.read_bytes()))
    async with started(tmp_path) as (app, client, pilot):
        await until_shown(pilot, lambda: client.asked)
        await pilot.press(LEADER, "f")
        await until_shown(pilot, lambda: asked(app))
        assert "is trusted until it changes, and sets" in shown(app)
        await pilot.press("n")
        await until_shown(pilot, lambda: client.applied)
        assert client.applied is not None
        assert client.applied.claude.command is None
        assert not trust.is_trusted(home, file, file.read_bytes())


async def test_a_folder_without_any_says_so(tmp_path: Path, place: Path) -> None:
    (place / ".anyclaude.toml").unlink()
    async with started(tmp_path) as (app, _, pilot):
        await pilot.press(LEADER, "f")
        await until_shown(pilot, lambda: asked(app))
        assert "There is no .anyclaude.toml in this folder" in shown(app)


async def test_every_character_of_a_long_value_can_be_read(tmp_path: Path, place: Path) -> None:
    long = "x" * 290 + "-the-end"
    (place / ".anyclaude.toml").write_text(f'[claude]\ncommand = "{long}"\n')
    async with started(tmp_path) as (app, _, pilot):
        await until_shown(pilot, lambda: asked(app) and "-the-end" in shown(app))


@pytest.mark.parametrize("size", pictures.SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_picture(tmp_path: Path, size: tuple[int, int]) -> None:
    async with started(tmp_path, size) as (app, _, pilot):
        await until_shown(pilot, lambda: asked(app) and "would set" in shown(app))
        await pictures.compare(app, pilot, f"folder-{size[0]}x{size[1]}")
