"""Slots of servers that do not say: measured on real sockets, and by nobody noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from anyclaude_tui.backends import attached, openai
from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.backends.slots.source import Slots, SlotsFrom
from anyclaude_tui.config.settings import BackendSettings, Settings
from anyclaude_tui.session import slot_probe
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry import journal
from tests.support.proxy import READ_TOOL, ask_body
from tests.support.slotted import Slotted
from tests.support.upstream import Reply, Seen, Upstream, fail
from tests.support.waiting import until

Start = Callable[..., Any]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot_probe, "GRACE_S", 20.0)
    monkeypatch.setattr(attached, "RECOVER_POLL_S", 0.01)


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """`async with start(upstream) as session`: one that serves from it, under two names."""

    @asynccontextmanager
    async def made(upstream: Upstream, **given: Any) -> AsyncIterator[Session]:
        its = {"kind": "openai", "url": upstream.url, "context_window": 100_000, **given}
        backends = {name: BackendSettings(**its) for name in ("a", "b")}
        session = Session(Settings(backends=backends, backend="a"), home=tmp_path)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(session.stop)
            await session.start()
            await session.ready()
            yield session

    return made


def slots(session: Session) -> Slots:
    status = session.snapshot().backend
    assert status is not None
    assert status.slots is not None
    return status.slots


async def measured(session: Session) -> Slots:
    probe = session._slot_probe
    assert probe is not None
    await until(lambda: probe._servers and all(one.over for one in probe._servers.values()))
    return slots(session)


async def ask(session: Session, who: str = "s1", agent: str = "", text: str = "hi") -> None:
    headers = {"authorization": f"Bearer {session.token}", "X-Claude-Code-Session-Id": who}
    if agent:
        headers["X-Claude-Code-Agent-Id"] = agent
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.post(
            f"{session.url}/v1/messages", json=ask_body(text, tools=[READ_TOOL]), headers=headers
        )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("server", "number"),
    [
        (lambda: Slotted(1), 1),
        (lambda: Slotted(2), 2),
        (lambda: Slotted(9), 4),
        (lambda: Slotted(1, busy=429), 1),
        (lambda: Slotted(1, busy=503), 1),
        (lambda: Slotted(3, busy=500), 3),
    ],
    ids=["serial", "two", "batching", "busy 429", "busy 503", "three, then 500"],
)
async def test_what_a_server_does_not_say_is_measured(
    start: Start, tmp_path: Path, server: Callable[[], Slotted], number: int
) -> None:
    async with server() as upstream, start(upstream) as session:
        assert await measured(session) == Slots(number, SlotsFrom.MEASURED)
        sent = len(upstream.short)
        assert sent == (5 if number == 4 else 10)
        for seen in upstream.short:
            assert seen.json["max_tokens"] <= 8
            assert seen.json["model"] == upstream.models["data"][0]["id"]
        snapshot = session.snapshot()
        assert (snapshot.totals.requests, snapshot.recent, snapshot.in_flight) == (0, (), ())
        await ask(session)
        assert len(upstream.short) == sent
    lines = list(journal.read_back(tmp_path / journal.FOLDER))
    assert [line["role"] for line in lines] == ["main"]


@pytest.mark.parametrize("number", [1, 4])
async def test_subagents_run_beside_each_other_where_the_server_can(
    start: Start, number: int
) -> None:
    async with Slotted(number) as upstream, start(upstream) as session:
        await measured(session)
        upstream.hold = asyncio.Event()
        asked = [asyncio.create_task(ask(session, agent=f"agent-{n}")) for n in range(3)]
        await until(lambda: len(session.hub.in_flight) == 3)
        await until(lambda: len(upstream.requests) == min(number, 3))
        if number == 1:
            waiting = [r for r in session.snapshot().in_flight if r.queue_position is not None]
            await until(lambda: len(waiting) == 2)
            assert len(upstream.requests) == 1
        upstream.hold.set()
        await asyncio.gather(*asked)
        assert upstream.most_running == min(number, 3)


async def test_a_server_that_says_it_or_a_user_who_does_is_not_measured(start: Start) -> None:
    async with Slotted(2) as upstream:
        async with start(upstream, slots=3) as session:
            await ask(session)
            assert slots(session) == Slots(3, SlotsFrom.SET)
        upstream.models = {"data": [{"id": "m", "owned_by": "llamacpp"}]}
        upstream.routes["/props"] = {"total_slots": 2}
        async with start(upstream) as session:
            await ask(session)
            assert slots(session) == Slots(2, SlotsFrom.SAID)
        assert not upstream.short


class Unwilling(Slotted):
    """Answers no short chat, as a server does whose model is not loaded, or that has a fault."""

    def _reply_to(self, seen: Seen) -> Reply:
        if seen.path.endswith("/chat/completions") and not seen.json.get("stream"):
            return fail(500, {"error": {"message": "no model is loaded"}})
        return super()._reply_to(seen)


async def test_a_model_that_may_not_be_loaded_is_never_asked(start: Start) -> None:
    async with Unwilling(4) as upstream, start(upstream) as session:
        for _ in range(3):
            await ask(session)
        assert slots(session) == Slots(1, SlotsFrom.ASSUMED)
        assert not upstream.short


@pytest.mark.parametrize(
    ("listed", "given", "asked"),
    [
        ({}, {}, False),
        ({"loaded": False}, {}, False),
        ({"loaded": True}, {}, True),
        ({"loaded": True}, {"api_key": "k"}, False),
        ({"loaded": True}, {"headers": {"x-team": "mine"}}, False),
    ],
)
async def test_in_this_network_only_a_loaded_model_that_nobody_pays_for(
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    listed: dict[str, Any],
    given: dict[str, Any],
    asked: bool,
) -> None:
    monkeypatch.setattr(openai, "is_local", lambda url: False)
    async with Slotted(2) as upstream:
        upstream.models = {"data": [{"id": "m", **listed}]}
        async with start(upstream, **given) as session:
            await ask(session)
            assert bool(upstream.short) is asked
            found = Slots(2, SlotsFrom.MEASURED) if asked else Slots(8, SlotsFrom.ASSUMED)
            assert slots(session) == found


async def test_elsewhere_nothing_is_measured(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("is_local", "is_near"):
        monkeypatch.setattr(openai, name, lambda url: False)
    async with Slotted(2) as upstream:
        upstream.models = {"data": [{"id": "m", "loaded": True}]}
        async with start(upstream) as session:
            await ask(session)
            assert slots(session) == Slots(8, SlotsFrom.ASSUMED)
        assert not upstream.short


async def test_a_request_goes_first(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot_probe, "GRACE_S", 0.0)
    async with Slotted(4) as upstream:
        upstream.hold = asyncio.Event()
        async with start(upstream) as session:
            await until(lambda: upstream.running)
            (short,) = upstream.short
            asked = asyncio.create_task(ask(session))
            await until(lambda: upstream.requests and short.outcome == "left")
            upstream.hold.set()
            await asked
            assert slots(session) == Slots(1, SlotsFrom.ASSUMED)
            await ask(session)
            assert len(upstream.short) == 1  # the conversation's cache is not risked for it


async def test_the_first_request_waits_for_it_where_it_is_quick(start: Start) -> None:
    """As where a client asks at once, or a role's own backend is brought up by its request."""
    async with Slotted(4) as upstream, start(upstream) as session:
        await ask(session)
        assert slots(session) == Slots(4, SlotsFrom.MEASURED)
        assert len(upstream.short) == 5
        assert upstream.requests[0].arrived_at > max(seen.arrived_at for seen in upstream.short)


