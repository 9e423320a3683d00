"""The numbers are right: each against what the simulator itself says that it did.

Both processes read the same monotonic clock. Counts are exact, times within 2 %, and what
nobody told stays unknown. All requests run at the same time, so this takes as long as the
longest of them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from anyclaude_tui.config.settings import Limits, Settings
from anyclaude_tui.figures import Source
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.events import RequestRecord
from anyclaude_tui.telemetry.metrics import RequestView

LIMITS = Limits(keepalive_s=0.4, commit_s=0.1, between_deltas_s=0.5, retries=0)
ATTEMPTS = 3
"""A machine that is busy with other things makes a process wait for its turn by more than 2 %
now and then: a wrong number is wrong every time."""
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


@dataclass(frozen=True, slots=True)
class Told:
    """One request as the simulator did it, and as we measured it."""

    did: Mapping[str, Any]
    record: RequestRecord
    view: RequestView

    @property
    def did_ttft_s(self) -> float:
        return float(self.did["first_delta_at"]) - self.record.accepted_at


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
            await asyncio.gather(*(ask(client, session, name, sizes[name]) for name in names))
            while len(ended) < len(names):  # noqa: ASYNC110 - written just after the last byte
                await asyncio.sleep(0.01)
            chat_url = session.switchboard.statuses()[0].url
            assert chat_url is not None
            root = chat_url.split("/v1")[0]
            async with client.get(f"{root}/x_simulator") as response:
                records = (await response.json())["requests"]
        did = {record["prompt_tokens"]: record for record in records}
        return {name: Told(did[sizes[name]], *ended[name]) for name in names}
    finally:
        await session.stop()


async def ask(client: aiohttp.ClientSession, session: Session, name: str, size: int) -> None:
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
        await response.read()


async def test_every_number_is_what_the_simulator_did(tmp_path: Path) -> None:
    for attempt in range(ATTEMPTS):
        told = await measure(tmp_path)
        try:
            for name, each in told.items():
                check_counts(name, each)
                check_times(name, each)
            check_prefill(told)
            break
        except AssertionError:
            if attempt == ATTEMPTS - 1:
                raise
    check_unknown(told["untold"])


def check_counts(name: str, each: Told) -> None:
    did, view = each.did, each.view
    # A malformed event is an event that came, though no piece of the answer.
    broken = 1 if name == "malformed" else 0
    assert view.chunks == did["chunks"] + broken, name
    assert view.truncation == CUT_SHORT.get(name), name
    expected = {"silent": 3, "loading": 3, "stall": 2}
    if name in expected:
        assert view.keepalives == expected[name], name
    if view.output_tokens.source is Source.REPORTED:
        assert view.output_tokens.value == did["output_tokens"], name
        assert view.prompt_tokens.value == did["prompt_tokens"], name
        assert view.cached_tokens.value == did["cached_tokens"], name
    else:
        assert view.deltas == did["output_tokens"], name
    assert view.stalls == 0, name


def check_times(name: str, each: Told) -> None:
    did, view = each.did, each.view
    assert view.ttft_s.value == pytest.approx(each.did_ttft_s, rel=0.02), name
    span = did["last_delta_at"] - did["first_delta_at"]
    if span < 0.5:
        return  # too short for 2 % to mean anything
    rate = (did["output_tokens"] - 1) / span
    assert view.tokens_per_s.value == pytest.approx(rate, rel=0.02), name
    assert view.decode_s.value == pytest.approx(span, rel=0.02), name


def check_prefill(told: Mapping[str, Told]) -> None:
    """Prefill where the simulator tells its progress; what it did is in the script."""
    for name in ("plain", "cached"):
        did, view = told[name].did, told[name].view
        tokens = did["prompt_tokens"] - did["cached_tokens"]
        planned_s = tokens / SCRIPTS[name]["prefill_tokens_per_s"]
        assert view.prefill_s.value == pytest.approx(planned_s, rel=0.02), name
        speed = view.prefill_tokens_per_s
        assert speed.value == pytest.approx(SCRIPTS[name]["prefill_tokens_per_s"], rel=0.02), name
    assert told["cached"].view.reuse_percent.value == pytest.approx(100 * 500 / 2004, rel=0.02)
    loading = told["loading"].view
    assert loading.load_s.value == pytest.approx(1.0, rel=0.02)
    thinking = told["thinking"].view
    assert thinking.thinking_deltas == 40
    first_text = (thinking.first_text_s.value or 0) - (thinking.ttft_s.value or 0)
    assert first_text == pytest.approx(40 / 50, rel=0.02)


def check_unknown(untold: Told) -> None:
    """No usage and no progress: estimates are called so, the rest is unknown."""
    view = untold.view
    assert view.output_tokens.source is Source.ESTIMATED
    assert view.prompt_tokens.source is Source.ESTIMATED
    assert view.load_s.source is Source.UNKNOWN
    assert view.load_s.value is None
    assert view.prefill_s.source is Source.ESTIMATED
