"""The bytes that a terminal of 160 × 48 gets in one scripted session: the dashboard of an older
commit, this one's, and tmux with the same program in a pane of the same size.

    python -m benchmarks.screen REV [--seconds 60] [--turns 1]

The dashboards get requests through their proxies while the program writes, so that the panels
move, and keys. All run at the same time, each on a PTY of its own that takes everything at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import psutil

from benchmarks import dashboard
from benchmarks.bodies import turns
from benchmarks.client import Target, ask
from benchmarks.dashboard import Terminal
from benchmarks.targets import free_port, write_config
from benchmarks.upstream import UpstreamProcess

ROWS, COLUMNS = 48, 160
EVERY_S = 5.0
"""A request each."""
KEY_S = 1.5


def child(seconds: float, said: Path) -> list[str]:
    """The program in the pane; it says its size in the file `said`."""
    script = str(dashboard.ROOT / "benchmarks" / "screen_child.py")
    return ["/bin/sh", "-c", f'stty size > "{said}"; exec {sys.executable} {script} {seconds}']


@contextmanager
def ours(
    upstream: UpstreamProcess, source: Path, seconds: float, said: Path
) -> Iterator[tuple[Terminal, Target]]:
    """The dashboard of the package in the folder `source`."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        port = free_port()
        write_config(home, upstream, f'[proxy]\nport = {port}\ntoken = "bench"\n')
        command = Path(home, "pane")
        words = " ".join(f"'{word}'" for word in child(seconds, said))
        command.write_text(f"#!/bin/sh\nexec {words}\n", encoding="utf-8")
        command.chmod(0o700)
        with Path(home, "config.toml").open("a", encoding="utf-8") as file:
            file.write(f'[claude]\ncommand = "{command}"\n')
        env = environment() | {"ANYCLAUDE_HOME": home, "PYTHONPATH": str(source)}
        argv = [sys.executable, "-P", "-m", "anyclaude_tui", "--backend", "bench"]
        with on_terminal(argv, env) as screen:
            yield screen, Target(str(source), port, "bench", anthropic=True)


@contextmanager
def tmux(
    size: tuple[int, int], seconds: float, folder: Path, *, beside: bool
) -> Iterator[Terminal]:
    """tmux with the program in a pane of `size` (rows, columns); `beside`: another pane fills the
    rest of the terminal, as the panels do, else the terminal is as large as the pane."""
    rows, columns = size
    base = ["tmux", "-u", "-f", "/dev/null", "-S", str(folder / f"tmux-{beside}")]
    words = " ".join(f"'{word}'" for word in child(seconds, folder / f"said-{beside}"))
    outer = (ROWS, COLUMNS) if beside else (rows + 1, columns)
    more = [";", "split-window", "-d", "-h", "-l", str(COLUMNS - columns - 1), "sleep 1000"]
    argv = [*base, "new-session", "sleep 0.5; exec " + words, *(more if beside else [])]
    with on_terminal(argv, environment(), outer) as screen:
        try:
            yield screen
        finally:
            subprocess.run([*base, "kill-server"], capture_output=True)


def environment() -> dict[str, str]:
    """That of a terminal."""
    left_out = ("TMUX", "NO_COLOR", "TERM_PROGRAM")
    kept = {key: value for key, value in os.environ.items() if key not in left_out}
    return kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}


@contextmanager
def on_terminal(
    argv: list[str], env: dict[str, str], size: tuple[int, int] = (ROWS, COLUMNS)
) -> Iterator[Terminal]:
    """A program on a terminal of that size."""
    screen = Terminal(argv, env, size)
    try:
        yield screen
    finally:
        screen.close()


async def until(said: Path) -> tuple[int, int]:
    """The rows and columns of the pane, once its program has begun. Raises TimeoutError."""
    for _ in range(1200):
        with contextlib.suppress(OSError, ValueError):
            rows, columns = map(int, said.read_text().split())
            return rows, columns
        await asyncio.sleep(0.05)
    raise TimeoutError(f"no program in the pane: {said}")


