"""All of it together, behind the real proxy on real sockets: what a session leaves on disk."""

from __future__ import annotations

import asyncio
import json
import shutil
import stat
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from anyclaude_tui.config.settings import Limits, LogSettings
from anyclaude_tui.prefix.divergence import Cause
from anyclaude_tui.redaction import OWN
from anyclaude_tui.telemetry.observers import Observers, make_observers
from tests.proxy.conversations import body, longer
from tests.support import wire
from tests.support.proxy import Proxy, running_proxy
from tests.support.upstream import CUT, Reply, Upstream, fail, say, when

Watched = tuple[Proxy, Observers]


@asynccontextmanager
async def watched(
    upstream: Upstream,
    home: Path,
    *,
    limits: Limits | None = None,
    log_file: Path | None = None,
    **settings: Any,
) -> AsyncIterator[Watched]:
    """A proxy with its observers; all is written when the block ends."""
    async with running_proxy(upstream.url, limits=limits) as proxy:
        observers = make_observers(LogSettings(**settings), home, proxy.hub, log_file=log_file)
        proxy.services.observers = (observers,)
        await observers.start()
        try:
            yield proxy, observers
        finally:
            await observers.stop()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as running:
        yield running
        assert not running.unexpected


def journal_lines(home: Path) -> list[dict[str, Any]]:
    files = sorted((home / "request-logs").glob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def trace_files(home: Path) -> list[Path]:
    return sorted((home / "traces").glob("*/trace-*.json"))


async def test_a_line_per_request_with_the_names_that_users_know(
    upstream: Upstream, tmp_path: Path
) -> None:
    upstream.script(Reply(wire.text("Hello ", "world"), wire.ending(prompt=4321, output=2)))
    async with watched(upstream, tmp_path) as (proxy, _):
        status, _ = await proxy.ask(body())
        assert status == 200
        shown = proxy.last
    (line,) = journal_lines(tmp_path)
    sent = len(json.dumps(body()).encode())
    expected = {
        "provider": "fixed",
        "model": "real-model",
        "streaming": True,
        "toolCount": 3,
        "messageCount": 3,
        "promptTokens": 4321,
        "outputTokens": 2,
        "stopReason": "end_turn",
        "outcome": "complete",
        "truncation": None,
        "chunks": 4,
        "deltas": 2,
        "keepalives": 0,
        "status": 200,
        "promptBytes": sent,
        "requestId": shown.id,
    }
    assert {name: line[name] for name in expected} == expected
    assert line["systemSize"] > 2000
    assert line["ttftMs"] == round(1000 * (shown.ttft_s.value or 0), 1)
    assert line["totalMs"] >= line["ttftMs"] > 0
    assert line["sources"]["promptTokens"] == "reported"
    # Nobody said how much was cached, and this kind of backend has no known cache.
    assert line["cachedTokens"] is None
    assert line["sources"]["cachedTokens"] == "unknown"
    assert line["why"]
    assert not (tmp_path / "traces").exists()


async def test_what_is_not_known_is_null(upstream: Upstream, tmp_path: Path) -> None:
    upstream.script(fail(400, {"error": {"message": "no such thing"}}))
    async with watched(upstream, tmp_path) as (proxy, _):
        assert (await proxy.ask(body()))[0] == 424
        assert (await proxy.ask({"model": "m", "max_tokens": 5, "messages": [3]}))[0] == 400
    refused, invalid = journal_lines(tmp_path)
    for line in (refused, invalid):
        assert line["outcome"] == "error"
        for name in ("outputTokens", "ttftMs", "tokensPerSecond", "stopReason", "firstTextMs"):
            assert line[name] is None, name
    assert refused["why"] == "ended: no such thing"
    for name in ("systemSize", "toolCount", "messageCount", "promptTokens", "chunks"):
        assert invalid[name] is None, name


def jq_paths(path: Path) -> list[int]:
    """What users' scripts ask of a trace: by the real jq where it is, else the same paths."""
    filters = ("system", "tools", "messages")
    if jq := shutil.which("jq"):
        return [
            int(subprocess.check_output([jq, f".request.body.{name} | length", str(path)]))
            for name in filters
        ]
    content = json.loads(path.read_text())
    return [len(content["request"]["body"][name]) for name in filters]


def jq_lines(folder: Path) -> int:
    """`cat ~/.anyclaude/request-logs/*.jsonl | jq .`"""
    logs = b"".join(path.read_bytes() for path in folder.glob("*.jsonl"))
    if jq := shutil.which("jq"):
        return len(subprocess.check_output([jq, "-c", "."], input=logs).splitlines())
    return len([json.loads(line) for line in logs.splitlines()])


async def test_traces_for_the_users_own_commands(upstream: Upstream, tmp_path: Path) -> None:
    upstream.script(
        Reply(wire.reasoning("hm"), wire.text("Hello"), wire.call("Read", {"file_path": "/a"}),
              wire.ending("tool_calls")),
        say("two"),
    )  # fmt: skip
    async with watched(upstream, tmp_path, debug=3, log_file=tmp_path / "log") as (proxy, _):
        await proxy.ask(body())
        await proxy.ask({**longer(), "stream": False})
    first, second = trace_files(tmp_path)
    assert first.parent.name == "fixed"
    assert jq_paths(first) == [3, 3, 3]
    assert jq_paths(second) == [3, 3, 5]
    assert jq_lines(tmp_path / "request-logs") == 2
    content = json.loads(first.read_text())
    assert content["request"]["body"] == body()
    assert content["request"]["upstream"] == json.loads(upstream.requests[0].body)
    message = content["response"]["message"]
    assert [block["type"] for block in message["content"]] == ["thinking", "text", "tool_use"]
    assert message["content"][2]["input"] == {"file_path": "/a"}
    assert message["stop_reason"] == "tool_use"
    assert "event: message_stop" in content["response"]["events"]
    assert [moment["event"] for moment in content["timeline"]] == [
        "accepted", "admitted", "sent", "headers", "first byte", "first delta",
        "first visible text", "last delta", "ended",
    ]  # fmt: skip
    for folder in (tmp_path / "traces", first.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(first.stat().st_mode) == 0o600


async def test_no_secret_reaches_the_disk(upstream: Upstream, tmp_path: Path) -> None:
    secret = "backend-key-12345"
    request = body()
    request["messages"][0]["content"].append(
        {"type": "text", "text": f"my key is {secret}, the token session-token-77"}
    )
    request["metadata"] = {"user_id": json.dumps({"session_id": "1a707b3f-fee4"})}
    upstream.script(say(f"I see {secret}"))
    async with watched(upstream, tmp_path, debug=3, log_file=tmp_path / "log") as (
        proxy,
        observers,
    ):
        OWN.add("session-token-77")
        proxy.backend.now(headers={"Authorization": f"Bearer {secret}"})
        await proxy.ask(request)
        kept = observers.captures.get(proxy.last.id)
        assert kept is not None
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 3
    assert not any(secret in text or "session-token-77" in text for text in written)
    trace = json.loads(trace_files(tmp_path)[0].read_text())
    assert "1a707b3f-fee4" in trace["request"]["body"]["metadata"]["user_id"]


@pytest.mark.parametrize(
    ("level", "labels"),
    [
        (0, []),
        (1, ["[Request]", "[Request]", "[Error]"]),
        (
            2,
            [
                "[Request Start]", *["[Stream Conversion] Received chunk"] * 4,
                "[Request Complete]", "[Request Start]", "[Request Complete]", "[Error]",
            ],
        ),
    ],
)  # fmt: skip
async def test_debug_levels(
    upstream: Upstream, tmp_path: Path, level: int, labels: list[str]
) -> None:
    log = tmp_path / "server-logs" / "proxy.log"
    upstream.script(
        Reply(wire.text("a", "b"), wire.ending()), fail(400, {"error": {"message": "bad"}})
    )
    async with watched(upstream, tmp_path, debug=level, log_file=log) as (proxy, _):
        await proxy.ask(body())
        await proxy.ask(longer())
    if not labels:
        assert not log.exists()
        return
    lines = log.read_text().splitlines()
    assert len(lines) == len(labels)
    for line, label in zip(lines, labels, strict=True):
        assert f"Z {label}" in line
    assert "ttftMs=" in next(line for line in lines if "complete in" in line)
    assert lines[-1].endswith("error: bad")
    numbers = [line.split("chunk ")[1].split()[0] for line in lines if "Received chunk" in line]
    assert numbers == (["1", "2", "3", "4"] if level == 2 else [])


async def test_keepalives_in_the_debug_log(upstream: Upstream, tmp_path: Path) -> None:
    log = tmp_path / "log"
    limits = Limits(keepalive_s=0.05, commit_s=0.05)
    async with watched(upstream, tmp_path, debug=2, log_file=log, limits=limits) as (proxy, _):
        said = when(lambda: any(r.keepalives for r in proxy.hub.in_flight.values()))
        upstream.script(Reply(said, wire.text("a"), wire.ending()))
        await proxy.ask(body())
        count = proxy.last.keepalives
    sent = [line for line in log.read_text().splitlines() if "[Keepalive]" in line]
    assert len(sent) == count > 0


async def test_the_debug_log_goes_to_stderr_in_serve(
    upstream: Upstream, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    upstream.script(say("a"))
    async with watched(upstream, tmp_path, debug=2) as (proxy, _):
        await proxy.ask(body())
    out, err = capfd.readouterr()
    assert out == ""
    assert "[Request Start]" in err
    assert "[Request Complete]" in err


async def test_with_debug_off_and_no_journal_nothing_is_written(
    upstream: Upstream, tmp_path: Path
) -> None:
    upstream.script(say("a"))
    async with watched(upstream, tmp_path, requests=False) as (proxy, observers):
        await proxy.ask(body())
        assert observers.captures.get(proxy.last.id) is not None
    assert list(tmp_path.iterdir()) == []


async def test_a_disk_that_fails_is_one_notice_and_no_failed_request(
    upstream: Upstream, tmp_path: Path
) -> None:
    for folder in ("request-logs", "traces", "server-logs"):
        (tmp_path / folder).write_text("a file where the folder should be")
    upstream.script(*(say("fine") for _ in range(5)))
    log = tmp_path / "server-logs" / "proxy.log"
    async with watched(upstream, tmp_path, debug=3, log_file=log) as (proxy, observers):
        for _ in range(5):
            assert (await proxy.ask(body()))[0] == 200
        await observers.stop()
        await asyncio.sleep(0)
        notices = [notice.text for notice in proxy.hub.notices]
        assert proxy.hub.snapshot().totals.complete == 5
    assert sorted(text.split(":")[0] for text in notices) == ["debug log", "journal", "traces"]
    assert all("Requests go on" in text for text in notices)


async def test_a_fault_in_an_observer_is_a_notice_and_no_failed_request(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError("broken explainer")

    upstream.script(say("fine"), say("fine"))
    async with watched(upstream, tmp_path) as (proxy, observers):
        monkeypatch.setattr(observers.explainer, "sent", fault)
        monkeypatch.setattr(observers.explainer, "ended", fault)
        for _ in range(2):
            assert (await proxy.ask(body()))[0] == 200
        notices = [notice.text for notice in proxy.hub.notices]
    assert len(notices) == 2
    assert all("broken explainer" in text for text in notices)
    assert len(journal_lines(tmp_path)) == 2


async def test_captures_hold_what_was_said(upstream: Upstream, tmp_path: Path) -> None:
    upstream.script(say("one"), say("two"))
    async with watched(upstream, tmp_path) as (proxy, observers):
        headers = {"X-Claude-Code-Session-Id": "s1"}
        for request in (body(), longer()):
            async with proxy.post(request, headers=headers) as response:
                reply = await response.read()
        kept = observers.captures.get(proxy.last.id)
        assert kept is not None
        assert json.loads(kept.body) == longer()
        assert kept.upstream == upstream.requests[1].body
        assert kept.reply == reply
        assert kept.timeline[-1].event == "ended"
        assert kept.comparison is not None
        assert kept.comparison.cause is Cause.EXTENDED
        assert observers.captures.ids()[0] == proxy.last.id


async def test_a_cut_reply_is_in_the_trace_as_far_as_it_came(
    upstream: Upstream, tmp_path: Path
) -> None:
    upstream.script(Reply(wire.text("half a sen"), CUT))
    async with watched(upstream, tmp_path, debug=3, log_file=tmp_path / "log") as (proxy, _):
        await proxy.ask(body())
    (path,) = trace_files(tmp_path)
    response = json.loads(path.read_text())["response"]
    assert response["truncation"] == "cut"
    assert response["message"]["content"][0]["text"].startswith("half a sen")
    assert journal_lines(tmp_path)[0]["why"].startswith("ended: ")


def sample(text: str, name: str, **labels: str) -> float | None:
    """A sample's value in Prometheus' text form."""
    for line in text.splitlines():
        named = line.split("{")[0].split(" ")[0] == name
        if named and all(f'{key}="{value}"' in line for key, value in labels.items()):
            return float(line.rsplit(" ", 1)[1])
    return None


async def test_prometheus_counts_what_happened(upstream: Upstream, tmp_path: Path) -> None:
    upstream.script(say("one"), Reply(wire.text("half"), CUT), fail(400, {"error": "bad"}))
    async with watched(upstream, tmp_path) as (proxy, observers):
        assert sample(observers.prometheus_text().decode(), "anyclaude_requests_total") is None
        for _ in range(3):
            await proxy.ask(body())
        text = observers.prometheus_text().decode()
        chunks = proxy.hub.snapshot().totals.chunks
        await _in_flight(proxy, upstream, lambda: observers.prometheus_text().decode())
    wanted: list[tuple[str, dict[str, str], float]] = [
        ("anyclaude_requests_total", {"outcome": "complete"}, 1),
        ("anyclaude_requests_total", {"outcome": "error"}, 1),
        ("anyclaude_truncations_total", {"kind": "cut"}, 1),
        ("anyclaude_chunks_total", {"backend": "fixed"}, chunks),
        ("gen_ai_server_time_to_first_token_seconds_count", {"gen_ai_provider_name": "fixed"}, 2),
        ("gen_ai_server_time_to_first_token_seconds_bucket", {"le": "+Inf"}, 2),
        ("gen_ai_server_request_duration_seconds_count", {"error_type": "error"}, 1),
        ("gen_ai_client_token_usage_sum", {"gen_ai_token_type": "output"}, 11),
    ]
    for name, labels, value in wanted:
        assert sample(text, name, **labels) == value, name


async def _in_flight(proxy: Proxy, upstream: Upstream, text: Callable[[], str]) -> None:
    """A request that runs now is a gauge."""
    go_on = asyncio.Event()
    upstream.script(Reply(wire.text("a"), go_on, wire.ending()))
    async with proxy.post(body()) as response:
        await response.content.readany()
        assert "anyclaude_requests_in_flight{" in text()
        go_on.set()
        await response.read()
