"""The predecessor's file and variables: what they meant then is what happens now."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from anyclaude_tui import config
from anyclaude_tui.config import legacy
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.settings import BackendSettings, Settings

FULL: dict[str, Any] = {
    "// COMMENT": "a comment, as the examples have them",
    "backend": "mlx-lm",
    "port": 49152,
    "debug": {"level": 1, "enableTraces": False},
    "webSearch": {"preferLocal": True},
    "backends": {
        "lmstudio": {
            "enabled": True,
            "port": 1234,
            "baseUrl": "http://localhost:1234/v1",
            "apiKey": "lm-studio",
            "model": "current-model",
        },
        "mlx-lm": {"port": 8081, "modelPath": "/models/qwen", "pythonVenv": "/venv"},
        "vllm-mlx": {"port": 8082, "model": "/models/gpt-oss", "apiKey": "vllm-mlx"},
        "local": {"baseUrl": "http://localhost:8081/v1", "apiKey": "local", "filterTier": "auto"},
        "openrouter": {"apiKey": "sk-or-v1-YOUR_API_KEY_HERE", "model": "z-ai/glm-4.6"},
        "claude": {"enabled": False},
        "mlx-cluster": {"discovery": {"nodes": [{"id": "studio", "url": "http://10.0.0.2:8081"}]}},
    },
}


def translated(data: dict[str, Any]) -> Settings:
    """The settings of an old file's content; it must be right as new settings too."""
    return config.parse(_toml(legacy.translate(data)[0]), "made.toml")


def _toml(value: dict[str, Any]) -> str:
    import tomlkit

    return tomlkit.dumps(value)


def test_a_full_file() -> None:
    settings = translated(FULL)
    assert settings.backend == "mlx-lm"
    assert (settings.proxy.port, settings.logs.debug) == (49152, 1)
    backends = settings.backends
    assert backends["lmstudio"] == BackendSettings(kind="lmstudio", url="http://localhost:1234")
    assert backends["mlx-lm"] == BackendSettings(
        kind="mlx_lm", model="/models/qwen", port=8081, python="/venv/bin/python"
    )
    assert backends["vllm-mlx"] == BackendSettings(
        kind="vllm_mlx", model="/models/gpt-oss", port=8082
    )
    assert backends["local"] == BackendSettings(kind="openai", url="http://localhost:8081/v1")
    assert backends["openrouter"] == BackendSettings(
        kind="openai",
        url="https://openrouter.ai/api/v1",
        api_key="env:OPENROUTER_API_KEY",
        model="z-ai/glm-4.6",
    )
    assert backends["claude"].kind == "anthropic"
    assert backends["mlx-cluster-studio"].url == "http://10.0.0.2:8081"


def test_what_is_left_out_is_said() -> None:
    notes = " ".join(legacy.translate(FULL)[1])
    assert "filterTier" in notes
    assert "webSearch" in notes
    assert "each node" in notes
    assert "COMMENT" not in notes


def test_a_real_key_is_kept() -> None:
    data = {"backends": {"openrouter": {"apiKey": "sk-or-v1-0123"}, "local": {"apiKey": "k"}}}
    backends = translated(data).backends
    assert (backends["openrouter"].api_key, backends["local"].api_key) == ("sk-or-v1-0123", "k")


@pytest.mark.parametrize("name", ["local", "claude", "openrouter", "lmstudio"])
def test_the_smallest_file_names_a_backend(name: str) -> None:
    settings = translated({"backend": name})
    assert config.resolve(None, settings)[0] == name


@pytest.mark.parametrize("data", [{}, {"backend": 3}, {"backends": []}, {"backends": {"x": 1}}])
def test_odd_content_is_left_out(data: dict[str, Any]) -> None:
    assert translated(data) == Settings()


# --- where it is found -----------------------------------------------------------------------


def env(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), **more}


