"""The first run as a newcomer meets it: what was found, one key, and what is kept of it."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.backends.discovery import Discovery
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.screens import first_run
from anyclaude_tui.screens.first_run import FirstRunScreen
from tests.screens import fakes, found
from tests.screens.backends.test_screen import asked, hold, let_go, listed, words
from tests.screens.dashboard.test_screen import toasts
from tests.support.waiting import until_shown

ALONE = replace(
    fakes.snapshot(history=()),
    active="simulator",
    backends=(replace(fakes.FAST, name="simulator"),),
)


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests type faster than people."""
    monkeypatch.setattr(first_run, "GRACE_S", 0.0)


@asynccontextmanager
async def started(
    home: Path, discovery: Discovery = found.FOUND, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[DashboardApp, found.FoundClient, Pilot[Any]]]:
    """The app at a start for which nothing was chosen, after its search."""
    client = found.FoundClient(home, ALONE)
    client.session.found = discovery
    try:
        app = DashboardApp(client, Settings(), first_run=True)
        async with app.run_test(size=size, notifications=True) as pilot:
            await until_shown(pilot, lambda: "discover" in client.session.asked)
            yield app, client, pilot
    finally:
        client.close()


@asynccontextmanager
async def offered(
    home: Path, discovery: Discovery = found.FOUND, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[DashboardApp, found.FoundClient, Pilot[Any]]]:
    """The same, with the screen on it."""
    async with started(home, discovery, size) as (app, client, pilot):
        await until_shown(pilot, lambda: is_shown(app))
        yield app, client, pilot


def is_shown(app: DashboardApp) -> bool:
    """The screen is there with its list."""
    there = isinstance(app.screen, FirstRunScreen) and app.screen.query("#rows")
    return bool(there and listed(app))


def saved(home: Path) -> str:
    """The configuration, empty where there is none."""
    path = home / "config.toml"
    return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.mark.parametrize("size", [(80, 24), (160, 48), (40, 10)])
