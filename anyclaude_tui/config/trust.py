"""The project files that the user has trusted: a path together with its content, and no other.

`state/trusted.json` in our folder holds the SHA-256 of each file as it was when the user said
yes, or `no` before it; a file that has changed since is as strange as a new one.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from anyclaude_tui import private


def digest(data: bytes) -> str:
    """The content of a file in 64 characters."""
    return hashlib.sha256(data).hexdigest()


def is_trusted(home: Path, path: Path, data: bytes) -> bool:
    """True if the user has trusted this path with this content."""
    return _read(home).get(_name(path)) == digest(data)


def trust(home: Path, path: Path, content: str) -> None:
    """Trust `path` while its `digest` is `content`. Raises OSError."""
    _write(home, {**_read(home), _name(path): content})


def refuse(home: Path, path: Path, content: str) -> None:
    """Note that the user was asked about this content and said no: not to be asked again at every
    start. Raises OSError."""
    _write(home, {**_read(home), _name(path): _refused(content)})


def is_refused(home: Path, path: Path, content: str) -> bool:
    """True if the user has said no to this content."""
    return _read(home).get(_name(path)) == _refused(content)


def forget(home: Path, path: Path) -> bool:
    """Trust it no more; whether it was. Raises OSError."""
    known = _read(home)
    if known.pop(_name(path), None) is None:
        return False
    _write(home, known)
    return True


def _name(path: Path) -> str:
    """The path that a file is known by: another way to its folder is the same folder."""
    return str(path.parent.resolve() / path.name)


def _refused(content: str) -> str:
    return f"no {content}"


def _file(home: Path) -> Path:
    return home / "state" / "trusted.json"


def _read(home: Path) -> dict[str, str]:
    """The digests of the trusted files by path; empty where the file cannot be read."""
    try:
        found = json.loads(_file(home).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {path: value for path, value in found.items() if isinstance(value, str)}


def _write(home: Path, known: dict[str, str]) -> None:
    private.write(_file(home), f"{json.dumps(known, indent=1)}\n".encode())
