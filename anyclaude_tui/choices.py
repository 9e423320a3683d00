"""What the user chooses on a screen and wants to keep: written into `config.toml`.

What is in the file already stays as it is, comments and order too: only the line of the
choice is written or replaced.
"""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from pathlib import Path

import tomli_w

from anyclaude_tui import config

_TABLE = re.compile(r"^\s*\[", re.MULTILINE)
_BACKEND = re.compile(r"^\s*backend\s*=.*$", re.MULTILINE)


def save_backend(home: Path, spec: str) -> Path:
    """Write `backend = "SPEC"` into the user's configuration; returns the file.

    Raises ConfigError when the file is wrong already, OSError when it cannot be written.
    """
    path = home / "config.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    config.parse(text, str(path))
    _write(path, with_backend(text, spec))
    return path


def with_backend(text: str, spec: str) -> str:
    """The TOML text with this backend as the one to start with."""
    wanted = {**tomllib.loads(text), "backend": spec}
    line = tomli_w.dumps({"backend": spec}).rstrip("\n")
    table = _TABLE.search(text)
    top = text[: table.start()] if table else text
    old = _BACKEND.search(top)
    if old:
        made = text[: old.start()] + line + text[old.end() :]
    else:  # before all tables, after the comments that head the file
        head = re.match(r"(?:#[^\n]*\n)*", text)
        at = head.end() if head else 0
        made = text[:at] + line + "\n" + text[at:]
    try:
        if tomllib.loads(made) == wanted:
            return made
    except tomllib.TOMLDecodeError:
        pass
    return tomli_w.dumps(wanted)  # written in a way that lines cannot mend: comments are lost


def _write(path: Path, text: str) -> None:
    """All of it or nothing, for the user's eyes only; a link stays a link."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    real = path.resolve()
    number, name = tempfile.mkstemp(dir=real.parent, prefix=".config-", suffix=".toml")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(real)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