async def one(
    trees: dict[str, Path], upstream: UpstreamProcess, seconds: float
) -> dict[str, float]:
    """The bytes of all in one session, and of each dashboard's first screen."""
    figures: dict[str, float] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        screens: dict[str, Terminal] = {}
        targets: list[Target] = []
        for name, tree in trees.items():
            said = folder / f"said {name}"
            screens[name], target = stack.enter_context(ours(upstream, tree, seconds, said))
            targets.append(target)
            size = await until(said)
        for name, beside in (("tmux", True), ("tmux alone", False)):
            screens[name] = stack.enter_context(tmux(size, seconds, folder, beside=beside))
            await until(folder / f"said-{beside}")
        await asyncio.sleep(1.0)
        before = {name: screen.drawn_bytes for name, screen in screens.items()}
        cpu_s = {name: spent_s(screens[name]) for name in trees}
        figures |= {f"first {name}": float(count) for name, count in before.items()}

        async def requests() -> None:
            for number in range(int(seconds / EVERY_S)):
                payload = turns(3 + number, number, "paced 60 20")
                await asyncio.gather(*(ask(target, payload) for target in targets))
                await asyncio.sleep(EVERY_S - 3.0)

        async def keys() -> None:
            for number in range(int(seconds / KEY_S)):
                for screen in screens.values():
                    screen.type("abcdefgh"[number % 8])
                await asyncio.sleep(KEY_S)

        work = asyncio.gather(requests(), keys())
        await asyncio.sleep(seconds)
        for name, screen in screens.items():
            figures[name] = float(screen.drawn_bytes - before[name])
        for name, was_s in cpu_s.items():
            figures[f"cpu {name}"] = spent_s(screens[name]) - was_s
        await work
    figures["rows"], figures["columns"] = map(float, size)
    return figures


async def run(revision: str, seconds: float, rounds: int) -> list[dict[str, float]]:
    """All turns."""
    from benchmarks.against import HERE, worktree

    found = []
    with worktree(revision) as tree, UpstreamProcess() as upstream:
        for turn in range(rounds):
            order = {"before": tree, "now": HERE}
            found.append(await one(order, upstream, seconds))
            print(f"turn {turn + 1}/{rounds}: {json.dumps(found[-1])}", file=sys.stderr)
    return found


def spent_s(screen: Terminal) -> float:
    """CPU seconds of the program on the terminal so far."""
    times = psutil.Process(screen.pid).cpu_times()
    return float(times.user + times.system)


def table(found: list[dict[str, float]], seconds: float) -> str:
    """The figures as a table of Markdown."""
    rows, columns = int(found[0]["rows"]), int(found[0]["columns"])

    def of(name: str) -> float:
        return median(one[name] for one in found)

    def ratio(name: str, to: str) -> str:
        return f"{median(one[name] / one[to] for one in found):.2f}"

    names = {
        "before": "dashboard, before",
        "now": "dashboard, now",
        "tmux": f"tmux, a pane of {rows} × {columns} beside another, as here",
        "tmux alone": f"tmux, a pane of {rows} × {columns} alone",
    }
    lines = [
        f"| bytes to the terminal in {seconds:.0f} s | first screen | session | now is × it |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {words} | {of(f'first {name}'):,.0f} | {of(name):,.0f} | {ratio('now', name)} |"
        for name, words in names.items()
    ]
    cpu_s = {name: of(f"cpu {name}") for name in ("before", "now")}
    lines += [
        "",
        f"CPU of the dashboard meanwhile: {cpu_s['before']:.1f} s before, {cpu_s['now']:.1f} s "
        f"now, {ratio('cpu now', 'cpu before')} ×.",
    ]
    return "\n".join(lines) + "\n"


def compare(revision: str, seconds: float, rounds: int) -> str:
    """The table of a run, also written to the standard error turn by turn."""
    return table(asyncio.run(run(revision, seconds, rounds)), seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("revision")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--turns", type=int, default=1)
    options = parser.parse_args()
    print(compare(options.revision, options.seconds, options.turns))
