"""Claude Code's WebSearch, answered by the proxy: the reply's form, every refusal, the records.

The search server is a fake on loopback and says so (`tests/support/searxng.py`); the model
server behind the proxy must not hear of a search at all.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from anthropic import AsyncAnthropic

from anyclaude_tui.config.settings import Limits, SearchSettings
from anyclaude_tui.proxy.request.web_search import PHRASE, wanted
from anyclaude_tui.redaction import Redactor
from anyclaude_tui.search.searcher import Searcher
from anyclaude_tui.telemetry.events import Outcome, Role
from tests.support import wire
from tests.support.proxy import READ_TOOL, TOKEN, ask_body, running_proxy
from tests.support.searxng import FakeSearXng
from tests.support.upstream import Reply, Upstream
from tests.support.validator import validate
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
TOOL: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}


@pytest.fixture
async def fake() -> AsyncIterator[FakeSearXng]:
    async with FakeSearXng() as server:
        yield server


def searcher(url: str = "", **more: Any) -> Searcher:
    settings = SearchSettings(provider="searxng" if url else "off", url=url or None, **more)
    return Searcher(settings, Redactor().clean, {})


def side_request(*queries: str, **more: Any) -> dict[str, Any]:
    """The request as Claude Code 2.1.332 sends it, but for its system text."""
    texts = [{"type": "text", "text": f"{PHRASE} {query}"} for query in queries]
    tool = {**TOOL, **{key: more.pop(key) for key in list(more) if key in _OF_THE_TOOL}}
    return {
        "model": "claude-test",
        "max_tokens": 32000,
        "stream": True,
        "tools": [tool],
        "tool_choice": {"type": "auto"},
        "messages": [{"role": "user", "content": texts}],
        **more,
    }


_OF_THE_TOOL = ("allowed_domains", "blocked_domains", "max_uses")


async def test_the_reply_has_the_form_of_the_api(upstream: Upstream, fake: FakeSearXng) -> None:
    async with running_proxy(upstream.url, searcher=searcher(fake.url)) as proxy:
        status, data = await proxy.ask(side_request("terminal emulators"))
        message = validate(data)
        view = proxy.last
    assert (status, message.stop_reason) == (200, "end_turn")
    assert message.kinds == ["server_tool_use", "web_search_tool_result", "text"]
    use, result, _ = message.blocks
    assert (use["name"], use["input"]) == ("web_search", {"query": "terminal emulators"})
    assert result["content"][0] == {
        "type": "web_search_result",
        "title": "Terminal emulators, from a fake SearXNG",
        "url": "https://docs.example.org/terminal/emulators",
        "encrypted_content": "",
        "page_age": "2026-11-02T00:00:00",
    }
    assert "found by a fake search server" in message.text
    assert message.server_tool_use["web_search_requests"] == 1
    assert upstream.requests == []
    assert (view.role, view.outcome, view.backend) == (Role.BACKGROUND, Outcome.COMPLETE, "searxng")
    assert view.web_searches == 1
    assert view.searches[0].query == "terminal emulators"
    assert view.searches[0].results == 2
    assert view.elapsed_s >= view.searches[0].time_s


async def test_the_sdk_reads_it_streamed_and_whole(upstream: Upstream, fake: FakeSearXng) -> None:
    async with (
        running_proxy(upstream.url, searcher=searcher(fake.url)) as proxy,
        AsyncAnthropic(base_url=proxy.url, auth_token=TOKEN, api_key=None, max_retries=0) as sdk,
    ):
        body = side_request("q", max_tokens=1000)
        body.pop("stream")
        whole = await sdk.messages.create(**body)
        async with sdk.messages.stream(**body) as stream:
            streamed = await stream.get_final_message()
    for message in (whole, streamed):
        assert [block.type for block in message.content] == [
            "server_tool_use", "web_search_tool_result", "text",
        ]  # fmt: skip
        assert message.usage.server_tool_use is not None
        assert message.usage.server_tool_use.web_search_requests == 1


async def test_off_is_an_honest_error_at_once(upstream: Upstream) -> None:
    async with running_proxy(upstream.url, searcher=searcher()) as proxy:
        _, data = await proxy.ask(side_request("q"))
        message, view = validate(data), proxy.last
    error = {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    assert message.blocks[1]["content"] == error
    assert "nothing was searched" in message.text
    assert message.server_tool_use["web_search_requests"] == 0
    assert upstream.requests == []
    assert (view.outcome, view.web_searches) == (Outcome.ERROR, 0)
    assert "off" in view.reason


async def test_several_searches_in_one_request(upstream: Upstream, fake: FakeSearXng) -> None:
    async with running_proxy(upstream.url, searcher=searcher(fake.url)) as proxy:
        _, data = await proxy.ask(side_request("one", "two"))
        message = validate(data)
        _, data = await proxy.ask(side_request("one", "two", "three", max_uses=1))
        fewer = validate(data)
    assert fake.queries == ["one", "two", "one"]
    assert message.server_tool_use["web_search_requests"] == 2
    assert [one["input"] for one in message.blocks if one["type"] == "server_tool_use"] == [
        {"query": "one"}, {"query": "two"},
    ]  # fmt: skip
    assert fewer.server_tool_use["web_search_requests"] == 1
    assert fewer.blocks[3]["content"]["error_code"] == "max_uses_exceeded"
    assert "2 more searches" in fewer.text


async def test_domains_are_kept_to(upstream: Upstream, fake: FakeSearXng) -> None:
    async with running_proxy(upstream.url, searcher=searcher(fake.url)) as proxy:
        _, data = await proxy.ask(side_request("q", blocked_domains=["example.org"]))
        message = validate(data)
        _, data = await proxy.ask(side_request("q", allowed_domains=["http://example.org"]))
        refused = validate(data)
    assert [one["url"] for one in message.blocks[1]["content"]] == [
        "https://example.com/wiki/Terminal"
    ]
    assert refused.blocks[1]["content"]["error_code"] == "invalid_tool_input"
    assert fake.queries == ["q -site:example.org"]


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (lambda: web.Response(text="<html>"), "unavailable", "web page"),
        (lambda: web.Response(status=429), "too_many_requests", "429"),
        (lambda: web.Response(status=503), "unavailable", "503"),
        (
            lambda: web.Response(status=302, headers={"Location": "http://10.0.0.1/"}),
            "unavailable",
            "redirects to 10.0.0.1",
        ),
    ],
)
async def test_a_search_that_fails_says_so(
    upstream: Upstream, fake: FakeSearXng, answer: Any, code: str, words: str
) -> None:
    fake.answer = lambda request: answer()
    async with running_proxy(upstream.url, searcher=searcher(fake.url)) as proxy:
        _, data = await proxy.ask(side_request("q"))
        message, view = validate(data), proxy.last
    assert message.blocks[1]["content"]["error_code"] == code
    assert words in message.text
    assert words in view.reason
    assert view.outcome is Outcome.ERROR
    assert upstream.requests == []


async def test_a_slow_search_keeps_the_client_and_is_given_up(
    upstream: Upstream, fake: FakeSearXng
) -> None:
    fake.wait_s = 3600
    limits = Limits(commit_s=0.05, keepalive_s=0.05)
    searches = searcher(fake.url, timeout_s=0.5)
    async with running_proxy(upstream.url, limits=limits, searcher=searches) as proxy:
        _, data = await proxy.ask(side_request("q"))
        message, view = validate(data), proxy.last
    assert message.blocks[1]["content"]["error_code"] == "unavailable"
    assert "did not answer" in message.text
    assert view.keepalives > 0


async def test_a_client_that_leaves_ends_the_search(upstream: Upstream, fake: FakeSearXng) -> None:
    fake.wait_s = 3600
    searches = searcher(fake.url, timeout_s=600)
    async with running_proxy(upstream.url, searcher=searches) as proxy:
        asking = asyncio.create_task(proxy.ask(side_request("q")))
        await until(lambda: len(fake.requests) == 1)
        asking.cancel()
        await asyncio.wait([asking])
        await until(lambda: not proxy.hub.in_flight)
        assert proxy.last.outcome is Outcome.CANCELLED


async def test_a_secret_is_not_sent_and_not_shown(upstream: Upstream, fake: FakeSearXng) -> None:
    secret = "sk-ant-" + "x7" * 20
    async with running_proxy(upstream.url, searcher=searcher(fake.url)) as proxy:
        _, data = await proxy.ask(side_request(f"why is {secret} refused"))
        message, view = validate(data), proxy.last
    assert fake.requests == []
    assert secret.encode() not in data
    assert message.blocks[1]["content"]["error_code"] == "invalid_tool_input"
    assert view.searches[0].query == "why is [redacted] refused"


async def test_a_service_that_searches_itself_is_left_alone(
    upstream: Upstream, fake: FakeSearXng
) -> None:
    async with running_proxy(upstream.url, searcher=searcher(fake.url), kind="anthropic") as proxy:
        proxy.backend.told_url = "https://api.anthropic.com"
        upstream.script(Reply(wire.text("a model"), wire.ending()))
        await proxy.ask(side_request("q"))
        assert (len(upstream.requests), fake.requests) == (1, [])
        proxy.backend.told_url = "http://127.0.0.1:8080"  # on this machine nobody searches
        await proxy.ask(side_request("q"))
        assert (len(upstream.requests), len(fake.requests)) == (1, 1)


@pytest.mark.parametrize(
    "body",
    [
        ask_body("hello"),
        ask_body(f"{PHRASE} x"),
        ask_body(f"{PHRASE} x", tools=[READ_TOOL]),
        ask_body(f"{PHRASE} x", tools=[TOOL, READ_TOOL]),
        ask_body("what is new?", tools=[TOOL]),
        {**side_request("x"), "messages": [*side_request("x")["messages"] * 2]},
        {**side_request("x"), "tools": "web_search_20250305"},
        {**side_request("x"), "messages": [{"role": "user", "content": 7}]},
        {**side_request("x"), "messages": ["x"]},
    ],
)
def test_other_requests_are_none_of_ours(body: dict[str, Any]) -> None:
    assert wanted(body) is None


def test_a_query_may_be_a_plain_text() -> None:
    asked = wanted({**side_request(), "messages": [{"role": "user", "content": f"{PHRASE} a b"}]})
    assert asked is not None
    assert (asked.queries, asked.most) == (("a b",), 8)


NO_OTHER_HOST = """
import asyncio, json, sys

