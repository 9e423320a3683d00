"""The real mlx_lm.server under our launcher: what it keeps over an abort, an end, a kill."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from anyclaude_tui.backends import prompt_cache
from anyclaude_tui.backends.base import Backend, CachePolicy
from anyclaude_tui.backends.mlx_server import launcher
from anyclaude_tui.backends.supervision import supervised
from benchmarks import random_models
from tests.backends.conftest import Make
from tests.support import chat_templates
from tests.support.assets import TINY_MODEL
from tests.support.waiting import until

pytestmark = pytest.mark.e2e

SYSTEM = "You are a careful assistant. " * 110
FRONT = "<system-reminder>\n" + "The folder holds a.txt. " * 120 + "\n</system-reminder>\n"


def body(question: str, system: str = SYSTEM, front: str = FRONT, **more: Any) -> dict[str, Any]:
    return {
        "model": "default_model",
        "messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": front + question},
        ],
        "max_tokens": 4,
        "temperature": 0,
        "stream": False,
        **more,
    }


async def ask(backend: Backend, question: str, **more: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False, timeout=120) as client:
        answer = await client.post(backend.endpoint.url, json=body(question, **more))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def cached(answer: dict[str, Any]) -> int:
    return int(answer["usage"]["prompt_tokens_details"]["cached_tokens"])


def words(answer: dict[str, Any]) -> str:
    return str(answer["choices"][0]["message"])


async def prefilling(url: str, given: dict[str, Any], **headers: str) -> AsyncGenerator[str]:
    """The lines of a stream, from its first sign of prefill on."""
    async with (
        httpx.AsyncClient(trust_env=False, timeout=120) as client,
        client.stream("POST", url, json={**given, "stream": True}, headers=headers) as stream,
    ):
        async for line in stream.aiter_lines():
            if line:
                yield line


def files(home: Path) -> list[Path]:
    return [
        path
        for path in (home / prompt_cache.FOLDER).rglob("*.safetensors")
        if ".part." not in path.name
    ]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is worth a file is written at once."""
    plain = prompt_cache.given

    def given(*args: Any) -> str:
        return json.dumps({**json.loads(plain(*args)), "soon_s": 0.0})

    monkeypatch.setattr(prompt_cache, "given", given)
    monkeypatch.setattr(supervised, "BACK_OFF_S", (0.01,))


async def test_the_cache_outlives_a_kill_and_a_stop_and_a_cold_restart_clears_it(
    make: Make, tmp_path: Path, soon: None
) -> None:
    backend = make(kind="mlx_lm", model=str(TINY_MODEL))
    backend.cache_policy = CachePolicy(disk=True)
    await backend.start()
    first = await ask(backend, "count")
    warm = await ask(backend, "hello")
    assert cached(first) == 0
    await until(lambda: len(files(tmp_path)) >= 2, 20)  # the tiny model's window slides
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files(tmp_path))

    os.kill(backend.status().pid, signal.SIGKILL)
    await backend.recover()
    facts = backend.status().cache
    assert facts.restored_tokens > 1024
    assert facts.on_disk
    after = await ask(backend, "hello")
    assert cached(after) >= 0.9 * after["usage"]["prompt_tokens"]
    assert words(after) == words(warm)

    await ask(backend, "code", system="Something else. " * 150)
    await backend.stop()  # what is not written yet is written at the end
    await backend.start()
    again = await ask(backend, "hello", system="Something else. " * 150)
    assert cached(again) >= 0.9 * again["usage"]["prompt_tokens"]

    await backend.restart()
    assert backend.status().cache.restored_tokens == 0
    assert cached(await ask(backend, "hello")) == 0


async def test_other_template_arguments_reuse_nothing_of_what_was_restored(
    make: Make, tmp_path: Path, soon: None
) -> None:
    """Where an argument stands in the front, the tokens differ from there on."""
    template = "<|im_start|>system\nthinking: {{ enable_thinking }}<|im_end|>\n"
    args = ("--chat-template", template + chat_templates.PLAIN)
    backend = make(kind="mlx_lm", model=str(TINY_MODEL), args=args)
    backend.cache_policy = CachePolicy(disk=True)
    await backend.start()

    async def asked(thinking: bool) -> dict[str, Any]:
        return await ask(backend, "hello", chat_template_kwargs={"enable_thinking": thinking})

    warm = await asked(True)
    await until(lambda: files(tmp_path), 20)
    await backend.stop()
    await backend.start()
    assert backend.status().cache.restored_tokens > 1024
    other = await asked(False)
    assert cached(other) < 32
    same = await asked(True)
    assert cached(same) >= 0.9 * same["usage"]["prompt_tokens"]
    assert words(same) == words(warm)

    await backend.restart()
    cold = await asked(False)
    assert cached(cold) == 0
    assert words(other) == words(cold)


