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
import contextlib
import os
import queue
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from anyclaude_tui.telemetry.metrics import percentile
from benchmarks import startup
from benchmarks.bodies import body, claude_code
from benchmarks.check import violations
from benchmarks.client import ask, many
from benchmarks.dashboard import Terminal
from benchmarks.report import write
from benchmarks.targets import Runner, alone, make, pin
from benchmarks.upstream import UpstreamProcess

FLOOD_CHUNKS = (3_200, 400_000)
"""A flood lasts about a second, within these bounds."""
FLOOD_BYTES = 250_000_000
ONE_TOKEN = "paced 2 1000"
"""A reply whose first chunk comes alone, as a model's does."""
PAYLOADS = {
    "small": body(ONE_TOKEN),
    "large": body(ONE_TOKEN, 125_000),
    "claude": claude_code(ONE_TOKEN),
}
TRIES = 40
PAUSE_S = 0.03
"""Between two tries: nobody asks again in the millisecond in which a reply has ended."""
PACED = {50: 150, 200: 1000, 1000: 3000}
"""Rate in chunks per second → chunks."""
BLOCKED_S = 3.0
GONE_S = 10.0
IDLE_S = 2.0


Row = dict[str, float]


async def measure(runner: Runner, upstream: UpstreamProcess) -> Row:
    """Every figure of one target, once."""
    target, row = runner.target, Row()
    if runner.process is not None:
        row["rss_idle_mb"] = runner.idle_bytes / 1e6
    await ask(target, body(ONE_TOKEN))  # warm
    for name, payload in PAYLOADS.items():
        tries = []
        for _ in range(TRIES):
            await asyncio.sleep(PAUSE_S)
            tries.append((await ask(target, payload, session="bench")).ttft_ms)
        row[f"ttft_{name}_p50_ms"] = median(tries)
        row[f"ttft_{name}_p95_ms"] = percentile(tries, 95) or 0.0
    least, most = FLOOD_CHUNKS
    chunks = round(min(max((await flood(runner, 1, least)).rate, least), most))
    for streams in (1, 16, 64):
        flooded = await flood(runner, streams, chunks)
        row[f"flood_{streams}_chunks_per_s"] = flooded.rate
        if streams == 1:
            row["cpu_flood_s_per_100k"] = flooded.cpu_s_per_100k
    for rate_per_s, number in PACED.items():
        late_ms = (await ask(target, body(f"paced {number} {rate_per_s}"))).latencies_ms
        row[f"chunk_{rate_per_s}_p50_ms"] = percentile(late_ms, 50) or 0.0
        row[f"chunk_{rate_per_s}_p99_ms"] = percentile(late_ms, 99) or 0.0
        if rate_per_s == 200:
            row["chunk_200_max_ms"] = max(late_ms)
    row["blocked_max_ms"] = await blocked(runner)
    idle = await idle_cpu(runner)
    row["cpu_idle_percent"] = 100 * idle
    before, start = runner.cpu_s(), time.monotonic()
    paced = await many(target, body("paced 300 100"), 16)
    spent_s = runner.cpu_s() - before - idle * (time.monotonic() - start)
    row["cpu_paced_s_per_100k"] = spent_s / sum(s.deltas for s in paced) * 1e5
    if runner.process is not None:
        row["rss_peak_mb"] = runner.rss() / 1e6
        row["slow_reader_growth_mb"] = await slow_reader(runner)
    gone_ms = await client_gone(runner, upstream)
    if gone_ms is not None:
        row["client_gone_ms"] = gone_ms
    if target.anthropic:
        found = await violations(target) + [v for stream in paced for v in stream.violations]
        row["violations"] = float(len(found))
        if found:
            runner.violation = found[0]
    if runner.start_s is not None:
        row["cold_start_s"] = runner.start_s
    return row


@dataclass(slots=True)
class Flood:
    """Chunks per second, and CPU per 100k of them."""

    rate: float
    cpu_s_per_100k: float


