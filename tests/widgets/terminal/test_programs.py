"""Full-screen programs in the pane, one after the other: the screen is the one that the same
programs show outside, in tmux."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import until_shown
from tests.terminal.tmux import Tmux
from tests.widgets.terminal.test_pane import PaneApp, running

ROWS, COLUMNS = 24, 80
SHELL = ["bash", "--norc", "--noprofile"]
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "LC_ALL": "C.UTF-8",
    "PS1": "$ ",
    "TERM": "xterm-256color",
    "HOME": "/nonexistent",
    "BASH_SILENCE_DEPRECATION_WARNING": "1",
}

pytestmark = pytest.mark.skipif(
    any(shutil.which(name) is None for name in ("tmux", "less", "vim")),
    reason="tmux, less and vim are the programs that are compared",
)


class Both:
    """The same shell in the pane and in tmux; what is typed goes to both."""

    def __init__(self, app: PaneApp, tmux: Tmux) -> None:
        self.app, self.tmux = app, tmux

    def type(self, text: str) -> None:
        self.app.pane.write(text.encode())
        self.tmux.type(text)

    def kill(self, name: str) -> None:
        """Kill the program in both, as `kill -9` does."""
        for shell in (self.app.pane.pid, self.tmux.pid):
            for child in psutil.Process(shell).children(recursive=True):
                if child.name().startswith(name):
                    child.send_signal(signal.SIGKILL)

    @property
    def rows(self) -> list[str]:
        """The pane's rows."""
        emulator = self.app.pane.emulator
        return [emulator.text(y) for y in range(emulator.rows)]

    async def until(self, wanted: str) -> None:
        await self._until(
            lambda ours, theirs: (
                any(wanted in row for row in ours) and any(wanted in row for row in theirs)
            ),
            f"{wanted!r} in both",
        )

    async def equal(self, part: slice = slice(None)) -> None:
        await self._until(lambda ours, theirs: ours[part] == theirs[part], "the same")

    async def _until(self, fits: Callable[[list[str], list[str]], bool], words: str) -> None:
        for _ in range(300):
            ours, theirs = self.rows, self.tmux.screen()[0]
            if fits(ours, theirs):
                return
            await asyncio.sleep(0.1)
        shown = "\n".join(["-- pane", *ours, "-- tmux", *theirs])
        raise AssertionError(f"not {words}:\n{shown}")


@asynccontextmanager
async def shells(folder: Path) -> AsyncIterator[Both]:
    (folder / "long.txt").write_text("".join(f"line {n} of a long text\n" for n in range(200)))
    (folder / "short.txt").write_text("a short text\nof two lines\n")
    home = folder / "home"
    home.mkdir()
    environment = {**ENVIRONMENT, "HOME": str(home)}
    async with running((COLUMNS + 10, ROWS)) as (app, pilot):
        app.pane.launch(SHELL, environment, str(folder))
        await until_shown(pilot, lambda: app.text.startswith("$"))
        socket = folder / "outer"
        socket.mkdir()
        with Tmux(ROWS, COLUMNS, socket) as tmux:
            tmux.run_shell(SHELL, environment, folder)
            both = Both(app, tmux)
            await both.equal()
            yield both


async def test_less_then_vim(tmp_path: Path) -> None:
    async with shells(tmp_path) as both:
        both.type("less long.txt\r")
        await both.until("line 22 of")
        both.type(" ")
        await both.until("line 40 of")
        await both.equal(slice(0, ROWS - 1))
        both.type("q")
        await both.equal()
        both.type("vim -u NONE -i NONE -nN short.txt\r")
        await both.until("of two lines")
        await both.equal()
        both.type("Gonew line\x1b:2\r")
        await both.until("new line")
        await both.equal()
        both.type(":q!\r")
        await both.equal()


@pytest.mark.skipif(shutil.which("htop") is None, reason="htop is what is shown")
async def test_vim_killed_then_htop(tmp_path: Path) -> None:
    async with shells(tmp_path) as both:
        both.type("vim -u NONE -i NONE -nN long.txt\r")
        await both.until("line 20 of")
        both.kill("vim")
        await both.until("Killed")
        both.type("stty sane\r")
        both.type("htop -d 100\r")
        await both.until("F10")
        await both.equal(slice(-1, None))
        for rows in (both.rows, both.tmux.screen()[0]):
            assert not any("of a long text" in row or "Killed" in row for row in rows)
        both.type("q")
        await both.until("$")


async def test_tmux_inside(tmp_path: Path) -> None:
    async with shells(tmp_path) as both:
        # One server for each: the same commands, another socket by the terminal's name.
        start = "tmux -u -f /dev/null -S inner-$(basename $(tty)) new -s in bash --norc"
        try:
            both.type(f"{start}\r")
            await both.until("[in]")
            both.type("tmux set -g status-right '' \\; split-window -h 'less long.txt'\r")
            await both.until("line 10 of")
            await both.equal()
            both.type("\x02o")
            both.type("clear; seq 30\r")
            await both.until("30")
            await both.equal()
            both.type("\x02z")
            await both.equal()
        finally:
            for path in tmp_path.glob("inner-*"):
                ended = await asyncio.create_subprocess_exec("tmux", "-S", str(path), "kill-server")
                await ended.wait()
        await both.until("[server exited]")
