"""The child's environment, and the clipboard's command."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyclaude_tui.claude_code.environment import child_env
from anyclaude_tui.terminal.clipboard import copy_command, copy_to_system


def test_the_outer_terminal_does_not_shine_through() -> None:
    outer = {
        "PATH": "/bin",
        "HOME": "/home/x",
        "NO_COLOR": "1",
        "TERM": "screen",
        "TERM_PROGRAM": "tmux",
        "TERM_PROGRAM_VERSION": "3",
        "TMUX": "/tmp/tmux",
        "TMUX_PANE": "%1",
        "LINES": "50",
        "COLUMNS": "80",
        "KITTY_WINDOW_ID": "1",
        "VTE_VERSION": "1",
        "COLORFGBG": "0;15",
        "TEXTUAL_FPS": "9",
        "ESCDELAY": "25",
        "__CFBundleIdentifier": "com.jetbrains.goland",
        "CURSOR_TRACE_ID": "1",
        "WARP_IS_LOCAL_SHELL_SESSION": "1",
    }
    assert child_env(outer) == {
        "PATH": "/bin",
        "HOME": "/home/x",
        "NO_COLOR": "1",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "TERM_PROGRAM": "ghostty",
    }


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
