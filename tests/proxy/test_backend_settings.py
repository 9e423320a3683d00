"""A backend's own settings over sockets: what reaches its server, by the proxy and directly, its
deadlines, its tools, and what is written down of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.compare.measuring import timed_run
from anyclaude_tui.compare.measuring.run import Run
from anyclaude_tui.config.request_settings import RequestSettings
from anyclaude_tui.config.settings import Limits
from anyclaude_tui.telemetry.events import Outcome, Truncation
from anyclaude_tui.telemetry.journal import entry
from tests.proxy.making import BASH
from tests.support import anthropic_wire as aw
from tests.support.proxy import READ_TOOL, Proxy, ask_body, running_proxy
from tests.support.replies import STALL, Reply
from tests.support.upstream import Upstream, fail, say, use
from tests.telemetry import records

SETTINGS = RequestSettings(temperature=0.2, seed=7, extra_body={"top_a": 0.5})
TOOLS = [BASH, READ_TOOL]


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as server:
        yield server
        assert not server.unexpected


async def test_the_proxy_and_a_direct_run_send_the_same(upstream: Upstream) -> None:
    upstream.script(say("Hello"), say("Hello"))
    async with running_proxy(upstream.url, wanted=SETTINGS) as proxy:
        assert (await proxy.ask(ask_body(temperature=1)))[0] == 200
        endpoint = proxy.backend.endpoint.asked_for(SETTINGS)
        run = Run("direct")
        async with aiohttp.ClientSession() as http:
            await timed_run.direct(run, http, endpoint, ask_body(temperature=1), Limits())
        record = proxy.hub.recent[0]
    through, direct = [seen.json for seen in upstream.requests]
    assert through == direct
    assert (through["temperature"], through["seed"], through["top_a"]) == (0.2, 7, 0.5)
    assert record.sampling == (("temperature", 0.2, "setting"), ("seed", 7, "setting"))
    assert record.notices == ("temperature 1 of the client's is 0.2, as set",)


async def test_a_refusal_of_what_was_set_is_heeded_and_told(upstream: Upstream) -> None:
    words = "Unsupported value: 'temperature' does not support 0.2 with this model"
    upstream.script(fail(400, {"error": {"message": words}}), say("Hello"))
    async with running_proxy(upstream.url, wanted=SETTINGS) as proxy:
        assert (await proxy.ask(ask_body()))[0] == 200
        assert "temperature" not in upstream.requests[1].json
        assert proxy.last.sampling == (("seed", 7, "setting"),)


async def test_each_backend_has_its_own_deadlines(upstream: Upstream) -> None:
    upstream.script(Reply(STALL))
    limits = Limits(first_byte_s=600, retries=0)
    wanted = RequestSettings(first_byte_s=0.05)
    async with running_proxy(upstream.url, limits=limits, wanted=wanted) as proxy:
        await proxy.ask(ask_body())
        assert (proxy.last.outcome, proxy.last.truncation) == (Outcome.ERROR, Truncation.STALL)
        assert proxy.last.reason == "the backend sent nothing for 0.05 s"


async def test_the_same_holds_in_a_direct_run(upstream: Upstream) -> None:
    upstream.script(Reply(STALL))
    endpoint = Endpoint(f"{upstream.url}/chat/completions", "m")
    endpoint = endpoint.asked_for(RequestSettings(first_byte_s=0.05))
    run = Run("direct")
    async with aiohttp.ClientSession() as http:
        taken = await timed_run.direct(run, http, endpoint, ask_body(), Limits())
    assert taken.view.reason == "the backend sent nothing for 0.05 s"


# --- tools ----------------------------------------------------------------------------------------


def names(body: dict[str, Any]) -> list[str]:
    return [tool.get("function", tool)["name"] for tool in body.get("tools", ())]


async def converse(proxy: Proxy, *messages: str, **more: Any) -> None:
    """One request: the user's and the model's words in turn."""
    roles = ("user", "assistant")
    said = [{"role": roles[i % 2], "content": text} for i, text in enumerate(messages)]
    headers = {"X-Claude-Code-Session-Id": more.pop("session", "s1")}
    body = ask_body(messages=said, tools=TOOLS, **more)
    async with proxy.post(body, headers=headers) as response:
        assert response.status == 200
        await response.read()


async def test_a_conversation_keeps_the_tools_that_it_began_with(upstream: Upstream) -> None:
    upstream.script(*[say("Hello") for _ in range(8)])
    async with running_proxy(upstream.url) as proxy:
        now = RequestSettings()
        proxy.services.wanted = lambda name: now
        await converse(proxy, "first")
        now = RequestSettings(leave_out=("Bash",))
        await converse(proxy, "first", "Hello", "and")  # goes on: nothing changes
        await converse(proxy, "second")  # the next one
        now = RequestSettings(leave_out=())
        await converse(proxy, "second", "Hello", "and")  # goes on: it stays out
        await converse(proxy, "first", "Hello", "and", "Yes", "more")
        await converse(proxy, "third")
        await converse(proxy, "unknown", "to", "us")  # begun before we were: the settings of now
        proxy.backend.name = "another"
        now = RequestSettings(leave_out=("Read",))
        await converse(proxy, "first", "Hello", "and")  # its cache knows none of it
    assert [names(seen.json) for seen in upstream.requests] == [
        *(["Bash", "Read"], ["Bash", "Read"], ["Read"], ["Read"]),
        *(["Bash", "Read"], ["Bash", "Read"], ["Bash", "Read"], ["Bash"]),
    ]


async def test_the_first_message_may_change_its_form_on_the_way(upstream: Upstream) -> None:
    upstream.script(say("Hello"), say("Hello"))
    async with running_proxy(upstream.url) as proxy:
        proxy.services.wanted = lambda name: RequestSettings(leave_out=("Bash",))
        await converse(proxy, "first")
        proxy.services.wanted = lambda name: RequestSettings()
        block = {"type": "text", "text": "first", "cache_control": {"type": "ephemeral"}}
        body = ask_body(tools=TOOLS)
        body["messages"] = [
            {"role": "user", "content": [block]},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "and"},
        ]
        async with proxy.post(body, headers={"X-Claude-Code-Session-Id": "s1"}) as response:
            await response.read()
    assert names(upstream.requests[1].json) == ["Read"]


PLACEHOLDER = {"name": "DeferredToolPlaceholder", "input_schema": {}, "defer_loading": True}


@pytest.mark.parametrize(
    ("tools", "given"), [(TOOLS, False), ([*TOOLS, PLACEHOLDER], True)], ids=["listed", "deferred"]
)
async def test_a_tool_that_the_client_loads_on_demand_may_be_called_unloaded(
    upstream: Upstream, tools: list[dict[str, Any]], given: bool
) -> None:
    """Claude Code 2.1.332 runs it; one that the user leaves out is not given all the same."""
    upstream.script(use("mcp__pic__show", {"name": "x"}), use("WebFetch", {"url": "x"}))
    wanted = RequestSettings(leave_out=("Web*",))
    async with running_proxy(upstream.url, wanted=wanted) as proxy:
        _, data = await proxy.ask(ask_body(tools=tools))
        assert (b'"name":"mcp__pic__show"' in data.replace(b" ", b"")) == given
        assert (b"there is no such tool" in data) == (not given)
        _, data = await proxy.ask(ask_body(tools=tools))
        assert b"there is no such tool: WebFetch" in data


async def test_a_call_of_a_tool_left_out_is_answered_as_unknown(upstream: Upstream) -> None:
    upstream.script(use("Bash", {"command": "ls"}))
    wanted = RequestSettings(leave_out=("Ba*",))
    async with running_proxy(upstream.url, wanted=wanted) as proxy:
        _, data = await proxy.ask(ask_body(tools=TOOLS))
        assert b"there is no such tool: Bash" in data
        assert b"tool_use_id" not in data
        assert b'"type":"tool_use"' not in data.replace(b" ", b"")
        assert proxy.last.dropped_calls == 1
        assert proxy.last.left_out == ("Bash",)
        assert proxy.last.notices == ("1 tool left out, as set: Bash",)


async def test_a_native_server_gets_them_neither(upstream: Upstream) -> None:
    upstream.script(*[Reply(aw.start(), aw.text("Hello"), aw.ending()) for _ in range(3)])
    async with running_proxy(upstream.url) as proxy:
        proxy.backend.now(url=f"{upstream.url}/messages", native=True)
        proxy.services.wanted = lambda name: RequestSettings(
            leave_out=("Bash",), shorten_descriptions=True
        )
        long = {**READ_TOOL, "description": "Reads a file.\n\nMuch more."}
        await proxy.ask(ask_body("a", tools=[BASH, long]))
        await proxy.ask(ask_body("b", tools=[BASH], tool_choice={"type": "any"}))
        forced = {"type": "tool", "name": "Bash"}
        await proxy.ask(ask_body("c", tools=TOOLS, tool_choice=forced))
    first, second, third = [seen.json for seen in upstream.requests]
    assert names(first) == ["Read"]
    assert first["tools"][0]["description"] == "Reads a file."
    assert not {"tools", "tool_choice"} & second.keys()
    assert names(third) == ["Bash", "Read"]  # insisted on


def test_an_entry_of_the_journal_says_what_was_sent() -> None:
    record = records.record()
    record.sampling = (("temperature", 0.2, "setting"), ("top_p", 0.9, "client"))
    record.left_out = ("Bash",)
    line = entry(record)
    assert line["sampling"] == {"temperature": 0.2, "top_p": 0.9}
    assert line["samplingFrom"] == {"temperature": "setting", "top_p": "client"}
    assert line["leftOutTools"] == ["Bash"]
