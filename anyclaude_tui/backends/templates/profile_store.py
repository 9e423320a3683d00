"""Profiles that were found out, kept on disk: a template is asked once, not at every start.

By the hash of the template's text, of who renders it, and of the questions' own sources: other
questions are asked anew. Losing one costs a second look, so nothing here fails loudly.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from anyclaude_tui import private
from anyclaude_tui.backends.templates.profile import Profile

FILES_KEPT = 64
FILE_BYTES = 64 * 1024


def folder(home: Path) -> Path:
    """The folder of the profiles, in our own."""
    return home / "state" / "templates"


def key_of(*parts: str) -> str:
    """The name that a profile is kept under: a digest of all that it depends on."""
    digest = hashlib.sha256(_questions())
    for part in parts:
        digest.update(hashlib.sha256(part.encode(errors="replace")).digest())
    return digest.hexdigest()


def load(home: Path, key: str) -> Profile | None:
    """The profile under a key; None where there is none that can be read."""
    path = folder(home) / f"{key}.json"
    try:
        if path.stat().st_size > FILE_BYTES:
            return None
        found = profile_from(msgspec.json.decode(path.read_bytes()))
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # the least used are the ones to go
    return found


def save(home: Path, key: str, profile: Profile) -> None:
    """Keep a profile, and no more than `FILES_KEPT`."""
    data = msgspec.json.encode(asdict(profile))
    if len(data) > FILE_BYTES:
        return
    with contextlib.suppress(OSError):
        private.write(folder(home) / f"{key}.json", data)
        kept = sorted(folder(home).glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in kept[:-FILES_KEPT]:
            path.unlink(missing_ok=True)


def profile_from(fields: Any) -> Profile:
    """A profile from its JSON. Raises ValueError, TypeError or AttributeError for anything else."""
    profile = msgspec.convert(fields, Profile)
    dialect = {name: _frozen(value) for name, value in profile.dialect.items()}
    return replace(profile, dialect=dialect)


def _frozen(value: Any) -> Any:
    """JSON has no tuples."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


@cache
def _questions() -> bytes:
    """The sources of all that a profile comes from."""
    here = Path(__file__).parent
    texts = [path.read_bytes() for path in (*sorted(here.glob("*.py")), here.parent / "base.py")]
    return hashlib.sha256(b"".join(texts)).digest()
