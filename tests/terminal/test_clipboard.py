"""The system's clipboard, with a program in the place of the system's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyclaude_tui.terminal.clipboard import copy_command, copy_to_system
from tests.support.programs import python_program

COPY = """\
import os, pathlib, sys
folder = pathlib.Path(__file__).parent
(folder / "taken").write_text(sys.stdin.read())
(folder / "names").write_text(" ".join(os.environ))
"""


async def test_the_command_gets_the_text_and_no_key_of_the_users(tmp_path: Path) -> None:
    for name in ("xclip", "pbcopy"):
        python_program(tmp_path / name, COPY)
    env = {"PATH": str(tmp_path), "DISPLAY": ":7", "OPENAI_API_KEY": "none", "MY_TOKEN": "none"}
    assert await copy_to_system("words", env)
    assert (tmp_path / "taken").read_text() == "words"
    names = set((tmp_path / "names").read_text().split())
    assert "DISPLAY" in names
    assert not names & {"OPENAI_API_KEY", "MY_TOKEN"}


async def test_copying_by_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    env = {"PATH": str(tmp_path), "DISPLAY": ":0", "WAYLAND_DISPLAY": "w"}
    assert copy_command(env) is None
    assert await copy_to_system("text", env) is False
    command = tmp_path / "xclip"
    command.write_text(f'#!/bin/sh\nexec /bin/cat > "{tmp_path}/copied"\n')
    command.chmod(0o755)
    assert copy_command(env) == (str(command), "-selection", "clipboard")
    assert await copy_to_system("héllo", env) is True
    assert (tmp_path / "copied").read_text() == "héllo"
    assert copy_command({"PATH": str(tmp_path)}) is None
    monkeypatch.setattr("sys.platform", "darwin")
    (tmp_path / "pbcopy").write_text(f'#!/bin/sh\necho "$LC_ALL" > "{tmp_path}/locale"\nexit 1\n')
    (tmp_path / "pbcopy").chmod(0o755)
    assert copy_command(env) == (str(tmp_path / "pbcopy"),)
    assert await copy_to_system("text", env) is False
    assert (tmp_path / "locale").read_text() == "en_US.UTF-8\n"
