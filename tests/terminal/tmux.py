"""tmux as a second reference, for the text of a screen and its cursor."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

Screen = tuple[list[str], tuple[int, int]]


class Tmux:
    """A tmux server of our own with one pane; a context manager."""

    def __init__(self, rows: int, columns: int, folder: Path) -> None:
        self._folder = folder
        self._run(
            *("new-session", "-d", "-s", "t", "-x", str(columns), "-y", str(rows)),
            *("sleep 1000", ";", "set", "-g", "status", "off", ";"),
            *("set", "-g", "remain-on-exit", "on"),
        )
        self._run("resize-window", "-t", "t", "-x", str(columns), "-y", str(rows))

    @staticmethod
    def available() -> bool:
        """Whether tmux is installed."""
        return shutil.which("tmux") is not None

    def __enter__(self) -> Tmux:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run("kill-server")

    def show(self, data: bytes, until: Callable[[Screen], bool], timeout_s: float = 2.0) -> Screen:
        """The screen after `data`, as soon as `until` holds, or after the timeout."""
        path = self._folder / "data"
        path.write_bytes(data)
        command = f"stty raw -echo; cat '{path}'; sleep 1000"
        self._run("respawn-pane", "-k", "-t", "t", command)
        deadline = time.monotonic() + timeout_s
        while True:
            screen = self.screen()
            if until(screen) or time.monotonic() > deadline:
                return screen
            time.sleep(0.02)

    def run_shell(self, argv: list[str], environment: dict[str, str], folder: Path) -> None:
        """A program in the window in place of what was there; `environment` is all it has."""
        words = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), *argv]
        self._run("respawn-pane", "-k", "-t", "t", "-c", str(folder), shlex.join(words))

    @property
    def pid(self) -> int:
        """The process id of the program in the window."""
        return int(self._run("display", "-p", "-t", "t", "#{pane_pid}"))

    def type(self, text: str) -> None:
        """Type text, controls too."""
        self._run("send-keys", "-t", "t", "-H", *(f"{byte:x}" for byte in text.encode()))

    def screen(self) -> Screen:
        """The rows, and where the cursor is."""
        text = self._run(
            "capture-pane", "-p", "-t", "t", ";", "display", "-p", "#{cursor_x} #{cursor_y}"
        )
        *lines, cursor = text.rstrip("\n").split("\n")
        x, y = cursor.split()
        return [line.rstrip(" ") for line in lines], (int(x), int(y))

    def _run(self, *arguments: str) -> str:
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
        environment.pop("TMUX", None)
        return subprocess.run(
            ["tmux", "-u", "-f", "/dev/null", "-S", "tmux", *arguments],
            cwd=self._folder,  # a Mac's temporary folders are too long for a socket's path
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
