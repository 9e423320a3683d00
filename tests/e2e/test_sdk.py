"""The official SDKs as clients: Python `anthropic` here, `@anthropic-ai/sdk` through `sdk.mjs`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic, beta_async_tool
from anthropic.types import MessageParam

from anyclaude_tui.proxy.request.call_memory import CallMemory
from tests.e2e.conftest import Rig
from tests.e2e.terminal import end_group
from tests.proxy.test_native_sdk import CHUNKINGS, OTHER_ORDER, ours, reply
from tests.support.native_streams import STREAMS
from tests.support.proxy import TOKEN, running_proxy
from tests.support.upstream import STALL, Reply, Seen, Upstream, fail, say
from tests.support.wire import call, ending, reasoning, text

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SCRIPT = Path(__file__).parent / "sdk.mjs"
HELLO: list[MessageParam] = [{"role": "user", "content": "hello"}]
WORDS = "the llama ate the weights"

THOUGHTFUL = Reply(
    reasoning("Let me ", "think."), text("Grüße", " 🌍"), ending(prompt=12, output=5)
)
TWO_CALLS = Reply(
    text("I will ask."),
    call("get_weather", {"city": "Paris"}, id="x", index=0),
    call("get_weather", {"city": "Rome"}, id="x", index=1),
    ending("tool_calls"),
)


@pytest_asyncio.fixture(loop_scope="session")
async def client(rig: Rig) -> AsyncIterator[AsyncAnthropic]:
    """The Python SDK, without retries of its own."""
    async with AsyncAnthropic(
        base_url=rig.serve.url, auth_token=rig.serve.token, api_key=None, max_retries=0
    ) as made:
        yield made


async def typescript(rig: Rig, scenario: str, token: str | None = None) -> dict[str, Any]:
    """What the TypeScript SDK understood."""
    return await node(rig.serve.url, token or rig.serve.token, scenario)


async def node(url: str, token: str, scenario: str) -> dict[str, Any]:
    """What it understood at this URL."""
    process = await asyncio.create_subprocess_exec(
        "node", str(SCRIPT), url, token, scenario,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), 60)
    finally:
        await end_group(process)
    assert process.returncode == 0, f"{err.decode()}\nIs it installed? Run `make test`."
    understood: dict[str, Any] = json.loads(out)
    return understood


def assert_thoughtful(final: dict[str, Any]) -> None:
    thinking, answer = final["content"]
    assert (thinking["type"], thinking["thinking"]) == ("thinking", "Let me think.")
    assert thinking["signature"]
    assert (answer["type"], answer["text"]) == ("text", "Grüße 🌍")
    assert final["stop_reason"] == "end_turn"
    assert (final["usage"]["input_tokens"], final["usage"]["output_tokens"]) == (12, 5)
    assert final["id"].startswith("msg_")


async def test_python_streams(rig: Rig, client: AsyncAnthropic) -> None:
    rig.upstream.script(THOUGHTFUL)
    async with client.messages.stream(model="claude-any", max_tokens=500, messages=HELLO) as stream:
        assert "".join([piece async for piece in stream.text_stream]) == "Grüße 🌍"
        assert_thoughtful((await stream.get_final_message()).to_dict())


async def test_python_without_streaming(rig: Rig, client: AsyncAnthropic) -> None:
    rig.upstream.script(THOUGHTFUL)
    message = await client.messages.create(model="claude-any", max_tokens=500, messages=HELLO)
    assert_thoughtful(message.to_dict())
    assert rig.upstream.requests[0].json["stream"] is True


async def test_python_tool_loop(rig: Rig, client: AsyncAnthropic) -> None:
    cities: list[str] = []

    @beta_async_tool
    async def get_weather(city: str) -> str:
        """The weather in a city.

        Args:
            city: Its name.
        """
        cities.append(city)
        return f"Sunny in {city}"

    rig.upstream.script(TWO_CALLS, say("Sunny everywhere."))
    runner = client.beta.messages.tool_runner(
        model="claude-any",
        max_tokens=500,
        messages=[{"role": "user", "content": "hello"}],
        tools=[get_weather],
    )
    final = await runner.until_done()
    assert cities == ["Paris", "Rome"]
    assert final.to_dict()["content"] == [{"type": "text", "text": "Sunny everywhere."}]
    assert_results_sent(rig)


def assert_results_sent(rig: Rig) -> None:
    *_, asked, first, second = rig.upstream.requests[1].messages
    ids = [entry["id"] for entry in asked["tool_calls"]]
    assert len(set(ids)) == 2
    assert [m["tool_call_id"] for m in (first, second)] == ids
    assert [m["content"] for m in (first, second)] == ["Sunny in Paris", "Sunny in Rome"]


async def test_python_counts_and_lists(rig: Rig, client: AsyncAnthropic) -> None:
    counts = await asyncio.gather(
        *(client.messages.count_tokens(model="claude-any", messages=HELLO) for _ in range(20))
    )
    assert all(0 < count.input_tokens < 100 for count in counts)
    models = [model async for model in client.models.list()]
    assert [model.id for model in models] == ["claude-scripted-model"]
    assert (await client.models.retrieve(models[0].id)).display_name == "scripted-model"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, anthropic.APIStatusError),  # 424: what a backend refused
        (403, anthropic.APIStatusError),
        (401, anthropic.AuthenticationError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (503, anthropic.InternalServerError),
    ],
)
async def test_python_errors(
    rig: Rig, client: AsyncAnthropic, status: int, kind: type[anthropic.APIStatusError]
) -> None:
    rig.upstream.when(lambda seen: True, fail(status, {"error": {"message": WORDS}}))
    with pytest.raises(kind, match=WORDS) as caught:
        await client.messages.create(model="claude-any", max_tokens=500, messages=HELLO)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["message"] == WORDS
    assert caught.value.request_id


async def test_python_without_the_token(rig: Rig) -> None:
    async with AsyncAnthropic(base_url=rig.serve.url, auth_token="wrong", max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError):
            await client.messages.create(model="claude-any", max_tokens=500, messages=HELLO)
    assert not rig.upstream.requests


async def test_typescript_streams(rig: Rig) -> None:
    rig.upstream.script(THOUGHTFUL)
    seen = await typescript(rig, "stream")
    assert seen["text"] == "Grüße 🌍"
    assert seen["thinking"] == "Let me think."
    assert seen["events"][0] == "message_start"
    assert seen["events"][-2:] == ["message_delta", "message_stop"]
    assert_thoughtful(seen["final"])


async def test_typescript_without_streaming(rig: Rig) -> None:
    rig.upstream.script(THOUGHTFUL)
    assert_thoughtful(await typescript(rig, "create"))


async def test_typescript_tool_loop(rig: Rig) -> None:
    rig.upstream.script(TWO_CALLS, say("Sunny everywhere."))
    seen = await typescript(rig, "tools")
    assert seen["cities"] == ["Paris", "Rome"]
    assert seen["final"]["content"][0]["text"] == "Sunny everywhere."
    assert_results_sent(rig)


async def test_typescript_counts_and_lists(rig: Rig) -> None:
    assert 0 < (await typescript(rig, "count"))["input_tokens"] < 100
    (model,) = (await typescript(rig, "models"))["models"]
    assert (model["id"], model["type"]) == ("claude-scripted-model", "model")


async def test_typescript_errors(rig: Rig) -> None:
    rig.upstream.script(fail(429, {"error": {"message": WORDS}}))
    error = (await typescript(rig, "create"))["error"]
    assert (error["kind"], error["status"]) == ("RateLimitError", 429)
    assert error["body"]["error"] == {"type": "rate_limit_error", "message": WORDS}
    assert error["requestID"]
    assert (await typescript(rig, "create", "wrong"))["error"]["kind"] == "AuthenticationError"


async def test_typescript_aborts(rig: Rig) -> None:
    rig.upstream.script(Reply(text("Once upon a time"), STALL))
    error = (await typescript(rig, "abort"))["error"]
    assert error["kind"] == "APIUserAbortError"
    seen = rig.upstream.requests[0]
    await asyncio.wait_for(seen.done.wait(), 10)
    assert seen.outcome == "left"


async def test_typescript_understands_a_native_server_as_it_does_directly() -> None:
    """Every kind of stream, in three chunkings; the Python SDK: tests/proxy/test_native_sdk.py."""
    cases = [f"{chunking}: {name}" for chunking in CHUNKINGS for name in STREAMS]

    def answer(seen: Seen) -> Reply:
        # An id that was used gets another: each case has its own.
        chunking, name = seen.json["metadata"]["user_id"].split(": ", 1)
        proxy.services.memory = CallMemory()
        return reply(name, chunking)

    async with Upstream() as upstream, running_proxy(upstream.url) as proxy:
        proxy.backend.now(native=True, url=f"{upstream.url}/messages", model="")
        upstream.when(lambda seen: True, answer)
        asked = {"direct": upstream.url.removesuffix("/v1"), "secret": TOKEN, "cases": cases}
        understood = await node(proxy.url, json.dumps(asked), "natives")
    assert list(understood) == cases
    for case, seen in understood.items():
        direct, through = seen["direct"], seen["through"]
        assert ours(through["final"]) == ours(direct["final"]), case
        if not case.endswith(OTHER_ORDER) and "call" not in case:
            assert through["events"] == direct["events"], case
