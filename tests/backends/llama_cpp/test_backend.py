"""The real llama.cpp on the CPU with a tiny model: its start, its deaths, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from anyclaude_tui.backends import machine
from anyclaude_tui.backends.base import Backend, BackendError, BackendState
from anyclaude_tui.backends.llama_cpp import program
from anyclaude_tui.backends.machine import Memory
from anyclaude_tui.backends.supervision import supervised
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import translate
from tests.backends.conftest import Make, until_state
from tests.backends.models.test_gguf import LLAMA, packed
from tests.support.assets import LLAMA_ARGS, TINY_GGUF
from tests.support.programs import sh_program
from tests.support.waiting import alive, until

real = pytest.mark.e2e
GIB = 2**30


def settings(**more: Any) -> dict[str, Any]:
    return {"kind": "llama_cpp", "model": str(TINY_GGUF), "args": LLAMA_ARGS, **more}


async def chat(backend: Backend, text: str, **more: Any) -> httpx.Response:
    endpoint = backend.endpoint
    body = {"model": endpoint.model, "messages": [{"role": "user", "content": text}], **more}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        return await client.post(
            endpoint.url, json={"max_tokens": 60, **body}, headers=dict(endpoint.headers)
        )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "BACK_OFF_S", (0.01,))


@pytest.fixture(autouse=True)
def the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else this machine has."""
    monkeypatch.setattr(program, "server", lambda: None)


@pytest.fixture
async def backend(make: Make) -> Any:
    started = make(**settings())
    await started.start()
    return started


@real
async def test_serves_is_killed_comes_back_and_stops_while_busy(backend: Any) -> None:
    endpoint, status = backend.endpoint, backend.status()
    assert endpoint.model == status.model == "tiny-model"
    assert endpoint.window_tokens == 131_072
    assert endpoint.slots.number == 4
    assert endpoint.tokenize_url == f"{status.url}/tokenize"
    assert endpoint.dialect.extra == {"return_progress": True}
    said = (await chat(backend, "hello")).json()["choices"][0]["message"]["content"]
    assert said == 'print("Hello, world!")'

    os.kill(status.pid, signal.SIGKILL)
    await backend.recover()
    assert backend.status().pid != status.pid
    assert (await chat(backend, "hello")).status_code == 200

    pid = backend.status().pid
    busy = asyncio.create_task(chat(backend, "count", max_tokens=4000, ignore_eos=True))
    await asyncio.sleep(0.1)
    await backend.stop()
    assert not alive(pid)
    await asyncio.gather(busy, return_exceptions=True)


@real
async def test_a_tool_that_is_insisted_on_is_called(backend: Any) -> None:
    """It takes the object that names a tool as "auto", without a word."""
    request = translate(
        {
            "max_tokens": 200,
            "messages": [{"role": "user", "content": "hello"}],
            "tools": [{"name": n, "input_schema": {"type": "object"}} for n in ("Pan", "Zoom")],
            "tool_choice": {"type": "tool", "name": "Zoom"},
        },
        backend.endpoint,
        CallMemory(),
    )
    asked = {k: request.body[k] for k in ("tools", "tool_choice")}
    choice = (await chat(backend, "hello", max_tokens=200, **asked)).json()["choices"][0]
    assert [c["function"]["name"] for c in choice["message"]["tool_calls"]] == ["Zoom"]


@real
async def test_a_model_that_takes_its_time_is_loading_until_it_chats(
    make: Make, tmp_path: Path
) -> None:
    """All routes answer 503 meanwhile: the more tokens, the longer."""
    from tools import tiny_gguf  # which `make quick` has no packages for

    slow = tmp_path / "slow.gguf"
    tiny_gguf.make(slow, pad_vocab=60_000)
    backend = make(**settings(model=str(slow)))
    starting = asyncio.create_task(backend.start())
    seen: set[tuple[int, BackendState]] = set()
    async with httpx.AsyncClient(trust_env=False) as client:
        while not starting.done():
            if backend.port:
                with contextlib.suppress(httpx.TransportError):
                    answer = await client.get(f"{backend.base_url}/health")
                    seen.add((answer.status_code, backend.status().state))
            await asyncio.sleep(0.01)
    await starting
    assert (503, BackendState.LOADING) in seen
    assert backend.status().restarts == 0


