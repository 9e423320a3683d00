"""Every key that the help lists is pressed, and does what its line says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandList, CommandPalette
from textual.pilot import Pilot

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.screens.actions import ACTIONS, Action, chord_name
from anyclaude_tui.screens.backends.screen import BackendsScreen
from anyclaude_tui.screens.common.dialogs import Question
from anyclaude_tui.screens.compare.setup_screen import CompareScreen
from anyclaude_tui.screens.folder import FolderScreen
from anyclaude_tui.screens.help import HelpScreen, help_lines
from anyclaude_tui.screens.logs import LogsScreen
from anyclaude_tui.screens.requests.screen import RequestsScreen
from anyclaude_tui.screens.settings.screen import SettingsScreen
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets.lines import plain
from tests.screens import fakes, found
from tests.support.waiting import until_shown

LEADER = "ctrl+right_square_bracket"
NAMES = {":": "colon", "/": "slash", ",": "comma", "?": "question_mark"}
"""Textual's names of keys that have one."""


@dataclass
class Seat:
    """Where the keys are pressed."""

    app: DashboardApp
    client: found.FoundClient
    pilot: Pilot[Any]

    def toasts(self) -> str:
        return "\n".join(one.message for one in self.app._notifications)

    async def until(self, what: Callable[[], object]) -> None:
        await until_shown(self.pilot, what)


@asynccontextmanager
async def seat(home: Path, shown: Snapshot | None = None) -> AsyncIterator[Seat]:
    client = found.FoundClient(home, shown or fakes.snapshot(history=()))
    client.script = "printf 'once upon a time\\r\\n'; exec cat -v"
    try:
        app = DashboardApp(client, Settings())
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            made = Seat(app, client, pilot)
            await made.until(lambda: app.dashboard.pane and "once upon" in pane(made))
            yield made
    finally:
        client.close()


def pane(at: Seat) -> str:
    assert at.app.dashboard.pane is not None
    return "\n".join(strip.text for strip in at.app.dashboard.pane.view.strips)


def opens(screen: type[Any]) -> Callable[[Seat], Awaitable[None]]:
    """The screen is there, and Esc gives the keys back to Claude Code."""

    async def check(at: Seat) -> None:
        await at.until(lambda: isinstance(at.app.screen, screen))
        await at.pilot.press("escape")
        await at.until(lambda: at.app.screen is at.app.dashboard)
        await at.pilot.press("y", "o")
        await at.until(lambda: "yo" in pane(at))

    return check


async def zoom(at: Seat) -> None:
    assert at.app.dashboard.zoomed
    assert at.app.dashboard.pane is not None
    assert at.app.dashboard.pane.size.width == 120
    await at.pilot.press(LEADER, "z")
    assert at.app.dashboard.pane.size.width < 120


async def panels(at: Seat) -> None:
    assert not at.app.dashboard.panels_on
    await at.pilot.press(LEADER, "x")
    assert at.app.dashboard.panels_on


async def focus_panels(at: Seat) -> None:
    assert at.app.dashboard.panel_keys.focus == "now"
    await at.pilot.press("escape")
    assert at.app.dashboard.panel_keys.focus is None


async def restart(at: Seat) -> None:
    await at.until(lambda: "restart" in at.client.session.asked)


async def copy(at: Seat) -> None:
    assert "Copied the command" in at.toasts()
    assert "ANTHROPIC_BASE_URL" in at.app.clipboard


async def find(at: Seat) -> None:
    await at.pilot.press(*"once")
    await at.until(lambda: "1 of 1" in pane(at))
    await at.pilot.press("escape")
    await at.until(lambda: "find:" not in pane(at))
    assert pane(at).count("once") == 1, "what is searched for does not reach Claude Code"


async def tools(at: Seat) -> None:
    await at.until(lambda: "No request with tools yet" in at.toasts())


async def picture(at: Seat) -> None:
    folder = at.client.home / "screenshots"
    await at.until(lambda: bool(list(folder.glob("*.svg"))))
    (saved,) = folder.glob("*.svg")
    shown = saved.read_text(encoding="utf-8")
    assert "once" in shown
    assert "copy&#160;command" not in shown, "the menu that it was chosen in is in the picture"


async def theme(at: Seat) -> None:
    await at.until(lambda: isinstance(at.app.screen, CommandPalette))
    await at.pilot.press(*"nord")
    await at.until(lambda: len(at.app.screen.query_one(CommandList).options) == 1)
    await at.pilot.press("enter")
    await at.until(lambda: at.app.theme == "nord")
    kept = (at.client.home / "config.toml").read_text(encoding="utf-8")
    assert 'theme = "nord"' in kept
    assert "config.toml" in at.toasts()


async def leave(at: Seat) -> None:
    assert at.app.return_code == 0


DOES: dict[str, Callable[[Seat], Awaitable[None]]] = {
    "zoom": zoom,
    "panels": panels,
    "backends": opens(BackendsScreen),
    "requests": opens(RequestsScreen),
    "compare": opens(CompareScreen),
    "logs": opens(LogsScreen),
    "settings": opens(SettingsScreen),
    "folder": opens(FolderScreen),
    "help": opens(HelpScreen),
    "palette": opens(CommandPalette),
    "theme": theme,
    "restart": restart,
    "focus_panels": focus_panels,
    "copy": copy,
    "find": find,
    "tools": tools,
    "picture": picture,
    "leave": leave,
}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.method)
async def test_a_key_does_what_the_help_says(tmp_path: Path, action: Action) -> None:
    for key in filter(None, (action.key, action.also)):
        async with seat(tmp_path) as at:
            await at.pilot.press(LEADER, NAMES.get(key, key))
            await at.pilot.pause()
            await DOES[action.method](at)


def test_nothing_is_left_out() -> None:
    assert set(DOES) == {action.method for action in ACTIONS}
    said = "\n".join(map(plain, help_lines(chord_name(LEADER), "~", 200)))
    for action in ACTIONS:
        assert action.help in said
    for words in ("1-9", "Switch to the nth backend", "Pressed twice"):
        assert words in said


async def test_a_digit_switches_and_the_leader_twice_is_typed(tmp_path: Path) -> None:
    async with seat(tmp_path) as at:
        await at.pilot.press(LEADER, "2")
        await at.until(lambda: "switch qwen" in at.client.session.asked)
        await at.pilot.press(LEADER, LEADER)
        await at.until(lambda: "^]" in pane(at))


async def test_escape_leaves_the_menu_alone(tmp_path: Path) -> None:
    async with seat(tmp_path) as at:
        before = pane(at)
        await at.pilot.press(LEADER, "escape")
        assert not at.app.leader_keys.pressed
        assert pane(at) == before


async def test_quit_asks_while_a_request_runs(tmp_path: Path) -> None:
    async with seat(tmp_path, fakes.snapshot(fakes.decoding())) as at:
        await at.pilot.press(LEADER, "q")
        await at.until(lambda: isinstance(at.app.screen, Question))
        await at.pilot.press("n")
        assert at.app.return_code is None
