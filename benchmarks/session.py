"""`make session`: an hour of Claude Code's work, sped up: is memory flat, what does it cost?

5,000 requests through the real program, its dashboard drawn on a terminal of 200 × 50 and
something repainting in the pane: conversations that grow and are compacted, subagents,
titles, clients that leave. The model server is the bench's own.

Exits 1 when memory grew by more than GROWTH_MB over the second half.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass, field

import psutil

from benchmarks.bodies import body, turns
from benchmarks.client import ask
from benchmarks.dashboard import pane
from benchmarks.targets import Runner, in_dashboard
from benchmarks.upstream import UpstreamProcess

REQUESTS = 5_000
AT_ONCE = 4
REPLY = "paced 25 250"
"""0.1 s of a fast model."""
COMPACTED_AFTER = 60
"""Turns of a conversation."""
IDLE_S = 5.0
GROWTH_MB = 8.0


@dataclass(slots=True)
class Watch:
    """The memory and CPU time of the process, sample by sample."""

    runner: Runner
    requests: int
    done: int = 0
    rss_mb: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    at: float = 0.0
    drawn: int = 0

    def begin(self) -> None:
        """From here on."""
        self.cpu_s, self.at = self.runner.cpu_s(), time.monotonic()
        self.drawn = self.runner.terminal.drawn_bytes if self.runner.terminal else 0

    def line(self, words: str) -> None:
        """Print what it took since `begin`, and begin again."""
        took_s = time.monotonic() - self.at
        cpu = (self.runner.cpu_s() - self.cpu_s) / took_s
        rss_mb = self.runner.rss() / 1e6
        self.rss_mb.append(rss_mb)
        drawn = (self.runner.terminal.drawn_bytes if self.runner.terminal else 0) - self.drawn
        drawn_kb = drawn / took_s / 1e3
        line = f"{words:>16}  {rss_mb:6.1f} MB  {cpu:6.1%} CPU  {drawn_kb:6.1f} KB/s drawn"
        print(line, flush=True)
        self.begin()

    def count(self) -> None:
        """One more request has ended."""
        self.done += 1
        if self.done % (self.requests // 20) == 0:
            self.line(f"{self.done:,} requests")


async def one(runner: Runner, number: int) -> None:
    """The session's request of that number."""
    target, session = runner.target, f"session {number // 1000}"
    if number % 50 == 7:
        await ask(target, body("hang"), leave_after=1, session=session)
    elif number % 10 == 3:
        await ask(target, body(REPLY), session=session)
    elif number % 6 == 1:
        await ask(target, turns(number % 9, 0, REPLY), session=session, agent=f"agent {number}")
    else:
        payload = turns(number // 4 % COMPACTED_AFTER, number, REPLY)
        await ask(target, payload, session=session)


async def hour(watch: Watch) -> None:
    """All requests, AT_ONCE at a time."""
    numbers = iter(range(watch.requests))

    async def worker() -> None:
        for number in numbers:
            await one(watch.runner, number)
            watch.count()

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def threads(process: psutil.Process) -> tuple[float, float]:
    """CPU seconds of the thread that draws, and of all others together."""
    spent = {thread.id: thread.user_time + thread.system_time for thread in process.threads()}
    screen_s = spent.pop(process.pid)
    return screen_s, sum(spent.values())


async def main(requests: int) -> int:
    with UpstreamProcess() as upstream, in_dashboard(upstream, pane("diff")) as runner:
        assert runner.process is not None
        watch = Watch(runner, requests)
        watch.begin()
        await asyncio.sleep(IDLE_S)
        watch.line("idle, before")
        watch.rss_mb.clear()
        before = threads(runner.process)
        start = time.monotonic()
        await hour(watch)
        took_s = time.monotonic() - start
        screen_s, other_s = (b - a for a, b in zip(before, threads(runner.process), strict=True))
        print(
            f"{requests:,} requests in {took_s:.0f} s; CPU of the dashboard: screen "
            f"{screen_s:.1f} s ({screen_s / took_s:.1%}), proxy and the rest {other_s:.1f} s"
        )
        middle, last = watch.rss_mb[len(watch.rss_mb) // 2 - 1], watch.rss_mb[-1]
        watch.begin()
        await asyncio.sleep(IDLE_S)
        watch.line("idle, after")
    print(f"memory over the second half: {last - middle:+.1f} MB")
    return int(last - middle > GROWTH_MB)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    sys.exit(asyncio.run(main(parser.parse_args().requests)))
