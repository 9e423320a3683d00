"""The KV of llama.cpp's slots over a stop, a kill and a cold restart, with the real server."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from anyclaude_tui.backends import prompt_cache
from anyclaude_tui.backends.base import Backend, CachePolicy
from anyclaude_tui.backends.llama_cpp import program, slots
from anyclaude_tui.backends.supervision import supervised
from tests.backends.conftest import Make
from tests.support import chat_templates
from tests.support.assets import LLAMA_ARGS, TINY_GGUF
from tests.support.waiting import until

pytestmark = pytest.mark.e2e

SYSTEM = "You are a careful assistant. " * 150


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "BACK_OFF_S", (0.01,))
    monkeypatch.setattr(supervised, "WATCH_S", 0.1)
    monkeypatch.setattr(slots, "SOON_S", 0.0)
    monkeypatch.setattr(program, "server", lambda: None)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    from tools import tiny_gguf  # which `make quick` has no packages for

    path = tmp_path / "plain.gguf"
    tiny_gguf.make(path, plain=True)
    return path


async def cached(backend: Backend, question: str, system: str = SYSTEM, **more: Any) -> int:
    endpoint = backend.endpoint
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    body = {"model": endpoint.model, "messages": messages, "max_tokens": 2, **more}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        answer = await client.post(endpoint.url, json=body, headers=dict(endpoint.headers))
    return int(answer.json()["usage"]["prompt_tokens_details"]["cached_tokens"])


def files(home: Path) -> list[Path]:
    return [p for p in (home / prompt_cache.FOLDER).rglob("*.slot") if ".part." not in p.name]


async def test_a_slot_outlives_a_stop_and_a_kill_and_not_a_cold_restart(
    make: Make, tmp_path: Path, plain: Path
) -> None:
    backend: Any = make(kind="llama_cpp", model=str(plain), args=LLAMA_ARGS)
    backend.cache_policy = CachePolicy(disk=True)
    await backend.start()
    assert await cached(backend, "one") < 100
    await until(lambda: files(tmp_path))  # soon, because nothing is kept yet
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files(tmp_path))

    os.kill(backend.status().pid, signal.SIGKILL)
    await backend.recover()
    assert backend.status().cache.restored_tokens > 1024
    assert await cached(backend, "another") > 1024

    other = "Something else. " * 300
    await cached(backend, "one", other)
    await backend.stop()
    await backend.start()
    assert await cached(backend, "two", other) > 1024

    await backend.restart()
    assert backend.status().cache.restored_tokens == 0
    assert await cached(backend, "one") < 100


async def test_other_template_arguments_reuse_nothing_of_a_restored_slot(
    make: Make, tmp_path: Path, plain: Path
) -> None:
    template = tmp_path / "front.jinja"
    front = "<|im_start|>system\nthinking: {{ enable_thinking }}<|im_end|>\n"
    template.write_text(front + chat_templates.PLAIN)
    args = (*LLAMA_ARGS, "--chat-template-file", str(template))
    backend: Any = make(kind="llama_cpp", model=str(plain), args=args)
    backend.cache_policy = CachePolicy(disk=True)
    await backend.start()
    given: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": True}}
    await cached(backend, "one", **given)
    await backend.stop()
    await backend.start()
    assert await cached(backend, "two", **given) > 1024
    await backend.stop()
    await backend.start()
    assert backend.status().cache.restored_tokens > 1024
    assert await cached(backend, "two", chat_template_kwargs={"enable_thinking": False}) < 32


async def test_where_what_is_restored_is_not_used_it_says_so(make: Make, tmp_path: Path) -> None:
    """The tiny model's window slides."""
    backend: Any = make(kind="llama_cpp", model=str(TINY_GGUF), args=LLAMA_ARGS)
    backend.cache_policy = CachePolicy(disk=True)
    await backend.start()
    facts = backend.status().cache
    assert "reads the prompt all the same" in facts.off
    assert not facts.on_disk
    await cached(backend, "one")
    await backend.stop()
    assert not files(tmp_path)


async def test_nothing_is_kept_without_consent(make: Make, tmp_path: Path, plain: Path) -> None:
    backend: Any = make(kind="llama_cpp", model=str(plain), args=LLAMA_ARGS)
    await backend.start()
    assert "--slot-save-path" not in backend.command(1)
    await cached(backend, "one")
    await backend.stop()
    assert not (tmp_path / prompt_cache.FOLDER).exists()
