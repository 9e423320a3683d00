"""The Python that runs a server of ours, and whether it has the server's package."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from anyclaude_tui.redaction import without_secrets

_TIMEOUT_S = 10.0


def python_of(given: str | None) -> str:
    """The Python that runs it: the configured one, found from wherever we are, or ours."""
    if given is None:
        return sys.executable
    return given if "/" not in given else str(Path(given).expanduser().absolute())


def has_package(python: str | None, package: str) -> bool:
    """True if the Python that would run it has the package. Blocks a little."""
    if python is None:
        return find_spec(package) is not None
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    try:
        done = subprocess.run(
            [python_of(python), "-c", code],
            check=False,
            timeout=_TIMEOUT_S,
            env=without_secrets(os.environ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",  # modules of the folder that we were started in would come first
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
