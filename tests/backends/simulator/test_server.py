"""The simulated server over real HTTP: its wire, its pace, its faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from aiohttp import web

from anyclaude_tui.backends.simulator.plan import PROFILES
from anyclaude_tui.backends.simulator.server import Simulator

PROFILE = replace(
    PROFILES["fast"],
    prefill_tokens_per_s=1e6,
    decode_tokens_per_s=2000,
    reasoning_tokens=3,
    load_s=0,
    slots=1,
)
MESSAGES = [{"role": "user", "content": "hello"}]


@pytest.fixture
async def server() -> AsyncIterator[httpx.AsyncClient]:
    """A client for a simulated server with one slot."""
    runner = web.AppRunner(
        Simulator(PROFILE).app(), handler_cancellation=True, shutdown_timeout=0.1
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=10) as client:
        yield client
    await runner.cleanup()


async def lines_of(client: httpx.AsyncClient, **body: Any) -> list[str]:
    request = {"stream": True, "max_tokens": 4096, "messages": MESSAGES, **body}
    async with client.stream("POST", "/v1/chat/completions", json=request) as answer:
        assert answer.status_code == 200
        return [line async for line in answer.aiter_lines() if line]


async def records(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/x_simulator")).json()["requests"]
    return found


async def test_the_stream_is_that_of_mlx_lm(server: httpx.AsyncClient) -> None:
    lines = await lines_of(server, stream_options={"include_usage": True})
    assert lines[0].startswith(": keepalive ")
    assert lines[-1] == "data: [DONE]"
    *deltas, finish, usage = [
        json.loads(line.removeprefix("data: ")) for line in lines[:-1] if line.startswith("data")
    ]
    assert all(chunk["choices"][0]["delta"]["role"] == "assistant" for chunk in deltas)
    assert [("reasoning" in chunk["choices"][0]["delta"]) for chunk in deltas][:4] == [
        *(True, True, True),
        False,
    ]
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == len(deltas)
    (record,) = await records(server)
    assert record["output_tokens"] == len(deltas)
    assert record["prompt_tokens"] == usage["usage"]["prompt_tokens"]
    assert record["outcome"] == "complete"


async def test_progress_runs_over_the_uncached_tokens(server: httpx.AsyncClient) -> None:
    long = {"role": "user", "content": "x" * 8000}
    first = await lines_of(server, messages=[long], stream_options={"include_usage": True})
    comments = [line for line in first if line.startswith(":")]
    total = int(comments[0].rpartition("/")[2])
    assert total == 2008
    assert comments == [f": keepalive {n}/{total}" for n in (512, 1024, 1536, total)]
    again = await lines_of(
        server,
        messages=[long, {"role": "assistant", "content": "y"}, *MESSAGES],
        stream_options={"include_usage": True},
    )
    assert len([line for line in again if line.startswith(":")]) == 1
    usage = json.loads(again[-2].removeprefix("data: "))["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 2007


async def test_tokens_are_never_early(server: httpx.AsyncClient) -> None:
    await lines_of(server, x_simulator={"output_tokens": 200, "decode_tokens_per_s": 1000})
    (record,) = await records(server)
    assert record["output_tokens"] == 203
    # From the start, which is exact: the first delta may leave late on a busy machine.
    assert record["last_delta_at"] - record["started_at"] >= 0.2


async def test_not_streamed_it_comes_in_one_piece(server: httpx.AsyncClient) -> None:
    tool = {"type": "function", "function": {"name": "Bash"}}
    shell = [{"role": "user", "content": "shell"}]
    body = {"messages": shell, "tools": [tool], "max_tokens": 500}
    answer = (await server.post("/v1/chat/completions", json=body)).json()
    choice = answer["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "Bash"
    assert choice["message"]["reasoning"]


async def test_cut_error_malformed_and_missing_ends(server: httpx.AsyncClient) -> None:
    cut = await lines_of(server, x_simulator={"fault": "cut", "after": 5})
    assert len([line for line in cut if line.startswith("data")]) == 5
    error = await lines_of(server, x_simulator={"fault": "error", "after": 5, "message": "oh"})
    assert json.loads(error[-2].removeprefix("data: "))["error"]["message"] == "oh"
    bad = await lines_of(server, x_simulator={"fault": "malformed", "after": 5})
    with pytest.raises(json.JSONDecodeError):
        json.loads(bad[-1].removeprefix("data: "))
    no_done = await lines_of(server, x_simulator={"fault": "no_done"})
    assert '"finish_reason": "stop"' in no_done[-1]
    no_finish = await lines_of(server, x_simulator={"fault": "no_finish"})
    assert no_finish[-1] == "data: [DONE]"
    assert not any('"finish_reason": "stop"' in line for line in no_finish)


async def test_reset_breaks_the_connection(server: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.HTTPError):
        await lines_of(server, x_simulator={"fault": "reset", "after": 5})


async def test_a_stall_goes_on_after_its_time(server: httpx.AsyncClient) -> None:
    lines = await lines_of(server, x_simulator={"fault": "stall", "after": 5, "stall_s": 0.2})
    assert lines[-1] == "data: [DONE]"
    (record,) = await records(server)
    assert record["last_delta_at"] - record["started_at"] >= 0.2


async def test_scripts_are_served_in_order(server: httpx.AsyncClient) -> None:
    await server.post("/x_simulator", json={"next": [{"status": 503, "message": "busy"}, {}]})
    body = {"messages": MESSAGES, "max_tokens": 5}
    answers = [await server.post("/v1/chat/completions", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 200]
    assert answers[0].json() == {"error": "busy"}
    wrong = await server.post("/x_simulator", json={"next": [{"wrong": 1}]})
    assert wrong.status_code == 400


async def test_others_wait_for_the_slot_and_a_client_that_leaves_frees_it(
    server: httpx.AsyncClient,
) -> None:
    endless = {"fault": "stall", "after": 2}
    held = asyncio.Event()

    async def hold() -> None:
        request = {"stream": True, "max_tokens": 9, "messages": MESSAGES, "x_simulator": endless}
        async with server.stream("POST", "/v1/chat/completions", json=request) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    held.set()

    first = asyncio.create_task(hold())
    await held.wait()
    waiting = asyncio.create_task(lines_of(server))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    first.cancel()
    assert (await waiting)[-1] == "data: [DONE]"
    outcomes = sorted(record["outcome"] for record in await records(server))
    assert outcomes == ["cancelled", "complete"]


async def test_a_dead_thread_answers_and_serves_nothing(server: httpx.AsyncClient) -> None:
    assert (await server.get("/health")).status_code == 200
    await lines_of(server, x_simulator={"fault": "thread"})
    assert (await server.get("/health")).status_code == 503
    body = {"messages": MESSAGES, "max_tokens": 5}
    answer = await server.post("/v1/chat/completions", json=body)
    assert (answer.status_code, answer.json()) == (404, {"error": "generation thread died"})


async def test_forgetting_empties_the_cache_and_the_records(server: httpx.AsyncClient) -> None:
    body = {"messages": [{"role": "user", "content": "x" * 400}], "max_tokens": 5}

    async def cached() -> int:
        answer = (await server.post("/v1/chat/completions", json=body)).json()
        return int(answer["usage"]["prompt_tokens_details"]["cached_tokens"])

    assert (await cached(), await cached() > 90) == (0, True)
    await server.delete("/x_simulator")
    assert await records(server) == []
    assert await cached() == 0
