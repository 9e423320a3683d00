"""The fault matrix: whatever goes wrong, each request ends as docs/architecture.md promises.

Every case runs over real sockets, streamed and not.
"""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import msgspec
import pytest

from anyclaude_tui.config.settings import Limits
from anyclaude_tui.telemetry.events import Outcome, Truncation
from tests.support import wire
from tests.support.proxy import READ_TOOL, Proxy, ask_body, running_proxy
from tests.support.upstream import CUT, HEADERS, RESET, STALL, Reply, Steps, Upstream, fail, say
from tests.support.validator import validate
from tests.support.waiting import until

LIMITS = Limits(keepalive_s=0.1, commit_s=0.15, retries=1, recover_s=2)
SHORT = msgspec.structs.replace(LIMITS, first_byte_s=0.5, between_deltas_s=0.4)
"""For a reply that stalls; on a busy machine a good one may take longer than that."""
TEXT = wire.text("Hello ", "world")
WORDS = "Hello world"
PATH = {"file_path": "/tmp/a"}
CALL = wire.call("Read", PATH)
HALF_CALL = wire.call("Read", '{"file_path": "/tm')
ONE_MIB = "x" * (1 << 20)


@dataclass(frozen=True)
class Case:
    """A fault and the ending that it must have."""

    name: str
    reply: Callable[[], Reply]
    outcome: Outcome
    truncation: Truncation | None = None
    stop_reason: str | None = None
    text: str = ""
    calls: int = 0
    status: int = 200
    """The status of a reply that failed before anything was sent."""


def ok(name: str, reply: Callable[[], Reply], **more: object) -> Case:
    return Case(name, reply, Outcome.COMPLETE, None, "end_turn", **{"text": WORDS, **more})  # type: ignore[arg-type]


def cut(name: str, *steps: object, kind: Truncation = Truncation.CUT, **more: object) -> Case:
    """A fault after text was shown: it ends so that Claude Code carries on."""
    fields = {"text": WORDS, "stop_reason": "max_tokens", **more}
    return Case(name, lambda: Reply(*steps), Outcome.LIMIT, kind, **fields)  # type: ignore[arg-type]


def lost(name: str, *steps: object, kind: Truncation = Truncation.CUT, status: int = 500) -> Case:
    """A fault before anything was shown, again and again: an error that says so."""
    return Case(name, lambda: Reply(*steps), Outcome.ERROR, kind, status=status)  # type: ignore[arg-type]


def refused(status: int, body: dict[str, object] | str, expected: int | None = None) -> Case:
    return Case(
        f"error status {status}",
        lambda: fail(status, body),
        Outcome.ERROR,
        status=expected or status,
    )


CASES = [
    lost("cut before headers", CUT),
    lost("cut after headers", HEADERS, CUT),
    cut("cut in text", TEXT, CUT),
    cut("end in text, clean close", TEXT),
    cut("cut after a call", TEXT, CALL, CUT, stop_reason="tool_use", calls=1),
    cut("cut inside a call", TEXT, HALF_CALL, CUT),
    lost("cut inside a call, nothing shown", HALF_CALL, CUT),
    ok("cut before usage", lambda: Reply(TEXT, wire.finish(), CUT)),
    ok("no [DONE]", lambda: Reply(TEXT, wire.finish(), wire.usage())),
    lost("stall before headers", STALL, kind=Truncation.STALL, status=504),
    lost("stall after headers", HEADERS, STALL, kind=Truncation.STALL, status=504),
    cut("stall in text", TEXT, STALL, kind=Truncation.STALL),
    cut(
        "stall after a call",
        TEXT,
        CALL,
        STALL,
        kind=Truncation.STALL,
        stop_reason="tool_use",
        calls=1,
    ),
    cut("stall inside a call", TEXT, HALF_CALL, STALL, kind=Truncation.STALL),
    ok("stall before usage", lambda: Reply(TEXT, wire.finish(), STALL)),
    lost("reset before headers", RESET),
    lost("reset after headers", HEADERS, RESET),
    cut("reset in text", TEXT, RESET),
    lost("reset inside a call", HALF_CALL, RESET),
    lost("garbage", wire.event("{nonsense"), CUT, kind=Truncation.MALFORMED),
    cut("garbage in text", TEXT, wire.event("{nonsense"), CUT, kind=Truncation.MALFORMED),
    cut("invalid UTF-8 in text", TEXT, b'data: {"x": "\xff\xfe"}\n\n', kind=Truncation.MALFORMED),
    Case("not a stream at all", lambda: Reply(b"<html>hello</html>"), Outcome.ERROR, status=500),
    Case("empty stream, closed", lambda: Reply(HEADERS), Outcome.ERROR, Truncation.CUT, status=500),
    Case("error event", lambda: Reply(wire.error_event("boom")), Outcome.ERROR, status=500),
    ok("1-byte segments", lambda: say("Hello ", "world", segment=1)),
    ok("split code points", lambda: say("Grüße 世界 🌍", segment=1), text="Grüße 世界 🌍"),
    ok("CRLF", lambda: say("Hello ", "world", newline="\r\n")),
    ok("HTTP/1.0, as mlx_lm", lambda: say("Hello ", "world", framing="close")),
    ok("1 MiB chunk", lambda: say(ONE_MIB), text=ONE_MIB),
    ok("comments between", lambda: Reply(wire.comment("keepalive 1/2"), TEXT, wire.ending())),
    refused(400, {"error": {"message": "bad thing", "type": "invalid_request_error"}}, 424),
    refused(401, {"error": {"message": "no key"}}),
    refused(403, {"error": {"message": "not you"}}, 424),
    refused(404, {"detail": "The model `x` does not exist."}, 424),
    refused(422, {"detail": [{"loc": ["body", "model"], "msg": "Field required"}]}, 424),
    refused(429, {"error": {"message": "slow down"}}),
    refused(500, "Internal Server Error"),
    refused(503, {"detail": {"error": "text_generation_busy"}}),
    refused(529, "<html><body>overloaded</body></html>", 503),
]


