"""The speed of the terminal pane, beside tmux: `python benchmarks/pane.py [--quick]`.

A harness holds the outer terminal (a PTY). It types a key and waits until the answer of the
program in the pane is among the bytes that reach the outer terminal: keystroke → screen.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import random
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
ROWS, COLUMNS = 50, 170
MODES = ("idle", "diff", "repaint", "yes", "seq")
_KEYS = "abcdefghijklmnopqrstuvwxyz"


@dataclass
class Outer:
    """The outer terminal with a program in it."""

    process: subprocess.Popen[bytes]
    master: int
    tail: bytes = b""

    @classmethod
    def start(cls, argv: Sequence[str], env: dict[str, str]) -> Outer:
        """Start `argv` on a PTY of its own."""
        import fcntl
        import struct
        import termios

        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=ROOT, start_new_session=True
        )
        os.close(slave)
        os.set_blocking(master, False)
        return cls(process, master)

    def read(self, for_s: float, until: re.Pattern[bytes] | None = None) -> float | None:
        """Read for a while, or until a pattern comes: then the time that took."""
        began = time.perf_counter()
        while (left_s := began + for_s - time.perf_counter()) > 0:
            if not select.select([self.master], [], [], left_s)[0]:
                break
            with contextlib.suppress(BlockingIOError, OSError):
                self.tail = self.tail[-4096:] + os.read(self.master, 1 << 16)
            if until is not None and until.search(self.tail):
                self.tail = b""
                return time.perf_counter() - began
        return None

    def key_s(self, key: str) -> float | None:
        """Type a key; seconds until its answer is on the screen."""
        self.tail = b""
        began = time.perf_counter()
        os.write(self.master, key.encode())
        # Styles and cursor moves may come between, tmux writes only what has changed.
        seen = self.read(3.0, re.compile(rb"<<" + key.encode() + rb">>|(?<=<)" + key.encode()))
        return None if seen is None else time.perf_counter() - began

    def stop(self) -> None:
        """End it and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGHUP)
        deadline = time.monotonic() + 3
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read(0.05)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


def child(mode: str) -> list[str]:
    return [sys.executable, str(ROOT / "benchmarks" / "pane_child.py"), mode]


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("TMUX", "TERM_PROGRAM")}
    return kept | {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
    }


@dataclass
class Result:
    """One mode in one terminal."""

    latency_ms: list[float]
    cpu_percent: float
    stall_ms: float | None = None
    rss_mb: float | None = None

    def row(self) -> str:
        lost = sum(1 for value in self.latency_ms if value == float("inf"))
        p50 = statistics.median(self.latency_ms)
        p95 = sorted(self.latency_ms)[int(len(self.latency_ms) * 0.95)]
        extra = f"{self.stall_ms:6.0f}" if self.stall_ms is not None else "     –"
        memory = f"{self.rss_mb:6.0f}" if self.rss_mb is not None else "     –"
        return f"{p50:7.1f} {p95:7.1f} {self.cpu_percent:6.1f} {extra} {memory}" + (
            f"  ({lost} lost)" if lost else ""
        )


@contextlib.contextmanager
def pane(mode: str, folder: Path) -> Iterator[tuple[Outer, psutil.Process, Path]]:
    """Our app with the child in it."""
    report = folder / f"{mode}.json"
    argv = [sys.executable, str(ROOT / "benchmarks" / "pane_app.py"), str(report), *child(mode)]
    outer = Outer.start(argv, environment())
    try:
        yield outer, psutil.Process(outer.process.pid), report
    finally:
        outer.stop()


@contextlib.contextmanager
def tmux(mode: str, folder: Path) -> Iterator[tuple[Outer, psutil.Process, Path]]:
    """tmux with the same child."""
    socket = folder / f"tmux-{mode}"
    base = ["tmux", "-u", "-f", "/dev/null", "-S", str(socket)]
    outer = Outer.start([*base, "new-session", " ".join(child(mode))], environment())
    outer.read(1.5)
    answer = subprocess.run([*base, "display", "-p", "#{pid}"], capture_output=True, text=True)
    try:
        yield outer, psutil.Process(int(answer.stdout)), folder / "none"
    finally:
        subprocess.run([*base, "kill-server"], capture_output=True)
        outer.stop()


