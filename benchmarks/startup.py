"""The time until something is there: `--version`, `--help`, `serve`, the first paint.

All of it in turns with `python -c pass` on the same machine, so that the ratio holds where the
absolute figures do not. `--version` and `--help` may take 0.3 s more than that and no longer;
the exit code is 1 when they do.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from statistics import median

ALLOWED_S = 0.3
"""The seconds that `--version` and `--help` may take beyond the bare interpreter."""
COLUMNS, ROWS = 160, 48
FIRST_PAINT = b"Ctrl+]"
"""Stands in the footer."""
READY = b"ready"
"""Stands in the panel of the backend, when the simulated one answers."""
TIMEOUT_S = 60.0
PYTHON = sys.executable
PROGRAM = (PYTHON, "-m", "anyclaude_tui")

Measure = Callable[[dict[str, str]], float]


def ends(*command: str) -> Measure:
    """Seconds until a command has ended."""

    def measure(env: dict[str, str]) -> float:
        start = time.monotonic()
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - start

    return measure


def says(*command: str) -> Measure:
    """Seconds until a command has written a line."""

    def measure(env: dict[str, str]) -> float:
        start = time.monotonic()
        with subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            took = time.monotonic() - start
            process.terminate()
        return took

    return measure


def paints(words: bytes, *command: str) -> Measure:
    """Seconds until the words are on the terminal that a command draws on."""

    def measure(env: dict[str, str]) -> float:
        start = time.monotonic()
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(command[0], command, {**env, "TERM": "xterm-256color"})
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        seen = b""
        try:
            while words not in seen and time.monotonic() - start < TIMEOUT_S:
                seen = seen[-4096:] + os.read(terminal, 65536)
            return time.monotonic() - start
        finally:
            os.kill(pid, signal.SIGTERM)
            _drain(terminal)
            os.waitpid(pid, 0)

    return measure


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # EIO: nobody has the other end any more
        os.close(terminal)


MEASURES: dict[str, Measure] = {
    "python -c pass": ends(PYTHON, "-c", "pass"),
    "--version": ends(*PROGRAM, "--version"),
    "--help": ends(*PROGRAM, "--help"),
    "import of the proxy": ends(PYTHON, "-c", "import anyclaude_tui.session.session"),
    "import of the dashboard": ends(PYTHON, "-c", "import anyclaude_tui.app"),
    "serve, ready line": says(*PROGRAM, "serve", "--backend", "simulator"),
    "dashboard, first paint": paints(FIRST_PAINT, *PROGRAM, "--backend", "simulator"),
    "dashboard, backend ready": paints(READY, *PROGRAM, "--backend", "simulator"),
}


def run(turns: int) -> dict[str, list[float]]:
    """Everything, in turns, after one that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in MEASURES}
    with tempfile.TemporaryDirectory(prefix="startup-") as home:
        env = {"PATH": os.environ["PATH"], "HOME": home, "LC_ALL": "C.UTF-8"}
        for turn in range(turns + 1):
            for name, measure in MEASURES.items():
                took = measure(env)
                if turn:
                    taken[name].append(took)
    return taken


def report(taken: dict[str, list[float]]) -> tuple[list[str], bool]:
    """The table, and whether the quick ones are quick."""
    bare = median(taken["python -c pass"])
    rows = ["| start-up | median s | smallest–largest | × python -c pass |", "|---|---|---|---|"]
    good = True
    for name, times in taken.items():
        middle = median(times)
        note = ""
        if name.startswith("--") and middle - bare > ALLOWED_S:
            good, note = False, f" (over by {middle - bare - ALLOWED_S:.2f} s)"
        spread = f"{min(times):.3f}–{max(times):.3f}"
        rows.append(f"| {name} | {middle:.3f}{note} | {spread} | {middle / bare:.1f} |")
    return rows, good


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=7)
    lines, quick = report(run(parser.parse_args().turns))
    print("\n".join(lines))
    sys.exit(0 if quick else 1)