@pytest.fixture
async def proxy(upstream: Upstream) -> AsyncIterator[Proxy]:
    async with running_proxy(upstream.url, limits=LIMITS) as running:
        yield running


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_fault(case: Case, streamed: bool, upstream: Upstream, proxy: Proxy) -> None:
    if STALL in case.reply().flat():
        proxy.services.limits = SHORT
    upstream.when(lambda seen: True, lambda seen: case.reply())
    status, data = await proxy.ask(ask_body(stream=streamed, tools=[READ_TOOL]))
    view = proxy.last
    assert (view.outcome, view.truncation) == (case.outcome, case.truncation)
    if case.outcome is Outcome.ERROR:
        error = json.loads(data) if not data.startswith(b"event:") else None
        if error is not None and status != 200:
            assert status == case.status
            assert error["type"] == "error"
        else:
            assert b"event: error" in data or (error and error["type"] == "error")
    elif streamed:
        message = validate(data)
        assert message.stop_reason == case.stop_reason
        assert message.text == case.text
        assert len(message.calls) == case.calls
    else:
        body = json.loads(data)
        said = "".join(b["text"] for b in body["content"] if b["type"] == "text")
        assert (body["stop_reason"], said) == (case.stop_reason, case.text)
        assert sum(b["type"] == "tool_use" for b in body["content"]) == case.calls
    await nothing_left(proxy, upstream)


@pytest.mark.parametrize(
    ("version", "streamed", "told"),
    [
        ("2.1.332 (external, sdk-cli)", True, "error"),
        ("2.1.332 (external, cli)", True, "max_tokens"),  # in the terminal
        ("2.1.197 (external, sdk-cli)", True, "max_tokens"),
        ("2.1.332 (external, sdk-cli)", False, "max_tokens"),
    ],
)
async def test_a_cut_is_told_as_the_clients_version_wants_it(
    version: str, streamed: bool, told: str, upstream: Upstream, proxy: Proxy
) -> None:
    upstream.script(Reply(TEXT, RESET))
    agent = {"User-Agent": f"claude-cli/{version}"}
    async with proxy.post(ask_body(stream=streamed), headers=agent) as response:
        data = await response.read()
    if not streamed:
        assert json.loads(data)["stop_reason"] == told
        return
    message = validate(data)
    assert message.text == WORDS
    assert (message.stop_reason or (message.error and "error")) == told
    assert (proxy.last.outcome, proxy.last.truncation) == (Outcome.LIMIT, Truncation.CUT)


async def nothing_left(proxy: Proxy, upstream: Upstream) -> None:
    """No slot, request or upstream exchange is left."""
    assert proxy.gate.busy == 0
    assert not proxy.hub.in_flight
    async with asyncio.timeout(20):
        for seen in upstream.requests:
            await seen.done.wait()
    await until(lambda: not any("_watch" in str(t.get_coro()) for t in asyncio.all_tasks()))