def measure(outer: Outer, process: psutil.Process, report: Path, keys: int) -> Result:
    """Type, and watch what it costs."""
    chance = random.Random(1)
    outer.read(3.0)
    used = process.cpu_times()
    began = time.perf_counter()
    stalls: list[float] = []
    latency: list[float] = []
    for n in range(keys):
        outer.read(chance.uniform(0.15, 0.30))
        taken_s = outer.key_s(_KEYS[n % len(_KEYS)])
        latency.append(taken_s * 1000 if taken_s is not None else float("inf"))
        if report.exists():
            stalls.append(json.loads(report.read_text())["stall_s"])
    now = process.cpu_times()
    cpu_s = now.user + now.system - used.user - used.system
    state = json.loads(report.read_text()) if report.exists() else None
    return Result(
        latency,
        100 * cpu_s / (time.perf_counter() - began),
        max(stalls) * 1000 if stalls else None,
        state["rss"] / 1024 if state else None,
    )


def stalled_outer(folder: Path) -> float:
    """The longest that the app's loop stood while the outer terminal did not read for 3 s."""
    with pane("repaint", folder) as (outer, _, report):
        outer.read(3.0)
        worst = 0.0
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            time.sleep(0.2)
            worst = max(worst, json.loads(report.read_text())["stall_s"])
        outer.read(1.5)
        return max(worst, float(json.loads(report.read_text())["stall_s"])) * 1000


def garbage_per_frame(frames: int = 300) -> float:
    """Objects in reference cycles that one painted frame leaves behind."""
    import asyncio

    from anyclaude_tui.widgets.textual_internals import prepare_textual

    prepare_textual()
    from textual.app import App, ComposeResult

    from anyclaude_tui.widgets.terminal.pane import TerminalPane
    from benchmarks.pane_child import repaint

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield TerminalPane()

    async def run() -> float:
        app = Bare()
        async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
            terminal = app.query_one(TerminalPane)
            output = repaint(COLUMNS, ROWS)
            for _ in range(10):
                terminal.feed(next(output))
                await pilot.pause(0.04)
            gc.collect()
            gc.freeze()
            gc.disable()
            for _ in range(frames):
                terminal.feed(next(output))
                await asyncio.sleep(0.034)
            found = gc.collect()
            gc.enable()
            gc.unfreeze()
            return found / frames

    return asyncio.run(run())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer keys")
    parser.add_argument("--modes", nargs="*", default=MODES, choices=MODES)
    arguments = parser.parse_args()
    keys = 20 if arguments.quick else 60
    with contextlib.suppress(PermissionError):  # else the latency is that of other work
        os.nice(-10)
    print(f"{ROWS}×{COLUMNS}, {keys} keys each; latency keystroke → outer terminal")
    print(f"{'':16} p50 ms  p95 ms  CPU % stall ms RSS MB")
    with tempfile.TemporaryDirectory(prefix="pane-bench-") as name:
        folder = Path(name)
        for mode in arguments.modes:
            with pane(mode, folder) as (outer, process, report):
                print(f"{mode:8} pane   {measure(outer, process, report, keys).row()}", flush=True)
            if shutil.which("tmux"):
                with tmux(mode, folder) as (outer, process, report):
                    row = measure(outer, process, report, keys).row()
                    print(f"{mode:8} tmux   {row}", flush=True)
        print(
            f"outer terminal silent for 3 s: the loop stood {stalled_outer(folder):.0f} ms at most"
        )
    frames = 100 if arguments.quick else 300
    print(f"garbage objects per frame: {garbage_per_frame(frames):.2f}")


if __name__ == "__main__":
    main()