def test_it_is_read_where_there_is_no_config_toml(tmp_path: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    (home / ".anyclaude").mkdir(parents=True)
    project.mkdir()
    (home / legacy.FILE_NAME).write_text('{"backend": "claude"}')
    given = env(tmp_path, ANYCLAUDE_HOME=str(home / ".anyclaude"))
    assert config.load(given, project).backend == "claude"
    (project / legacy.FILE_NAME).write_text('{"backend": "local"}')
    assert config.load(given, project).backend == "claude"  # nobody has trusted it
    (home / ".anyclaude" / "config.toml").write_text('backend = "simulator"')
    assert config.load(given, project).backend == "simulator"


@pytest.mark.parametrize(
    ("content", "words"), [("{", ":1: not valid JSON"), ("[]", "object"), (b"\xff", "UTF-8")]
)
def test_a_mistake_in_it_is_named(tmp_path: Path, content: str | bytes, words: str) -> None:
    path = tmp_path / "home" / legacy.FILE_NAME
    path.parent.mkdir()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=words) as caught:
        config.load(env(tmp_path, ANYCLAUDE_HOME=str(tmp_path / "none")), tmp_path)
    assert str(path) in str(caught.value)


# --- variables and --mode --------------------------------------------------------------------


def test_the_variables_win_over_the_file(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    ours.mkdir()
    (ours / "config.toml").write_text(
        '[backends.lmstudio]\nkind = "lmstudio"\nurl = "http://127.0.0.1:1"\nmodel = "m"\n'
        '[backends.mlx-lm]\nkind = "mlx_lm"\nmodel = "/models/qwen"\n'
        '[backends.other]\nkind = "simulator"\n'
    )
    given = env(
        tmp_path,
        ANYCLAUDE_HOME=str(ours),
        LMSTUDIO_URL="http://127.0.0.1:4321/v1",
        LOCAL_URL="http://127.0.0.1:9000/v1",
        MLX_LM_URL="http://127.0.0.1:8081/v1",
        ANYCLAUDE_PORT="49152",
    )
    settings = config.load(given, tmp_path)
    studio = settings.backends["lmstudio"]
    assert (studio.url, studio.model) == ("http://127.0.0.1:4321/v1", "m")
    assert settings.backends["local"].kind == "openai"
    assert settings.backends["mlx-lm"] == BackendSettings(
        kind="openai", url="http://127.0.0.1:8081/v1"
    )
    assert "other" in settings.backends
    assert settings.proxy.port == 49152


@pytest.mark.parametrize("name", ["LMSTUDIO_URL", "ANYCLAUDE_PORT"])
def test_a_wrong_variable_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        config.load(env(tmp_path, **{name: "nonsense"}), tmp_path)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("lmstudio", "lmstudio"), ("local", "openai"), ("claude", "anthropic")],
)
def test_modes_without_any_file(mode: str, kind: str) -> None:
    assert config.resolve(mode, Settings())[1].kind == kind


# --- the command -----------------------------------------------------------------------------


def run(home: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "anyclaude_tui", "config", *args],
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_import_writes_a_config_that_is_right(tmp_path: Path) -> None:
    source = tmp_path / legacy.FILE_NAME
    source.write_text(json.dumps(FULL))
    assert "import" in run(tmp_path, "check").stdout
    done = run(tmp_path, "import", str(source))
    assert done.returncode == 0, done.stderr
    path = tmp_path / ".anyclaude" / "config.toml"
    assert tomllib.loads(path.read_text())["backend"] == "mlx-lm"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "webSearch" in done.stdout
    assert "is right" in run(tmp_path, "check").stdout


def test_import_replaces_nothing(tmp_path: Path) -> None:
    source = tmp_path / legacy.FILE_NAME
    source.write_text("{}")
    assert run(tmp_path, "import").returncode == 0, "without a name it takes the one it finds"
    again = run(tmp_path, "import")
    assert again.returncode == 1
    assert "rename it first" in again.stderr


def test_import_of_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "import").returncode == 2
    assert "cannot be read" in run(tmp_path, "import", "none.json").stderr
    assert run(tmp_path, "show", "x").returncode == 2
