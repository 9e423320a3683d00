"""The dashboard on the terminal's own colours: dark and light, and when they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.config.settings import DashboardSettings, Settings
from anyclaude_tui.terminal.outer_colours import OuterColours
from anyclaude_tui.widgets import themes
from anyclaude_tui.widgets.outer.input_parser import OuterColoursTold
from anyclaude_tui.widgets.terminal.pane import TerminalPane
from tests.screens.fakes import FakeClient, snapshot
from tests.support.waiting import until_shown

PAPER = OuterColours((40, 40, 40), (253, 246, 227))
NIGHT = OuterColours((220, 220, 220), (0, 0, 0))


def opened(tmp_path: Path, outer: OuterColours | None, theme: str = "auto") -> DashboardApp:
    settings = Settings(dashboard=DashboardSettings(theme=theme))
    return DashboardApp(FakeClient(tmp_path, snapshot()), settings, outer=outer)


def answers(pane: TerminalPane, query: bytes) -> bytes:
    """What a program in the pane is answered."""
    sent: list[bytes] = []
    cable = pane.emulator._board.host.connection
    send, cable._send = cable._send, sent.append
    pane.emulator.feed(query)
    cable._send = send
    return b"".join(sent)


def pane_of(app: DashboardApp) -> TerminalPane:
    assert app.dashboard.pane is not None
    return app.dashboard.pane


def background(pane: TerminalPane) -> object:
    look = pane.emulator.cells(0)[0].look
    return look and look.bg


@pytest.mark.parametrize(("outer", "dark"), [(PAPER, False), (NIGHT, True), (None, True)])
async def test_auto_is_dark_or_light_as_the_terminal_is(
    tmp_path: Path, outer: OuterColours | None, dark: bool
) -> None:
    app = opened(tmp_path, outer)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        assert (app.theme, app.current_theme.dark) == ("auto", dark)
        pane = pane_of(app)
        if outer is None:  # the pane is painted as the panels are
            assert background(pane) == themes.ground(app.current_theme, None)[0].background
            return
        # Its own ground: the pane leaves it to the terminal, the panels have the same.
        assert background(pane) is None
        assert app.current_theme.background == "#{:02X}{:02X}{:02X}".format(*outer.background)
        red, green, blue = (f"{part:02x}{part:02x}" for part in outer.background)
        assert (
            answers(pane, b"\x1b]11;?\x1b\\") == f"\x1b]11;rgb:{red}/{green}/{blue}\x1b\\".encode()
        )
        assert answers(pane, b"\x1b[?996n") == (b"\x1b[?997;1n" if dark else b"\x1b[?997;2n")


async def test_another_theme_is_painted_in_the_pane_and_told_to_programs(tmp_path: Path) -> None:
    app = opened(tmp_path, PAPER, "anyclaude")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        pane = pane_of(app)
        assert background(pane) == (0x12, 0x15, 0x1A)
        assert answers(pane, b"\x1b]11;?\x07") == b"\x1b]11;rgb:1212/1515/1a1a\x07"
        app.theme = "anyclaude-light"
        await until_shown(pilot, lambda: background(pane) == (0xFB, 0xFB, 0xF9))
        assert answers(pane, b"\x1b[?996n") == b"\x1b[?997;2n"
        app.theme = "ansi-dark"
        await until_shown(pilot, lambda: background(pane) is None)


async def test_it_follows_when_the_terminal_changes(tmp_path: Path) -> None:
    app = opened(tmp_path, NIGHT)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        pane = pane_of(app)
        told: list[bytes] = []
        pane.feed(b"\x1b[?2031h")
        pane.emulator._send = told.append
        app.post_message(OuterColoursTold(PAPER))
        await until_shown(pilot, lambda: not app.current_theme.dark)
        await until_shown(pilot, lambda: told == [b"\x1b[?997;2n"])
        assert app.screen.styles.background.rgb == PAPER.background
        assert background(pane) is None


def test_colours_that_cannot_be_read_are_not_taken() -> None:
    grey = OuterColours((128, 128, 128), (130, 130, 130))
    assert themes.auto(grey).foreground != "#808080"
