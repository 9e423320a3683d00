"""`make bench`: what the proxy adds, beside a direct connection and a plain byte relay.

Everything of one run is measured in turns on the same machine, so that the ratios hold
where the absolute figures do not. The model server and the client are this bench's own
(`upstream.py`, `client.py`); the proxy is the real program in a process of its own, pinned
to one core where the system allows: `serve`, and the dashboard with its pane repainting.
`--peer CMD` puts another proxy into the same run: a command with {upstream} in it that
prints its port. Results: benchmarks/RESULTS.md, .json.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from anyclaude_tui.telemetry.metrics import percentile
from benchmarks.bodies import body, claude_code
from benchmarks.check import violations
from benchmarks.client import ask, many
from benchmarks.dashboard import Terminal
from benchmarks.report import write
from benchmarks.targets import Runner, make, pin
from benchmarks.upstream import UpstreamProcess

FLOOD_CHUNKS = 60_000
FLOOD_BYTES = 250_000_000
ONE_TOKEN = "paced 2 1000"
"""A reply whose first chunk comes alone, as a model's does."""
PAYLOADS = {
    "small": body(ONE_TOKEN),
    "large": body(ONE_TOKEN, 125_000),
    "claude": claude_code(ONE_TOKEN),
}
TRIES = 40
PACED = {50: 150, 200: 1000, 1000: 3000}
"""Rate in chunks per second → chunks."""
BLOCKED_S = 3.0


Row = dict[str, float]


async def measure(runner: Runner, upstream: UpstreamProcess) -> Row:
    """Every figure of one target, once."""
    target, row = runner.target, Row()
    await ask(target, body(ONE_TOKEN))  # warm
    row["rss_idle_mb"] = runner.rss() / 1e6
    for name, payload in PAYLOADS.items():
        tries = [(await ask(target, payload)).ttft_ms for _ in range(TRIES)]
        row[f"ttft_{name}_p50_ms"] = median(tries)
        row[f"ttft_{name}_p95_ms"] = percentile(tries, 95) or 0.0
    for streams in (1, 16, 64):
        await flood(runner, row, streams)
    for rate, chunks in PACED.items():
        stream = await ask(target, body(f"paced {chunks} {rate}"))
        row[f"chunk_{rate}_p50_ms"] = percentile(stream.latencies_ms, 50) or 0.0
        row[f"chunk_{rate}_p99_ms"] = percentile(stream.latencies_ms, 99) or 0.0
    row["chunk_200_blocked_max_ms"] = await blocked(runner)
    before = runner.cpu_s()
    paced = await many(target, body("paced 300 100"), 16)
    row["cpu_paced_s_per_100k"] = (runner.cpu_s() - before) / sum(s.deltas for s in paced) * 1e5
    row["rss_peak_mb"] = runner.rss() / 1e6
    row["slow_reader_growth_mb"] = await slow_reader(runner)
    row["client_gone_ms"] = await client_gone(runner, upstream)
    found = await violations(target) + [v for stream in paced for v in stream.violations]
    row["violations"] = float(len(found))
    for violation in found[:3]:
        print(f"{target.name}: {violation}", file=sys.stderr)
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


async def blocked(runner: Runner) -> float:
    """The latest chunk at 200/s in ms while the outer terminal, if any, stops reading."""
    stream = asyncio.create_task(ask(runner.target, body("paced 1000 200")))
    await asyncio.sleep(0.5)
    terminal = runner.terminal
    if terminal is not None:
        await _block(terminal)
    return max((await stream).latencies_ms)


async def _block(terminal: Terminal) -> None:
    with terminal.blocked():
        await asyncio.sleep(BLOCKED_S)


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


async def run(turns: int, peers: list[str]) -> dict[str, list[Row]]:
    """All targets in turns."""
    rows: dict[str, list[Row]] = {}
    with ExitStack() as stack:
        upstream = stack.enter_context(UpstreamProcess())
        runners = make(stack, upstream, peers)
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
