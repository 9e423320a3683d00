"""The pane as a widget: a real child on a real PTY inside a real (headless) app."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Static

from anyclaude_tui.widgets.terminal.pane import TerminalPane
from anyclaude_tui.widgets.terminal.strip_internals import TermStrip
from anyclaude_tui.widgets.textual_internals import prepare_textual
from tests.support.waiting import alive, until_shown

prepare_textual()

# Says what it reads, as a JSON line each; raw mode; modes given as argument.
ECHO = """
import json, os, sys, tty
tty.setraw(0)
sys.stdout.write(sys.argv[1].encode().decode("unicode_escape")); sys.stdout.flush()
with open(sys.argv[2], "w") as log:
    while data := os.read(0, 65536):
        log.write(json.dumps(data.decode("latin-1")) + "\\n"); log.flush()
        if data == b"q":
            break
"""


class PaneApp(App[None], inherit_bindings=False):
    ENABLE_COMMAND_PALETTE = False
    CSS = "Static { width: 10; }"

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Message] = []

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield TerminalPane()
            yield Static("side")

    def on_mount(self) -> None:
        self.query_one(TerminalPane).focus()

    @property
    def pane(self) -> TerminalPane:
        return self.query_one(TerminalPane)

    @property
    def text(self) -> str:
        """What the pane paints."""
        return "\n".join(strip.text.rstrip() for strip in self.pane.view.strips)

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.seen if isinstance(message, kind)]

    def note(self, message: Message) -> None:
        self.seen.append(message)

    on_terminal_pane_exited = note
    on_terminal_pane_title_changed = note
    on_terminal_pane_busy = note
    on_terminal_pane_bell = note
    on_terminal_pane_restart_requested = note
    on_terminal_pane_copied = note
    on_terminal_pane_faulted = note
    on_terminal_pane_notification = note
    on_terminal_pane_program_copied = note


@asynccontextmanager
async def running(size: tuple[int, int] = (50, 10)) -> AsyncIterator[tuple[PaneApp, Pilot[None]]]:
    app = PaneApp()
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PS1": "$ "}


class Typed:
    """A child that tells what it is sent."""

    def __init__(self, app: PaneApp, folder: Path, modes: str = "") -> None:
        self._log = folder / "typed"
        argv = [sys.executable, "-c", ECHO, modes + "ready", str(self._log)]
        app.pane.launch(argv, environment(), str(folder), label="Echo")

    @property
    def bytes(self) -> bytes:
        if not self._log.exists():
            return b""
        lines = self._log.read_text().splitlines()
        return "".join(json.loads(line) for line in lines).encode("latin-1")


async def test_a_shell_runs_and_its_end_is_told(tmp_path: Path) -> None:
    async with running() as (app, pilot):
        app.pane.launch(["sh", "-c", "echo hello; stty size; exit 3"], environment(), str(tmp_path))
        await until_shown(pilot, lambda: bool(app.of(TerminalPane.Exited)))
        await until_shown(pilot, lambda: "r restart" in app.text)
        assert app.text.startswith("hello\n10 40\n")
        assert " ended: r restart, c continue, s shell" in app.text
        assert not app.pane.running
        ended = app.of(TerminalPane.Exited)[0]
        assert (ended.code, ended.signal, ended.words) == (3, None, "failed with exit code 3")
        app.pane.find()
        await pilot.press("h", "e", "l", "escape")
        for key in ("x", "c", "s", "enter"):
            await pilot.press(key)
        assert [m.mode for m in app.of(TerminalPane.RestartRequested)] == [
            "continue",
            "shell",
            "again",
        ]
        await pilot.resize_terminal(100, 10)
        await until_shown(
            pilot, lambda: "sh failed with exit code 3 — r restart · c cont" in app.text
        )
        app.pane.launch(["sh", "-c", "echo again; sleep 9"], environment(), str(tmp_path))
        await until_shown(pilot, lambda: app.text.startswith("again"))
        assert "r restart" not in app.text
        assert "hello" not in app.text


async def test_the_end_line_does_not_hide_the_last_output(tmp_path: Path) -> None:
    async with running() as (app, pilot):
        app.pane.launch(["sh", "-c", "seq 30; printf last"], environment(), str(tmp_path))
        await until_shown(pilot, lambda: "r restart" in app.text)
        assert app.text.split("\n")[-2:] == ["last", app.text.split("\n")[-1]]


async def test_keys_and_pastes_reach_the_child(tmp_path: Path) -> None:
    async with running() as (app, pilot):
        typed = Typed(app, tmp_path, "\\x1b[?2004h\\x1b[>1u")
        await until_shown(pilot, lambda: "ready" in app.text)
        await pilot.press(
            "h", "i", "tab", "shift+tab", "ctrl+c", "escape", "shift+enter", "up", "f5"
        )
        await pilot.press("ctrl+q", "ctrl+p", "pageup", "alt+b", "shift+home")
        expected = b"hi\t\x1b[9;2u\x1b[99;5u\x1b[27u\x1b[13;2u\x1b[A\x1b[15~"
        expected += b"\x1b[113;5u\x1b[112;5u\x1b[5~\x1b[98;3u"
        await until_shown(pilot, lambda: typed.bytes == expected)
        from textual import events

        text = "0123456789" * 1000 + "\nend"
        app.pane.post_message(events.Paste(text))
        paste = b"\x1b[200~" + text.encode() + b"\x1b[201~"
        await until_shown(pilot, lambda: typed.bytes == expected + paste)


async def test_titles_progress_bell_and_focus(tmp_path: Path) -> None:
    async with running() as (app, pilot):
        typed = Typed(app, tmp_path, "\\x1b]2;A title\\x07\\x07\\x1b]9;4;3\\x07\\x1b[?1004h")
        await until_shown(pilot, lambda: "ready" in app.text)
        assert [m.title for m in app.of(TerminalPane.TitleChanged)][-1] == "A title"
        assert len(app.of(TerminalPane.Bell)) == 1
        assert [(m.busy, m.percent) for m in app.of(TerminalPane.Busy)] == [(True, None)]
        app.set_focus(None)
        await until_shown(pilot, lambda: typed.bytes.endswith(b"\x1b[O"))
        app.pane.focus()
        await until_shown(pilot, lambda: typed.bytes.endswith(b"\x1b[I"))


async def test_a_child_that_suspends_itself_is_woken(tmp_path: Path) -> None:
    """As Claude Code does on Ctrl+Z: it would wait for a shell's `fg` for ever."""
    script = (
        "trap 'echo woken' CONT; stty raw; echo up; dd bs=1 count=1 of=/dev/null; kill -STOP $$"
    )
    async with running() as (app, pilot):
        app.pane.launch(["sh", "-c", script + "; sleep 9"], environment(), str(tmp_path))
        await until_shown(pilot, lambda: "up" in app.text)
        await pilot.press("ctrl+z")
        await until_shown(pilot, lambda: "woken" in app.text)


