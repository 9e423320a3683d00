"""Reading ahead: when, what, how it gives way, and that it is in nobody's figures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psutil
import pytest

from anyclaude_tui.backends import machine
from anyclaude_tui.backends.http import PROBE_TOKENS
from anyclaude_tui.backends.machine import Memory
from anyclaude_tui.config.settings import BackendSettings, Settings, WarmingSettings
from anyclaude_tui.session import fronts, warming
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry import journal
from anyclaude_tui.telemetry.warmth import Warming
from tests.support import wire
from tests.support.replies import whole
from tests.support.upstream import Reply, Seen, Upstream, fail, wait
from tests.support.waiting import until

FOLDER = "/home/project"
LATE = f"# Environment\n - Primary working directory: {FOLDER}\n\nAvailable agent types: none"
TOOLS = [
    {"name": f"Tool{n}", "description": "d" * 900, "input_schema": {"type": "object"}}
    for n in range(6)
]


def body(words: str = "a secret question", **more: Any) -> dict[str, Any]:
    return {
        "model": "m",
        "max_tokens": 50,
        "stream": True,
        "system": "You are Claude Code, Anthropic's official CLI for Claude.",
        "tools": TOOLS,
        "messages": [
            {"role": "user", "content": words},
            {"role": "system", "content": LATE},
        ],
        **more,
    }


class Reading(Upstream):
    """Answers warming as `on_warming` says, everything else with a word."""

    def __init__(self) -> None:
        super().__init__()
        self.warmed: list[Seen] = []
        self.lm_models: dict[str, Any] = {}
        """LM Studio's answer, where it is one."""
        self.on_warming: Callable[[Seen], Reply] = lambda _: word("length")

    def _reply_to(self, seen: Seen) -> Reply:
        if seen.path == "/api/v1/models":
            return whole(self.lm_models)
        if not seen.path.endswith("/chat/completions"):
            return super()._reply_to(seen)
        if seen.json.get("max_tokens") == 1 and seen.json.get("stream"):
            self.warmed.append(seen)
            return self.on_warming(seen)
        if seen.json.get("stream") and seen.json.get("max_tokens") != PROBE_TOKENS:
            self.requests.append(seen)
            return word("stop", cached=90)
        return super()._reply_to(seen)


def word(reason: str, cached: int = 0) -> Reply:
    return Reply(wire.text("ok"), wire.finish(reason), wire.usage(100, 1, cached), wire.DONE)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory", lambda: Memory(100, 60))


@pytest.fixture
async def upstream() -> AsyncIterator[Reading]:
    async with Reading() as server:
        yield server


Start = Callable[..., Any]


@pytest.fixture
def start(upstream: Reading, tmp_path: Path) -> Start:
    """`async with start() as session`: one that serves from the upstream."""

    @asynccontextmanager
    async def made(**given: Any) -> AsyncIterator[Session]:
        backends = {
            name: BackendSettings(kind="openai", url=upstream.url, context_window=100_000)
            for name in ("a", "b")
        }
        settings = Settings(**{"backends": backends, "backend": "a", **given})
        session = Session(settings, home=tmp_path, cwd=FOLDER)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(session.stop)
            await session.start()
            await session.ready()
            yield session

    return made


async def ask(
    session: Session, given: dict[str, Any] | None = None, who: str = "s1", agent: str = ""
) -> None:
    headers = {"authorization": f"Bearer {session.token}", "X-Claude-Code-Session-Id": who}
    if agent:
        headers["X-Claude-Code-Agent-Id"] = agent
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.post(
            f"{session.url}/v1/messages", json=given or body(), headers=headers
        )
    assert answer.status_code == 200, answer.text
    session.hub.settle()


def state(session: Session) -> Warming:
    return session.snapshot().warmth.warming