async def test_without_consent_nothing_is_written(make: Make, tmp_path: Path) -> None:
    backend = make(kind="mlx_lm", model=str(TINY_MODEL))
    await backend.start()
    await ask(backend, "count")
    await backend.stop()
    assert not (tmp_path / prompt_cache.FOLDER).exists()


@pytest.fixture
async def slow(make: Make, tmp_path: Path) -> Backend:
    """A model whose prefill takes a while, step by step."""
    model = random_models.make(tmp_path / "slow", "plain", hidden=192, layers=2)
    backend: Backend = make(kind="mlx_lm", model=str(model), args=("--prefill-step-size", "256"))
    await backend.start()
    return backend


async def test_an_aborted_prefill_keeps_what_it_has_read(slow: Backend) -> None:
    stream = prefilling(slow.endpoint.url, body("one"))
    assert "keepalive" in await anext(stream)
    await stream.aclose()
    await until(lambda: any("cache: aborted" in line for line in slow.status().log_tail), 20)
    answer = await ask(slow, "one")
    assert 256 <= cached(answer) < answer["usage"]["prompt_tokens"] - 256


async def test_a_real_request_goes_before_warming_and_has_what_it_read(slow: Backend) -> None:
    assert slow.endpoint.warms == "whole"
    warming = prefilling(slow.endpoint.url, body("."), **{launcher.ROLE_HEADER: launcher.WARMING})
    assert "keepalive" in await anext(warming)
    answer = await ask(slow, "one")
    assert cached(answer) >= 256
    assert '"usage"' not in "".join([line async for line in warming])  # it was stopped, and ends


async def test_agents_do_not_drive_out_the_main_conversation(make: Make, tmp_path: Path) -> None:
    model = random_models.make(tmp_path / "plain", "plain")
    limit = ("--prompt-cache-bytes", "8000000")
    backend = make(kind="mlx_lm", model=str(model), args=limit)
    await backend.start()

    async def asked(role: str, system: str) -> dict[str, Any]:
        headers = {launcher.ROLE_HEADER: role}
        async with httpx.AsyncClient(trust_env=False, timeout=120) as client:
            url = backend.endpoint.url
            answer = await client.post(url, json=body("one", system=system), headers=headers)
        found: dict[str, Any] = answer.json()
        return found

    await asked("main", SYSTEM)
    for number in range(5):
        await asked("subagent", f"Agent {number}. " * 250)
    facts = backend.status().cache
    assert facts.evicted
    assert not facts.evicted_tokens
    again = await asked("main", SYSTEM)
    assert cached(again) >= 0.9 * again["usage"]["prompt_tokens"]


@pytest.mark.parametrize("kind", ["sliding", "hybrid"])
async def test_a_second_conversation_reuses_the_front_where_no_cache_can_be_cut(
    kind: str, make: Make, tmp_path: Path
) -> None:
    model = random_models.make(tmp_path / kind, kind)
    backend = make(kind="mlx_lm", model=str(model))
    await backend.start()
    await ask(backend, "one thing about this")
    other = await ask(backend, "something else altogether")
    assert cached(other) >= 0.95 * other["usage"]["prompt_tokens"]


def test_what_is_known_and_what_is_not() -> None:
    server: Any = importlib.import_module("mlx_lm.server")
    caches: Any = importlib.import_module("mlx_lm.models.cache")
    assert launcher.problem(server, caches) == ""

    class Other:
        def __getattr__(self, name: str) -> Any:
            return "0.99.1" if name == "__version__" else getattr(server, name)

    assert "mlx_lm 0.99.1 is not among" in launcher.problem(Other(), caches)

    class Changed:
        class BatchGenerator(server.BatchGenerator):  # type: ignore[misc]
            def remove(self, uids: Any) -> Any:
                return None

        def __getattr__(self, name: str) -> Any:
            return getattr(server, name)

    assert "BatchGenerator.remove" in launcher.problem(Changed(), caches)


async def test_a_server_that_is_not_known_runs_as_it_is(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "newer"
    folder.mkdir()
    for path in Path(launcher.__file__).parent.glob("*.py"):
        text = path.read_text().replace('TESTED = ("0.32.",)', 'TESTED = ("0.1.",)')
        (folder / path.name).write_text(text)
    from anyclaude_tui.backends import mlx_lm

    monkeypatch.setattr(mlx_lm, "LAUNCHER", folder / "launcher.py")
    backend = make(kind="mlx_lm", model=str(TINY_MODEL))
    await backend.start()
    assert (await ask(backend, "hello"))["choices"]
    assert "is not among those it was measured on" in backend.status().cache.off
    assert backend.endpoint.warms == ""
    await asyncio.sleep(0)
