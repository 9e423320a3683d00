"""The environment of a program in the pane: what it may believe about its terminal.

It runs in *our* terminal, so nothing of the outer one may shine through. Claude Code
decides by TERM_PROGRAM what a terminal can do (`docs/protocol/claude-code.md`, In the terminal):
with "ghostty" it uses kitty keys, synchronized output, OSC 8 links and OSC 9;4 progress,
and the pane speaks all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

_OUTER_PREFIXES = (
    "TERM_PROGRAM",
    "TMUX",
    "GHOSTTY_",
    "KITTY_",
    "WEZTERM_",
    "ITERM_",
    "ALACRITTY_",
    "KONSOLE_",
    "VSCODE_",
    "ZELLIJ",
    "WARP_",
    "GNOME_TERMINAL_",
    "TEXTUAL",
)
_OUTER_NAMES = frozenset(
    {
        "LINES",
        "COLUMNS",
        "STY",
        "WINDOW",
        "WINDOWID",
        "VTE_VERSION",
        "WT_SESSION",
        "LC_TERMINAL",
        "LC_TERMINAL_VERSION",
        "TERM_SESSION_ID",
        "TERMINAL_EMULATOR",
        "TERMINFO",
        "ESCDELAY",
        "COLORFGBG",
        # By these Claude Code 2.1.329 knows an editor or a terminal even before TERM_PROGRAM.
        "__CFBundleIdentifier",
        "CURSOR_TRACE_ID",
        "ZED_TERM",
        "XTERM_VERSION",
        "TERMINATOR_UUID",
        "TILIX_ID",
    }
)


def child_env(env: Mapping[str, str]) -> dict[str, str]:
    """`env` for a child in the pane: the outer terminal's marks out, the pane's in.

    COLORFGBG goes because programs read a background colour from it; the pane answers
    OSC 11 instead.
    """
    kept = {
        name: value
        for name, value in env.items()
        if name not in _OUTER_NAMES and not name.startswith(_OUTER_PREFIXES)
    }
    return kept | {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "TERM_PROGRAM": "ghostty",
    }