async def test_a_new_session_reads_what_the_last_one_began_with(
    upstream: Reading, start: Start, tmp_path: Path
) -> None:
    async with start() as session:
        assert state(session) is Warming.NONE  # nothing is known yet
        await ask(session)
        await session._fronts.settled()
    (kept,) = (tmp_path / fronts.FOLDER).glob("*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "a secret question" not in kept.read_text()
    async with start() as session:
        await until(lambda: state(session) is Warming.DONE)
        last = upstream.warmed[-1].json
        asked = upstream.requests[0].json
        assert last["tools"] == asked["tools"]
        assert last["messages"][0] == asked["messages"][0]
        front = last["messages"][1]["content"].removesuffix(".")
        assert asked["messages"][1]["content"].startswith(front)
        assert len(front) > 100
        snapshot = session.snapshot()
        assert snapshot.recent == ()
        assert snapshot.totals.requests == 0
        await ask(session, body("another"))
        (request,) = session.snapshot().recent
        assert request.warmed_tokens == 90
        assert session.snapshot().warmth.used_tokens == 90
    lines = list(journal.read_back(tmp_path / journal.FOLDER))
    assert [line["role"] for line in lines].count("warming") == 1


async def test_it_goes_piece_by_piece_each_with_the_last_as_its_beginning(
    upstream: Reading, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start() as session:
        await ask(session)
        monkeypatch.setattr(warming, "PIECE_S", 0.05)
        monkeypatch.setattr(warming, "FIRST_PIECE_BYTES", 1)
        upstream.on_warming = lambda _: Reply(wait(0.06), *word("length").steps)
        await session.switch("b")
        await until(lambda: state(session) is Warming.DONE)
    first, *rest = upstream.warmed
    assert len(first.json["tools"]) == len(TOOLS)  # is it there already? no
    counts = [len(seen.json["tools"]) for seen in rest]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] == len(TOOLS)
    whole = upstream.warmed[-1].json["messages"]
    assert whole == upstream.requests[0].json["messages"]  # the running conversation


async def test_a_request_waits_for_one_piece_only(
    upstream: Reading, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    async with start() as session:
        await ask(session)
        monkeypatch.setattr(warming, "FIRST_PIECE_BYTES", 1)
        monkeypatch.setattr(warming, "PIECE_S", 5.0)
        upstream.on_warming = lambda _: Reply(
            gate, wire.text("ok"), wire.finish("length"), wire.usage(50, 1), wire.DONE
        )
        await session.switch("b")
        await until(lambda: upstream.warmed)
        asked = asyncio.create_task(ask(session, body("now")))
        await until(lambda: session.hub.in_flight)
        await asyncio.sleep(0.05)
        assert len(upstream.requests) == 1
        gate.set()
        await asked
        assert len(upstream.warmed) == 1
        assert session.snapshot().warmth.used_tokens == 90


def lm_studio(loaded: bool = True) -> dict[str, Any]:
    """The models of a FAKE LM Studio, as docs/protocol/lm-studio.md has them."""
    instances = [{"id": "gpt-oss", "config": {"context_length": 100_000}}] if loaded else []
    return {"models": [{"key": "gpt-oss", "type": "llm", "loaded_instances": instances}]}


def beside_lm_studio(upstream: Reading, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Backend a, and the upstream as b, a FAKE LM Studio; pieces that are small."""
    monkeypatch.setattr(warming, "FIRST_PIECE_BYTES", 1)
    upstream.routes["/lmstudio-greeting"] = {"lmstudio": True}
    upstream.lm_models = lm_studio()
    return {
        "a": BackendSettings(kind="openai", url=upstream.url, context_window=100_000),
        "b": BackendSettings(kind="lmstudio", url=upstream.url),
    }


async def test_lm_studio_reads_ahead_in_pieces_none_of_which_is_stopped(
    upstream: Reading, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start(backends=beside_lm_studio(upstream, monkeypatch)) as session:
        await ask(session)
        await session.switch("b")
        await until(lambda: state(session) is Warming.DONE)
    first = upstream.warmed[0].json
    assert len(first["tools"]) < len(TOOLS)  # not all of it, which could not be stopped
    assert {seen.json["model"] for seen in upstream.warmed} == {"gpt-oss"}


async def test_lm_studio_loads_no_model_for_a_prompt_that_nobody_asked(
    upstream: Reading, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start(backends=beside_lm_studio(upstream, monkeypatch)) as session:
        await ask(session)
        upstream.on_warming = unloads(upstream)
        await session.switch("b")
        await until(lambda: state(session) is Warming.GIVEN_UP)
        assert session.snapshot().warmth.why == "gpt-oss is not loaded any more"
    assert len(upstream.warmed) == 1


def unloads(upstream: Reading) -> Callable[[Seen], Reply]:
    """A server that evicts its model after the first piece."""

    def answer(_: Seen) -> Reply:
        upstream.lm_models = lm_studio(loaded=False)
        return word("length")

    return answer


async def test_nothing_is_looked_at_while_nothing_changes(
    upstream: Reading, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Any] = []
    look = warming.Warmer._just_ready
    patched = lambda warmer: (looks.append(warmer), look(warmer))[1]  # type: ignore[func-returns-value]  # noqa: E731
    monkeypatch.setattr(warming.Warmer, "_just_ready", patched)
    async with start() as session:
        await ask(session)
        await session.switch("b")
        await until(lambda: state(session) is Warming.DONE)
        await until(lambda: not session.switchboard.changed.is_set())
        before = len(looks)
        session.snapshot()
        await ask(session)
        assert len(looks) == before
        await session.restart_backend()
        await until(lambda: len(looks) > before)
        await until(lambda: state(session) is Warming.DONE)


async def test_a_refusal_ends_it(upstream: Reading, start: Start) -> None:
    async with start() as session:
        await ask(session)
        upstream.on_warming = lambda _: fail(400, {"error": {"message": "no such thing"}})
        await session.switch("b")
        await until(lambda: state(session) is Warming.GIVEN_UP)
        assert "no such thing" in session.snapshot().warmth.why
        assert len(upstream.warmed) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda m: m.setattr(machine, "memory", lambda: Memory(100, 3)), "97 % of the memory"),
        (
            lambda m: m.setattr(
                psutil,
                "sensors_battery",
                lambda: SimpleNamespace(power_plugged=False, percent=12.0),
                raising=False,
            ),
            "the battery is at 12 %",
        ),
    ],
    ids=["memory", "battery"],
)
async def test_it_is_given_up_where_it_would_be_a_burden(
    upstream: Reading, start: Start, monkeypatch: pytest.MonkeyPatch, change: Any, why: str
) -> None:
    async with start() as session:
        await ask(session)
        change(monkeypatch)
        await session.switch("b")
        await until(lambda: state(session) is Warming.GIVEN_UP)
        assert why in session.snapshot().warmth.why
    assert not upstream.warmed


async def test_what_agents_begin_with_is_read_only_if_the_user_wants_it(
    upstream: Reading, start: Start
) -> None:
    agent = body("an agent's task", system="You are an agent for one task.", tools=TOOLS[:2])
    for wanted in (False, True):
        upstream.warmed.clear()
        async with start(warming=WarmingSettings(agents=wanted)) as session:
            await ask(session)
            await ask(session, agent, agent="a1")
            await session._fronts.settled()
            upstream.warmed.clear()
            await session.switch("b" if session.switchboard.active == "a" else "a")
            await until(lambda: state(session) is Warming.DONE)
            if wanted:
                await until(lambda: len(upstream.warmed) > 1)
            fronts_read = [seen.json["messages"][0]["content"] for seen in upstream.warmed]
        own = [text for text in fronts_read if text.startswith("You are an agent")]
        assert bool(own) is wanted
        assert not fronts_read[0].startswith("You are an agent"), "the conversation goes first"
        assert all("an agent's task" not in str(seen.json) for seen in upstream.warmed)


async def test_the_journal_knows_whether_a_prompt_has_its_anchors(
    upstream: Reading, start: Start, tmp_path: Path
) -> None:
    billing = "x-anthropic-billing-header: cc_version=2.1.332.a1b; cc_entrypoint=cli;"
    known = [{"type": "text", "text": text} for text in (billing, "You are Claude Code.")]
    other = [{"role": "user", "content": "hi"}, {"role": "system", "content": "Other words."}]
    later = [*other, {"role": "assistant", "content": "Well."}, {"role": "user", "content": "go"}]
    inlined = [  # as Claude Code does it for claude-sonnet-4-5: nothing need be moved
        {"type": "text", "text": f"<system-reminder>\n{text}\n</system-reminder>"}
        for text in ("# Environment\n - Primary working directory: /x", "Today is a day.")
    ]
    asked = {"role": "user", "content": [*inlined, {"type": "text", "text": "hi"}]}
    async with start() as session:
        await ask(session, body(system=known))
        await ask(session, body(messages=[asked], model="claude-sonnet-4-5"))
        await ask(session, body(messages=other))
        await ask(session, body(messages=later))
    lines = [
        (line["hasAnchors"], line["clientVersion"])
        for line in journal.read_back(tmp_path / journal.FOLDER)
        if line["role"] == "main"
    ]
    assert lines == [(None, None), (False, None), (True, None), (True, "2.1.332")]


async def test_it_can_be_turned_off(upstream: Reading, start: Start, tmp_path: Path) -> None:
    async with start(warming=WarmingSettings(enabled=False)) as session:
        await ask(session)
        await session.switch("b")
        await ask(session)
        assert state(session) is Warming.NONE
    assert not upstream.warmed
    assert not (tmp_path / fronts.FOLDER).exists()


async def test_what_was_read_in_vain_is_said(upstream: Reading, start: Start) -> None:
    async with start() as session:
        await ask(session)
        await session.switch("b")
        await until(lambda: state(session) is Warming.DONE)
        upstream._reply_to = lambda seen: word("stop", cached=3)  # type: ignore[method-assign]
        await ask(session, body(system="You are something else."), who="s2")
        warmth = session.snapshot().warmth
    assert warmth.why.startswith("not used: it changed at system block 0")


async def test_fronts_are_of_a_folder_and_a_kind(tmp_path: Path) -> None:
    kept = fronts.Fronts(tmp_path)
    interactive = body()
    printed = body(system="You are a Claude agent.")
    for given in (interactive, printed):
        kept._keep(given, fronts.kind_of(given))
        await kept.settled()
    found = await kept.newest(FOLDER, fronts.INTERACTIVE)
    assert found is not None
    assert found.kind == fronts.INTERACTIVE
    newest = await kept.newest(FOLDER)
    assert newest is not None
    assert newest.kind == fronts.PRINTED
    assert await kept.newest("/elsewhere") is None
    assert await kept.newest(FOLDER, fronts.AGENT) is None
    assert fronts.clear(tmp_path) == 2
    (tmp_path / fronts.FOLDER / "x.json").write_text(json.dumps({"folder": 1}))
    assert await kept.newest(FOLDER) is None
