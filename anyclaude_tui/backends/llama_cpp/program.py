"""The place of llama.cpp's server on this machine: a program, or the wheel `xllamacpp`."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from anyclaude_tui.backends import machine
from anyclaude_tui.backends.supervision.python import has_package, python_of

SERVER = "llama-server"
WHEEL = "xllamacpp"
WHEEL_SERVER = Path(__file__).with_name("wheel_server.py")
UPDATE = "brew upgrade llama.cpp" if machine.MACOS else "see llama.app, or its releases on GitHub"
_PLACES = ("/opt/homebrew/bin", "/usr/local/bin", "~/llama.cpp/build/bin", "~/.local/bin")
"""The folders of Homebrew and of llama.cpp's own build, which are not on everybody's PATH."""


def install(python: str | None = None) -> str:
    """The command that installs the wheel for a Python."""
    return f"{shlex.quote(python or sys.executable)} -m pip install {WHEEL}"


INSTALL = "pip install xllamacpp" + (", or brew install llama.cpp" if machine.MACOS else "")


def server() -> str | None:
    """The path of `llama-server`; None where it is not installed."""
    places = (Path(place).expanduser() / SERVER for place in _PLACES)
    return shutil.which(SERVER) or next((str(path) for path in places if path.is_file()), None)


def where() -> str | None:
    """The program or the wheel that would be started; None where there is neither."""
    spec = find_spec(WHEEL)
    return server() or (spec.origin if spec else None)


def command(python: str | None) -> Sequence[str]:
    """The command that starts it: a chosen Python with the wheel, else the program, else our wheel.

    -P: no module of the folder that the program stands in comes before the wheel's own.
    """
    found = server() if python is None else None
    return [found] if found else [python_of(python), "-P", str(WHEEL_SERVER)]


def is_there(python: str | None) -> bool:
    """True if there is a server to start. Blocks a little."""
    return where() is not None if python is None else has_package(python, WHEEL)