allowed = {int(port) for port in sys.argv[1:]}
seen = set()

def watch(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        seen.add(args[1][:2])
    if event == "socket.getaddrinfo" and args[0] not in (None, "127.0.0.1", "localhost"):
        seen.add((str(args[0]), args[1]))

sys.addaudithook(watch)
from anyclaude_tui.config.settings import SearchSettings
from anyclaude_tui.redaction import Redactor
from anyclaude_tui.search.base import Query, SearchError
from anyclaude_tui.search.searcher import Searcher

async def main():
    for settings in (
        SearchSettings(),
        SearchSettings(provider="searxng", url=f"http://127.0.0.1:{sys.argv[1]}"),
        SearchSettings(provider="brave", api_key="k" * 9, url=f"http://127.0.0.1:{sys.argv[1]}"),
        SearchSettings(provider="tavily", api_key="k" * 9, url=f"http://127.0.0.1:{sys.argv[1]}"),
    ):
        try:
            await Searcher(settings, Redactor().clean).search(Query("q"))
        except SearchError:
            pass

asyncio.run(main())
print(json.dumps(sorted(seen)))
"""


async def test_no_other_host_is_contacted(fake: FakeSearXng) -> None:
    """Seen from the interpreter's own audit events, with redirects to elsewhere besides."""
    fake.answer = lambda request: web.Response(
        status=302, headers={"Location": "http://example.com/"}
    )
    port = fake.url.rpartition(":")[2]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", NO_OTHER_HOST, port],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [["127.0.0.1", int(port)]]
    assert len(fake.requests) == 3
