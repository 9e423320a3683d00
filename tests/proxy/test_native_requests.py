"""What goes to a server of the Messages API, over sockets: all of it, as it came."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support import anthropic_wire
from tests.support.proxy import READ_TOOL, Proxy, ask_body, running_proxy
from tests.support.upstream import Reply, Upstream, fail


@pytest.fixture
async def proxy(upstream: Upstream) -> AsyncIterator[Proxy]:
    async with running_proxy(upstream.url) as running:
        running.backend.now(native=True, url=f"{upstream.url}/messages")
        yield running


def answer() -> Reply:
    wire = anthropic_wire
    return Reply(wire.start(), wire.text("Hello"), wire.ending())


async def test_what_we_do_not_know_is_the_servers_to_judge(
    upstream: Upstream, proxy: Proxy
) -> None:
    """Nothing of it is refused on the way, or left out: neither blocks nor members."""
    odd = {"type": "of_next_year", "data": {"x": [1, 2]}}
    container = {"type": "container_upload", "file_id": "file_1"}
    body = ask_body(
        messages=[{"role": "user", "content": [odd, container]}],
        tools=[READ_TOOL, {"type": "web_search_20260209", "name": "web_search"}],
        context_management={"edits": [{"type": "clear_tool_uses_20250919"}]},
        container="container_1",
        service_tier="auto",
        max_tokens="many",
    )
    upstream.script(answer())
    await proxy.ask(body)
    sent = upstream.requests[0].json
    assert sent == body | {"model": "real-model", "stream": True}
    assert upstream.requests[0].path.endswith("/messages")


async def test_the_clients_query_and_betas_go_along(upstream: Upstream, proxy: Proxy) -> None:
    upstream.script(answer())
    headers = {"anthropic-beta": "one-2026-01-01", "anthropic-version": "2023-06-01"}
    url = "/v1/messages?beta=true"
    async with proxy.client.post(url, json=ask_body(), headers=headers) as response:
        await response.read()
    assert upstream.requests[0].path.endswith("/messages?beta=true")
    assert upstream.requests[0].headers["anthropic-beta"] == "one-2026-01-01"


async def count(proxy: Proxy, body: dict[str, Any]) -> int:
    async with proxy.client.post("/v1/messages/count_tokens?beta=true", json=body) as response:
        assert response.status == 200
        return int((await response.json())["input_tokens"])


async def test_the_server_counts_itself(upstream: Upstream, proxy: Proxy) -> None:
    upstream.routes["/v1/messages/count_tokens"] = {"input_tokens": 4321}
    body = ask_body(tools=[READ_TOOL], system="Be brief.")
    assert await count(proxy, body) == 4321
    asked = json.loads(upstream.others[-1].body)
    assert asked == {
        "model": "real-model",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        "tools": [READ_TOOL],
    }


@pytest.mark.parametrize(
    "route", [{}, {"error": "unexpected endpoint"}, {"input_tokens": 0}], ids=str
)
async def test_one_that_cannot_count_is_estimated(
    upstream: Upstream, proxy: Proxy, route: dict[str, Any]
) -> None:
    """LM Studio answers 200 "unexpected endpoint"."""
    if route:
        upstream.routes["/v1/messages/count_tokens"] = route
    assert 1 <= await count(proxy, ask_body("word " * 400)) < 2000


async def test_a_refusal_that_claude_code_negotiates_about_stays(
    upstream: Upstream, proxy: Proxy
) -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "no such beta"}}
    upstream.script(fail(400, error))
    status, data = await proxy.ask(ask_body())
    assert (status, json.loads(data)["error"]["message"]) == (400, "no such beta")