# --- recovery, the client's faults, keepalives -------------------------------------------------


@pytest.mark.parametrize("fault", [CUT, RESET], ids=["cut", "reset"])
@pytest.mark.parametrize("after", [(), (HEADERS,), (HALF_CALL,)], ids=["start", "headers", "call"])
async def test_a_fault_before_anything_was_shown_is_repaired_silently(
    fault: object, after: tuple[object, ...], upstream: Upstream, proxy: Proxy
) -> None:
    upstream.script(Reply(*after, fault), say("Hello ", "world"))  # type: ignore[arg-type]
    _, data = await proxy.ask(ask_body(tools=[READ_TOOL]))
    assert validate(data).text == WORDS
    assert proxy.last.outcome is Outcome.COMPLETE
    assert (proxy.last.retries, proxy.backend.recoveries) == (1, 1)


async def test_a_backend_that_does_not_come_back_is_named(upstream: Upstream, proxy: Proxy) -> None:
    proxy.backend.gone = "mlx_lm was killed for memory"
    upstream.script(Reply(CUT))
    status, data = await proxy.ask(ask_body())
    assert status == 500
    assert "killed for memory" in json.loads(data)["error"]["message"]


async def test_a_silent_prefill_is_kept_alive_and_counted(upstream: Upstream, proxy: Proxy) -> None:
    gate = asyncio.Event()
    upstream.script(Reply(HEADERS, gate, TEXT, wire.ending()))
    async with proxy.post(ask_body()) as response:
        assert response.status == 200
        head = b""
        while head.count(b"event: message_delta") < 3:
            head += await response.content.readany()
        gate.set()
        data = head + await response.content.read()
    message = validate(data)
    assert message.text == WORDS
    assert proxy.last.keepalives >= 3


async def test_progress_of_prefill_keeps_the_deadline_away(
    upstream: Upstream, proxy: Proxy
) -> None:
    async def steps() -> None:
        for gate in gates:
            await asyncio.sleep(0.1)  # each far below first_byte_s, together above it
            gate.set()

    proxy.services.limits = msgspec.structs.replace(LIMITS, first_byte_s=1)
    gates = [asyncio.Event() for _ in range(12)]
    comments: list[Steps] = [
        [gate, wire.comment(f"keepalive {n}/13")] for n, gate in enumerate(gates, 1)
    ]
    upstream.script(Reply(HEADERS, comments, TEXT, wire.ending()))
    _, (_, data) = await asyncio.gather(steps(), proxy.ask(ask_body()))
    assert validate(data).text == WORDS
    assert proxy.last.prefill_total_tokens == 13


@pytest.mark.parametrize(
    "phase",
    [
        (STALL,),
        (HEADERS, STALL),
        (HEADERS, wire.comment("keepalive 1/9"), STALL),
        (TEXT, STALL),
        (HALF_CALL, STALL),
    ],
    ids=["before headers", "after headers", "prefill", "text", "call"],
)
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_a_client_that_leaves_frees_the_upstream(
    phase: tuple[object, ...], streamed: bool, upstream: Upstream, proxy: Proxy
) -> None:
    upstream.script(Reply(*phase))  # type: ignore[arg-type]
    asking = asyncio.create_task(proxy.ask(ask_body(stream=streamed)))
    seen = await upstream.received(1)
    await asyncio.sleep(0.02)
    asking.cancel()
    async with asyncio.timeout(20):
        await seen.done.wait()
    assert seen.outcome == "left"
    await until(lambda: not proxy.hub.in_flight)
    assert proxy.last.outcome is Outcome.CANCELLED
    assert proxy.last.truncation is None
    await nothing_left(proxy, upstream)


async def test_a_client_that_leaves_the_queue_is_never_sent(upstream: Upstream) -> None:
    async with running_proxy(upstream.url, limits=LIMITS, slots=1) as proxy:
        hold = asyncio.Event()
        upstream.script(Reply(HEADERS, hold, TEXT, wire.ending()))
        first = asyncio.create_task(proxy.ask(ask_body("first")))
        await upstream.received(1)
        second = asyncio.create_task(proxy.ask(ask_body("second")))
        await until(lambda: any(r.queue_position == 1 for r in proxy.hub.in_flight.values()))
        second.cancel()
        await until(lambda: len(proxy.hub.in_flight) == 1)
        hold.set()
        await first
        assert len(upstream.requests) == 1
        await nothing_left(proxy, upstream)


