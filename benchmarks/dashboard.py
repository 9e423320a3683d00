"""The real dashboard on a terminal of the bench's own, which it may also stop reading.

The terminal is 200 × 50; a thread takes what is drawn and throws it away, as fast as it
comes. In the pane runs `pane_child.py repaint`, which draws the whole screen 30 times a
second, each word in a colour of its own: more than Claude Code ever does.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROWS, COLUMNS = 50, 200
READY_S = 60.0


def pane(mode: str) -> list[str]:
    """The program in the pane: `pane_child.py` in one of its modes."""
    return [sys.executable, str(ROOT / "benchmarks" / "pane_child.py"), mode]


class Terminal:
    """An outer terminal with a program on it."""

    def __init__(
        self, argv: Sequence[str], env: dict[str, str], size: tuple[int, int] = (ROWS, COLUMNS)
    ) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self._process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=ROOT, start_new_session=True
        )
        os.close(slave)
        self.drawn_bytes = 0
        """The bytes that the program has drawn so far."""
        self._reading = threading.Event()
        self._reading.set()
        self._over = False
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The program's process."""
        return self._process.pid

    def type(self, key: str) -> None:
        """Press a key."""
        os.write(self._master, key.encode())

    @contextlib.contextmanager
    def blocked(self) -> Iterator[None]:
        """Meanwhile the terminal takes nothing."""
        self._reading.clear()
        try:
            yield
        finally:
            self._reading.set()

    def close(self) -> None:
        """End the program as a closed terminal does."""
        self._reading.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGHUP)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._over = True
        self._thread.join()
        os.close(self._master)

    def _drain(self) -> None:
        while not self._over:
            self._reading.wait()
            if not select.select([self._master], [], [], 0.1)[0]:
                continue
            try:
                self.drawn_bytes += len(os.read(self._master, 1 << 16))
            except OSError:  # the program has ended
                time.sleep(0.05)


@contextlib.contextmanager
def dashboard(home: str, port: int, child: Sequence[str]) -> Iterator[Terminal]:
    """The dashboard with `child` in its pane, once it serves and has drawn.

    `home` has the config.toml; Claude Code's place is taken by a script written there.
    """
    command = Path(home, "pane")
    words = " ".join(f"'{word}'" for word in child)
    command.write_text(f"#!/bin/sh\nexec {words}\n", encoding="utf-8")
    command.chmod(0o700)
    with Path(home, "config.toml").open("a", encoding="utf-8") as file:
        file.write(f'[claude]\ncommand = "{command}"\n')
    env = {
        **{key: value for key, value in os.environ.items() if key not in ("TMUX", "NO_COLOR")},
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LC_ALL": "C.UTF-8",
        "ANYCLAUDE_HOME": home,
    }
    terminal = Terminal([sys.executable, "-m", "anyclaude_tui", "--backend", "bench"], env)
    try:
        _wait(terminal, port)
        yield terminal
    finally:
        terminal.close()


def _wait(terminal: Terminal, port: int) -> None:
    """Until the proxy listens and the screen is drawn. Raises RuntimeError."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            if terminal.drawn_bytes > 20_000:
                return
        time.sleep(0.02)
    shown = shutil.get_terminal_size()
    raise RuntimeError(f"the dashboard did not come up in {READY_S:.0f} s ({shown})")
