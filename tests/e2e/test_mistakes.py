"""Mistakes at the command line: a clear message that says what to do, code 1 or 2, no traceback."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.e2e.claude import clean_environment
from tests.e2e.servers import ANYCLAUDE, run
from tests.e2e.terminal import PtyTerminal

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def refused(home: Path, *args: str, **env: str) -> tuple[int, str]:
    """Runs the command line; its exit code and its words on stderr. stdout must be empty."""
    home.mkdir(exist_ok=True)
    code, out, err = await run(*args, home=home, env=env)
    assert out == ""
    assert "Traceback" not in err
    assert err.startswith(("anyclaude-tui: ", "usage: "))
    return code, err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('backend = = "simulator"\n', ("config.toml", "not valid TOML", "line 1")),
        ("[proxy]\nprot = 8080\n", ("config.toml:2", "proxy.prot", "did you mean 'port'?")),
        ('[proxy]\nport = "many"\n', ("config.toml:2", "proxy.port", "whole number")),
        ('[backends.mine]\nkind = "mlx"\n', ("config.toml:2", "backends.mine.kind", "mlx_lm")),
        ('[proxy]\nhost = "0.0.0.0"\n', ("config.toml:2", "proxy.host", "127.0.0.1")),
    ],
)
async def test_a_bad_configuration_file(tmp_path: Path, text: str, words: tuple[str]) -> None:
    (tmp_path / "config.toml").write_text(text)
    code, err = await refused(tmp_path / "home", "serve", ANYCLAUDE_HOME=str(tmp_path))
    assert code == 2
    for word in words:
        assert word in err


async def test_a_missing_model_path(tmp_path: Path) -> None:
    code, err = await refused(tmp_path, "serve", "--backend", f"mlx_lm:{tmp_path}/no-such-model")
    assert code == 1
    assert f"{tmp_path}/no-such-model" in err


async def test_a_model_path_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, err = await refused(tmp_path, "serve", "--backend", f"mlx_lm:{tmp_path}/empty")
    assert code == 1
    assert f"{tmp_path}/empty" in err


async def test_a_busy_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, err = await refused(tmp_path, "serve", "--backend", "simulator", "--port", port)
    assert code == 1
    assert f"port {port} is taken" in err
    assert "--port" in err


async def test_nothing_listens_at_the_backends_url(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    code, err = await refused(tmp_path, "serve", "--backend", f"openai:{url}")
    assert code == 1
    assert url.removesuffix("/v1") in err


@pytest.mark.parametrize("name", ["nonsense", "mlx_lm", "openai:not-a-url", "mlx_ml:/models/x"])
async def test_an_unknown_backend(tmp_path: Path, name: str) -> None:
    code, err = await refused(tmp_path, "serve", "--backend", name)
    assert code == 2
    assert "mlx_lm" in err or "openai:http" in err


@pytest.mark.parametrize(
    "args", [("serve", "--port", "many"), ("nonsense",), ("serve", "--", "-p", "hi")]
)
async def test_wrong_usage(tmp_path: Path, args: tuple[str, ...]) -> None:
    code, err = await refused(tmp_path, *args)
    assert code == 2
    assert "anyclaude-tui" in err


async def test_run_without_claude_code(tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    (empty / "env").symlink_to("/usr/bin/env")
    code, err = await refused(tmp_path, "run", "--", "-p", "hi", PATH=str(empty))
    assert code == 1
    assert "npm install -g @anthropic-ai/claude-code" in err


async def test_a_configured_claude_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[claude]\ncommand = "/no/such/claude"\n')
    code, err = await refused(tmp_path / "home", "run", ANYCLAUDE_HOME=str(tmp_path))
    assert code == 1
    assert "/no/such/claude" in err


async def test_the_dashboard_without_a_terminal(tmp_path: Path) -> None:
    code, err = await refused(tmp_path, "--backend", "simulator")
    assert code in (1, 2)
    assert "terminal" in err


async def test_a_tiny_terminal(tmp_path: Path) -> None:
    env = clean_environment(tmp_path)
    async with PtyTerminal(ANYCLAUDE, cwd=tmp_path, env=env, columns=20, rows=5) as terminal:
        code = await terminal.wait_ended(30)
        said = terminal.history()
    assert code == 1
    assert "Traceback" not in said
    assert "20" in said
    assert "enlarge" in said
