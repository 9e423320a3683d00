"""The prompt cache that servers of ours keep on disk: its folder, and what they tell of it.

`~/.anyclaude/prompt-cache/BACKEND/MODEL/PROMPT.safetensors`, each name a hash, and N.slot of
llama.cpp. The servers write (`mlx_server/disk_cache.py`, `llama_cpp/slots.py`); here it is
prepared, measured and cleared. docs/prompt-cache.md
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anyclaude_tui import private
from anyclaude_tui.backends import machine
from anyclaude_tui.backends.base import CacheFacts, CachePolicy
from anyclaude_tui.backends.mlx_server.disk_cache import FREE_BYTES, TELL

FOLDER = "prompt-cache"
SUFFIXES = (".safetensors", ".slot")
"""Of mlx_lm's files, and of llama.cpp's."""
_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# A cache of anyclaude-tui's.\n"
"""The tag that makes backup programs pass over the folder (bford.info/cachedir)."""
_EXCLUDE_S = 5.0


@dataclass(frozen=True, slots=True)
class Usage:
    """The disk usage of one backend's prompt cache, or of all."""

    files: int = 0
    size_bytes: int = 0
    newest: float | None = None
    """Unix time of the last write."""


def folder(home: Path, name: str) -> Path:
    """The folder of a backend."""
    return home / FOLDER / hashlib.sha256(name.encode()).hexdigest()[:16]


def given(home: Path, name: str, policy: CachePolicy) -> str:
    """The order to a server, as JSON: the folder and the limits of its prompt cache. Raises OSError
    where others could write there."""
    root, own = prepare(home), folder(home, name)
    facts = {
        "root": str(root),
        "folder": str(own),
        "max_bytes": policy.max_bytes,
        "max_age_s": policy.max_age_s,
    }
    return json.dumps(facts)


def prepare(home: Path) -> Path:
    """The folder, for its owner alone, and in no backup. Raises OSError."""
    root = home / FOLDER
    private.folder(root)
    tag = root / "CACHEDIR.TAG"
    if not tag.exists():
        private.write(tag, _TAG)
        if machine.MACOS:
            command = ["tmutil", "addexclusion", str(root)]
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                subprocess.run(command, capture_output=True, timeout=_EXCLUDE_S, check=False)
    return root


def make_room(home: Path, more_bytes: int, policy: CachePolicy, but: Path | None = None) -> bool:
    """Make room for so many bytes within the limits, the oldest first; True if there is, on the
    disk too. As `DiskCache.prune` in the Python of mlx_lm, which can import nothing of ours."""
    total, now = more_bytes, time.time()
    files = [(path.stat(), path) for path in _files(home / FOLDER) if path != but]
    for stat, path in sorted(files, key=lambda one: -one[0].st_mtime):
        if total + stat.st_size > policy.max_bytes or now - stat.st_mtime > policy.max_age_s:
            path.unlink(missing_ok=True)
        else:
            total += stat.st_size
    disk = os.statvfs(home)
    free = disk.f_bavail * disk.f_frsize
    return more_bytes <= policy.max_bytes and (not more_bytes or free > more_bytes + FREE_BYTES)


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.suffix in SUFFIXES]


def usage(home: Path, name: str | None = None) -> Usage:
    """The disk usage of a backend's prompt cache, or of all. Blocks a little."""
    files = size = 0
    newest: float | None = None
    for path in _files(home / FOLDER if name is None else folder(home, name)):
        with contextlib.suppress(OSError):
            stat = path.stat()
            files, size = files + 1, size + stat.st_size
            newest = max(newest or 0.0, stat.st_mtime)
    return Usage(files, size, newest)


def clear(home: Path, name: str | None = None) -> Usage:
    """Remove what is kept of a backend, or of all; what that was. Blocks. Raises OSError."""
    where = home / FOLDER if name is None else folder(home, name)
    found = usage(home, name)
    if where.is_dir():
        shutil.rmtree(where)
    return found


def told(line: str) -> tuple[str, Mapping[str, Any]]:
    """The report on its cache in a line of a server's output: a name and facts; "" for others."""
    if not line.startswith(TELL):
        return "", {}
    name, _, facts = line[len(TELL) :].strip().partition(" ")
    try:
        found = json.loads(facts or "{}")
    except ValueError:
        return "", {}
    return name, found if isinstance(found, dict) else {}


def after(facts: CacheFacts, name: str, told: Mapping[str, Any]) -> CacheFacts:
    """The facts after one more line."""
    if name == "restored":
        tokens, seconds = int(told.get("tokens", 0)), float(told.get("seconds", 0.0))
        return replace(facts, restored_tokens=tokens, restored_s=seconds, on_disk=True)
    if name == "on":
        return replace(facts, on_disk=told.get("disk") is True)
    if name in ("off", "plain", "unsaved"):
        return replace(facts, off=str(told.get("why", "")))
    if name == "saved":
        return replace(facts, off="")
    if name == "asked":  # the main conversation is read again
        return replace(facts, evicted_tokens=0, evicted_by="")
    if name == "evicted":
        found = replace(facts, evicted=facts.evicted + 1)
        if told.get("main") is not True:
            return found
        tokens, by = int(told.get("tokens", 0)), str(told.get("by", ""))
        return replace(found, evicted_tokens=tokens, evicted_by=by)
    return facts
