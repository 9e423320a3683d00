"""Switching under load, through the real proxy: no request lost, failed or on the wrong backend.

Two simulators stand for two models: each says its model's name in every answer, so that a reply
tells by itself which of them wrote it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from anyclaude_tui.backends.base import BackendError, BackendState
from anyclaude_tui.config.settings import BackendSettings, Settings
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.events import Outcome
from anyclaude_tui.telemetry.metrics import RequestView
from tests.support.proxy import ask_body
from tests.support.waiting import until

SWITCHES = int(os.environ.get("ANYCLAUDE_SWITCHES", "10"))
"""`make soak` makes fifty."""
STREAMS = 8
MOST_OF_A_PROBE = 8
"""Output tokens of the short chat by which a backend shows that it is ready."""
PROFILES = {"gpt": "fast,speed=20", "qwen": "slow,speed=100"}
MODELS = {"gpt": "simulated gpt-oss-20b", "qwen": "simulated qwen3-42b-thinking"}


@dataclass
class Reply:
    """What a client got."""

    id: str
    status: int
    text: str
    ended: bool
    """The stream had its message_stop."""


@dataclass
class Load:
    """Clients that ask one request after the other until they are told to stop."""

    session: Session
    replies: list[Reply] = field(default_factory=list)
    views: dict[str, RequestView] = field(default_factory=dict)
    """What the session says of every request that has ended."""
    stop: bool = False

    def __post_init__(self) -> None:
        self.session.hub.ended_listeners.append(
            lambda record, view: self.views.__setitem__(record.id, view)
        )

    @asynccontextmanager
    async def running(self, streams: int) -> AsyncIterator[Load]:
        headers = {"Authorization": f"Bearer {self.session.token}"}
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(self.session.url, headers=headers, connector=connector) as http,
            asyncio.TaskGroup() as group,
        ):
            for number in range(streams):
                group.create_task(self._client(http, number))
            try:
                yield self
            finally:
                self.stop = True

    async def _client(self, http: aiohttp.ClientSession, number: int) -> None:
        turn = 0
        while not self.stop:
            turn += 1
            body = ask_body(f"which model are you? client {number}, turn {turn}")
            self.replies.append(await ask(http, body))

    def served(self, name: str) -> int:
        """Requests that NAME has answered so far."""
        return sum(view.backend == name for view in self.views.values())

    def check(self) -> Counter[str]:
        """All replies are whole, and each is from the backend that its record names.

        Returns how many there were by backend.
        """
        self.session.hub.settle()
        views = self.views
        assert len(views) == len(self.replies)
        assert not self.session.hub.in_flight
        for reply in self.replies:
            assert (reply.status, reply.ended) == (200, True)
            view = views[reply.id]
            assert view.outcome is Outcome.COMPLETE
            assert view.truncation is None
            assert f"a simulated answer from {MODELS[view.backend]}. " in reply.text
        return Counter(views[reply.id].backend for reply in self.replies)


async def ask(http: aiohttp.ClientSession, body: dict[str, Any]) -> Reply:
    """One streamed request, read to its end."""
    async with http.post("/v1/messages", json=body) as response:
        whole = await response.text()
        reply = Reply(response.headers["request-id"], response.status, "", False)
    for line in whole.splitlines():
        if line.startswith("data:"):
            event = json.loads(line[5:])
            if event["type"] == "content_block_delta":
                reply.text += event["delta"].get("text", "")
            reply.ended = event["type"] == "message_stop"
    return reply


@asynccontextmanager
async def session(home: Path, **backends: BackendSettings) -> AsyncIterator[Session]:
    """A session on the first of them, ready."""
    made = Session(Settings(backends=backends), home=home, backend=next(iter(backends)))
    await made.start()
    try:
        await made.ready()
        yield made
    finally:
        await made.stop()


def simulators() -> dict[str, BackendSettings]:
    """Two that the session starts and stops itself."""
    return {
        name: BackendSettings(kind="simulator", profile=profile)
        for name, profile in PROFILES.items()
    }


async def switch_under_load(made: Session, load: Load) -> None:
    """Back and forth; each backend serves something before the next switch."""
    names = list(PROFILES)
    for turn in range(SWITCHES):
        name = names[(turn + 1) % 2]
        await made.switch(name)
        assert made.snapshot().active == name
        before = load.served(name)
        await until(lambda: load.served(name) > before, 60)  # noqa: B023 - is awaited here


async def test_many_switches_between_two_servers_of_ours(tmp_path: Path) -> None:
    async with session(tmp_path, **simulators()) as made:
        async with Load(made).running(STREAMS) as load:
            await switch_under_load(made, load)
        counts = load.check()
        assert min(counts.values()) >= SWITCHES // 2
        assert not [notice for notice in made.hub.notices if notice.level == "error"]
        await until(lambda: not made.switchboard.switching)
        states = {status.name: status.state for status in made.snapshot().backends}
        assert states == {"gpt": BackendState.READY, "qwen": BackendState.STOPPED}


@asynccontextmanager
async def simulator(profile: str) -> AsyncIterator[str]:
    """A simulated server that somebody else has started; its URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "anyclaude_tui.backends.simulator.server"),
        *("--port", "0", "--profile", profile),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        said = (await process.stderr.readline()).decode()
        yield said.split()[-1].removesuffix("/v1")
        assert process.returncode is None  # nobody has stopped it
    finally:
        process.terminate()
        await process.wait()


