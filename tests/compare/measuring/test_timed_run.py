"""One timed run, through a real proxy and direct, on scripted replies over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.compare.measuring import timed_run
from anyclaude_tui.compare.measuring.client_reader import ANSWER
from anyclaude_tui.compare.measuring.run import Run, Taken
from anyclaude_tui.compare.samples import Prefix, Sample, Way
from anyclaude_tui.compare.workload import from_prompt
from anyclaude_tui.config.settings import Limits, LogSettings, Settings
from anyclaude_tui.figures import Source
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.events import Outcome, Role, Truncation
from tests.support import wire
from tests.support.upstream import CUT, HEADERS, STALL, Reply, Upstream, When, fail, wait, when

BODY = from_prompt("hello").body


class Bench:
    """A scripted backend, a session on it, and a client."""

    def __init__(self, upstream: Upstream, session: Session, http: aiohttp.ClientSession) -> None:
        self.upstream = upstream
        self.session = session
        self.http = http
        self.run = Run("scripted")

    def read(self, deltas: int) -> When:
        """A step of the reply: until the client has read so many deltas."""
        return when(lambda: self.run.record.attempt.deltas >= deltas)

    def progress(self, tokens: int) -> When:
        """A step of the reply: until so many tokens of prefill are known of."""
        return when(lambda: (self.run.look().prefill_done_tokens or 0) >= tokens)

    async def take(self, way: Way, reply: Reply, body: Any = BODY) -> Taken:
        self.upstream.script(reply)
        run = self.run = Run("scripted")
        if way is Way.DIRECT:
            endpoint = self.session.switchboard.peek(Role.MAIN).backend.endpoint
            limits = self.session.settings.limits
            return await timed_run.direct(run, self.http, endpoint, body, limits)
        session = self.session
        return await timed_run.through_proxy(
            run, self.http, session.url, session.token, session.hub, body
        )


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench_with(tmp_path, Limits(retries=0)) as bench:
        yield bench


@asynccontextmanager
async def bench_with(tmp_path: Path, limits: Limits) -> AsyncIterator[Bench]:
    settings = Settings(limits=limits, logs=LogSettings(requests=False))
    async with Upstream() as upstream, aiohttp.ClientSession() as http:
        session = Session(settings, home=tmp_path, backend=f"openai:{upstream.url}")
        await session.start()
        try:
            await session.ready()
            yield Bench(upstream, session, http)
        finally:
            await session.stop()


def sample(taken: Taken, way: Way) -> Sample:
    return Sample("t", "w", way, Prefix.COLD, 1, taken.view, taken.text)


both_ways = pytest.mark.parametrize("way", [Way.PROXY, Way.DIRECT])


@both_ways
async def test_a_reply_is_timed_and_counted(bench: Bench, way: Way) -> None:
    reply = Reply(
        HEADERS,
        wait(0.05),
        wire.reasoning("I ", "think"),
        bench.read(2),
        wire.text("so"),
        bench.read(3),
        wire.text("!"),
        wire.finish(),
        wire.usage(prompt=100, output=21, cached=40),
        wire.DONE,
    )
    taken = await bench.take(way, reply)
    view = taken.view
    assert sample(taken, way).ok
    assert (taken.text, taken.answer) == (f"I think\n{ANSWER}\nso!", "so!")
    assert view.ttft_s.value is not None
    assert view.first_text_s.value is not None
    assert view.decode_s.value is not None
    assert 0.045 <= view.ttft_s.value < view.first_text_s.value < view.elapsed_s
    assert view.tokens_per_s.source is Source.MEASURED
    assert view.tokens_per_s.value == pytest.approx(20 / view.decode_s.value)
    assert (view.prompt_tokens.value, view.cached_tokens.value) == (100, 40)
    assert (view.deltas, view.thinking_deltas, view.chunks) == (4, 2, 6)
    assert taken.timeline[-1][1] == 4
    assert view.stop_reason == "end_turn"
    assert view.queue_s < view.ttft_s.value


@both_ways
async def test_prefill_and_load_are_told_apart(bench: Bench, way: Way) -> None:
    reply = Reply(
        HEADERS,
        wait(0.4),  # load, and the first step, of about as long as the others
        wire.comment("keepalive 100/300"),
        bench.progress(100),
        wire.comment("keepalive 200/300"),
        bench.progress(200),
        wire.comment("keepalive 300/300"),
        wire.text("so"),
        wire.ending(),
    )
    view = (await bench.take(way, reply)).view
    assert view.load_s.value is not None
    assert view.prefill_s.value is not None
    assert view.ttft_s.value is not None
    spans = view.queue_s + view.load_s.value + view.prefill_s.value
    assert spans <= view.ttft_s.value  # the rest is the way to the client
    assert min(view.load_s.value, view.prefill_s.value) > 0


@both_ways
async def test_a_cut_is_no_good_run_and_says_so(bench: Bench, way: Way) -> None:
    taken = await bench.take(way, Reply(wire.text("half a rep"), CUT))
    assert not sample(taken, way).ok
    assert taken.view.truncation is Truncation.CUT
    assert taken.view.reason


@both_ways
async def test_an_error_status_keeps_its_words(bench: Bench, way: Way) -> None:
    taken = await bench.take(way, fail(500, {"error": {"message": "out of memory"}}))
    assert not sample(taken, way).ok
    assert taken.view.outcome is Outcome.ERROR
    assert "out of memory" in taken.view.reason


@both_ways
async def test_the_limit_of_tokens_is_a_good_ending(bench: Bench, way: Way) -> None:
    taken = await bench.take(way, Reply(wire.text("one two"), wire.ending("length")))
    assert sample(taken, way).ok
    assert taken.view.truncation is Truncation.MAX_TOKENS


@both_ways
async def test_a_tool_call_is_a_first_token(bench: Bench, way: Way) -> None:
    tool = {"name": "Bash", "description": "Run.", "input_schema": {"type": "object"}}
    reply = Reply(wire.call("Bash", {"command": "ls"}), wire.ending("tool_calls"))
    taken = await bench.take(way, reply, {**BODY, "tools": [tool]})
    assert sample(taken, way).ok
    assert [name for name, _ in taken.tool_calls] == ["Bash"]
    assert taken.view.ttft_s.value is not None
    assert taken.view.stop_reason == "tool_use"


@both_ways
async def test_a_backend_that_falls_silent_ends_the_run(tmp_path: Path, way: Way) -> None:
    """The deadlines are those of [limits], with and without the proxy."""
    limits = Limits(retries=0, between_deltas_s=0.3)
    async with bench_with(tmp_path, limits) as bench, asyncio.timeout(30):
        view = (await bench.take(way, Reply(wire.text("half a rep"), STALL))).view
    assert (view.outcome, view.truncation) == (Outcome.LIMIT, Truncation.STALL)
    assert "fell silent" in view.reason


@both_ways
async def test_a_backend_that_never_begins_ends_the_run(tmp_path: Path, way: Way) -> None:
    limits = Limits(retries=0, first_byte_s=0.3)
    async with bench_with(tmp_path, limits) as bench, asyncio.timeout(30):
        view = (await bench.take(way, Reply(HEADERS, STALL))).view
    assert (view.outcome, view.truncation) == (Outcome.ERROR, Truncation.STALL)
    assert "sent nothing for 0.3 s" in view.reason


@both_ways
async def test_a_silent_tail_does_not_hold_up_the_end(
    bench: Bench, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyclaude_tui.proxy.deadlines.TAIL_S", 0.2)
    async with asyncio.timeout(30):
        view = (await bench.take(way, Reply(wire.text("so"), wire.finish(), STALL))).view
    assert (view.outcome, view.stop_reason) == (Outcome.COMPLETE, "end_turn")


@both_ways
async def test_a_stop_sequence_ends_the_run_where_the_proxy_ends_it(bench: Bench, way: Way) -> None:
    reply = Reply(wire.text("one ", "two STOP three"), wire.ending())
    taken = await bench.take(way, reply, {**BODY, "stop_sequences": ["STOP"]})
    assert (taken.text, taken.view.stop_reason) == ("one two ", "stop_sequence")


@both_ways
async def test_only_one_call_is_taken_where_the_client_wants_one(bench: Bench, way: Way) -> None:
    tool = {"name": "Bash", "description": "Run.", "input_schema": {"type": "object"}}
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    calls = [wire.call("Bash", {"command": word}, index=n) for n, word in enumerate(("ls", "pwd"))]
    reply = Reply(*calls, wire.ending("tool_calls"))
    taken = await bench.take(way, reply, {**BODY, "tools": [tool], "tool_choice": choice})
    assert len(taken.tool_calls) == 1


@both_ways
async def test_a_redirect_is_told_with_its_place(bench: Bench, way: Way) -> None:
    reply = Reply(status=307, headers={"Location": "https://elsewhere.test/v1"}, framing="length")
    view = (await bench.take(way, reply)).view
    assert view.outcome is Outcome.ERROR
    assert "redirects to https://elsewhere.test/v1" in view.reason


async def test_direct_sends_what_the_proxy_sends(bench: Bench) -> None:
    for way in (Way.PROXY, Way.DIRECT):
        await bench.take(way, Reply(wire.text("so"), wire.ending()))
    proxied, direct = bench.upstream.requests
    assert proxied.body == direct.body


async def test_keepalives_that_the_client_saw_are_counted(tmp_path: Path) -> None:
    limits = Limits(keepalive_s=0.05, commit_s=0.02)
    async with Upstream() as upstream, aiohttp.ClientSession() as http:
        session = Session(Settings(limits=limits), home=tmp_path, backend=f"openai:{upstream.url}")
        await session.start()
        try:
            await session.ready()
            bench = Bench(upstream, session, http)
            said = when(lambda: any(r.keepalives >= 3 for r in session.hub.in_flight.values()))
            reply = Reply(HEADERS, wait(0.3), said, wire.text("so"), wire.ending())
            view = (await bench.take(Way.PROXY, reply)).view
        finally:
            await session.stop()
    assert view.keepalives >= 3
    assert view.ttft_s.value is not None
    assert view.ttft_s.value >= 0.29


async def test_a_proxy_that_is_gone_is_a_result(bench: Bench) -> None:
    run = Run("gone")
    hub = bench.session.hub
    taken = await timed_run.through_proxy(run, bench.http, "http://127.0.0.1:9", "t", hub, BODY)
    assert taken.view.outcome is Outcome.ERROR
    assert "broke off" in taken.view.reason


async def test_how_it_goes_can_be_seen_while_it_runs(bench: Bench) -> None:
    go_on = asyncio.Event()
    bench.upstream.script(Reply(wire.text("first"), go_on, wire.text(" last"), wire.ending()))
    run = Run("scripted")
    session = bench.session
    task = asyncio.create_task(
        timed_run.through_proxy(run, bench.http, session.url, session.token, session.hub, BODY)
    )
    while run.reader.text != "first":  # noqa: ASYNC110, a reader has no event
        await asyncio.sleep(0.005)
    assert run.look().chunks >= 1  # the proxy's own count
    assert run.look().outcome is None
    go_on.set()
    assert (await task).text == "first last"


async def test_direct_sends_and_reads_what_the_proxy_would(bench: Bench) -> None:
    """A Messages server that does not stream, with its JSON laid out over many lines."""
    message = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 9, "output_tokens": 3},
    }
    reply = Reply(json.dumps(message, indent=1).encode(), content_type="application/json")
    bench.upstream.script(reply)
    url = bench.upstream.url + "/messages"
    endpoint = Endpoint(url, "m", Dialect(max_tokens_cap=7), native=True)
    unstreamed = {name: value for name, value in BODY.items() if name != "stream"}
    taken = await timed_run.direct(Run("native"), bench.http, endpoint, unstreamed, Limits())
    assert (taken.view.outcome, taken.view.output_tokens.value) == (Outcome.COMPLETE, 3)
    sent = bench.upstream.requests[-1].json
    assert (sent["stream"], sent["max_tokens"]) == (True, 7)
