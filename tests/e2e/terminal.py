"""A terminal for a program under test: a real PTY, or a real tmux, and the screen as text.

`PtyTerminal` needs nothing but bittty, which also answers the program's queries in order.
`TmuxTerminal` is the users' own terminal multiplexer, driven by `send-keys` and `capture-pane`.
Both kill the whole process group of what they started.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import struct
import sys
import termios
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from bittty import Board, MemoryConnection  # type: ignore[import-untyped]

KEYS = {
    "Enter": "\r",
    "Escape": "\x1b",
    "Tab": "\t",
    "Up": "\x1b[A",
    "Down": "\x1b[B",
    "C-c": "\x03",
    "C-d": "\x04",
    "C-q": "\x11",
    "C-]": "\x1d",
}
"""tmux's names for keys, and what a terminal sends for them."""

TRAMPOLINE = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
"""Makes the PTY the controlling terminal of the new session, then becomes the program."""


class Terminal(ABC):
    """`async with PtyTerminal(command, …) as terminal:` then type, wait, look."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        columns: int = 120,
        rows: int = 40,
    ) -> None:
        self.command = list(command)
        self.cwd = cwd
        self.env = dict(env)
        self.columns = columns
        self.rows = rows

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def stop(self) -> None: ...

    @abstractmethod
    async def screen(self) -> str:
        """The screen now, lines joined with LF."""

    @abstractmethod
    async def type_text(self, text: str) -> None:
        """Types text, as a person would."""

    @abstractmethod
    async def press(self, *names: str) -> None:
        """Presses keys by their tmux names (`KEYS`)."""

    @abstractmethod
    def ended(self) -> bool:
        """Whether the program has ended."""

    async def wait_for(self, wanted: str | Callable[[str], bool], timeout: float = 60) -> str:
        """Waits until the screen has the words (or fits), and returns it.

        Raises AssertionError with the screen when the time is up or the program has ended.
        """
        fits = wanted if callable(wanted) else (lambda screen: wanted in screen)
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            over = self.ended() or asyncio.get_running_loop().time() > deadline
            screen = await self.screen()
            if fits(screen):
                return screen
            if over:
                why = "the program has ended" if self.ended() else f"not within {timeout} s"
                raise AssertionError(f"{wanted!r} is not on the screen: {why}\n{screen}")
            await asyncio.sleep(0.05)

    async def quit_dashboard(self) -> None:
        """Leader, q, and yes when it asks (it does while a request runs); waits for the end."""
        await self.press("C-]", "q")
        asks = await self.wait_for(lambda screen: self.ended() or "Quit?" in screen)
        if not self.ended() and "Quit?" in asks:
            await self.press("y")
        await self.wait_for(lambda _: self.ended())

    async def enter(self, text: str) -> None:
        """Types text, waits until it is on the screen, and presses Enter."""
        await self.type_text(text)
        await self.wait_for(text)
        await self.press("Enter")

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()


class PtyTerminal(Terminal):
    """A PTY whose other end is a bittty screen."""

    async def start(self) -> None:
        self._written = bytearray()
        self._drained = asyncio.Event()
        self._board = Board(width=self.columns, height=self.rows)
        self._answers = MemoryConnection()
        self._board.host.attach(self._answers)
        self._master, slave = pty.openpty()
        size = struct.pack("HHHH", self.rows, self.columns, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        os.set_blocking(self._master, False)
        try:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-SEIc", TRAMPOLINE, *self.command,
                stdin=slave, stdout=slave, stderr=slave,
                cwd=self.cwd, env=self.env, start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(slave)
        asyncio.get_running_loop().add_reader(self._master, self._read)

    async def stop(self) -> None:
        if not hasattr(self, "_master"):
            return
        asyncio.get_running_loop().remove_reader(self._master)
        if hasattr(self, "process"):
            await end_group(self.process)
        os.close(self._master)
        del self._master

    async def screen(self) -> str:
        page = self._board.display.page
        return "\n".join(page.get_line_text(y).rstrip() for y in range(self.rows))

    async def type_text(self, text: str) -> None:
        self.send(text)

    async def press(self, *names: str) -> None:
        for name in names:
            self.send(KEYS[name])

    def send(self, text: str) -> None:
        """Writes to the program's terminal input."""
        self.send_bytes(text.encode())

    def send_bytes(self, data: bytes) -> None:
        """Writes bytes that need not be text."""
        os.write(self._master, data)

    def ended(self) -> bool:
        return self.process.returncode is not None

    async def wait_ended(self, timeout: float = 30) -> int:
        """Waits for the program's end and all that it has written; its exit code."""
        async with asyncio.timeout(timeout):
            code = await self.process.wait()
            await self._drained.wait()
        return code

    def history(self) -> str:
        """All that it has written, as it came."""
        return self._written.decode(errors="replace")

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except BlockingIOError:
            return
        except OSError:  # EIO: on Linux the last one has closed the other end
            data = b""
        if data:
            self._written += data
            self._board.feed_host_data(data)
            if self._answers.data:  # to the program's queries (DA1, DECRQM, …), in order
                self.send(self._answers.text)
                self._answers.data.clear()
        else:
            asyncio.get_running_loop().remove_reader(self._master)
            self._drained.set()


class TmuxTerminal(Terminal):
    """A tmux server of its own: no configuration, its socket in `cwd`'s parent."""

    async def start(self) -> None:
        self._socket = f"../tmux-{os.getpid()}"
        argv = ["env", "-i", *(f"{name}={value}" for name, value in self.env.items())]
        await self._tmux(
            "new-session", "-d", "-s", "main", "-x", str(self.columns), "-y", str(self.rows),
            "-c", str(self.cwd), *argv, *self.command,
        )  # fmt: skip
        self._pid = int(await self._tmux("display-message", "-p", "#{pane_pid}"))

    async def stop(self) -> None:
        children = []
        if hasattr(self, "_pid") and psutil.pid_exists(self._pid):
            children = psutil.Process(self._pid).children(recursive=True)
        await self._tmux("kill-server", check=False)
        for child in children:
            if child.is_running():
                child.kill()

    async def screen(self) -> str:
        return await self._tmux("capture-pane", "-p", "-t", "main", check=False)

    async def type_text(self, text: str) -> None:
        await self._tmux("send-keys", "-t", "main", "-l", text)

    async def press(self, *names: str) -> None:
        await self._tmux("send-keys", "-t", "main", *names)

    def ended(self) -> bool:
        return not psutil.pid_exists(self._pid)

    async def _tmux(self, *args: str, check: bool = True) -> str:
        process = await asyncio.create_subprocess_exec(
            "tmux", "-f", "/dev/null", "-S", self._socket, *args,
            cwd=self.cwd, env=os.environ | {"TMUX": "", "LC_ALL": "C.UTF-8"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert not check or process.returncode == 0, f"tmux {args[0]}: {err.decode()}"
        return out.decode()


async def end_group(process: asyncio.subprocess.Process) -> None:
    """Kills what is left of a process that leads its own group, and reaps it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS: EPERM when only zombies are left
            break
        try:
            await asyncio.wait_for(process.wait(), 3)
        except TimeoutError:
            continue
    await process.wait()