async def test_a_resize_reaches_the_child(tmp_path: Path) -> None:
    script = "trap 'stty size' WINCH; echo up; while :; do sleep 0.02; done"
    async with running() as (app, pilot):
        app.pane.launch(["sh", "-c", script], environment(), str(tmp_path))
        await until_shown(pilot, lambda: "up" in app.text)
        for columns in (60, 70, 80):
            await pilot.resize_terminal(columns, 12)
        await until_shown(pilot, lambda: "12 70" in app.text)
        assert app.pane.emulator.columns == 70
        assert all(strip.cell_length == 70 for strip in app.pane.view.strips)


async def test_a_synchronized_frame_is_painted_whole_or_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = "anyclaude_tui.widgets.terminal.pane.SYNC_LIMIT_S"
    async with running() as (app, pilot):
        monkeypatch.setattr(limit, 60)
        app.pane.feed(b"old")
        await until_shown(pilot, lambda: app.text.startswith("old"))
        app.pane.feed(b"\x1b[?2026h\x1b[2J\x1b[Hhalf")
        await pilot.pause(0.04)
        assert app.text.startswith("old")
        app.pane.feed(b" and half\x1b[?2026l")
        await until_shown(pilot, lambda: app.text.startswith("half and half"))
        monkeypatch.setattr(limit, 0.1)
        app.pane.feed(b"\x1b[?2026h\x1b[2J\x1b[Hnever ended")
        await until_shown(pilot, lambda: app.text.startswith("never ended"))


