"""The settings of a command, and what it says of a project's files."""

from __future__ import annotations

import sys

from anyclaude_tui import config as configuration


def load() -> configuration.Loaded:
    """The settings in force. What of the folder's own files does not count is said on stderr,
    a line for each file. Raises ConfigError."""
    loaded = configuration.read()
    for left in loaded.left_out:
        print(f"anyclaude-tui: {left}", file=sys.stderr, flush=True)
    return loaded