async def test_the_same_body_again_cancels_the_first(upstream: Upstream, proxy: Proxy) -> None:
    upstream.script(Reply(HEADERS, STALL), say("Hello ", "world"))
    headers = {"X-Claude-Code-Session-Id": "s1"}
    body = ask_body(tools=[READ_TOOL])

    async def ask() -> bytes:
        async with proxy.post(body, headers=headers) as response:
            data: bytes = await response.read()
            return data

    first = asyncio.create_task(ask())
    seen = await upstream.received(1)
    second = await ask()
    assert validate(second).text == WORDS
    async with asyncio.timeout(20):
        await seen.done.wait()
    assert seen.outcome == "left"
    await asyncio.gather(first, return_exceptions=True)
    assert sorted(str(view.outcome) for view in proxy.hub.recent) == ["cancelled", "complete"]


async def test_two_clients_without_a_session_may_say_the_same(
    upstream: Upstream, proxy: Proxy
) -> None:
    upstream.when(lambda seen: True, lambda seen: say("Hello ", "world"))
    replies = await asyncio.gather(*(proxy.ask(ask_body()) for _ in range(4)))
    assert all(validate(data).text == WORDS for _, data in replies)


async def test_a_slow_reader_gets_every_byte(upstream: Upstream, proxy: Proxy) -> None:
    pieces = [f"{n:06d} " * 20 for n in range(400)]
    upstream.script(say(*pieces))
    data = bytearray()
    async with proxy.post(ask_body()) as response:
        async for piece in response.content.iter_chunked(4096):
            data += piece
            await asyncio.sleep(0.001)
    assert validate(bytes(data)).text == "".join(pieces)


async def test_a_reader_that_stops_is_dropped_and_the_slot_freed(upstream: Upstream) -> None:
    limits = Limits(keepalive_s=0.1, commit_s=0.1, client_stall_s=0.3, between_deltas_s=30)
    flood = (wire.text("x" * 4096) for _ in range(20_000))
    async with running_proxy(upstream.url, limits=limits) as proxy:
        upstream.script(Reply(flood, wire.ending()))
        async with proxy.post(ask_body(), read_bufsize=4096) as response:
            await response.content.readany()
            await until(lambda: not proxy.hub.in_flight)
        assert proxy.last.outcome is Outcome.CANCELLED
        await nothing_left(proxy, upstream)


async def test_a_body_over_the_limit_is_413(upstream: Upstream) -> None:
    limits = Limits(max_body_bytes=10_000)
    async with running_proxy(upstream.url, limits=limits) as proxy:
        status, data = await proxy.ask(ask_body("x" * 20_000))
        assert status == 413
        assert json.loads(data)["error"]["type"] == "request_too_large"


async def test_a_thousand_idle_connections_do_not_stop_the_one_that_works(
    upstream: Upstream, proxy: Proxy
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, room), hard))  # two ends each
    host, port = proxy.url.removeprefix("http://").split(":")
    idle = [await asyncio.open_connection(host, int(port)) for _ in range(1000)]
    upstream.script(say("Hello ", "world"))
    _, data = await proxy.ask(ask_body())
    assert validate(data).text == WORDS
    for _, writer in idle:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in idle))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_stopping_the_proxy_ends_what_runs_with_words(
    upstream: Upstream, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyclaude_tui.proxy.server.SHUTDOWN_S", 0.1)
    upstream.script(Reply(TEXT, STALL))
    asking = asyncio.create_task(proxy.ask(ask_body()))
    await upstream.received(1)
    await asyncio.sleep(0.05)
    await proxy.server.stop()
    _, data = await asking
    assert b"event: error" in data
    assert b"anyclaude-tui is stopping" in data


async def test_the_token_is_wanted_everywhere(upstream: Upstream, proxy: Proxy) -> None:
    for method, path in [
        ("HEAD", "/"),
        ("GET", "/health"),
        ("GET", "/v1/models"),
        ("POST", "/v1/messages"),
        ("POST", "/v1/messages/count_tokens"),
    ]:
        wrong = {"Authorization": "Bearer wrong"}
        async with proxy.client.request(method, path, headers=wrong) as response:
            assert response.status == 401, path
            assert response.headers["x-should-retry"] == "false"
    async with proxy.client.get("/health") as response:
        assert response.status == 200
    assert not upstream.requests
