"""A model server that runs already is found, chosen with the keyboard, used, and left alone.

With the real mlx_lm.server on one of the usual ports, the real Claude Code, and the user's own
terminal multiplexer.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from anyclaude_tui.backends import machine
from anyclaude_tui.backends.discovery import USUAL_PORTS
from tests.e2e.claude import COMMAND, clean_environment, require, settle
from tests.e2e.servers import ANYCLAUDE
from tests.e2e.terminal import PtyTerminal, Terminal, TmuxTerminal, end_group
from tests.support.assets import TINY_MODEL

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

CONFIG = """\
# mine
[claude]
command = {command}
args = ["--tools", ""]
# The tiny model looks only at the end of the prompt: no system message may come after it.
env = {{ ANTHROPIC_MODEL = "claude-sonnet-4-5" }}
"""
ANSWER = '● print("Hello, world!")'


class Newcomer:
    """Somebody's folders: Claude Code is there, and no backend was ever chosen."""

    def __init__(self, root: Path) -> None:
        require()
        self.home, self.cwd = root / "home", root / "project"
        self.cwd.mkdir()
        self.env = clean_environment(self.home) | {"IS_SANDBOX": "1"}
        settle(self.home, self.cwd)
        self.config = self.home / ".anyclaude" / "config.toml"
        self.config.parent.mkdir(mode=0o700)
        self.config.write_text(CONFIG.format(command=json.dumps(str(COMMAND))))

    def starts(self, *args: str) -> Terminal:
        """The dashboard in a terminal of 120 × 40."""
        kind = TmuxTerminal if shutil.which("tmux") else PtyTerminal
        return kind([*ANYCLAUDE, *args], cwd=self.cwd, env=self.env, columns=120, rows=40)


@asynccontextmanager
async def mlx_server(home: Path) -> AsyncIterator[int]:
    """An mlx_lm.server that the user has started, on a usual port that is free; its port."""
    port = next((port for port in USUAL_PORTS if not machine.port_in_use(port)), None)
    assert port, f"all of the usual ports {USUAL_PORTS} are taken: stop one of their servers"
    (home / "hub").mkdir()  # without it the server lists no models (docs/protocol/mlx-lm.md)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mlx_lm", "server", "--model", str(TINY_MODEL)),
        *("--host", "127.0.0.1", "--port", str(port)),
        env={**os.environ, "HF_HUB_CACHE": str(home / "hub"), "HF_HUB_OFFLINE": "1"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(60):
            while not await answers(port):
                assert process.returncode is None, "mlx_lm.server has ended"
                await asyncio.sleep(0.1)
        yield port
        assert process.returncode is None, "the user's server was stopped"
        assert await answers(port)
    finally:
        await end_group(process)


async def answers(port: int) -> bool:
    """Whether the server lists its models."""
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            listed = await client.get(f"http://127.0.0.1:{port}/v1/models")
    except httpx.HTTPError:
        return False
    return listed.status_code == 200


async def choose(terminal: Terminal, port: int, timeout: float = 60) -> None:
    """Press the number of the row with the server on this port."""
    row = re.compile(rf"(\d) . mlx_lm\.server :{port}\b")
    screen = await terminal.wait_for(lambda screen: bool(row.search(screen)), timeout)
    found = row.search(screen)
    assert found
    await asyncio.sleep(0.6)  # keys right after the first-run screen has come choose nothing
    await terminal.type_text(found[1])


async def test_a_newcomer_is_offered_it_and_keeps_the_choice(tmp_path: Path) -> None:
    somebody = Newcomer(tmp_path)
    async with mlx_server(tmp_path) as port:
        async with somebody.starts() as terminal:
            await terminal.wait_for("Welcome to anyclaude-tui")
            screen = await terminal.wait_for(lambda screen: "Claude Code 2." in screen)
            assert "simulated" in screen
            await choose(terminal, port)
            await terminal.wait_for(f"openai:http://127.0.0.1:{port}")
            await terminal.wait_for("❯")
            await terminal.enter("hello")
            await terminal.wait_for(ANSWER, 240)
            await terminal.quit_dashboard()
        saved = somebody.config.read_text()
        assert saved.startswith(f'# mine\nbackend = "openai-{port}"\n[claude]')
        assert tomllib.loads(saved)["backends"][f"openai-{port}"]["url"].endswith(f":{port}")
        assert tomllib.loads(saved)["claude"]["args"] == ["--tools", ""]
        # The next time it is simply used.
        async with somebody.starts() as terminal:
            screen = await terminal.wait_for("❯")
            assert "Welcome to anyclaude-tui" not in screen
            await terminal.wait_for(lambda screen: "ready" in screen and "tiny-model" in screen)
            await terminal.quit_dashboard()
    assert not [p for p in left(somebody.home) if p.is_running()]


async def test_it_is_switched_to_from_the_backends_screen(tmp_path: Path) -> None:
    somebody = Newcomer(tmp_path)
    async with mlx_server(tmp_path) as port:
        async with somebody.starts("--backend", "simulator:fast,speed=20") as terminal:
            await terminal.wait_for("❯")
            await terminal.press("C-]")
            await terminal.type_text("b")
            await terminal.wait_for(f"mlx_lm.server :{port}", 60)
            await terminal.press("Down")  # what was only found has no number of its own
            await terminal.wait_for(lambda screen: "▌  ◌ mlx_lm.server" in screen)
            await terminal.press("Enter")
            await terminal.wait_for("✓ new requests go to")
            await terminal.press("Escape")
            await terminal.wait_for("❯")
            await terminal.enter("hello")
            await terminal.wait_for(ANSWER, 240)
            await terminal.quit_dashboard()
        assert "backend" not in tomllib.loads(somebody.config.read_text())  # only for this time
    assert not [p for p in left(somebody.home) if p.is_running()]


def left(home: Path) -> list[psutil.Process]:
    """The processes that still have this HOME, after a while."""
    mine = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("HOME") == str(home):
                mine.append(process)
        except psutil.Error:
            continue
    return psutil.wait_procs(mine, timeout=10)[1]
