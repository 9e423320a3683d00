"""Settings: what is taken, and that a mistake is named with line, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyclaude_tui import config
from anyclaude_tui.config import trust
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.settings import BackendSettings, Settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("backend =", ("c.toml", "not valid TOML")),
        ("[prxy]\nport = 1", ("c.toml:1", "prxy", "'proxy'")),
        ("\n[proxy]\nprot = 1", ("c.toml:3", "proxy.prot", "'port'")),
        (
            "[proxy]\nport = 'x'",
            ("c.toml:2", "proxy.port", "whole number, not text"),
        ),
        ("[backends.x]\nkind = 'mlxlm'", ("c.toml:2", "backends.x.kind", "'mlx_lm'")),
        ("[backends.x]\nport = 3", ("kind",)),
        ("[proxy]\nhost = '0.0.0.0'", ("c.toml:2", "loopback")),
        ("proxy.port = 'x'", ("c.toml:1", "proxy.port")),
        ("[proxy]\nport = 65536", ("c.toml:2", "proxy.port", "65535")),
        ("[logs]\n\ndebug = 4", ("c.toml:3", "logs.debug", "3")),
        ("[limits]\nkeepalive_s = 0", ("c.toml:2", "limits.keepalive_s", "above 0")),
        ("[backends.x]\nkind='openai'\n[backends.y]\nport=1", ("c.toml:3", "backends.y", "kind")),
        (
            "[backends.'a b']\nkind='openai'\nport=1\n[backends.z]\nkind='openai'\nport=99999",
            ("c.toml:6", "backends.z.port"),
        ),
        ("[backends.x]\nkind='openai'\nurk='http://x'", ("c.toml:3", "backends.x.urk", "'url'")),
        ("[dashboard]\nleader = 'a'", ("c.toml:2", "take a key from Claude Code", "ctrl+o")),
        ("proxy = 1", ("c.toml:1", "proxy", "must be a table")),
        ("backends = 1", ("c.toml:1", "backends", "must be a table")),
    ],
)
def test_a_mistake_is_named(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, "c.toml")
    for word in words:
        assert word in str(caught.value)


def test_the_environment_wins_over_the_project_and_that_over_the_user(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text(
        'backend = "a"\n[proxy]\nport = 1\n[limits]\nkeepalive_s = 3\n'
    )
    project = tmp_path / ".anyclaude.toml"
    project.write_text('backend = "b"\n[proxy]\nport = 2\n')
    trust.trust(tmp_path / "home", project, trust.digest(project.read_bytes()))
    env = {"ANYCLAUDE_HOME": str(tmp_path / "home")}
    settings = config.load(env, tmp_path)
    assert (settings.backend, settings.proxy.port, settings.limits.keepalive_s) == ("b", 2, 3)
    env |= {"ANYCLAUDE_MODE": "simulator:slow", "ANYCLAUDE_DEBUG": "2"}
    settings = config.load(env, tmp_path)
    assert (settings.backend, settings.logs.debug) == ("simulator:slow", 2)
    env |= {"ANYCLAUDE_TOKEN": "mine", "ANYCLAUDE_PORT": "3"}
    proxy = config.load(env, tmp_path).proxy
    assert (proxy.token, proxy.port) == ("mine", 3)


def test_a_wrong_debug_level_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="0, 1, 2 or 3"):
        config.load({"ANYCLAUDE_HOME": str(tmp_path), "ANYCLAUDE_DEBUG": "loud"}, tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, BackendSettings(kind="simulator")),
        ("simulator:slow", BackendSettings(kind="simulator", profile="slow")),
        ("mlx_lm:/m/qwen", BackendSettings(kind="mlx_lm", model="/m/qwen")),
        ("mlx-lm:/m/qwen", BackendSettings(kind="mlx_lm", model="/m/qwen")),
        ("openai:http://h:1/v1", BackendSettings(kind="openai", url="http://h:1/v1")),
        ("lmstudio", BackendSettings(kind="lmstudio")),
    ],
)
def test_a_backend_needs_no_file(name: str | None, expected: BackendSettings) -> None:
    assert config.resolve(name, Settings())[1] == expected


@pytest.mark.parametrize(
    ("name", "words"),
    [("foo", "no backend called"), ("mlx_lm", "needs a model"), ("openai:x", "needs a URL")],
)
def test_a_wrong_backend_is_explained(name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        config.resolve(name, Settings())


def test_a_configured_name_wins_over_a_kind() -> None:
    mine = BackendSettings(kind="openai", url="http://127.0.0.1:9/v1")
    assert config.resolve("simulator", Settings(backends={"simulator": mine}))[1] is mine
