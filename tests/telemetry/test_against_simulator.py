"""The numbers are right: each against what the simulator itself says that it did.

Both processes read the same monotonic clock. Counts are exact, what nobody told stays unknown.
Of times only what cannot be otherwise is asserted, however busy the machine is: the simulator
sends nothing before it is due, and the client hears nothing before we do; and the figures add
up. All requests run at the same time, so this takes as long as the longest of them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from anyclaude_tui.backends.simulator.plan import PROFILES
from anyclaude_tui.config.settings import Limits, Settings
from anyclaude_tui.figures import Source
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.events import RequestRecord
from anyclaude_tui.telemetry.metrics import RequestView

LIMITS = Limits(keepalive_s=0.4, commit_s=0.1, between_deltas_s=3, retries=0)
FAST = PROFILES["fast"]
DUE_EARLY_S = 0.005
"""How much too soon a sleep may end, and a float be off."""
SCRIPTS: dict[str, dict[str, Any]] = {
    # One second of prefill with progress, then 50 tokens/s for a second.
    "plain": {"prefill_tokens_per_s": 2000, "decode_tokens_per_s": 50, "output_tokens": 51},
    # Silence instead of progress: told at 0.1 s, keepalives at 0.5, 0.9 and 1.3 s.
    "silent": {"prefill_tokens_per_s": 1333.3, "comments": False, "output_tokens": 20},
    "loading": {"load_s": 1.0, "prefill_tokens_per_s": 4000, "output_tokens": 10},
    "thinking": {"reasoning_tokens": 40, "decode_tokens_per_s": 50, "output_tokens": 20},
    "cached": {"cached_tokens": 500, "prefill_tokens_per_s": 1500, "output_tokens": 10},
    "bursts": {"chunk_tokens": 5, "decode_tokens_per_s": 100, "output_tokens": 100},
    "untold": {"usage": False, "comments": False, "output_tokens": 30},
    "cut": {"fault": "cut", "after": 5, "output_tokens": 20},
    "stall": {"fault": "stall", "after": 5, "output_tokens": 20},
    "malformed": {"fault": "malformed", "after": 5, "output_tokens": 20},
}
CUT_SHORT = {"cut": "cut", "stall": "stall", "malformed": "malformed", "limit": "max_tokens"}


@dataclass(slots=True)
class Heard:
    """What the client heard, and when, on the clock of all."""

    delta_times: list[float] = field(default_factory=list)
    keepalives: int = 0

    def line(self, line: bytes) -> None:
        if not line.startswith(b"data:"):
            return
        event = json.loads(line[5:])
        if event["type"] == "content_block_delta" and "signature" not in event["delta"]:
            if event["delta"].get("text") or event["delta"].get("thinking"):
                self.delta_times.append(time.monotonic())
            else:  # an empty delta: the keepalive while a block is open
                self.keepalives += 1
        if event["type"] == "message_delta" and event["delta"].get("stop_reason") is None:
            self.keepalives += 1


@dataclass(frozen=True, slots=True)
class Told:
    """One request as the simulator did it, as the client heard it, and as we measured it."""

    script: Mapping[str, Any]
    did: Mapping[str, Any]
    heard: Heard
    record: RequestRecord
    view: RequestView

    @property
    def load_s(self) -> float:
        return float(self.script.get("load_s", 0.0))

    @property
    def prefill_s(self) -> float:
        """The shortest time that the prompt can have taken."""
        tokens = self.did["prompt_tokens"] - self.did["cached_tokens"]
        return float(tokens / self.script.get("prefill_tokens_per_s", FAST.prefill_tokens_per_s))

    @property
    def first_due_at(self) -> float:
        """Before this the simulator sends no delta."""
        return float(self.did["started_at"]) + self.load_s + self.prefill_s

    def due_at(self, token: int) -> float:
        """Before this the simulator does not send that token, counted from 0."""
        rate = self.script.get("decode_tokens_per_s", FAST.decode_tokens_per_s)
        return self.first_due_at + float(token / rate)


async def measure(home: Path) -> dict[str, Told]:
    """All scripts, at once, through a session of its own."""
    backend = "simulator:fast,slots=32,cached_prompts=0,reasoning_tokens=0"
    session = Session(Settings(limits=LIMITS), home=home, backend=backend)
    ended: dict[str, tuple[RequestRecord, RequestView]] = {}

    def listen(record: RequestRecord, view: RequestView) -> None:
        ended[record.session_id] = (record, view)

    session.hub.ended_listeners.append(listen)
    await session.start()
    try:
        await session.ready()
        names = [*SCRIPTS, "limit"]
        # Each prompt has its own size: by that the simulator's records are told apart.
        sizes = {name: 2000 + number for number, name in enumerate(names)}
        async with aiohttp.ClientSession() as client:
            heard = await asyncio.gather(
                *(ask(client, session, name, sizes[name]) for name in names)
            )
            while len(ended) < len(names):  # noqa: ASYNC110 - written just after the last byte
                await asyncio.sleep(0.01)
            chat_url = session.switchboard.statuses()[0].url
            assert chat_url is not None
            root = chat_url.split("/v1")[0]
            async with client.get(f"{root}/x_simulator") as response:
                records = (await response.json())["requests"]
        did = {record["prompt_tokens"]: record for record in records}
        return {
            name: Told(SCRIPTS.get(name, {}), did[sizes[name]], each, *ended[name])
            for name, each in zip(names, heard, strict=True)
        }
    finally:
        await session.stop()


async def ask(client: aiohttp.ClientSession, session: Session, name: str, size: int) -> Heard:
    script = {"prompt_tokens": size, **SCRIPTS.get(name, {"output_tokens": 40})}
    body = {
        "model": "m",
        "max_tokens": 7 if name == "limit" else 1000,
        "stream": True,
        "messages": [{"role": "user", "content": f"[[simulate {json.dumps(script)}]]"}],
        "tools": [],
    }
    headers = {"Authorization": f"Bearer {session.token}", "X-Claude-Code-Session-Id": name}
    async with client.post(f"{session.url}/v1/messages", json=body, headers=headers) as response:
        assert response.status == 200
        heard = Heard()
        async for line in response.content:
            heard.line(line)
        return heard


async def test_every_number_is_what_the_simulator_did(tmp_path: Path) -> None:
    told = await measure(tmp_path)
    for name, each in told.items():
        check_counts(name, each)
        check_times(name, each)
    check_prefill(told)
    check_unknown(told["untold"])


def check_counts(name: str, each: Told) -> None:
    did, view = each.did, each.view
    # A malformed event is an event that came, though no piece of the answer.
    broken = 1 if name == "malformed" else 0
    assert view.chunks == did["chunks"] + broken, name
    assert view.truncation == CUT_SHORT.get(name), name
    assert view.keepalives == each.heard.keepalives, name
    if name in ("silent", "loading", "stall"):
        assert view.keepalives >= 2, name
    if view.output_tokens.source is Source.REPORTED:
        assert view.output_tokens.value == did["output_tokens"], name
        assert view.prompt_tokens.value == did["prompt_tokens"], name
        assert view.cached_tokens.value == did["cached_tokens"], name
    else:
        assert view.deltas == did["output_tokens"], name
    heard = each.heard.delta_times
    if all(later - sooner < 1 for sooner, later in pairwise(heard)):
        assert view.stalls == 0, name


def check_times(name: str, each: Told) -> None:
    view, heard = each.view, each.heard.delta_times
    accepted = each.record.accepted_at
    assert view.ttft_s.value is not None
    first = (each.first_due_at - accepted, heard[0] - accepted)
    assert first[0] - DUE_EARLY_S <= view.ttft_s.value <= first[1], name
    assert view.decode_s.value is not None
    last = each.due_at(each.did["output_tokens"] - 1)
    assert view.decode_s.value >= last - heard[0] - DUE_EARLY_S, name
    assert view.decode_s.value <= heard[-1] - each.first_due_at + DUE_EARLY_S, name
    tokens = view.output_tokens.value if view.output_tokens.source is Source.REPORTED else None
    counted = (tokens or view.deltas) - 1
    assert view.tokens_per_s.value == pytest.approx(counted / view.decode_s.value), name


def check_prefill(told: Mapping[str, Told]) -> None:
    """Queue, load and prefill make up the first token; the speed is that of the prompt."""
    for name in ("plain", "cached", "loading"):
        each, view = told[name], told[name].view
        assert view.load_s.value is not None
        assert view.prefill_s.value is not None
        assert view.ttft_s.value is not None
        spans = view.queue_s + view.load_s.value + view.prefill_s.value
        assert spans == pytest.approx(view.ttft_s.value), name
        before_s = each.load_s + each.prefill_s
        assert view.load_s.value + view.prefill_s.value >= before_s - DUE_EARLY_S, name
        tokens = each.did["prompt_tokens"] - each.did["cached_tokens"]
        assert view.prefill_tokens_per_s.value == pytest.approx(tokens / view.prefill_s.value)
    assert told["cached"].view.reuse_percent.value == pytest.approx(100 * 500 / 2004)
    thinking = told["thinking"]
    assert thinking.view.thinking_deltas == 40
    assert thinking.view.first_text_s.value is not None
    text_due_s = thinking.due_at(40) - thinking.record.accepted_at
    assert thinking.view.first_text_s.value >= text_due_s - DUE_EARLY_S


def check_unknown(untold: Told) -> None:
    """No usage and no progress: estimates are called so, the rest is unknown."""
    view = untold.view
    assert view.output_tokens.source is Source.ESTIMATED
    assert view.prompt_tokens.source is Source.ESTIMATED
    assert view.load_s.source is Source.UNKNOWN
    assert view.load_s.value is None
    assert view.prefill_s.source is Source.ESTIMATED