async def test_what_was_found_is_shown_with_the_best_chosen(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with offered(tmp_path, size=size) as (app, _, pilot):
        await until_shown(pilot, lambda: "mlx_lm.server at 127.0.0.1:8080" in words(app, "details"))
        rows = listed(app)
        assert rows[0].strip().startswith("Running here")
        assert any("simulator" in row and "simulated" in row for row in rows)
        assert "Enter begin" in words(app, "keys")
        await until_shown(pilot, lambda: "Claude Code 2.1.209" in words(app, "tools"))
        assert "vllm-mlx: pip install vllm-mlx" in words(app, "tools") or size[0] < 80


async def test_with_nothing_better_the_simulator_is_simply_used(tmp_path: Path) -> None:
    async with started(tmp_path, found.NOTHING) as (app, client, pilot):
        await pilot.pause(0.1)
        assert app.screen is app.dashboard
        assert "claude start" in client.asked
        await until_shown(pilot, lambda: "No model was found: a simulator" in toasts(app))
        assert found.NOTHING.looked_in in toasts(app)
        assert "Ctrl+] b, then f" in toasts(app)
    async with started(tmp_path, Discovery((found.LOCKED, found.HUGE), ())) as (app, _, pilot):
        await pilot.pause(0.1)
        assert app.screen is app.dashboard
        await until_shown(pilot, lambda: "cannot be used yet, Ctrl+] b says why" in toasts(app))


async def test_one_key_begins_and_the_choice_is_kept(tmp_path: Path) -> None:
    async with offered(tmp_path) as (app, client, pilot):
        await hold(client)
        await pilot.press("enter")
        await until_shown(pilot, lambda: asked(client) == [f"switch {found.SERVER.spec}"])
        assert "◐ starting" in words(app, "details")
        assert not saved(tmp_path)  # not before it has been seen to work
        client.shown = replace(ALONE, active=found.SERVER.spec)
        assert client.asked.count("claude start") == 0  # not before the choice is made and serves
        await let_go(client)
        await until_shown(pilot, lambda: app.screen is app.dashboard)
        kept = tomllib.loads(saved(tmp_path))  # under a short name of its own
        assert kept["backend"] == "openai-8080"
        server = {"kind": "openai", "url": found.SERVER.spec.removeprefix("openai:")}
        assert kept["backends"] == {"openai-8080": server}
        await until_shown(pilot, lambda: "in use, and saved in" in toasts(app))
        # Claude Code is told the model and its window at its start.
        await until_shown(pilot, lambda: client.asked.count("claude start") == 1)


async def test_a_key_keeps_prompts_on_disk(tmp_path: Path) -> None:
    async with offered(tmp_path, size=(120, 40)) as (app, _, pilot):
        await until_shown(pilot, lambda: "is forgotten when" in words(app, "tools"))
        await pilot.press("d")
        await until_shown(pilot, lambda: "is kept on disk" in words(app, "tools"))
        await pilot.press("enter")
        await until_shown(pilot, lambda: app.screen is app.dashboard)
    assert "disk = true" in saved(tmp_path)


async def test_another_can_be_chosen_by_cursor_or_number(tmp_path: Path) -> None:
    async with offered(tmp_path) as (app, client, pilot):
        await pilot.press("down", "down", "enter")
        await until_shown(pilot, lambda: asked(client) == [f"switch {found.LARGE.spec}"])
        await until_shown(pilot, lambda: app.screen is app.dashboard)
    async with offered(tmp_path) as (app, client, pilot):
        await pilot.press("4")
        await until_shown(pilot, lambda: asked(client) == [f"switch {found.SMALL.spec}"])


async def test_escape_is_the_simulator_for_now(tmp_path: Path) -> None:
    async with offered(tmp_path) as (app, client, pilot):
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.dashboard
        assert not asked(client)
        assert not saved(tmp_path)
        assert client.asked.count("claude start") == 1


async def test_the_simulator_can_be_chosen_for_good(tmp_path: Path) -> None:
    async with offered(tmp_path) as (app, client, pilot):
        await pilot.press("6")
        await until_shown(pilot, lambda: app.screen is app.dashboard)
        assert saved(tmp_path) == 'backend = "simulator"\n'
        assert not asked(client)  # it serves already


async def test_a_choice_that_fails_is_not_kept_and_another_can_be_made(tmp_path: Path) -> None:
    async with offered(tmp_path) as (app, client, pilot):
        client.session.refusal = BackendError("the generation thread died: see the log")
        await pilot.press("enter")
        await until_shown(pilot, lambda: "✗ the generation thread died" in words(app, "details"))
        assert "simulator still serves" in words(app, "details")
        assert not saved(tmp_path)
        client.session.refusal = None
        await pilot.press("4")
        await until_shown(pilot, lambda: app.screen is app.dashboard)
        assert 'model = "/models/small"' in saved(tmp_path)
        assert saved(tmp_path).startswith('backend = "small"')


async def test_a_choice_that_takes_too_long_can_be_given_up(tmp_path: Path) -> None:
    async with offered(tmp_path) as (app, client, pilot):
        await hold(client)
        await pilot.press("enter")
        await until_shown(pilot, lambda: bool(asked(client)))
        assert words(app, "keys").strip() == "? keys  Esc cancel"
        await pilot.press("escape")
        await until_shown(pilot, lambda: "cancelled" in words(app, "details"))
        assert isinstance(app.screen, FirstRunScreen)
        assert not saved(tmp_path)


async def test_what_is_not_usable_yet_is_not_begun(tmp_path: Path) -> None:
    async with offered(tmp_path) as (app, client, pilot):
        await pilot.press("2")
        await pilot.pause()
        assert "needs a key" in words(app, "details")
        assert not asked(client)


async def test_find_looks_again(tmp_path: Path) -> None:
    async with offered(tmp_path, Discovery((found.SMALL,), ())) as (app, client, pilot):
        client.session.found = found.FOUND
        await pilot.press("f")
        await until_shown(pilot, lambda: any("mlx_lm.server" in row for row in listed(app)))


async def test_without_claude_code_it_says_how_to_install_it(tmp_path: Path) -> None:
    async with started(tmp_path) as (app, client, pilot):
        client.session.version = None
        await until_shown(pilot, lambda: is_shown(app))
        await until_shown(pilot, lambda: "npm install -g" in words(app, "tools"))


async def test_keys_that_were_meant_for_the_pane_choose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_run, "GRACE_S", 60.0)
    async with offered(tmp_path) as (_, client, pilot):
        await pilot.press("h", "i", "enter")
        await pilot.pause()
        assert not asked(client)


async def test_a_choice_that_cannot_be_saved_is_used_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()  # cannot be written, not even by root
    async with offered(tmp_path) as (app, client, pilot):
        await pilot.press("enter")
        await until_shown(pilot, lambda: "in use, but the choice could not be saved" in toasts(app))
        assert client.session.ended == [f"switch {found.SERVER.spec}"]
