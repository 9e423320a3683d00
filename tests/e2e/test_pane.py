"""The pane in the whole dashboard: keys and output of every kind, and it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.claude import clean_environment
from tests.e2e.servers import ANYCLAUDE
from tests.e2e.terminal import PtyTerminal
from tests.support.programs import python_program

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

ECHO = """\
import os, tty
tty.setraw(0)
os.write(1, b"ready\\r\\n")
while data := os.read(0, 4096):
    os.write(1, data.hex(" ").encode() + b"\\r\\n")
"""
KEYS = (
    "\x1b[27;2;13~",  # Shift+Enter, as modifyOtherKeys tells it
    "\x1b[27;5;9~",
    "\x1b[27;6;65~",
    "\x85",
    "\x9b?62c",
    "\x1b[97;1:3u",  # kitty: a release, alternate keys
    "\x1b[97:65;2u",
    "\x1b[1;1:3A",
    "\x1b[57441;2:1u",
    "\x1b[1114112u",
    "\x1b[55296u",
    "\x1b[48;0;0;0;0t",
    "\x1b]4;1;rgb:ff/00/00\x1b\\",
)


def opened(tmp_path: Path, program: str, columns: int = 100, rows: int = 30) -> PtyTerminal:
    """A dashboard with `program` in Claude Code's place."""
    home, cwd = tmp_path / "home", tmp_path / "project"
    cwd.mkdir()
    files = home / ".anyclaude"
    files.mkdir(parents=True, mode=0o700)
    path = python_program(tmp_path / "program", program)
    (files / "config.toml").write_text(f"[claude]\ncommand = {json.dumps(str(path))}\n")
    command = [*ANYCLAUDE, "--backend", "simulator:fast,speed=20"]
    env = clean_environment(home)
    return PtyTerminal(command, cwd=cwd, env=env, columns=columns, rows=rows)


async def test_no_key_form_ends_the_dashboard(tmp_path: Path) -> None:
    async with opened(tmp_path, ECHO.format()) as terminal:
        await terminal.wait_for("ready\n")
        for number, sequence in enumerate(KEYS):
            terminal.send(sequence + chr(ord("b") + number))
            await terminal.wait_for(f"{ord('b') + number:02x}")
        terminal.send_bytes(b"\xff\xfe\x80\xa0y")  # no UTF-8
        await terminal.wait_for("79")
        terminal.send("\u00a0z")
        screen = await terminal.wait_for("7a")
        assert "c2 a0" in screen
        await terminal.press("C-]")
        await terminal.type_text("q")
        assert await terminal.wait_ended() == 0
