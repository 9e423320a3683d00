"""Counting: by the backend, by the model's own tokenizer, else by what was learnt."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.figures import Source
from anyclaude_tui.proxy.request import token_counter as tokens_module
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.local_tokenizer import count_locally
from anyclaude_tui.proxy.request.openai import UpstreamRequest, translate
from anyclaude_tui.proxy.request.token_counter import DEFAULT_BYTES_PER_TOKEN, TokenCounter
from tests.support.assets import TINY_MODEL as TINY
from tests.support.waiting import until

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
BODY: dict[str, Any] = {
    "max_tokens": 100,
    "system": "You are helpful.",
    "tools": [{"name": "Bash", "input_schema": {"type": "object"}}],
    "messages": [
        {"role": "user", "content": "hello"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {"a": "é"}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "t", "content": "done"}],
        },
    ],
}
ENDPOINT = Endpoint("http://127.0.0.1:1/v1/chat/completions", "tiny")

Handler = Callable[[dict[str, Any]], Awaitable[Any]]


def request(endpoint: Endpoint = ENDPOINT, **more: Any) -> UpstreamRequest:
    return translate({**BODY, **more}, endpoint, CallMemory())


@asynccontextmanager
async def server(**routes: Handler) -> AsyncIterator[tuple[Endpoint, aiohttp.ClientSession]]:
    """A real server with these routes (name with `_` for `-`), and a client."""

    def route(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(asked: web.Request) -> web.Response:
            made = await handler(await asked.json())
            if isinstance(made, web.Response):
                return made
            return web.json_response(made)

        return answer

    app = web.Application()
    for name, handler in routes.items():
        app.router.add_post(f"/{name.replace('_', '-')}", route(handler))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        async with aiohttp.ClientSession() as http:
            yield replace(ENDPOINT, tokenize_url=f"http://127.0.0.1:{port}/tokenize"), http
    finally:
        await runner.cleanup()


# --- the estimate ---------------------------------------------------------------------------


def test_an_estimate_before_and_after_learning() -> None:
    counter = TokenCounter()
    assert counter.estimate("m", 38_000) == round(38_000 / DEFAULT_BYTES_PER_TOKEN)
    assert counter.estimate("m", 0) == 1
    counter.learn("m", 40_000, 16_000)
    assert counter.estimate("m", 40_000) == 16_000
    assert counter.estimate("other", 38_000) == round(38_000 / DEFAULT_BYTES_PER_TOKEN)
    for _ in range(30):
        counter.learn("m", 40_000, 10_000)
    assert counter.estimate("m", 40_000) == pytest.approx(10_000, rel=0.01)


@pytest.mark.parametrize(("size", "tokens"), [(100, 50), (40_000, 0), (40_000, 1), (5_000, 9_000)])
def test_what_cannot_be_text_is_not_learnt(size: int, tokens: int) -> None:
    counter = TokenCounter()
    counter.learn("m", size, tokens)
    assert counter.estimate("m", 38_000) == 10_000


@given(st.lists(st.tuples(st.integers(-10, 10**9), st.integers(-10, 10**9))))
def test_any_history_leaves_a_sane_estimate(seen: list[tuple[int, int]]) -> None:
    counter = TokenCounter()
    for size, tokens in seen:
        counter.learn("m", size, tokens)
    assert 12_000 / 12 <= counter.estimate("m", 12_000) <= 12_000


def test_the_calibration_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "state" / "calibration.json"
    counter = TokenCounter(path)
    counter.learn("/models/a", 40_000, 10_000)
    counter.learn("b", 50_000, 10_000)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["calibration.json"]
    again = TokenCounter(path)
    assert again.estimate("/models/a", 40_000) == 10_000
    assert again.estimate("b", 50_000) == 10_000


async def test_a_slow_disk_does_not_hold_up_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, slow, replace_file = tmp_path / "calibration.json", threading.Event(), os.replace

    def replace_late(source: Path, target: Path) -> None:
        assert slow.wait(10)
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", replace_late)
    counter = TokenCounter(path)
    for tokens in (10_000, 12_000, 14_000):
        counter.learn("m", 40_000, tokens)
    assert not path.exists()
    slow.set()
    await until(lambda: TokenCounter(path).estimate("m", 40_000) == counter.estimate("m", 40_000))
    assert [file.name for file in tmp_path.iterdir()] == ["calibration.json"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"m": "x", "n": 1e9, "o": null}', "[" * 99_999])
def test_a_broken_calibration_is_no_calibration(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text)
    assert TokenCounter(path).estimate("m", 38_000) == 10_000


def test_a_place_that_cannot_be_written_costs_only_the_calibration(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    counter = TokenCounter(tmp_path / "file" / "calibration.json")
    counter.learn("m", 40_000, 10_000)
    assert counter.estimate("m", 40_000) == 10_000


def test_the_number_of_models_is_bounded() -> None:
    counter = TokenCounter()
    for number in range(500):
        counter.learn(f"m{number}", 40_000, 10_000)
    assert len(counter._ratios) <= 200
    assert counter.estimate("m499", 40_000) == 10_000


# --- the backend counts ---------------------------------------------------------------------


async def test_vllm_counts_the_whole_chat() -> None:
    asked: list[dict[str, Any]] = []

    async def tokenize(body: dict[str, Any]) -> Any:
        asked.append(body)
        return {"count": 1234, "max_model_len": 4096, "tokens": [1, 2]}

    async with server(tokenize=tokenize) as (endpoint, http):
        figure = await TokenCounter().count(endpoint, request(endpoint), http)
    assert (figure.value, figure.source) == (1234, Source.REPORTED)
    assert asked[0]["messages"] == request().body["messages"]
    assert asked[0]["tools"] == request().body["tools"]
    assert set(asked[0]) == {"model", "messages", "tools", "add_generation_prompt"}


async def test_llama_cpp_renders_and_counts() -> None:
    asked: list[dict[str, Any]] = []

    async def tokenize(body: dict[str, Any]) -> Any:
        asked.append(body)
        return {"tokens": [0] * len(body.get("content", "").split())}

    async def apply_template(body: dict[str, Any]) -> Any:
        return {"prompt": f"one two three {len(body['messages'])}"}

    async with server(tokenize=tokenize, apply_template=apply_template) as (endpoint, http):
        counter = TokenCounter()
        for _ in range(3):
            figure = await counter.count(endpoint, request(endpoint), http)
            assert (figure.value, figure.source) == (4, Source.REPORTED)
    # Once it is known how this server wants to be asked, it is asked only so.
    assert [("content" in body) for body in asked] == [False, True, True, True]


async def test_a_server_that_cannot_count_is_left_alone_for_a_while() -> None:
    calls = 0

    async def tokenize(_: dict[str, Any]) -> Any:
        nonlocal calls
        calls += 1
        return web.Response(status=500, text="<html>no</html>")

    async with server(tokenize=tokenize) as (endpoint, http):
        counter = TokenCounter()
        for _ in range(5):
            figure = await counter.count(endpoint, request(endpoint), http)
            assert figure.source is Source.ESTIMATED
            assert figure.value == counter.estimate("tiny", request().prompt_bytes)
    assert calls == 1


async def test_nonsense_dead_and_silent_servers_give_an_estimate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokens_module, "ROUTE_TIMEOUT_S", 0.05)
    answers: list[Any] = [[], {"count": "x"}, {"count": -1}, {"tokens": 5}, "text"]

    for answer in answers:

        async def tokenize(_: dict[str, Any], said: Any = answer) -> Any:
            return said

        async with server(tokenize=tokenize) as (endpoint, http):
            figure = await TokenCounter().count(endpoint, request(endpoint), http)
            assert figure.source is Source.ESTIMATED

    async def silent(_: dict[str, Any]) -> Any:
        await asyncio.sleep(0.3)
        return {"count": 5}

    async with server(tokenize=silent) as (endpoint, http):
        figure = await TokenCounter().count(endpoint, request(endpoint), http)
        assert figure.source is Source.ESTIMATED
        dead = replace(endpoint, tokenize_url="http://127.0.0.1:1/tokenize")
        figure = await TokenCounter().count(dead, request(dead), http)
        assert figure.source is Source.ESTIMATED


# --- the model's own tokenizer --------------------------------------------------------------


async def test_the_local_tokenizer_counts_what_its_template_renders() -> None:
    endpoint = replace(ENDPOINT, tokenizer_dir=str(TINY))
    counter = TokenCounter()
    figure = await counter.count(endpoint, request(endpoint), None)
    assert figure.source is Source.MEASURED
    expected = (
        '<|im_start|>system\nYou are helpful.\n\n# Tools\n<tools>\n{"type": "function", '
        '"function": {"name": "Bash", "parameters": {"type": "object", "properties": {}}}}\n'
        "</tools>\nReply with <tool_call>\n"
        '{"name": ..., "arguments": {...}}\n</tool_call> to call a tool.<|im_end|>\n'
        "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n<tool_call>\n"
        '{"name": "Bash", "arguments": {"a": "é"}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\ndone\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(TINY / "tokenizer.json"))
    assert figure.value == len(tokenizer.encode(expected, add_special_tokens=False))


async def test_twenty_at_once() -> None:
    endpoint = replace(ENDPOINT, tokenizer_dir=str(TINY))
    counter = TokenCounter()
    longer = [request(endpoint, system="word " * number) for number in range(1, 21)]
    figures = await asyncio.gather(*(counter.count(endpoint, asked, None) for asked in longer))
    values = [figure.value or 0 for figure in figures]
    assert values == sorted(values)
    assert len(set(values)) == 20


def template(tmp_path: Path, text: str | None) -> str:
    shutil.copy(TINY / "tokenizer.json", tmp_path / "tokenizer.json")
    if text is not None:
        config = {"chat_template": text, "bos_token": {"content": "<|endoftext|>"}}
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    return str(tmp_path)


def test_a_template_in_the_tokenizers_configuration(tmp_path: Path) -> None:
    directory = template(
        tmp_path,
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'tool' %}{% continue %}{% endif %}"
        "{{ m.content }}{% endfor %}{{ strftime_now('%Y') }}{{ tools | tojson(indent=2) }}",
    )
    count = count_locally(directory, request().body)
    assert count is not None
    assert count.exact


@pytest.mark.parametrize(
    "text",
    [
        None,
        "{{ raise_exception('System message must be at the beginning.') }}",
        "{{ messages[0].content.__class__.__mro__ }}{{ nothing.at.all }}",
        "{{ ''.__class__.__base__.__subclasses__()[0]() }}",
    ],
)
def test_without_a_template_that_works_the_texts_are_counted(
    tmp_path: Path, text: str | None
) -> None:
    count = count_locally(template(tmp_path, text), request().body)
    assert count is not None
    assert not count.exact
    assert count.tokens > 20


def test_images_make_a_local_count_an_estimate() -> None:
    endpoint = replace(ENDPOINT, dialect=Dialect(images=True))
    messages = [{"role": "user", "content": [{"type": "text", "text": "see"}, IMAGE]}]
    count = count_locally(str(TINY), request(endpoint, messages=messages).body)
    assert count is not None
    assert not count.exact


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe"])
async def test_a_broken_model_directory_gives_an_estimate(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_bytes(content)
    endpoint = replace(ENDPOINT, tokenizer_dir=str(tmp_path))
    figure = await TokenCounter().count(endpoint, request(endpoint), None)
    assert figure.source is Source.ESTIMATED
