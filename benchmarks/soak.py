"""`make soak`: is anything lost over thousands of streams, and does memory stay bounded?

Real sockets, the real `serve` as a child process; only the model server is scripted
(`tests/support/upstream.py`, a fake that says so).

1. 2,000 streams of random length, 64 at a time, one in ten with a random fault. For each:
   either every byte and `message_stop`, or an ending that says otherwise.
2. A client that reads slowly while the backend floods it with 200 MB: how far the proxy's
   memory grows.

Exits 1 when something was silently lost or memory grew by 8 MB or more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from tests.support import wire
from tests.support.proxy import ask_body
from tests.support.upstream import CUT, HEADERS, RESET, STALL, Reply, Seen, Steps, Upstream
from tests.support.validator import validate

STREAMS = 2_000
AT_ONCE = 64
FAULTS = ("cut", "reset", "stall", "garbage", "error event", "early cut", "early reset", "status")
FLOOD_BYTES = 200 * 1024 * 1024
READ_BYTES_PER_S = 256 * 1024
READ_S = 12.0
GROWTH_LIMIT_BYTES = 8 * 1024 * 1024
CONFIG = """
[limits]
keepalive_s = 1
commit_s = 2
between_deltas_s = 1
first_byte_s = 20
"""


@dataclass(frozen=True)
class Plan:
    """The text of one stream and the fault in it, the same for server and client."""

    number: int
    pieces: tuple[str, ...]
    fault: str
    at: int

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def plan(number: int) -> Plan:
    """The stream's plan from its number alone."""
    chance = random.Random(number)
    pieces = tuple(
        f"{number}:{n} " + "x" * chance.randrange(60) for n in range(chance.randrange(2, 200))
    )
    fault = chance.choice(FAULTS) if chance.random() < 0.1 else ""
    return Plan(number, pieces, fault, chance.randrange(1, len(pieces)))


class Script:
    """The scripted backend's side: the reply to each stream, by the number in its prompt."""

    def __init__(self) -> None:
        self._tries: Counter[int] = Counter()

    def reply(self, seen: Seen) -> Reply:
        said = str(seen.messages[-1]["content"])
        if said == "flood":
            return Reply(flood())
        made = plan(int(said))
        self._tries[made.number] += 1
        if made.fault.startswith(("early", "status")) and self._tries[made.number] > 1:
            return Reply(wire.text(*made.pieces), wire.ending())
        if made.fault == "status":
            return Reply(b'{"error":{"message":"overloaded"}}', status=503, framing="length")
        return Reply(*steps(made))


def steps(made: Plan) -> Iterator[Steps]:
    """The reply's steps, with its fault."""
    broken = {"early cut": CUT, "early reset": RESET}.get(made.fault)
    if broken is not None:
        yield from (HEADERS, broken)
        return
    if not made.fault:
        yield from (wire.text(*made.pieces), wire.ending())
        return
    yield wire.text(*made.pieces[: made.at])
    if made.fault == "garbage":
        yield from (wire.event("{nonsense"), CUT)
    elif made.fault == "error event":
        yield wire.error_event("boom")
    else:
        yield {"cut": CUT, "reset": RESET, "stall": STALL}[made.fault]


def flood() -> Iterator[bytes]:
    """FLOOD_BYTES of text in chunks of 4 KiB."""
    piece = wire.text("x" * 4096)
    for _ in range(FLOOD_BYTES // len(piece)):
        yield piece
    yield wire.ending()


async def one(client: aiohttp.ClientSession, number: int) -> str:
    """Ask for one stream; how it ended, or `LOST: …`."""
    made = plan(number)
    async with client.post("/v1/messages", json=ask_body(str(number))) as response:
        data = await response.read()
        if response.status != 200:
            return f"error {response.status}" if made.fault else f"LOST: {data[:200]!r}"
    if b"event: error" in data:
        return "error event" if made.fault else f"LOST: {data[-200:]!r}"
    message = validate(data)
    if message.stop_reason == "end_turn" and message.text == made.text:
        return "complete"
    if message.stop_reason == "max_tokens" and made.text.startswith(message.text) and made.fault:
        return "cut, and says so"
    return f"LOST: {made.fault or 'no fault'}, {message.stop_reason}, {len(message.text)} chars"


async def soak(client: aiohttp.ClientSession, streams: int) -> Counter[str]:
    """All streams, AT_ONCE at a time."""
    endings: Counter[str] = Counter()
    numbers = iter(range(streams))

    async def worker() -> None:
        for number in numbers:
            endings[await one(client, number)] += 1

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return endings


async def slow_reader(client: aiohttp.ClientSession, process: psutil.Process) -> tuple[int, int]:
    """(bytes read, growth of the proxy's RSS in bytes) while a slow client reads a flood."""
    before = process.memory_info().rss
    peak, read = before, 0
    until = time.monotonic() + READ_S
    async with client.post("/v1/messages", json=ask_body("flood")) as response:
        while time.monotonic() < until:
            read += len(await response.content.read(READ_BYTES_PER_S // 10))
            peak = max(peak, process.memory_info().rss)
            await asyncio.sleep(0.1)
        response.close()
    return read, peak - before


async def main(streams: int) -> int:
    script = Script()
    with tempfile.TemporaryDirectory() as home:
        Path(home, "config.toml").write_text(CONFIG)
        async with Upstream() as upstream:
            upstream.when(lambda seen: True, script.reply)
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "anyclaude_tui", "serve", "--backend", f"openai:{upstream.url}"),
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, "ANYCLAUDE_HOME": home},
            )
            assert child.stdout is not None
            try:
                served = json.loads(await child.stdout.readline())
                failed = await measure(served, streams, upstream)
            finally:
                child.terminate()
                await child.wait()
    return failed


async def measure(served: dict[str, str], streams: int, upstream: Upstream) -> int:
    process = psutil.Process(int(served["pid"]))
    headers = {"Authorization": f"Bearer {served['token']}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        served["url"], headers=headers, connector=connector, read_bufsize=4096
    ) as client:
        start = time.monotonic()
        endings = await soak(client, streams)
        print(f"{streams} streams, {AT_ONCE} at a time, in {time.monotonic() - start:.0f} s:")
        for ending, count in endings.most_common():
            print(f"  {count:5}  {ending}")
        read, growth = await slow_reader(client, process)
        print(
            f"slow reader: {read / 1e6:.1f} MB of a {FLOOD_BYTES / 1e6:.0f} MB flood read in "
            f"{READ_S:.0f} s; the proxy's memory grew by {growth / 1e6:.1f} MB"
        )
    lost = sum(count for ending, count in endings.items() if ending.startswith("LOST"))
    print(f"silently lost: {lost}")
    return int(lost > 0 or growth >= GROWTH_LIMIT_BYTES)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=STREAMS)
    sys.exit(asyncio.run(main(parser.parse_args().streams)))
