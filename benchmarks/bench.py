"""`make bench`: what the proxy adds, beside a direct connection and a plain byte relay.

Everything of one run is measured in turns on the same machine, so that the ratios hold
where the absolute figures do not. The model server and the client are this bench's own
(`upstream.py`, `client.py`); the proxy is the real `serve` in a process of its own, pinned
to one core where the system allows. `--peer CMD` puts another proxy into the same run: a
command with {upstream} in it that prints its port. Results: benchmarks/RESULTS.md, .json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from anyclaude_tui.telemetry.metrics import percentile
from benchmarks.client import Target, ask, body, many
from benchmarks.report import write
from benchmarks.upstream import UpstreamProcess

LARGE_BYTES = 125_000
"""About what Claude Code sends."""
FLOOD_CHUNKS = 60_000
FLOOD_BYTES = 250_000_000


@dataclass(slots=True)
class Runner:
    """One target and the process behind it (None: direct)."""

    target: Target
    process: psutil.Process | None
    start_s: float | None = None

    def cpu_s(self) -> float:
        """CPU seconds of the process so far."""
        if self.process is None:
            return 0.0
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss(self) -> int:
        return self.process.memory_info().rss if self.process is not None else 0


Row = dict[str, float]


async def measure(runner: Runner, upstream: UpstreamProcess) -> Row:
    """Every figure of one target, once."""
    target, row = runner.target, Row()
    await ask(target, body("flood 200"))  # warm
    row["rss_idle_mb"] = runner.rss() / 1e6
    for name, size in (("small", 0), ("large", LARGE_BYTES)):
        payload = body("flood 200", size)
        tries = [(await ask(target, payload)).ttft_ms for _ in range(15)]
        row[f"ttft_{name}_p50_ms"] = median(tries)
        row[f"ttft_{name}_p95_ms"] = percentile(tries, 95) or 0.0
    for streams in (1, 16, 64):
        await flood(runner, row, streams)
    for rate in (50, 200, 1000):
        stream = await ask(target, body(f"paced {rate * 2} {rate}"))
        row[f"chunk_{rate}_p50_ms"] = percentile(stream.latencies_ms, 50) or 0.0
        row[f"chunk_{rate}_p99_ms"] = percentile(stream.latencies_ms, 99) or 0.0
    before = runner.cpu_s()
    paced = await many(target, body("paced 300 100"), 16)
    row["cpu_paced_s_per_100k"] = (runner.cpu_s() - before) / sum(s.deltas for s in paced) * 1e5
    row["rss_peak_mb"] = runner.rss() / 1e6
    row["slow_reader_growth_mb"] = await slow_reader(runner)
    row["client_gone_ms"] = await client_gone(runner, upstream)
    row["violations"] = float(sum(len(s.violations) for s in paced))
    if runner.start_s is not None:
        row["cold_start_s"] = runner.start_s
    return row


async def flood(runner: Runner, row: Row, streams: int) -> None:
    """Chunks per second, and CPU per 100k of them."""
    before, start = runner.cpu_s(), time.monotonic()
    replies = await many(runner.target, body(f"flood {FLOOD_CHUNKS // streams}"), streams)
    took = time.monotonic() - start
    chunks = sum(reply.deltas for reply in replies)
    row[f"flood_{streams}_chunks_per_s"] = chunks / took
    if streams == 1:
        row["cpu_flood_s_per_100k"] = (runner.cpu_s() - before) / chunks * 1e5


async def slow_reader(runner: Runner) -> float:
    """Growth of RSS in MB while a client takes 1 MB/s of a 250 MB flood, for 4 s."""
    if runner.process is None:
        return 0.0
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.target.port, limit=4096)
    payload = body(f"bytes {FLOOD_BYTES}")
    head = (
        f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {runner.target.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    before = peak = runner.rss()
    writer.write(head.encode() + payload)
    for _ in range(40):
        await reader.read(100_000)
        peak = max(peak, runner.rss())
        await asyncio.sleep(0.1)
    writer.close()
    return (peak - before) / 1e6


async def client_gone(runner: Runner, upstream: UpstreamProcess) -> float:
    """Milliseconds from the client's leaving to the backend's seeing it; median of 5."""
    seen = []
    for _ in range(5):
        stream = await ask(runner.target, body("hang"), leave_after=1)
        left_at = await asyncio.to_thread(upstream.left.get, True, 10)
        seen.append((left_at - stream.ended_at) * 1000)
    return median(seen)


# --- the targets --------------------------------------------------------------------------------


@contextmanager
def spawned(argv: list[str], env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A child that prints one line when it is ready."""
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={**os.environ, **env})
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def make_targets(stack: ExitStack, upstream: UpstreamProcess, peers: list[str]) -> list[Runner]:
    """Direct, relay, this proxy, and any peers."""
    runners = [Runner(Target("direct", upstream.port), None)]
    relay, line = stack.enter_context(
        spawned([sys.executable, "-m", "benchmarks.relay", str(upstream.port)], {})
    )
    runners.append(Runner(Target("byte relay", int(line)), psutil.Process(relay.pid)))
    home = stack.enter_context(tempfile.TemporaryDirectory())
    url = f"http://127.0.0.1:{upstream.port}/v1"
    Path(home, "config.toml").write_text(
        f'[backends.bench]\nkind = "openai"\nurl = "{url}"\nmodel = "m"\nslots = 256\n'
    )
    start = time.monotonic()
    argv = [sys.executable, "-m", "anyclaude_tui", "serve", "--backend", "bench"]
    serve, line = stack.enter_context(spawned(argv, {"ANYCLAUDE_HOME": home}))
    served = json.loads(line)
    port = int(served["url"].rsplit(":", 1)[1])
    proxy = Target("anyclaude-tui", port, served["token"], anthropic=True)
    runners.append(Runner(proxy, psutil.Process(serve.pid), time.monotonic() - start))
    for number, command in enumerate(peers):
        argv = command.format(upstream=url).split()
        child, line = stack.enter_context(spawned(argv, {}))
        target = Target(f"peer {number + 1}: {argv[0]}", int(line), "x", anthropic=True)
        runners.append(Runner(target, psutil.Process(child.pid)))
    return runners


def pin(runners: list[Runner], upstream: UpstreamProcess) -> bool:
    """Proxies on the last core, client and model server on the others; False where impossible."""
    cores = list(range(os.cpu_count() or 1))
    set_affinity: Callable[..., None] | None = getattr(psutil.Process(), "cpu_affinity", None)
    if set_affinity is None or len(cores) < 2:
        return False
    psutil.Process().cpu_affinity(cores[:-1])
    psutil.Process(upstream.pid).cpu_affinity(cores[:-1])
    for runner in runners:
        if runner.process is not None:
            runner.process.cpu_affinity(cores[-1:])
    return True


async def run(turns: int, peers: list[str]) -> dict[str, list[Row]]:
    """All targets in turns."""
    rows: dict[str, list[Row]] = {}
    with ExitStack() as stack:
        upstream = stack.enter_context(UpstreamProcess())
        runners = make_targets(stack, upstream, peers)
        pinned = pin(runners, upstream)
        print(f"proxies pinned to one core: {'yes' if pinned else 'no'}", file=sys.stderr)
        for turn in range(turns):
            for runner in runners:
                print(f"turn {turn + 1}/{turns}: {runner.target.name}", file=sys.stderr)
                rows.setdefault(runner.target.name, []).append(await measure(runner, upstream))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--peer", action="append", default=[], metavar="CMD")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/RESULTS.md"))
    options = parser.parse_args()
    write(asyncio.run(run(options.turns, options.peer)), options.out)
