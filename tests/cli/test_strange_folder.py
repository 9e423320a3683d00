"""A folder with modules named like Python's: everything starts there, and none of them is run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from anyclaude_tui.backends.supervision.python import has_package
from anyclaude_tui.claude_code.launch import launch
from anyclaude_tui.config.settings import ClaudeSettings
from tests.e2e.claude import clean_environment
from tests.e2e.terminal import end_group
from tests.support.assets import TINY_MODEL
from tests.support.proxy import ask_body

PROGRAM = [str(Path(sys.executable).with_name("anyclaude-tui"))]
NAMES = (
    *("random", "http", "json", "socket", "asyncio", "logging", "types", "re", "ssl", "string"),
    *("typing", "dataclasses", "contextlib", "signal", "mlx_lm", "anyclaude_tui", "numpy"),
)


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """The folder; each of its modules leaves a file `ran` beside it."""
    folder = tmp_path / "code"
    folder.mkdir()
    says = f"open({str(tmp_path / 'ran')!r}, 'a').write(__name__)\nraise SystemExit(77)\n"
    for name in NAMES:
        (folder / f"{name}.py").write_text(says)
    for name in ("mlx_lm", "anyclaude_tui"):
        (folder / name).mkdir()
        for file in ("__init__", "__main__", "server"):
            (folder / name / f"{file}.py").write_text(says)
    return folder


def ran(folder: Path) -> str:
    """The modules of the folder that were run."""
    found = folder.parent / "ran"
    return found.read_text() if found.exists() else ""


@pytest.mark.parametrize("backend", ["simulator", f"mlx_lm:{TINY_MODEL}"])
async def test_servers_start_in_it(backend: str, strange: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("serve", "--backend", backend),
        cwd=strange,
        env=clean_environment(strange.parent),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(90):
            line = await process.stdout.readline()
        assert (line[:1], ran(strange)) == (b"{", "")
        import msgspec

        ready = msgspec.json.decode(line)
        headers = {"Authorization": f"Bearer {ready['token']}"}
        async with (
            aiohttp.ClientSession(ready["url"], headers=headers) as client,
            client.post("/v1/messages", json=ask_body(max_tokens=4)) as response,
        ):
            assert b"message_stop" in await response.read()
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        await end_group(process)
    assert ran(strange) == ""


@pytest.mark.parametrize("args", [("doctor",), ("config", "check"), ("--version",)])
def test_commands_work_in_it(args: tuple[str, ...], strange: Path) -> None:
    env = clean_environment(strange.parent)
    home = Path(env["ANYCLAUDE_HOME"])
    home.mkdir(mode=0o700)
    python = f'kind = "mlx_lm"\nmodel = "{TINY_MODEL}"\npython = "{sys.executable}"\n'
    (home / "config.toml").write_text(f'backend = "b"\n[backends.b]\n{python}')
    done = subprocess.run(
        [*PROGRAM, *args], cwd=strange, env=env, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert (done.returncode, ran(strange)) == (0, ""), done.stdout + done.stderr


def test_the_chat_client_starts_in_it(strange: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = clean_environment(strange.parent) | {"PATH": str(strange)}
    argv = launch(ClaudeSettings(), {}, (), env=env).argv
    assert argv[-1] == "chat"
    done = subprocess.run(
        [*argv, "--help"], cwd=strange, env=env, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert (done.returncode, ran(strange)) == (0, ""), done.stderr
    monkeypatch.chdir(strange)
    assert has_package(sys.executable, "mlx_lm")
    assert ran(strange) == ""
