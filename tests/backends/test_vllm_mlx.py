"""vllm-mlx against a FAKE written from its wire page (tests/backends/fake_vllm_mlx.py)."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from anyclaude_tui.backends.base import BackendError, BackendState, CachePolicy, Progress
from anyclaude_tui.backends.flavours import parse_progress
from anyclaude_tui.backends.vllm_mlx import parsers
from tests.backends.conftest import Make
from tests.support.assets import TINY_MODEL
from tests.support.programs import sh_program


@pytest.fixture
def fake(tmp_path: Path) -> dict[str, Any]:
    """Settings that find the fake `vllm-mlx` beside the configured Python."""
    program = tmp_path / "vllm-mlx"
    script = Path(__file__).with_name("fake_vllm_mlx.py")
    sh_program(program, f'exec {shlex.join([sys.executable, str(script)])} "$@"')
    return {"kind": "vllm_mlx", "model": str(TINY_MODEL), "python": str(tmp_path / "python")}


async def test_started_and_asked(make: Make, fake: dict[str, Any]) -> None:
    backend = make(**fake)
    assert await backend.progress() is None
    await backend.start()
    endpoint = backend.endpoint
    assert backend.status().state is BackendState.READY
    assert endpoint.model == TINY_MODEL.name
    assert endpoint.window_tokens == 32_768
    assert endpoint.dialect.max_tokens_cap == 32_768
    assert await backend.progress() == Progress(11, 11, 4)
    (model,) = await backend.models()
    assert model.loaded


@pytest.fixture
def kept(fake: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """With a home of its own, where vllm-mlx would keep its cache."""
    return {**fake, "env": {"HOME": str(tmp_path / "home")}}


def filled(backend: Any) -> Path:
    """What the real one writes at its end."""
    entry: Path = backend.own_cache / "0123" / "entry_0.safetensors"
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.write_bytes(b"kv")
    return entry


async def test_its_own_cache_is_closed_and_goes_with_a_cold_restart(
    make: Make, kept: dict[str, Any], tmp_path: Path
) -> None:
    backend = make(**kept)
    backend.cache_policy = CachePolicy(disk=True)
    await backend.start()
    root = tmp_path / "home" / ".cache" / "vllm-mlx" / "prefix_cache"
    assert root.stat().st_mode & 0o777 == 0o700
    assert backend.own_cache == root / str(TINY_MODEL).replace("/", "--")
    assert backend.stop_grace_s > 10
    entry = filled(backend)
    await backend.stop()
    assert entry.exists()
    await backend.restart()
    assert not entry.exists()


async def test_without_consent_its_own_cache_does_not_stay(
    make: Make, kept: dict[str, Any]
) -> None:
    backend = make(**kept)
    await backend.start()
    entry = filled(backend)
    await backend.stop()
    assert not entry.exists()
    entry = filled(backend)  # of the user's own use of it
    await backend.start()
    await backend.stop()
    assert entry.exists()


async def test_after_a_kill_its_own_cache_is_not_trusted(make: Make, kept: dict[str, Any]) -> None:
    backend = make(**kept)
    backend.cache_policy = CachePolicy(disk=True)
    await backend.start()
    entry = filled(backend)
    os.kill(backend.status().pid, signal.SIGKILL)
    await backend.recover()
    assert not entry.exists()


async def test_exit_3_is_a_taken_port(make: Make, fake: dict[str, Any]) -> None:
    with pytest.raises(BackendError, match=r"port \d+ was taken"):
        await make(**fake, env={"FAKE_PORT_TAKEN": "1"}).start()


async def test_not_installed_says_how(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(BackendError, match="pip install vllm-mlx"):
        await make(kind="vllm_mlx", model=str(TINY_MODEL)).start()


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("qwen3_moe", "Qwen3-Coder-30B-A3B-Instruct", ("qwen3_coder", None)),
        ("qwen3", "Qwen3-32B", ("auto", "qwen3")),
        ("qwen3_moe", "qwen3-42b-thinking", ("auto", "qwen3")),
        ("gpt_oss", "gpt-oss-20b", ("auto", "gpt_oss")),
        ("llama", "Llama-3", ("auto", None)),
    ],
)
def test_parsers_for_a_model(kind: str, name: str, expected: tuple[str, str | None]) -> None:
    assert parsers({"model_type": kind}, name) == expected


def test_progress_of_several_requests_is_nobodys() -> None:
    running = {"status": "running", "phase": "prefill", "prompt_tokens": 5, "cached_tokens": 1}
    assert parse_progress({"requests": [running]}) == Progress(None, 5, 1)
    assert parse_progress({"requests": [running, running]}) is None
    assert parse_progress({"requests": [{"status": "finished"}]}) is None
    assert parse_progress(None) is None
