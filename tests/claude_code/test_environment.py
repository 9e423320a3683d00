"""The child's environment, and the clipboard's command."""

from __future__ import annotations

from anyclaude_tui.claude_code.environment import child_env


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
