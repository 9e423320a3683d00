"""The dashboard as its user meets it: keys, commands, sizes; with a real child in the pane."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets._toast import Toast

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.config.settings import DashboardSettings, Settings
from anyclaude_tui.redaction import OWN
from anyclaude_tui.screens.actions import ACTIONS
from anyclaude_tui.screens.backends.screen import BackendsScreen
from anyclaude_tui.screens.common.dialogs import Question
from anyclaude_tui.screens.dashboard.command_palette import entries
from anyclaude_tui.screens.help import HelpScreen
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets.lines import Tone, plain
from anyclaude_tui.widgets.panel import LinesView
from tests.screens import fakes
from tests.support.waiting import until

LEADER = "ctrl+right_square_bracket"


@asynccontextmanager
async def dashboard(
    home: Path,
    shown: Snapshot | None = None,
    size: tuple[int, int] = (80, 24),
    *,
    script: str = "cat",
    note: str = "",
    external: bool = False,
    theme: str = "anyclaude",
    leader: str = LEADER,
    found: fakes.FakeClient | None = None,
) -> AsyncIterator[tuple[DashboardApp, fakes.FakeClient, Pilot[Any]]]:
    """The app over a fake client, or over `found`, with `script` in the pane."""
    client = found or fakes.FakeClient(home, shown or fakes.snapshot())
    client.script, client.note = script, note
    settings = Settings(dashboard=DashboardSettings(theme=theme, leader=leader))
    app = DashboardApp(client, settings, external)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        yield app, client, pilot


def words(app: DashboardApp, name: str) -> str:
    """The text of one of the dashboard's widgets."""
    view = app.dashboard.query_one(f"#{name}", LinesView)
    return "\n".join(plain(line) for line in view.lines)


def pane_text(app: DashboardApp) -> str:
    """What the terminal shows."""
    assert app.dashboard.pane is not None
    return "\n".join(strip.text for strip in app.dashboard.pane.view.strips)


def on_top(app: DashboardApp) -> Screen[Any]:
    """The screen that has the keys."""
    return app.screen


def toasts(app: DashboardApp) -> str:
    """What the user was told."""
    return "\n".join(notification.message for notification in app._notifications)


async def test_the_outer_terminal_does_not_shine_through(tmp_path: Path) -> None:
    """Claude Code must not take the pane for the tmux that the dashboard runs in."""
    script = 'echo "[$TMUX|$TERM|$TERM_PROGRAM|$ANTHROPIC_BASE_URL]"; cat'
    async with dashboard(tmp_path, script=script) as (app, _, _):
        await until(lambda: "[|xterm-256color|ghostty|http://127.0.0.1:41810]" in pane_text(app))