@real
async def test_a_file_that_cannot_be_loaded_fails_in_words(make: Make, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(TINY_GGUF.read_bytes()[:100_000])
    backend = make(**settings(model=str(cut)))
    with pytest.raises(BackendError, match=r"the model cannot be loaded: .*: is the download"):
        await backend.start()
    assert backend.status().state is BackendState.FAILED


@real
async def test_a_template_that_refuses_late_system_messages_is_followed(
    make: Make, tmp_path: Path
) -> None:
    template = tmp_path / "strict.jinja"
    template.write_text(
        "{%- for m in messages -%}{%- if m.role == 'system' and not loop.first -%}"
        "{{ raise_exception('System message must be at the beginning.') }}{%- endif -%}"
        "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{%- endfor -%}<|im_start|>assistant\n"
    )
    args = (*LLAMA_ARGS, "--chat-template-file", str(template))
    backend = make(**settings(args=args))
    await backend.start()
    assert backend.endpoint.dialect.late_system == "folded"


@real
async def test_a_restart_with_a_larger_window_is_seen(make: Make) -> None:
    backend = make(**settings(context_window=33_000, slots=2))
    await backend.start()
    assert 33_000 <= backend.endpoint.window_tokens < 34_000  # in whole cells of 256
    assert backend.endpoint.slots.number == 2
    await backend.stop()
    larger = make(**settings(context_window=65_536))
    await larger.start()
    assert larger.endpoint.window_tokens == 65_536


@real
async def test_flags_that_the_wheel_lacks_are_named(make: Make) -> None:
    backend = make(**settings(args=("--no-such-flag", "7")))
    with pytest.raises(BackendError, match="does not know --no-such-flag 7: leave it out"):
        await backend.start()


@real
async def test_a_death_while_it_answers_is_noticed(backend: Any) -> None:
    busy = asyncio.create_task(chat(backend, "count", max_tokens=100_000, ignore_eos=True))
    await asyncio.sleep(0.1)
    os.kill(backend.status().pid, signal.SIGKILL)
    await until(lambda: backend.status().restarts == 1)
    await until_state(backend, BackendState.READY)
    with pytest.raises(httpx.TransportError):
        await busy


def test_the_command_has_our_defaults_and_the_users_last_word(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "server", lambda: "/opt/llama-server")
    backend = make(**settings(args=("--batch-size", "64"), slots=2))
    command = list(backend.command(4711))
    assert command[:3] == ["/opt/llama-server", "--model", str(TINY_GGUF)]
    assert command[command.index("--port") + 1] == "4711"
    assert command.index("512") < command.index("64")
    assert command[command.index("--parallel") + 1] == "2"
    chosen = make(**settings(python="~/its/python"))
    assert list(chosen.command(1))[:2] == [str(Path("~/its/python").expanduser()), "-P"]


async def test_without_llama_cpp_it_says_how_to_install_it(make: Make, tmp_path: Path) -> None:
    bare = tmp_path / "python"  # an interpreter without site-packages
    sh_program(bare, f'exec {shlex.quote(sys.executable)} -S "$@"')
    with pytest.raises(BackendError, match=r"not installed for .*: /.*python -m pip install xlla"):
        await make(**settings(python=str(bare))).start()


async def test_a_file_that_does_not_chat_is_refused(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "mmproj.gguf"
    path.write_bytes(packed({"general.architecture": "clip", "general.type": "mmproj"}))
    with pytest.raises(BackendError, match=r"holds no model that chats \(clip\)"):
        await make(**settings(model=str(path))).start()


async def test_the_context_that_fits_is_asked_for(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache is taken at the start: the whole of a large window would be too much."""
    monkeypatch.setattr(machine, "MACOS", False)
    monkeypatch.setattr(machine, "memory", lambda: Memory(16 * GIB, GIB))
    path = tmp_path / "large.gguf"
    path.write_bytes(packed(LLAMA))
    backend = make(**settings(model=str(path)))
    words = [finding.words for finding in await backend.look()]
    assert "large, Q4_K_M llama, " in words[0]
    assert any("of the model's context of 131,072 tokens" in line for line in words)
    assert any("base model" in line for line in words)  # it has no template
    command = list(backend.command(1))
    assert 65_536 < int(command[command.index("--ctx-size") + 1]) < 131_072
    told = make(**settings(model=str(path), context_window=131_072))
    assert any("this model needs about" in finding.words for finding in await told.look())


async def test_the_only_projector_beside_the_only_model_is_used(make: Make, tmp_path: Path) -> None:
    model, eyes = tmp_path / "m.gguf", tmp_path / "mmproj-m-f16.gguf"
    for path in (model, eyes):
        path.write_bytes(packed(LLAMA))
    backend = make(**settings(model=str(model)))
    command = list(backend.command(1))
    assert command[command.index("--mmproj") + 1] == str(eyes)
    (tmp_path / "other.gguf").write_bytes(packed(LLAMA))
    assert "--mmproj" not in backend.command(1)


@real
async def test_only_who_has_its_key_is_answered(backend: Any) -> None:
    """A new one at every start, which `ps` does not show."""
    endpoint = backend.endpoint
    key = endpoint.headers["authorization"].removeprefix("Bearer ")
    body = {"model": endpoint.model, "messages": [{"role": "user", "content": "hi"}]}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as stranger:
        answer = await stranger.post(endpoint.url, json=body | {"max_tokens": 1})
    assert answer.status_code == 401
    assert (await chat(backend, "hi", max_tokens=1)).status_code == 200
    assert key not in " ".join(psutil.Process(backend.status().pid).cmdline())
