"""The disk is asked about once, with the truth, and only y is a yes."""

from __future__ import annotations

import concurrent.futures
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.screens import keep_on_disk
from anyclaude_tui.screens.keep_on_disk import DiskQuestion, is_answered
from tests.screens import fakes
from tests.screens.dashboard.test_screen import toasts
from tests.support.waiting import until_shown

MLX = replace(fakes.QWEN, supervised=True)
OURS = replace(fakes.snapshot(history=()), active=MLX.name, backends=(MLX,))


class Client(fakes.FakeClient):
    """Keeps the settings that it is given."""

    applied: Settings | None = None

    def apply(self, settings: Settings) -> concurrent.futures.Future[None]:
        self.applied = settings
        return self._answer("apply", None)


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep_on_disk, "GRACE_S", 0.0)


@asynccontextmanager
async def started(
    home: Path, shown: Any = OURS, size: tuple[int, int] = (80, 24), ask: bool = True
) -> AsyncIterator[tuple[DashboardApp, Client, Pilot[Any]]]:
    client = Client(home, shown)
    app = DashboardApp(client, Settings(), ask_disk=ask)
    async with app.run_test(size=size, notifications=True) as pilot:
        yield app, client, pilot


def is_shown(app: DashboardApp) -> bool:
    return isinstance(app.screen, DiskQuestion) and bool(app.screen.query(".box"))


@pytest.mark.parametrize(("key", "keep"), [("y", True), ("n", False)])
async def test_the_answer_is_saved_and_counts_at_once(tmp_path: Path, key: str, keep: bool) -> None:
    async with started(tmp_path) as (app, client, pilot):
        await until_shown(pilot, lambda: is_shown(app))
        assert "claude start" not in client.asked
        await pilot.press("enter")
        assert is_shown(app), "Enter is no consent"
        await pilot.press(key)
        await until_shown(pilot, lambda: "claude start" in client.asked)
        assert client.applied is not None
        assert client.applied.cache.disk is keep
        assert app.settings.cache.disk is keep
        await until_shown(pilot, lambda: "saved in" in toasts(app))
    kept = tomllib.loads((tmp_path / "config.toml").read_text())
    assert kept == {"cache": {"disk": keep}}
    assert is_answered([("a file", kept)])


async def test_without_an_answer_nothing_is_saved(tmp_path: Path) -> None:
    async with started(tmp_path, size=(40, 12)) as (app, client, pilot):
        await until_shown(pilot, lambda: is_shown(app))
        await pilot.press("escape")
        await until_shown(pilot, lambda: "claude start" in client.asked)
        assert client.applied is None
    assert not (tmp_path / "config.toml").exists()


@pytest.mark.parametrize(
    ("shown", "ask"),
    [
        (OURS, False),
        (replace(OURS, backends=(replace(MLX, supervised=False),)), True),
        (replace(OURS, active=fakes.FAST.name, backends=(fakes.FAST, MLX)), True),
    ],
    ids=["answered before", "not started by us", "another is in use"],
)
async def test_who_is_not_concerned_is_not_asked(tmp_path: Path, shown: Any, ask: bool) -> None:
    async with started(tmp_path, shown, ask=ask) as (app, client, pilot):
        await until_shown(pilot, lambda: "claude start" in client.asked)
        assert app.screen is app.dashboard


async def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    async with started(tmp_path) as (app, client, pilot):
        await until_shown(pilot, lambda: is_shown(app))
        await pilot.press("y")
        await until_shown(pilot, lambda: "could not be saved" in toasts(app))
        assert client.applied is None


def test_any_file_s_word_is_an_answer() -> None:
    assert not is_answered([("a", {}), ("b", {"cache": {"max_gb": 3}}), ("c", {"cache": 1})])
    assert is_answered([("a", {}), ("b", {"cache": {"disk": False}})])
