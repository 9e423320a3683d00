"""The real mlx_lm.server on the CPU with a tiny model: its start, its deaths, its end."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from anyclaude_tui.backends.base import Backend, BackendError, BackendState
from anyclaude_tui.backends.models import files
from anyclaude_tui.backends.supervision import supervised
from tests.backends.conftest import Make
from tests.support.assets import TINY_MODEL
from tests.support.programs import sh_program
from tests.support.waiting import alive

real = pytest.mark.e2e


def settings(**more: Any) -> dict[str, Any]:
    return {"kind": "mlx_lm", "model": str(TINY_MODEL), **more}


async def chat(backend: Backend, text: str, **more: Any) -> httpx.Response:
    endpoint = backend.endpoint
    body = {"model": endpoint.model, "messages": [{"role": "user", "content": text}], **more}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        return await client.post(endpoint.url, json={"max_tokens": 40, **body})


@real
async def test_serves_is_killed_comes_back_and_stops_while_busy(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "BACK_OFF_S", (0.01,))
    backend = make(**settings())
    await backend.start()
    endpoint = backend.endpoint
    assert endpoint.model == "default_model"
    assert endpoint.window_tokens == 32_768
    assert endpoint.tokenizer_dir == str(TINY_MODEL)
    status = backend.status()
    assert status.model == TINY_MODEL.name
    assert (await chat(backend, "hello")).json()["choices"][0]["message"]["content"]

    os.kill(status.pid, signal.SIGKILL)
    await backend.recover()
    assert backend.status().pid != status.pid
    assert (await chat(backend, "hello")).status_code == 200

    pid = backend.status().pid
    busy = asyncio.create_task(chat(backend, "count", max_tokens=4000))
    await asyncio.sleep(0.1)
    await backend.stop()
    assert not alive(pid)
    await asyncio.gather(busy, return_exceptions=True)


@real
async def test_a_dead_generation_thread_is_seen_and_mended(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "BACK_OFF_S", (0.01,))
    backend = make(**settings())
    await backend.start()
    pid = backend.status().pid
    answer = await chat(backend, "hello", stop=[1])  # what no proxy of ours would send
    assert answer.status_code == 404
    await backend.recover()
    assert backend.status().pid != pid
    assert backend.status().restarts == 1
    assert any("generation thread died" in line for line in backend.status().log_tail)


@real
async def test_corrupt_weights_fail_in_words(make: Make, tmp_path: Path) -> None:
    model = tmp_path / "corrupt"
    shutil.copytree(TINY_MODEL, model)
    (model / "model.safetensors").write_bytes(b"nonsense")
    backend = make(**settings(model=str(model)))
    with pytest.raises(BackendError, match=r"(?i)safetensors|load"):
        await backend.start()
    assert backend.status().state is BackendState.FAILED


OWNER = """
import asyncio, sys
from pathlib import Path
from anyclaude_tui.backends.registry import create
from anyclaude_tui.config import BackendSettings

async def main():
    settings = BackendSettings(kind="mlx_lm", model=sys.argv[2])
    backend = create("x", settings, Path(sys.argv[1]))
    await backend.start()
    print(backend.status().pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@real
def test_kill_9_of_the_owner_leaves_no_server_after_3_seconds(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path), str(TINY_MODEL)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.kill()
    deadline = time.monotonic() + 3
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)


async def test_a_missing_path_fails_at_once_in_words(make: Make, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"no model at .*nowhere: correct the path"):
        await make(**settings(model=str(tmp_path / "nowhere"))).start()
    with pytest.raises(BackendError, match=r"is not an MLX model: it has no config\.json"):
        await make(**settings(model=str(tmp_path))).start()
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BackendError, match="is the download complete"):
        await make(**settings(model=str(tmp_path))).start()


async def test_without_mlx_lm_it_says_how_to_install_it(make: Make, tmp_path: Path) -> None:
    bare = tmp_path / "python"  # an interpreter without site-packages
    sh_program(bare, f'exec {shlex.quote(sys.executable)} -S "$@"')
    backend = make(**settings(python=str(bare)))
    words = r"not installed for .*: /.*python -m pip install mlx-lm"
    with pytest.raises(BackendError, match=words):
        await backend.start()


def test_the_command_has_our_defaults_and_the_users_last_word(make: Make) -> None:
    launcher = ("mlx.launch", "--hostfile", "hosts.json")
    backend = make(**settings(launcher=launcher, args=("--prefill-step-size", "256")))
    command = list(backend.command(4711))
    assert command[:4] == [*launcher, "--"]  # or it takes our --host for its own
    own = make(**settings(launcher=(*launcher, "--")))
    assert list(own.command(4711)).count("--") == 1
    assert command[5:8] == ["-m", "mlx_lm", "server"]
    assert command[command.index("--model") + 1] == str(TINY_MODEL)
    assert command[command.index("--port") + 1] == "4711"
    assert command.index("512") < command.index("256")
    assert backend.environment() == {"HF_HUB_OFFLINE": "1"}
    plain = make(**settings(model="mlx-community/x"))
    assert plain.environment() == {"PYTHONSAFEPATH": "1"}
    assert list(plain.command(1))[1].endswith("mlx_server/launcher.py")


def test_a_model_is_needed(make: Make) -> None:
    with pytest.raises(BackendError, match="mlx_lm needs a model"):
        make(kind="mlx_lm")


def model_files(folder: Path, config: dict[str, Any], template: str = "") -> files.ModelFiles:
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"123")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    return files.read(folder)


def test_the_window_may_be_nested(tmp_path: Path) -> None:
    nested = model_files(tmp_path, {"text_config": {"max_position_embeddings": 4096}})
    assert nested.window_tokens == 4096
    assert nested.weight_bytes == 3
    assert nested.tokenizer_dir is None
    assert model_files(tmp_path, {"text_config": {}, "n_positions": 512}).window_tokens == 512
    assert model_files(tmp_path, {}).window_tokens is None