async def test_history_by_wheel_and_keys(tmp_path: Path) -> None:
    async with running() as (app, pilot):
        typed = Typed(app, tmp_path)
        await until_shown(pilot, lambda: "ready" in app.text)
        app.pane.feed(b"\r\n".join(b"line %d" % n for n in range(50)))
        await until_shown(pilot, lambda: "line 49" in app.text)
        await pilot.press("shift+pageup")
        await until_shown(pilot, lambda: "line 49" not in app.text)
        top = app.text.split("\n")[0]
        app.pane.feed(b"\r\nmore\r\nand more")
        await pilot.pause(0.1)
        assert app.text.split("\n")[0] == top  # the view stays where it is
        await pilot.press("pageup", "shift+home")
        await until_shown(pilot, lambda: "ready" in app.text)
        await pilot._post_mouse_events([_scroll_down()], widget=TerminalPane)
        await until_shown(pilot, lambda: "ready" not in app.text)
        await pilot.press("end")
        await until_shown(pilot, lambda: "and more" in app.text)
        await pilot.press("shift+pageup", "x")  # typing goes back to the newest rows
        await until_shown(pilot, lambda: "and more" in app.text)
        assert typed.bytes == b"x"


def _scroll_down() -> type[Any]:
    from textual import events

    return events.MouseScrollDown


async def test_selecting_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []

    async def system(text: str) -> bool:
        copied.append(text)
        return True

    monkeypatch.setattr("anyclaude_tui.widgets.terminal.pane.copy_to_system", system)
    async with running() as (app, pilot):
        app.pane.feed(b"one two-three four\r\nsecond row")
        await until_shown(pilot, lambda: "second" in app.text)
        await pilot.mouse_down(TerminalPane, offset=(4, 0))
        await pilot.hover(TerminalPane, offset=(5, 1))
        await pilot.mouse_up(TerminalPane, offset=(5, 1))
        await until_shown(pilot, lambda: copied == ["two-three four\nsecond"])
        assert app.clipboard == "two-three four\nsecond"
        assert app.of(TerminalPane.Copied)[0].characters == 21
        await pilot.click(TerminalPane, offset=(6, 0), times=2)
        await until_shown(pilot, lambda: copied[-1] == "two-three")


async def test_a_program_copies_once_a_second_and_not_behind_the_users_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copied: list[str] = []

    async def system(text: str) -> bool:
        copied.append(text)
        return True

    monkeypatch.setattr("anyclaude_tui.widgets.terminal.pane.copy_to_system", system)
    async with running() as (app, pilot):
        app.pane.feed(b"\x1b]52;c;b25l\x07\x1b]52;c;dHdv\x07\x1b]52;c;dGhyZWU=\x07")
        await until_shown(pilot, lambda: copied == ["one", "three"])
        await until_shown(pilot, lambda: len(app.of(TerminalPane.ProgramCopied)) == 2)
        assert [one.text for one in app.of(TerminalPane.ProgramCopied)] == ["one", "three"]
        app.set_focus(None)
        app.pane.feed(b"\x1b]52;c;Zm91cg==\x07\x07\x07\x07\x1b]9;said\x07\x1b]9;again\x07")
        await until_shown(pilot, lambda: len(app.of(TerminalPane.Notification)) == 2)
        assert copied == ["one", "three"]
        assert len(app.of(TerminalPane.Bell)) <= 2


async def test_the_mouse_is_the_childs_when_it_tracks(tmp_path: Path) -> None:
    async with running() as (app, pilot):
        typed = Typed(app, tmp_path, "\\x1b[?1000h\\x1b[?1006h")
        await until_shown(pilot, lambda: "ready" in app.text)
        await pilot.click(TerminalPane, offset=(2, 1))
        await until_shown(pilot, lambda: typed.bytes == b"\x1b[<0;3;2M\x1b[<0;3;2m")
        await pilot._post_mouse_events([_scroll_down()], widget=TerminalPane, offset=(0, 0))
        await until_shown(pilot, lambda: typed.bytes.endswith(b"\x1b[<65;1;1M"))
        await pilot.mouse_down(TerminalPane, offset=(0, 0), shift=True)
        await pilot.hover(TerminalPane, offset=(4, 0))
        await pilot.mouse_up(TerminalPane, offset=(4, 0), shift=True)
        assert app.clipboard == "ready"


