"""The targets of the bench: a direct connection, the byte relay, this proxy's two forms, peers.

Each is a process of its own. The proxy is the real program: `serve`, and the dashboard on a
terminal of its own (`screen.py`).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.client import Target
from benchmarks.dashboard import Terminal, dashboard, pane
from benchmarks.upstream import UpstreamProcess

OURS = "anyclaude-tui"
IN_DASHBOARD = "in the dashboard"
SETTLE_S = 0.5


@dataclass(slots=True)
class Runner:
    """One target and the process behind it (None: direct)."""

    target: Target
    process: psutil.Process | None
    start_s: float | None = None
    terminal: Terminal | None = None
    """The outer terminal, when there is one."""
    violation: str = ""
    """The first thing found wrong in a reply of it."""
    idle_bytes: int = field(init=False)
    """Its memory before the first request."""

    def __post_init__(self) -> None:
        self.idle_bytes = self.rss()

    def cpu_s(self) -> float:
        """CPU seconds of the process so far."""
        if self.process is None:
            return 0.0
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss(self) -> int:
        """Bytes of memory in use."""
        return self.process.memory_info().rss if self.process is not None else 0


def write_config(home: str, upstream: UpstreamProcess, more: str = "") -> None:
    """A config.toml with the bench's model server as backend `bench`."""
    url = f"http://127.0.0.1:{upstream.port}/v1"
    backend = f'[backends.bench]\nkind = "openai"\nurl = "{url}"\nmodel = "m"\nslots = 256\n'
    Path(home, "config.toml").write_text(backend + more, encoding="utf-8")


@contextmanager
def spawned(
    argv: Sequence[str], env: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A child that prints one line when it is ready."""
    everything = {**os.environ, **env}
    process = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=everything
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def relay(upstream: UpstreamProcess) -> Iterator[Runner]:
    """The byte relay."""
    argv = [sys.executable, "-m", "benchmarks.relay", str(upstream.port)]
    with spawned(argv, {}) as (child, line):
        yield Runner(Target("byte relay", int(line)), psutil.Process(child.pid))


@contextmanager
def serve(upstream: UpstreamProcess, source: Path | None = None) -> Iterator[Runner]:
    """`anyclaude-tui serve`, of the package in the folder `source` where one is given."""
    where = {} if source is None else {"PYTHONPATH": str(source)}
    with tempfile.TemporaryDirectory() as home:
        write_config(home, upstream)
        start = time.monotonic()
        argv = [sys.executable, "-P", "-m", "anyclaude_tui", "serve", "--backend", "bench"]
        where |= {"ANYCLAUDE_HOME": home, "PYTHONDONTWRITEBYTECODE": ""}  # as it is installed
        with spawned(argv, where) as (child, line):
            took_s = time.monotonic() - start
            served = json.loads(line)
            port = int(served["url"].rsplit(":", 1)[1])
            target = Target(OURS, port, served["token"], anthropic=True)
            yield Runner(target, psutil.Process(child.pid), took_s)


@contextmanager
def in_dashboard(upstream: UpstreamProcess, child: Sequence[str] | None = None) -> Iterator[Runner]:
    """The whole dashboard, its pane repainting (or running `child`)."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        port = free_port()
        write_config(home, upstream, f'[proxy]\nport = {port}\ntoken = "bench"\n')
        start = time.monotonic()
        with dashboard(home, port, child or pane("repaint")) as terminal:
            took_s = time.monotonic() - start
            target = Target(IN_DASHBOARD, port, "bench", anthropic=True)
            yield Runner(target, psutil.Process(terminal.pid), took_s, terminal)


@contextmanager
def peer(number: int, command: str, upstream: UpstreamProcess) -> Iterator[Runner]:
    """Another proxy: a command with {upstream} in it that prints its port when it listens,
    and behind it the pid of what is to be measured, when that is not itself."""
    argv = command.format(upstream=f"http://127.0.0.1:{upstream.port}/v1").split()
    if argv[0] == "python":
        argv[0] = sys.executable
    start = time.monotonic()
    with spawned(argv, {}) as (child, line):
        took_s = time.monotonic() - start
        words = line.split()
        if not words:
            raise RuntimeError(f"peer {number} printed no port: {command}")
        pid = int(words[1]) if len(words) > 1 else child.pid
        name = argv[3] if argv[1:3] == ["-m", "benchmarks.peers"] else Path(argv[0]).name
        target = Target(name, int(words[0]), "x", anthropic=True)
        yield Runner(target, psutil.Process(pid), took_s)


def make(stack: ExitStack, upstream: UpstreamProcess, peers: Sequence[str]) -> list[Runner]:
    """All targets of a run; they end with the stack."""
    makers: list[AbstractContextManager[Runner]] = [
        relay(upstream),
        serve(upstream),
        in_dashboard(upstream),
        *(peer(number, command, upstream) for number, command in enumerate(peers, 1)),
    ]
    direct = Runner(Target("direct", upstream.port), None)
    return [direct, *(stack.enter_context(made) for made in makers)]


@contextmanager
def alone(runner: Runner, runners: Sequence[Runner]) -> Iterator[None]:
    """Meanwhile all others stand still: a dashboard that repaints would be in the way."""
    others = [r.process for r in runners if r is not runner and r.process is not None]
    for process in others:
        process.suspend()
    try:
        time.sleep(SETTLE_S)
        yield
    finally:
        for process in others:
            process.resume()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pin(runners: Sequence[Runner], upstream: UpstreamProcess) -> bool:
    """Proxies on the last core, client and model server on the others; False where impossible.

    The program in the dashboard's pane was started before and keeps all cores.
    """
    cores = list(range(os.cpu_count() or 1))
    set_affinity: Callable[..., None] | None = getattr(psutil.Process(), "cpu_affinity", None)
    if set_affinity is None or len(cores) < 2:
        return False
    psutil.Process().cpu_affinity(cores[:-1])
    psutil.Process(upstream.pid).cpu_affinity(cores[:-1])
    for runner in runners:
        if runner.process is not None:
            pin_threads(runner.process.pid, cores[-1])
    return True


def pin_threads(pid: int, core: int) -> None:
    """Every thread of a process on one core (an affinity is a thread's own)."""
    for thread in psutil.Process(pid).threads():
        os.sched_setaffinity(thread.id, {core})
