"""Our files on the user's disk: private, whole, bounded; and one thread that writes them.

Nothing here runs on the session's loop but `Writer.submit`, which only puts a job in a
queue: a slow or full disk costs a notice, never a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from math import inf
from pathlib import Path

from anyclaude_tui import private

QUEUE_JOBS = 1_000
"""Jobs that may wait for the disk; more are dropped, and that is said."""
TOLD_AGAIN_S = 300.0
"""A disk that works and fails by turns is told about this often."""
_TAIL_BYTES = 64 * 1024


def append_line(path: Path, line: bytes) -> None:
    """Append a line (or several, without the last end) in one write: a crash leaves whole ones.

    Several sessions may append to the same file: it is locked meanwhile. What a full disk
    or a kill left of a line is removed, now or by the next call (Linux cuts a write at a
    page when the process is killed: measured). Raises OSError.
    """
    private.folder(path.parent)
    with _locked(path, os.O_CREAT) as descriptor:
        end = _whole_end(descriptor)
        data = line + b"\n"
        try:
            written = os.write(descriptor, data)
        except OSError:
            os.ftruncate(descriptor, end)
            raise
        if written < len(data):
            os.ftruncate(descriptor, end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def heal(path: Path) -> None:
    """Remove half a line from the end of a file, if a kill left one. Raises OSError."""
    with _locked(path) as descriptor:
        _whole_end(descriptor)


@contextlib.contextmanager
def _locked(path: Path, flags: int = 0) -> Iterator[int]:
    descriptor = private.open_file(path, os.O_RDWR | os.O_APPEND | flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _whole_end(descriptor: int) -> int:
    """The end of the last whole line; what stands behind it is cut off."""
    size = os.fstat(descriptor).st_size
    if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n":
        return size
    start = max(0, size - _TAIL_BYTES)
    end = start + os.pread(descriptor, size - start, start).rfind(b"\n") + 1
    os.ftruncate(descriptor, end)
    return end


def prune(paths: Iterable[Path], max_bytes: int, max_days: float, now: float) -> int:
    """Remove the oldest files until the rest is small and young enough; never the newest.

    `now` is Unix time. Returns the bytes that are left. Never raises: a file that is gone
    or cannot be removed is passed over.
    """
    found: list[tuple[float, int, Path]] = []
    for path in paths:
        with contextlib.suppress(OSError):
            stat = path.lstat()
            found.append((stat.st_mtime, stat.st_size, path))
    found.sort(reverse=True)
    total = 0
    for position, (changed, size, path) in enumerate(found):
        too_old = now - changed > max_days * 86_400
        if position and (too_old or total + size > max_bytes):
            with contextlib.suppress(OSError):
                path.unlink()
                continue
        total += size
    return total


class Writer:
    """One thread that does the jobs it is given, in their order.

    `on_error(kind, error)` is called on that thread, or on the submitter's when jobs were
    dropped because too many wait (`error` is None). Per kind of file once, and again only
    when a job has succeeded since and `again_s` has passed.
    """

    def __init__(
        self,
        on_error: Callable[[str, Exception | None], None],
        jobs: int = QUEUE_JOBS,
        again_s: float = TOLD_AGAIN_S,
    ) -> None:
        self._on_error = on_error
        self._again_s = again_s
        self._told_at: dict[str, float] = {}
        self._queue: queue.Queue[tuple[str, Callable[[], None]] | None] = queue.Queue(jobs)
        self._failing: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="anyclaude-writer", daemon=True)
        self.dropped = 0

    def start(self) -> None:
        """Start the thread; jobs may have been submitted before."""
        self._thread.start()

    def submit(self, kind: str, job: Callable[[], None]) -> bool:
        """Have `job` done; False when it was dropped. Never waits."""
        try:
            self._queue.put_nowait((kind, job))
        except queue.Full:
            self.skip(kind)
            return False
        return True

    def skip(self, kind: str) -> None:
        """Something of this kind is not written because too much waits already."""
        self.dropped += 1
        self._failed(kind, None)

    def stop(self, patience_s: float = 5.0) -> None:
        """Do what is queued, then end; waits at most this long."""
        if not self._thread.is_alive():
            return
        deadline = time.monotonic() + patience_s
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=patience_s)
        self._thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            kind, job = item
            try:
                job()
            except Exception as error:  # one bad job must not end the thread
                self._failed(kind, error)
            else:
                self._failing.discard(kind)

    def _failed(self, kind: str, error: Exception | None) -> None:
        now = time.monotonic()
        if kind not in self._failing and now - self._told_at.get(kind, -inf) >= self._again_s:
            self._told_at[kind] = now
            self._on_error(kind, error)
        self._failing.add(kind)


FOLDER = "saved"


async def save(home: Path, name: str, data: bytes) -> Path:
    """Write a file for the user's eyes only. Raises OSError."""
    path = home / FOLDER / name
    await asyncio.to_thread(private.write, path, data)
    return path
