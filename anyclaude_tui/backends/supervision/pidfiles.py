"""Notes on disk of the servers that we started, so that the next start can clear what is left.

The guard ends a server when we die; these notes are for the case that both were killed.
A pid alone proves nothing (pids are reused), nor does a note: a signal is sent only when the
note is a file of ours, pid *and* identity match, and the process is one of this user's that runs
the noted command; never while the session that started the server is alive.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil

from anyclaude_tui import private
from anyclaude_tui.backends import machine

NOTE_BYTES = 256 * 1024


class PidFile(msgspec.Struct, frozen=True, kw_only=True):
    """One running server. `identity` as `machine.identity` tells it."""

    backend: str
    pid: int
    identity: str
    owner_pid: int
    owner_identity: str
    command: tuple[str, ...] = ()


def write(folder: Path, backend: str, pid: int, command: tuple[str, ...]) -> Path | None:
    """Note that `pid` is our server. None when the disk does not take it (no reason to fail)."""
    owner = os.getpid()
    note = PidFile(
        backend=backend,
        pid=pid,
        identity=machine.identity(pid) or "",
        owner_pid=owner,
        owner_identity=machine.identity(owner) or "",
        command=command,
    )
    path = folder / f"server-{pid}.json"
    try:
        private.write(path, msgspec.json.encode(note))
    except OSError:
        return None
    return path


def remove(path: Path | None) -> None:
    """The server has ended."""
    if path is not None:
        with contextlib.suppress(OSError):
            path.unlink()


def clear_left_over(folder: Path, *, wait_s: float = 3.0) -> list[PidFile]:
    """End the servers whose session is gone; drop notes that are stale. Returns those ended.

    Blocks up to `wait_s`: call it in a thread.
    """
    ended = []
    for path in sorted(folder.glob("server-*.json")):
        try:
            note = msgspec.json.decode(_read(path), type=PidFile)
        except (OSError, msgspec.MsgspecError):
            remove(path)
            continue
        if _alive(note.owner_pid, note.owner_identity):
            continue  # another session's server
        if _alive(note.pid, note.identity) and _runs(note.pid, note.command):
            _end_group(note, wait_s)
            ended.append(note)
        remove(path)
    return ended


def _alive(pid: int, identity: str) -> bool:
    return bool(identity) and machine.identity(pid) == identity


def _read(path: Path) -> bytes:
    """A note of ours. Raises OSError for what is none: a link, another user's file."""
    with os.fdopen(private.open_file(path, os.O_RDONLY), "rb") as file:
        return file.read(NOTE_BYTES)


def _runs(pid: int, command: Sequence[str]) -> bool:
    """True if a process of this user's runs the command: as it was given, or as what a launcher or
    a script's first line has made of it, which ends in the same arguments."""
    try:
        process = psutil.Process(pid)
        if process.uids().real != os.getuid():
            return False
        seen = process.cmdline()
    except (psutil.Error, OSError):
        return False
    same = min(len(seen), len(command)) - 1
    if same > 0:
        return seen[-same:] == list(command[-same:])
    return bool(seen and command) and Path(seen[-1]).name == Path(command[-1]).name


def _end_group(note: PidFile, wait_s: float) -> None:
    """SIGTERM, then SIGKILL to the group that the server leads."""
    deadline = time.monotonic() + wait_s
    for number, until in ((signal.SIGTERM, deadline - wait_s / 3), (signal.SIGKILL, deadline)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(note.pid) == note.pid:
                os.killpg(note.pid, number)
        while time.monotonic() < until:
            if not _alive(note.pid, note.identity):
                return
            time.sleep(0.02)
