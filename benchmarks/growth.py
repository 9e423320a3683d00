"""The growth of the proxy's cost: with the prompt, the history, the streams, the session's length.

    python -m benchmarks.growth        writes benchmarks/GROWTH.md, GROWTH.svg and .json

`serve` in a process of its own before the bench's model server, as in `bench.py`. The slope
is that of the last decade on logarithmic axes: 1 is linear, 0 is flat.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from anyclaude_tui.telemetry.metrics import percentile
from benchmarks.bodies import body, turns
from benchmarks.chart import Line, Plot, draw
from benchmarks.client import Stream, ask
from benchmarks.targets import Runner, pin, serve
from benchmarks.upstream import UpstreamProcess

PROMPT_BYTES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
TURNS = (1, 3, 10, 30, 100, 300, 1000)
STREAMS = (1, 4, 16, 64, 256)
RATE = 25
"""Chunks per second of each stream: 256 of them are 6,400 a second."""
REQUESTS = 10_000
PER_SAMPLE = 1_000
AT_ONCE = 8
SHORT = "paced 2 1000"
LINEAR = 1.15
"""A slope up to here is called linear: the points have noise."""


@dataclass(slots=True)
class Growth:
    """One cost against one size."""

    name: str
    size: str
    cost: str
    sizes: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """The times that a user notices: TTFT or latency in ms."""
    rss_mb: list[float] = field(default_factory=list)

    def add(self, runner: Runner, size: float, cost: float, time_ms: float) -> None:
        """One more point."""
        self.sizes.append(size)
        self.costs.append(cost)
        self.times.append(time_ms)
        self.rss_mb.append(runner.rss() / 1e6)
        print(f"{self.name}: {size:g} {self.size}: {cost:.2f} {self.cost}", file=sys.stderr)

    @property
    def slope(self) -> float:
        """Exponent of the growth over the last decade (or what there is of it)."""
        last = self.sizes[-1]
        first = next(n for n, size in enumerate(self.sizes) if size >= last / 10.01)
        span = math.log(last / self.sizes[first])
        return math.log(self.costs[-1] / self.costs[first]) / span


async def by_prompt(runner: Runner) -> Growth:
    """CPU and TTFT against the size of the prompt."""
    found = Growth("prompt size", "bytes", "CPU ms per request")
    for size in PROMPT_BYTES:
        await _costs(runner, found, size, [body(SHORT, size)] * _times(size))
    return found


async def by_history(runner: Runner) -> Growth:
    """CPU and TTFT against the turns of the conversation."""
    found = Growth("history length", "turns", "CPU ms per request")
    for count in TURNS:
        payloads = [turns(count, more, SHORT) for more in range(_times(count * 600))]
        await _costs(runner, found, count, payloads)
    return found


def _times(size_bytes: int) -> int:
    """The number of repetitions: CPU time is counted in steps of 10 ms."""
    return max(12, min(150, 15_000_000 // size_bytes))


async def _costs(runner: Runner, found: Growth, size: float, payloads: Sequence[bytes]) -> None:
    session = f"{found.name} {size}"
    await ask(runner.target, payloads[0], session=session)  # warm
    before = runner.cpu_s()
    ttft_ms = [(await ask(runner.target, payload, session=session)).ttft_ms for payload in payloads]
    spent_s = runner.cpu_s() - before
    found.add(runner, size, max(spent_s, 0.01) / len(payloads) * 1000, median(ttft_ms))


async def by_streams(runner: Runner) -> Growth:
    """CPU of all streams together and latency against their number."""
    found = Growth("streams", f"streams × {RATE} chunks/s", "CPU ms per second")
    payload = body(f"paced {4 * RATE} {RATE}")

    async def stream(wait_s: float) -> Stream:
        await asyncio.sleep(wait_s)  # models do not beat in time with one another
        return await ask(runner.target, payload)

    for streams in STREAMS:
        before, start = runner.cpu_s(), time.monotonic()
        replies = await asyncio.gather(*(stream(n / streams / RATE) for n in range(streams)))
        spent_s = max(runner.cpu_s() - before, 0.01)
        late_ms = [ms for reply in replies for ms in reply.latencies_ms]
        cost = spent_s / (time.monotonic() - start) * 1000
        found.add(runner, streams, cost, percentile(late_ms, 50) or 0.0)
    return found


async def by_session(runner: Runner) -> Growth:
    """CPU per request, TTFT and memory against the requests served so far."""
    found = Growth("session length", "requests", "CPU ms per request")
    numbers = iter(range(REQUESTS))
    ttft_ms: list[float] = []

    async def worker() -> None:
        for number in numbers:
            payload = turns(5, number, SHORT)
            reply = await ask(runner.target, payload, session=f"session {number % 20}")
            ttft_ms.append(reply.ttft_ms)
            if len(ttft_ms) % PER_SAMPLE == 0:
                sample()

    spent = runner.cpu_s()

    def sample() -> None:
        nonlocal spent
        now = runner.cpu_s()
        cost = (now - spent) / PER_SAMPLE * 1000
        found.add(runner, len(ttft_ms), cost, median(ttft_ms[-PER_SAMPLE:]))
        spent = now

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return found


def write(found: Sequence[Growth], out: Path) -> None:
    """The tables, the plot, and the figures as JSON."""
    plots = [
        Plot(
            growth.name,
            growth.size,
            growth.cost,
            [Line("CPU", growth.sizes, growth.costs), Line("TTFT ms", growth.sizes, growth.times)],
        )
        for growth in found[:2]
    ]
    streams, session = found[2:]
    latency = Line("latency per chunk, ms", streams.sizes, streams.times)
    plots.append(
        Plot("streams", streams.size, streams.cost, [Line("CPU", streams.sizes, streams.costs)])
    )
    plots[-1].lines.append(latency)
    rss = Line("RSS MB", session.sizes, session.rss_mb)
    cpu = Line("CPU", session.sizes, session.costs)
    plots.append(Plot("session length", session.size, session.cost, [cpu, rss], log=False))
    out.with_suffix(".svg").write_text(draw(plots), encoding="utf-8")
    lines = ["# How the proxy's cost grows", "", "![growth](GROWTH.svg)", ""]
    for growth in found:
        verdict = "linear or better" if growth.slope <= LINEAR else "MORE THAN LINEAR"
        what = "latency p50 ms" if growth is streams else "TTFT p50 ms"
        lines += [
            f"**{growth.name}**: slope {growth.slope:.2f}, {verdict}",
            "",
            f"| {growth.size} | {growth.cost} | {what} | RSS MB |",
            "|---|---|---|---|",
            *(
                f"| {size:,.0f} | {cost:.2f} | {ms:.2f} | {rss:.0f} |"
                for size, cost, ms, rss in zip(
                    growth.sizes, growth.costs, growth.times, growth.rss_mb, strict=True
                )
            ),
            "",
        ]
    text = "\n".join(lines)
    sys.stdout.write(text)
    out.write_text(text, encoding="utf-8")
    figures = [asdict(growth) | {"slope": growth.slope} for growth in found]
    out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


async def main(out: Path) -> None:
    with UpstreamProcess() as upstream:
        found: list[Growth] = []
        for measure in (by_prompt, by_history, by_streams, by_session):
            with serve(upstream) as runner:  # a new one: memory starts at the start
                pin([runner], upstream)
                found.append(await measure(runner))
        write(found, out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/GROWTH.md"))
    asyncio.run(main(parser.parse_args().out))