async def flood(runner: Runner, streams: int, chunks: int) -> Flood:
    """So many chunks over all streams, as fast as they go."""
    before, start = runner.cpu_s(), time.monotonic()
    replies = await many(runner.target, body(f"flood {chunks // streams}"), streams)
    took_s = time.monotonic() - start
    seen = sum(reply.deltas for reply in replies)
    return Flood(seen / took_s, (runner.cpu_s() - before) / max(seen, 1) * 1e5)


async def blocked(runner: Runner) -> float:
    """The latest chunk at 200/s in ms while the outer terminal, if any, stops reading."""
    stream = asyncio.create_task(ask(runner.target, body("paced 1000 200")))
    await asyncio.sleep(0.5)
    if runner.terminal is not None:
        await _block(runner.terminal)
    return max((await stream).latencies_ms)


async def _block(terminal: Terminal) -> None:
    with terminal.blocked():
        await asyncio.sleep(BLOCKED_S)


async def idle_cpu(runner: Runner) -> float:
    """CPU seconds per second while nothing streams: a dashboard draws its pane."""
    before = runner.cpu_s()
    await asyncio.sleep(IDLE_S)
    return (runner.cpu_s() - before) / IDLE_S


async def slow_reader(runner: Runner) -> float:
    """Growth of RSS in MB while a client takes 1 MB/s of a 250 MB flood, for 4 s."""
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.target.port, limit=4096)
    payload = body(f"bytes {FLOOD_BYTES}")
    head = (
        "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {runner.target.token}\r\n"
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


async def client_gone(runner: Runner, upstream: UpstreamProcess) -> float | None:
    """Milliseconds from the client's leaving to the backend's seeing it; median of 5.

    None when the backend has not seen it after GONE_S.
    """
    seen = []
    for _ in range(5):
        with contextlib.suppress(queue.Empty):
            while True:  # of a client before that was given up
                upstream.left.get_nowait()
        stream = await ask(runner.target, body("hang"), leave_after=1)
        try:
            left_at = await asyncio.to_thread(upstream.left.get, True, GONE_S)
        except queue.Empty:
            return None
        seen.append((left_at - stream.ended_at) * 1000)
    return median(seen)


async def run(turns: int, peers: list[str], out: Path) -> None:
    """All targets in turns, and the report."""
    rows: dict[str, list[Row]] = {}
    load = os.getloadavg()[0]
    print("start-up times", file=sys.stderr)
    start_up, _ = startup.report(startup.run(turns))
    with ExitStack() as stack:
        upstream = stack.enter_context(UpstreamProcess())
        runners = make(stack, upstream, peers)
        pinned = pin(runners, upstream)
        for turn in range(turns):
            for runner in runners:
                print(f"turn {turn + 1}/{turns}: {runner.target.name}", file=sys.stderr)
                with alone(runner, runners):
                    row = await measure(runner, upstream)
                rows.setdefault(runner.target.name, []).append(row)
    broken = [(r.target.name, r.violation) for r in runners if r.violation]
    notes = [
        "The model server and the client reach what stands under *direct*.",
        "*in the dashboard*: the same proxy in the dashboard on a terminal of 200 × 50, its pane "
        "repainted whole 30 times a second; its CPU per chunk is what comes on top of that.",
        f"Load of the machine before the run: {load:.1f}. "
        + ("Each proxy was pinned to one core." if pinned else "Nothing was pinned to a core."),
        "Replies are judged by the tests' strict validator, which wants every field of the "
        "Messages API in its place"
        + "".join(f"; {name}: `{words}`" for name, words in broken)
        + ".",
    ]
    write(rows, out, notes, start_up)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--peer", action="append", default=[], metavar="CMD")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/RESULTS.md"))
    options = parser.parse_args()
    asyncio.run(run(options.turns, options.peer, options.out))
