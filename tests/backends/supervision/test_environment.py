"""A server of ours gets the keys that it needs, and no others."""

from __future__ import annotations

from pathlib import Path

import httpx
import psutil
import pytest

from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.backends.registry import create
from anyclaude_tui.backends.simulator.backend import SimulatorBackend
from anyclaude_tui.backends.simulator.plan import KEY_VARIABLE
from anyclaude_tui.backends.supervision.environment import of_server
from anyclaude_tui.backends.supervision.supervised import SupervisedBackend
from anyclaude_tui.config.secrets import remember
from anyclaude_tui.config.settings import BackendSettings, Settings
from anyclaude_tui.redaction import OWN

KEPT = {
    "PATH": "/usr/bin",
    "HOME": "/home/u",
    "LANG": "C.UTF-8",
    "SSH_AUTH_SOCK": "/tmp/agent.1",
    "HTTPS_PROXY": "http://user:a-password@proxy:3128",
    "no_proxy": "127.0.0.1",
    "MLX_METAL_JIT": "1",
    "CUDA_VISIBLE_DEVICES": "0",
    "HF_HOME": "/models",
}
LEFT_OUT = {
    "ANTHROPIC_API_KEY": "sk-ant-api03-" + "a" * 20,
    "ANYCLAUDE_TOKEN": "the-session's",
    "AWS_SECRET_ACCESS_KEY": "x",
    "OPENAI_API_KEY": "x",
    "HF_TOKEN": "hf_x",
    "GITHUB_TOKEN": "x",
    "PGPASSWORD": "x",
    "DATABASE_URL": "postgres://user:a-password@db/x",
    "BOX": "named-in-the-settings",
    "NOTES": "the key is ghp_" + "a1" * 18,
}


@pytest.fixture(autouse=True)
def known() -> None:
    settings = Settings(backends={"box": BackendSettings(kind="openai", api_key="env:BOX")})
    remember(settings, LEFT_OUT)


def test_keys_and_tokens_are_left_out_and_all_else_stays() -> None:
    assert of_server({}, {}, env={**KEPT, **LEFT_OUT}) == {**KEPT, "PYTHONUNBUFFERED": "1"}


def test_what_a_server_needs_and_what_the_user_gives_is_there() -> None:
    given = {"WANDB_API_KEY": "mine", "OTHER": "env:GITHUB_TOKEN", "PATH": "/opt"}
    made = of_server(given, {"PATH": "/x", "A": "b"}, ("HF_TOKEN",), {**KEPT, **LEFT_OUT})
    assert {name: made[name] for name in (*given, "A", "HF_TOKEN")} == {
        "WANDB_API_KEY": "mine",
        "OTHER": "x",
        "PATH": "/opt",
        "A": "b",
        "HF_TOKEN": "hf_x",
    }
    with pytest.raises(BackendError, match=r"env\.OTHER is env:GONE, but \$GONE is not set"):
        of_server({"OTHER": "env:GONE"}, {}, env=KEPT)


@pytest.mark.parametrize(("model", "needs"), [("org/on-the-hub", True), ("/models/here", False)])
@pytest.mark.parametrize("kind", ["mlx_lm", "vllm_mlx"])
def test_the_token_of_the_hub_is_for_models_from_there(
    kind: str, model: str, needs: bool, tmp_path: Path
) -> None:
    backend = create("x", BackendSettings(kind=kind, model=model), tmp_path)
    assert isinstance(backend, SupervisedBackend)
    assert ("HF_TOKEN" in backend.needed_variables()) is needs


async def test_the_simulator_wants_its_key_which_is_in_no_command_line_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "of-the-user")
    backend = SimulatorBackend("x", BackendSettings(kind="simulator"), tmp_path)
    await backend.start()
    try:
        endpoint = backend.endpoint
        key = endpoint.headers["authorization"].removeprefix("Bearer ")
        assert len(key) >= 32
        body = {"model": "x", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
        async with httpx.AsyncClient(trust_env=False) as stranger:
            for headers in ({}, {"authorization": "Bearer x"}, {"authorization": key}):
                answer = await stranger.post(endpoint.url, json=body, headers=headers)
                assert answer.status_code == 401
            answer = await stranger.post(endpoint.url, json=body, headers=dict(endpoint.headers))
            assert answer.status_code == 200
        pid = backend.status().pid
        assert pid is not None
        for process in (psutil.Process(pid), psutil.Process(pid).parent()):
            assert process is not None
            assert key not in " ".join(process.cmdline())
        its = psutil.Process(pid).environ()
        assert its[KEY_VARIABLE] == key
        assert "GITHUB_TOKEN" not in its
        written = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert written
        assert not [path for path in written if key.encode() in path.read_bytes()]
        assert key not in OWN.clean_text(f"a backend says {key}")
        await backend.restart()
        assert backend.endpoint.headers["authorization"] != f"Bearer {key}"
    finally:
        await backend.stop()
