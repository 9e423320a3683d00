"""A fault inside the pane stays there."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from textual._context import active_message_pump
from textual.message_pump import MessagePump
from textual.pilot import Pilot

from anyclaude_tui.widgets.terminal.pane import TerminalPane
from tests.support.waiting import until_shown
from tests.widgets.terminal.test_pane import PaneApp, Typed, running


class Broken(Exception):
    pass


def _fails(*_: object) -> None:
    raise Broken


async def goes_on(app: PaneApp, pilot: Pilot[None], typed: Typed) -> None:
    await pilot.press("z")
    await until_shown(pilot, lambda: typed.bytes.endswith(b"z"))
    app.pane.feed(b"\x1b[2J\x1b[Hstill here")
    await until_shown(pilot, lambda: "still here" in app.text)
    assert app.is_running


@pytest.mark.parametrize(
    "place", ["keyboard", "mouse", "view.refresh", "view.lines", "emulator.feed", "core"]
)
async def test_a_fault_is_logged_told_once_and_the_pane_goes_on(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as (app, pilot):
        typed = Typed(app, tmp_path)
        await until_shown(pilot, lambda: "ready" in app.text)
        pane = app.pane
        targets: dict[str, tuple[object, str]] = {
            "keyboard": (pane._keyboard, "key"),
            "mouse": (pane._mouse, "move"),
            "view.refresh": (pane.view, "refresh"),
            "view.lines": (pane.view, "lines"),
            "emulator.feed": (pane.emulator, "feed"),
            "core": (pane.emulator._board.parser, "feed"),
        }

        with caplog.at_level(logging.ERROR), monkeypatch.context() as broken:
            broken.setattr(*targets[place], _fails)
            for _ in range(3):
                await pilot.press("a")
                pane._received(b"b")  # as from the child
                await pilot.hover(TerminalPane, offset=(3, 3))
                await pilot.pause(0.05)
            await until_shown(pilot, lambda: pane._faults.count > 0)
        assert any(record.exc_info and record.exc_info[0] is Broken for record in caplog.records)
        await goes_on(app, pilot, typed)
        await until_shown(pilot, lambda: app.of(TerminalPane.Faulted))
        assert len(app.of(TerminalPane.Faulted)) == 1


@pytest.mark.parametrize("which", ["screen", "parent"])
async def test_the_app_hears_of_a_fault_whoever_is_running(which: str) -> None:
    """The screen paints the pane, and its parent lays it out."""
    async with running() as (app, pilot):
        runs = app.screen if which == "screen" else app.pane.parent
        assert isinstance(runs, MessagePump)
        token = active_message_pump.set(runs)
        try:
            app.pane._faults.told()
        finally:
            active_message_pump.reset(token)
        await until_shown(pilot, lambda: len(app.of(TerminalPane.Faulted)) == 1)


async def test_a_fault_that_stays_does_not_paint_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running() as (app, pilot):
        monkeypatch.setattr(app.pane.view, "lines", _fails)
        app.pane.refresh()
        await until_shown(pilot, lambda: app.pane._faults.count > 0)
        for _ in range(20):
            await pilot.pause()
        assert app.pane._faults.count < 10
