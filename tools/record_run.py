"""The session in the pictures: a real one with the simulator, recorded once.

    python -m tools.record_run     record it anew in tools/scenes/run.json.gz (about two minutes)

The session, its proxy, the requests, the comparison and the look at this machine are real; the
model is the simulator, which says so wherever it is shown. Nothing in a picture is made up: what is
drawn is what the screens would have shown at these moments.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import msgspec

from anyclaude_tui import config
from anyclaude_tui.backends.discovery import Discovery, discover
from anyclaude_tui.compare.job import Order
from anyclaude_tui.compare.measuring.comparer import Comparer
from anyclaude_tui.compare.measuring.live import Live, after, begin
from anyclaude_tui.compare.measuring.progress import Progress, Running
from anyclaude_tui.compare.report.saved import Saved, save
from anyclaude_tui.compare.samples import Target
from anyclaude_tui.compare.workload import builtin
from anyclaude_tui.session import request_material
from anyclaude_tui.session.request_material import Material
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.events import Phase
from anyclaude_tui.telemetry.hub import Snapshot
from tests.proxy import conversations

TARGET = Path(__file__).parent / "scenes" / "run.json.gz"
CONFIG = """\
backend = "fast"

[backends.fast]
kind = "simulator"
profile = "fast"

[backends.slow]
kind = "simulator"
profile = "slow"
"""
RULES = 1_400
"""Lines of a system text: with it a prompt is about as large as Claude Code's."""
TURNS = 7
_PYTHON = re.compile(r"\S+/python[\d.]*\b")
DURING = 0.6
"""Of a phase, when its picture is taken."""


class Comparing(msgspec.Struct):
    """A comparison under way, and when it was looked at."""

    live: Live
    now: float
    order: Order


class Recording(msgspec.Struct):
    """All of it."""

    prefill: Snapshot
    decode: Snapshot
    idle: Snapshot
    material: dict[str, Material]
    found: Discovery
    comparing: Comparing
    saved: Saved


def load() -> Recording:
    """The recording. Raises OSError or msgspec.DecodeError."""
    return msgspec.json.decode(
        gzip.decompress(TARGET.read_bytes()), type=Recording, dec_hook=_decoded
    )


def _encoded(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(type(value))


def _decoded(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(kind)


@dataclass
class Client:
    """Asks the proxy as Claude Code does."""

    session: Session
    number: int = 0

    async def ask(self, body: dict[str, Any], agent: str = "") -> None:
        """One request, read to its end."""
        headers = {
            "Authorization": f"Bearer {self.session.token}",
            "anthropic-version": "2023-06-01",
            "x-claude-code-session-id": "picture",
            **({"x-claude-code-agent-id": agent} if agent else {}),
        }
        async with (
            httpx.AsyncClient(timeout=None, trust_env=False) as client,
            client.stream(
                "POST", f"{self.session.url}/v1/messages", json=body, headers=headers
            ) as answer,
        ):
            async for _ in answer.aiter_bytes():
                pass


def first_turn() -> dict[str, Any]:
    """A body of the size of Claude Code's."""
    made = conversations.body()
    rules = "\n".join(
        f"Rule {n}: work with care, and say what was done in file {n % 97}." for n in range(RULES)
    )
    made["system"][2]["text"] = f"{rules}\n\n{made['system'][2]['text']}"
    return made


def next_turn(body: dict[str, Any], number: int) -> dict[str, Any]:
    """The conversation one turn on."""
    said = {"role": "assistant", "content": [conversations.text(f"Step {number} is done.")]}
    words = f"And the next step, number {number + 1}: look at module_{number}.py and mend it."
    asked = {"role": "user", "content": [conversations.text(words)]}
    return {**body, "messages": [*body["messages"], said, asked]}


async def record() -> Recording:
    """The whole session. Raises what it raises."""
    home = Path(tempfile.mkdtemp(prefix="run-"))
    session = Session(config.parse(CONFIG, "config.toml"), home=home)
    await session.start()
    try:
        client = Client(session)
        body = first_turn()
        await client.ask(body)
        for number in range(1, TURNS):
            body = next_turn(body, number)
            await client.ask(body)
            if number == 3:
                agent = {**first_turn(), "messages": body["messages"][:1], "max_tokens": 60}
                await client.ask(agent, agent="agent-1")
        for _ in range(3):  # the rate of the last seconds is sampled by who looks
            session.snapshot()
            await asyncio.sleep(1.0)
        changed = first_turn()
        changed["system"][2]["text"] = changed["system"][2]["text"].replace(" M a.py", " M b.py")
        changed["messages"] = body["messages"]
        # A change in front: the whole prompt is read anew, which takes a while.
        front = changed["system"][2]["text"]
        changed["system"][2]["text"] = f"Today is a new day.\n{front}"
        asking = asyncio.create_task(client.ask(changed))
        prefill = await _until(session, _in_prefill)
        decode = await _until(session, _in_decode)
        await asking
        await client.ask(next_turn(changed, TURNS))
        idle = session.snapshot()
        material = {}
        for view in idle.recent[:3]:
            found = await request_material.material(session, view.id)
            if found is not None:
                material[view.id] = found
        seen = await discover(session.settings.backends)
        comparing, saved = await _compare(session)
        here = (_anywhere(prefill), _anywhere(decode), _anywhere(idle))
        return Recording(*here, material, seen, comparing, saved)
    finally:
        await session.stop()


def _anywhere(snapshot: Snapshot) -> Snapshot:
    """Without the paths of the machine that it was recorded on."""
    backends = tuple(
        replace(
            one,
            log_path="",
            log_tail=tuple(
                re.sub(r"\S+/python[\d.]*\b", "python", words) for words in one.log_tail
            ),
        )
        for one in snapshot.backends
    )
    return replace(snapshot, backends=backends)


async def _until(session: Session, wanted: Any) -> Snapshot:
    async with asyncio.timeout(120):
        while True:
            snapshot = session.snapshot()
            if any(wanted(view) for view in snapshot.in_flight):
                return snapshot
            await asyncio.sleep(0.1)


def _in_prefill(view: Any) -> bool:
    done, total = view.prefill_done_tokens, view.prefill_total_tokens
    return bool(done and total and done >= DURING * total and view.prefill_eta_s)


def _in_decode(view: Any) -> bool:
    return view.phase is Phase.DECODE and view.deltas >= 40


async def _compare(session: Session) -> tuple[Comparing, Saved]:
    """Both simulators; looked at once in the middle of a run that streams."""
    order = Order(("fast", "slow"), tuple(builtin()), 3, ("simulator", "simulator"))
    live = begin([Target(n, "simulator", n) for n in order.targets], time.monotonic())
    seen: list[Comparing] = []

    def tell(progress: Progress) -> None:
        nonlocal live
        now = time.monotonic()
        live = after(live, progress, now)
        view = progress.view if isinstance(progress, Running) else None
        if view is not None and view.deltas > 30 and live.ended >= 11 and not seen:
            seen.append(Comparing(live, now, order))

    comparer = Comparer(
        session.settings,
        session.home,
        order.targets,
        order.workloads,
        runs=order.runs,
        listen=tell,
        lend={session.switchboard.active: session},
    )
    comparison = await comparer.run()
    return seen[0], save(comparison)


def main() -> None:
    """Record it."""
    os.environ["NO_COLOR"] = ""
    made = asyncio.run(record())
    data = msgspec.json.encode(made, enc_hook=_encoded)
    data = data.replace(sys.prefix.encode(), b"/opt/anyclaude-tui")
    TARGET.write_bytes(gzip.compress(data, mtime=0))
    print(f"{TARGET}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
