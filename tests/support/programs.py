"""Programs that tests write: found by their name, whatever the project's folder is called.

A `#!` line takes no path with a space in it, and the interpreter's is the project's folder.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def sh_program(path: Path, command: str) -> Path:
    """An executable at `path` that runs this line of shell."""
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)
    return path


def python_program(path: Path, source: str) -> Path:
    """An executable at `path` that runs this Python with the interpreter of the tests."""
    script = path.with_name(f"{path.name}-script.py")
    script.write_text(source)
    return sh_program(path, f'exec {shlex.join([sys.executable, str(script)])} "$@"')
