"""The user's own editor on what a screen shows: the dashboard steps aside for it."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported


def command(env: Mapping[str, str]) -> list[str]:
    """The program and its arguments; empty where the user has named none."""
    return shlex.split(env.get("VISUAL") or env.get("EDITOR") or "")


def open_in(app: App[Any], argv: Sequence[str], name: str, data: bytes) -> str:
    """Show a file of that content until the editor ends, then remove it. Returns what went wrong,
    in words; raises OSError when the file cannot be made. The session runs on meanwhile."""
    with tempfile.TemporaryDirectory(prefix="anyclaude-") as folder:
        path = Path(folder, name)
        path.touch(mode=0o600)
        path.write_bytes(data)
        try:
            with app.suspend():
                done = subprocess.run([*argv, str(path)], check=False, env=dict(os.environ))
        except SuspendNotSupported:
            return "this terminal cannot be handed over"
        except OSError as error:
            return error.strerror or str(error)
    return f"exit {done.returncode}" if done.returncode else ""