async def test_ctrl_click_opens_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(App, "open_url", lambda app, url: opened.append(url))
    async with running() as (app, pilot):
        app.pane.feed(
            b"\x1b]8;;https://a.b/c\x1b\\web\x1b]8;;file:///etc\x1b\\file\x1b]8;;\x1b\\ no"
        )
        await until_shown(pilot, lambda: "webfile no" in app.text)
        for x in (1, 4, 8):
            await pilot.click(TerminalPane, offset=(x, 0), control=True)
        await pilot.click(TerminalPane, offset=(1, 0))
        assert opened == ["https://a.b/c"]


async def test_search() -> None:
    async with running() as (app, pilot):
        app.pane.feed(b"\r\n".join(b"line %d" % n for n in range(50)))
        app.pane.find()
        await pilot.press("n", "e", "space", "7")
        await until_shown(pilot, lambda: "find: ne 7▏ 1 of 1" in app.text)
        assert "line 7\n" in app.text
        await pilot.press("backspace")
        await until_shown(pilot, lambda: "1 of 50" in app.text)
        await pilot.press("enter")
        await until_shown(pilot, lambda: "2 of 50" in app.text)
        await pilot.press("escape")
        await until_shown(pilot, lambda: "find:" not in app.text)
        assert "line 49" in app.text


async def test_nothing_is_painted_for_rows_that_did_not_change() -> None:
    async with running() as (app, pilot):
        app.pane.feed(b"one\r\ntwo\r\nthree")
        await until_shown(pilot, lambda: "three" in app.text)
        strips = list(app.pane.view.strips)
        app.pane.feed(b"\x1b[2;1HTWO\x1b[H\x1b[2K\x1b[Hone")
        await until_shown(pilot, lambda: "TWO" in app.text)
        changed = [y for y, strip in enumerate(app.pane.view.strips) if strip is not strips[y]]
        assert changed == [0, 1, 2]  # 0 and 2: the cursor came and went


async def test_frames_leave_no_cyclic_garbage() -> None:
    """Strip.divide of Textual leaves a cycle for each painted row (docs/terminal.md, C)."""
    async with running((120, 40)) as (app, _):
        frames = 30

        async def paint(count: int) -> None:
            for n in range(count):
                rows = b"".join(b"\x1b[%d;1H\x1b[3%dmrow %d" % (y, n % 8, n) for y in range(1, 41))
                app.pane.feed(b"\x1b[?2026h" + rows + b"\x1b[?2026l")
                await asyncio.sleep(0.035)

        await paint(3)
        gc.collect()
        gc.disable()
        try:
            await paint(frames)
            assert gc.collect() / frames < 5
        finally:
            gc.enable()


def test_term_strips_divide_like_textuals() -> None:
    from textual.strip import Strip

    strip = TermStrip(TermStrip.blank(10)._segments, 10)
    assert strip.divide([10]) == [strip]
    assert [len(part.text) for part in strip.divide([3, 10])] == [3, 7]
    assert strip._divide_cache.keys() == Strip.blank(1)._divide_cache.keys()


async def test_a_launch_replaces_a_child_that_runs(tmp_path: Path) -> None:
    async with running() as (app, pilot):
        stubborn = "trap '' HUP; echo one; while :; do sleep 0.05; echo noise; done"
        app.pane.launch(["sh", "-c", stubborn], environment(), str(tmp_path))
        await until_shown(pilot, lambda: "one" in app.text)
        former = app.pane.pid
        assert former is not None
        app.pane.launch(["sh", "-c", "echo two; sleep 100"], environment(), str(tmp_path))
        await until_shown(pilot, lambda: app.text.startswith("two"))
        await until_shown(pilot, lambda: not alive(former))
        assert "noise" not in app.text
        assert app.of(TerminalPane.Exited) == []


async def test_no_child_outlives_the_app(tmp_path: Path) -> None:
    async with running() as (app, pilot):
        app.pane.launch(["sh", "-c", "echo up; sleep 100"], environment(), str(tmp_path))
        await until_shown(pilot, lambda: "up" in app.text)
        pid = app.pane.pid
        assert pid is not None
    assert not alive(pid)