async def test_it_is_remembered_for_this_server_and_model(start: Start) -> None:
    async with Slotted(4) as upstream, start(upstream) as session:
        await measured(session)
        await session.switch("b")  # the same server under another name
        await ask(session)
        assert slots(session) == Slots(4, SlotsFrom.MEASURED)
        assert len(upstream.short) == 5
        upstream.slots = 1
        await session.restart_backend()  # as far as is known it is another one now
        await ask(session)
        assert slots(session) == Slots(1, SlotsFrom.MEASURED)
        assert len(upstream.short) == 15


async def test_a_server_that_was_away_is_measured_anew(start: Start) -> None:
    """At once it would load a model, or cost the conversation its cache: when it has shown that it
    keeps one beside another."""
    async with Slotted(4) as upstream, start(upstream) as session:
        assert await measured(session) == Slots(4, SlotsFrom.MEASURED)
        port = upstream.port
        await upstream.stop()
        asked = asyncio.create_task(ask(session))
        status = session.switchboard.backend("a").status
        await until(lambda: status().state is BackendState.DEGRADED)
        upstream.reset()
        upstream.short.clear()
        upstream.slots = 2
        await upstream.start(port)
        await asked
        assert slots(session) == Slots(1, SlotsFrom.ASSUMED)
        await ask(session, agent="other")
        upstream.cached_tokens = 3
        await ask(session)
        assert not upstream.short  # the other one has cost it its cache
        await ask(session, agent="other")
        upstream.cached_tokens = 100
        await ask(session)
        await until(lambda: slots(session) == Slots(2, SlotsFrom.MEASURED))


async def test_what_cannot_be_told_is_left_after_a_second_time(start: Start) -> None:
    async with Upstream() as upstream, start(upstream) as session:  # its replies come whole
        assert await measured(session) == Slots(1, SlotsFrom.ASSUMED)
        streamed = [seen for seen in upstream.probes if seen.json.get("stream")]
        assert len(streamed) == 10


async def test_a_server_that_refuses_even_one(start: Start) -> None:
    async with Slotted(0, busy=503) as upstream, start(upstream) as session:
        assert await measured(session) == Slots(1, SlotsFrom.ASSUMED)
        assert len(upstream.short) == 2