async def test_many_switches_between_servers_that_run_already(tmp_path: Path) -> None:
    """The servers' own books say the same as the proxy's."""
    async with simulator(PROFILES["gpt"]) as gpt, simulator(PROFILES["qwen"]) as qwen:
        urls = {"gpt": gpt, "qwen": qwen}
        backends = {n: BackendSettings(kind="openai", url=url) for n, url in urls.items()}
        async with session(tmp_path, **backends) as made:
            async with Load(made).running(STREAMS) as load:
                await switch_under_load(made, load)
            counts = load.check()
        async with aiohttp.ClientSession() as http:
            for name, url in urls.items():
                async with http.get(f"{url}/x_simulator") as response:
                    books = (await response.json())["requests"]
                real = [entry for entry in books if entry["output_tokens"] > MOST_OF_A_PROBE]
                assert len(real) == counts[name]
                assert {entry["outcome"] for entry in real} == {"complete"}


async def test_a_switch_that_fails_under_load_costs_no_request(tmp_path: Path) -> None:
    broken = BackendSettings(kind="mlx_lm", model=str(tmp_path / "no-such-model"))
    async with session(tmp_path, **simulators(), broken=broken) as made:
        async with Load(made).running(STREAMS) as load:
            for _ in range(5):
                with pytest.raises(BackendError, match="no model at"):
                    await made.switch("broken")
                await until(lambda: len(load.replies) > 8)
        assert set(load.check()) == {"gpt"}
        (failed,) = (s for s in made.snapshot().backends if s.name == "broken")
        assert failed.state is BackendState.FAILED
        assert "no model at" in failed.reason


async def test_another_choice_gives_up_a_first_backend_that_still_loads(tmp_path: Path) -> None:
    """A request that has waited for the first one is served by the second."""
    slow = BackendSettings(kind="simulator", profile="slow,load_s=60")
    made = Session(Settings(backends={"slow": slow, **simulators()}), home=tmp_path, backend="slow")
    await made.start()
    try:
        async with Load(made).running(1) as load:
            await until(lambda: made.hub.in_flight)
            await until(lambda: made.snapshot().backends[0].state is BackendState.LOADING)
            await made.switch("gpt")
            await until(lambda: load.replies)
        assert set(load.check()) == {"gpt"}
        await made.ready()  # the one that was taken in its place serves
        await until(lambda: made.snapshot().backends[0].state is BackendState.STOPPED)
    finally:
        await made.stop()


async def test_a_cancelled_switch_stops_what_it_has_started(tmp_path: Path) -> None:
    slow = BackendSettings(kind="simulator", profile="slow,load_s=60")
    async with session(tmp_path, **simulators(), slow=slow) as made:
        async with Load(made).running(2) as load:
            switch = asyncio.create_task(made.switch("slow"))
            await until(lambda: made.snapshot().backends[-1].pid)
            assert "starting slow" in made.snapshot().switching
            switch.cancel()
            with pytest.raises(asyncio.CancelledError):
                await switch
            await until(lambda: load.replies)
        assert made.snapshot().backends[-1].pid is None
        assert set(load.check()) == {"gpt"}