async def test_claude_starts_at_once_and_gets_the_keys(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as (app, client, pilot):
        assert client.asked == ["claude start"]
        await pilot.press("z", "q", "h")
        await until(lambda: "zqh" in pane_text(app))
        assert app.dashboard.arrangement.mode == "strip"


async def test_the_leader_and_its_key_never_reach_the_program(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=(160, 48)) as (app, _, pilot):
        await pilot.press(LEADER, "z", "a", "b")
        await until(lambda: "ab" in pane_text(app))
        assert app.dashboard.arrangement.mode == "zoom"
        assert "zab" not in pane_text(app)
        await pilot.press(LEADER, "z")
        assert app.dashboard.arrangement.mode == "side"


async def test_the_leader_twice_reaches_the_program(tmp_path: Path) -> None:
    script = "stty raw -echo; head -c1 | od -An -tx1"
    async with dashboard(tmp_path, script=script) as (app, _, pilot):
        await pilot.press(LEADER, LEADER)
        await until(lambda: "1d" in pane_text(app))
        assert not app.leader_keys.pressed


async def test_the_menu_after_the_leader_lists_every_command(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as (app, _, pilot):
        await pilot.press(LEADER)
        menu = app.dashboard.query_one("#menu")
        assert menu.visible
        for action in ACTIONS:
            assert f"{action.key} " in words(app, "menu")
            assert action.name in words(app, "menu")
        assert "1 fast" in words(app, "menu")
        await pilot.press("escape")
        assert not menu.visible
        assert not app.leader_keys.pressed


async def test_an_unknown_key_is_named_and_dropped(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as (app, _, pilot):
        await pilot.press(LEADER, "k")
        assert "then k is not a command" in toasts(app)
        assert not app.leader_keys.pressed


async def test_an_unknown_key_is_named_as_it_is_printed(tmp_path: Path) -> None:
    for key, name in (("semicolon", ";"), ("ctrl+f", "Ctrl+F"), ("f5", "F5"), ("space", "Space")):
        async with dashboard(tmp_path) as (app, _, pilot):
            await pilot.press(LEADER, key)
            assert f"Ctrl+] then {name} is not a command" in toasts(app)


@pytest.mark.parametrize("prompt", ["top", "bottom"])
@pytest.mark.parametrize("size", [(80, 24), (100, 40), (120, 40), (160, 48), (200, 60)])
async def test_messages_stand_over_the_pane_alone_and_not_over_its_prompt(
    tmp_path: Path, size: tuple[int, int], prompt: str
) -> None:
    """Claude Code's prompt moves down as it writes: messages keep to the other half."""
    script = "printf '\\033[99;1H'; cat" if prompt == "bottom" else "cat"
    long = "The backend could not be restarted: port 8080 is taken by PID 812 (python)"
    async with dashboard(tmp_path, size=size, script=script) as (app, _, pilot):
        shown = app.dashboard.pane
        assert shown is not None
        await until(lambda: (shown.emulator.cursor.y > 0) == (prompt == "bottom"))
        app.say("Restarting fast")
        app.say(long, "error")
        await until(lambda: len(app.screen.query(Toast)) == 2)
        await pilot.pause()
        for zoomed in (False, True):
            pane = app.dashboard.arrangement.regions["pane"]
            for toast in app.screen.query(Toast):
                assert toast.region.area
                assert pane.contains_region(toast.region)
                middle = pane.y + pane.height // 2
                assert (toast.region.bottom <= middle) == (prompt == "bottom")
            if not zoomed:
                app.action_zoom()
                await pilot.pause()


async def test_another_leader_can_be_configured(tmp_path: Path) -> None:
    async with dashboard(tmp_path, leader="ctrl+g", size=(120, 40)) as (app, _, pilot):
        assert "Ctrl+G" in words(app, "footer")
        await pilot.press("ctrl+g", "z")
        assert app.dashboard.arrangement.mode == "zoom"


async def test_panels_come_and_go(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=(160, 48)) as (app, _, pilot):
        await pilot.press(LEADER, "x")
        await pilot.pause()
        assert app.dashboard.arrangement.mode == "strip"
        assert "● ready" in words(app, "strip")
        await pilot.press(LEADER, "x")
        assert app.dashboard.arrangement.mode == "side"
        assert not app.dashboard.toggle("session")
        assert "session" not in app.dashboard.arrangement.regions


async def test_a_digit_switches(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as (app, client, pilot):
        await pilot.press(LEADER, "2")
        assert client.asked[-1] == "switch qwen"
        await pilot.press(LEADER, "1")  # in use already
        assert client.asked[-1] == "switch qwen"
        await pilot.press(LEADER, "7")
        assert "There is no backend 7: Ctrl+] b lists them" in toasts(app)


async def test_the_list_of_backends_switches_and_leaves(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as (app, client, pilot):
        await pilot.press(LEADER, "b")
        assert isinstance(app.screen, BackendsScreen)
        await pilot.press("escape")
        assert on_top(app) is app.dashboard
        await pilot.press(LEADER, "b", "down", "enter")
        await pilot.pause()
        assert client.asked[-1] == "switch qwen"
        await pilot.press(LEADER, "b", "2")
        await pilot.pause()
        assert client.asked.count("switch qwen") == 2


async def test_why_a_switch_failed_is_said(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as (app, client, pilot):
        client.refusal = BackendError("the model path /m does not exist: correct it in config.toml")
        await pilot.press(LEADER, "2")
        await until(lambda: "the model path /m does not exist" in toasts(app))


async def test_restart_of_the_backend(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as (_, client, pilot):
        await pilot.press(LEADER, "r")
        assert client.asked[-1] == "restart"


async def test_help_lists_all_keys_and_gives_the_keyboard_back(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as (app, _, pilot):
        await pilot.press(LEADER, "question_mark")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await pilot.press("h", "i")
        await until(lambda: "hi" in pane_text(app))


async def test_every_action_is_in_the_palette_and_can_be_run(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=(120, 40)) as (app, _, pilot):
        names = {entry.name.lower() for entry in entries(app)}
        assert {a.name for a in ACTIONS if a.method != "palette"} <= names
        assert "switch to qwen" in names
        for action in ACTIONS:
            assert callable(getattr(app, f"action_{action.method}")), action
        await pilot.press(LEADER, "p")
        assert isinstance(app.screen, CommandPalette)
        await pilot.press(*"zoom")
        await app.workers.wait_for_complete()
        await pilot.press("enter")
        await pilot.press("enter")
        await pilot.pause()
        await until(lambda: app.dashboard.arrangement.mode == "zoom")


async def test_no_two_commands_share_a_key() -> None:
    keys = [key for action in ACTIONS for key in (action.key, action.also) if key]
    assert len(keys) == len(set(keys))
    assert not set(keys) & set("123456789")


async def test_quit_ends_the_program_and_says_0(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as (app, _, pilot):
        pane = app.dashboard.pane
        assert pane is not None
        await until(lambda: pane.running)
        await pilot.press(LEADER, "q")
        await until(lambda: not pane.running)
        assert app.return_value == 0


async def test_quit_asks_while_a_request_runs(tmp_path: Path) -> None:
    async with dashboard(tmp_path, fakes.snapshot(fakes.decoding())) as (app, _, pilot):
        await pilot.press(LEADER, "q")
        assert isinstance(app.screen, Question)
        await pilot.press("n")
        await pilot.pause()
        assert on_top(app) is app.dashboard
        assert app.return_value is None
        await pilot.press(LEADER, "q", "y")
        await pilot.pause()
        assert app.return_value == 0


async def test_a_program_that_ends_is_started_again_as_asked(tmp_path: Path) -> None:
    async with dashboard(tmp_path, script="echo over") as (app, client, pilot):
        await until(lambda: "r restart" in pane_text(app))
        await pilot.press("c")
        await until(lambda: client.asked[-1] == "claude continue")
        await until(lambda: "r restart" in pane_text(app))
        await pilot.press("r")
        await until(lambda: client.asked[-1] == "claude start")
        await until(lambda: "r restart" in pane_text(app))
        await pilot.press("s")
        await until(lambda: client.asked[-1] == "claude shell")


async def test_why_claude_could_not_be_started_is_said(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as (app, client, _):
        client.refusal = RuntimeError("claude.command is not a program")
        app.start_claude("start")
        await until(lambda: "claude.command is not a program" in toasts(app))


async def test_a_folder_that_is_gone_is_no_crash(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as (app, client, _):
        client.folder = tmp_path / "gone"
        app.start_claude("start")
        await until(lambda: "could not be started" in toasts(app))


async def test_the_note_stands_above_the_pane(tmp_path: Path) -> None:
    note = "Claude Code is not installed: npm install -g @anthropic-ai/claude-code."
    async with dashboard(tmp_path, note=note, size=(120, 40)) as (app, _, pilot):
        await until(lambda: "note" in app.dashboard.arrangement.regions)
        await pilot.pause()
        assert "npm install -g @anthropic-ai/claude-code" in words(app, "note")
        assert app.dashboard.arrangement.regions["pane"].y == 2
        app.drop_launch_notes()
        assert "note" not in app.dashboard.arrangement.regions


async def test_the_title_of_the_program_stands_in_the_header(tmp_path: Path) -> None:
    script = r"printf '\033]0;fix the tests\007'; cat"
    async with dashboard(tmp_path, script=script, size=(160, 48)) as (app, _, _pilot):
        await until(lambda: "fix the tests" in words(app, "header"))


async def test_a_new_snapshot_is_shown_and_the_same_one_paints_nothing(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=(160, 48)) as (app, client, _):
        assert "idle" in words(app, "now")
        panel = app.dashboard.query_one("#now", LinesView)
        assert not panel.set_lines(list(panel.lines))
        client.shown = fakes.snapshot(fakes.prefilling())
        app.show_snapshot()
        assert "● prefill" in words(app, "now")


async def test_a_terminal_that_lags_gets_no_more_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dashboard(tmp_path, size=(160, 48)) as (app, client, _):
        monkeypatch.setattr("anyclaude_tui.app.writes_waiting", lambda app: 2_000)
        client.shown = fakes.snapshot(fakes.prefilling())
        app.show_snapshot()
        assert "idle" in words(app, "now")


async def test_notices_are_told_once(tmp_path: Path) -> None:
    shown = fakes.snapshot(notices=(fakes.notice("error", "the disk is full: free some space"),))
    async with dashboard(tmp_path, shown) as (app, _, _pilot):
        app.show_snapshot()
        app.show_snapshot()
        assert toasts(app).count("the disk is full") == 1
        assert "✗ the disk is full: free some space" in words(app, "footer")


async def test_old_notices_leave_the_footer(tmp_path: Path) -> None:
    old = replace(fakes.notice("info", "qwen is ready"), wall=fakes.WALL - 60)
    async with dashboard(tmp_path, fakes.snapshot(notices=(old,))) as (app, _, _pilot):
        assert "qwen" not in words(app, "footer")


@pytest.mark.parametrize(
    ("size", "theme"),
    [
        ((80, 24), "anyclaude"),
        ((120, 40), "anyclaude-light"),
        ((160, 48), "ansi-dark"),
        ((200, 60), "gruvbox"),
    ],
)
async def test_every_size_and_theme_shows_the_essentials(
    tmp_path: Path, size: tuple[int, int], theme: str
) -> None:
    shown = fakes.snapshot(fakes.prefilling())
    async with dashboard(tmp_path, shown, size, theme=theme) as (app, _, pilot):
        await pilot.pause()
        svg = app.export_screenshot().replace("&#160;", " ")
        for part in ("gpt-oss-20b", "simulated", "prefill", "12.3k/18.5k", "keepalives", "Ctrl+]"):
            assert part in svg
        assert app.dashboard.pane is not None
        assert app.dashboard.pane.size.width >= 80


async def test_no_colour_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with dashboard(tmp_path, size=(160, 48)) as (app, _, pilot):
        await pilot.pause()
        assert app.no_color
        assert "✗" in words(app, "requests")


async def test_an_unknown_theme_is_named_with_those_there_are(tmp_path: Path) -> None:
    async with dashboard(tmp_path, theme="solarised") as (app, _, _pilot):
        assert app.theme == "auto"
        assert "no theme 'solarised'" in toasts(app)
        assert "solarized-dark" in toasts(app)


async def test_a_tiny_window_says_what_it_needs_and_the_program_runs_on(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as (app, _, pilot):
        pane = app.dashboard.pane
        assert pane is not None
        await until(lambda: pane.running)
        await pilot.resize_terminal(20, 5)
        await pilot.pause()
        assert app.dashboard.arrangement.mode == "small"
        assert "40×10" in words(app, "small")
        assert not pane.display
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert pane.running
        assert pane.display
        await pilot.press("o", "k")
        await until(lambda: "ok" in pane_text(app))


async def test_a_screenshot_is_saved_for_the_user_alone(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as (app, _, pilot):
        await pilot.press(LEADER, "s")
        folder = tmp_path / "screenshots"
        await until(lambda: bool(list(folder.glob("*.svg"))))
        (saved,) = folder.glob("*.svg")
        await pilot.pause()
        assert saved.stat().st_mode & 0o777 == 0o600
        assert str(saved) in toasts(app)
        assert "<svg" in saved.read_text()


async def test_external_shows_the_command_and_needs_no_leader(tmp_path: Path) -> None:
    empty = fakes.snapshot(history=())
    async with dashboard(tmp_path, empty, (120, 40), external=True) as (app, client, pilot):
        await until(lambda: "ANTHROPIC_BASE_URL=" in words(app, "command"))
        shown = " ".join(words(app, "command").split())  # a long folder's name wraps elsewhere
        assert "env ANTHROPIC_BASE_URL=" in shown
        assert "TOKEN='a b' /bin/sh" in shown
        assert app.dashboard.pane is None
        await pilot.press("c")
        assert "TOKEN='a b' /bin/sh -c cat" in app.clipboard
        assert str(tmp_path) in app.clipboard
        client.shown = fakes.snapshot(fakes.prefilling())
        app.show_snapshot()
        assert "env " not in words(app, "command")  # it has done its work
        await pilot.press("h")
        assert isinstance(app.screen, HelpScreen)


async def test_words_of_others_command_no_terminal_and_tell_no_key(tmp_path: Path) -> None:
    """Messages, questions, and whatever stands in lines: the root, whoever forgot the filter."""
    words = "it said \x1b]0;title\x07\x9b2Jno\u202e to key-of-this-run"
    OWN.add("key-of-this-run")
    async with dashboard(tmp_path, external=True) as (app, _, pilot):
        app.say(words, "error")
        app.dashboard._header.set_lines([((words, Tone.TEXT),)])
        app.push_screen(Question("Sure?", words))
        await pilot.pause()
        shown = "".join(
            segment.text for strip in app.screen._compositor.render_strips() for segment in strip
        ) + toasts(app)
        assert shown.isprintable()
        assert "it said no to" in shown
        assert "key-of-this-run" not in toasts(app)
