"""The output of a server: the last lines in memory, all of it in a file that stays small.

Several sessions of one user may run a server of one name: each writes a file of its own, which
it holds a lock on.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from anyclaude_tui import private
from anyclaude_tui.printable import printable
from anyclaude_tui.redaction import OWN

LINES_KEPT = 400
LINE_CHARS = 2000
FILE_BYTES = 5 * 1024 * 1024
FILES_KEPT = 3
SESSIONS_MOST = 20
"""Files of one name that are tried for one that nobody writes."""
OURS = "[anyclaude]"
"""The mark of our own lines among the server's."""

_LINE_END = re.compile(rb"\r\n|\n|\r")  # progress bars end their lines with CR

_OWN_QUESTION = re.compile(r'"GET /(?:health|v1/status) HTTP')
"""Our own watching, which would drive all else out of the ring."""


def file_name(name: str) -> str:
    """The part of a backend's name that a file can be called: it may be `mlx_lm:/path/to/model`."""
    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
    return kept.strip("-.")[:80] or "server"


class ServerLog:
    """A ring of lines and `PATH`, `PATH.1`, `PATH.2`. A disk that fails costs the file, no more."""

    def __init__(
        self, path: Path, *, file_bytes: int = FILE_BYTES, files_kept: int = FILES_KEPT
    ) -> None:
        self._first = path
        self.path = path
        """The file that is written, or was last: another session may hold the first."""
        self.heard: Callable[[str], None] | None = None
        """Told of every line that is kept."""
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._rest = b""
        self._file: BinaryIO | None = None
        self._file_bytes = file_bytes
        self._files_kept = files_kept

    def tail(self, count: int = LINES_KEPT) -> tuple[str, ...]:
        """The last lines, newest last."""
        lines = tuple(self._lines)
        return lines[-count:]

    def feed(self, data: bytes) -> None:
        """Output as it came; lines may be split anywhere."""
        *whole, self._rest = _LINE_END.split(self._rest + data)
        if len(self._rest) > 4 * LINE_CHARS:  # no line end in sight: bounded all the same
            whole.append(self._rest)
            self._rest = b""
        self._take(whole)

    def note(self, text: str) -> None:
        """A line of our own, marked as such, with the time."""
        self.finish()
        self.feed(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {OURS} {text}\n".encode())

    def finish(self) -> None:
        """The output has ended: an unfinished line counts as one."""
        if self._rest:
            rest, self._rest = self._rest, b""
            self._take([rest])

    def close(self) -> None:
        """Let go of the file; the ring stays readable and a later line opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _take(self, lines: Sequence[bytes]) -> None:
        """Whole lines, for memory and file: without this run's own keys, and so that whoever
        shows the file on a terminal is not commanded by it."""
        made = [printable(OWN.without_own(line).decode(errors="replace")) for line in lines]
        for text in made:
            short = text[:LINE_CHARS].rstrip()
            if short and not _OWN_QUESTION.search(short):
                self._lines.append(short)
                if self.heard is not None:
                    self.heard(short)
        if made:
            whole = "".join(f"{text}\n" for text in made if text)  # CR and LF may come apart
            self._write(whole.encode(errors="replace"))

    def _write(self, data: bytes) -> None:
        try:
            if self._file is None:
                self._file = self._open()
            self._file.write(data)
            if self._file.tell() > self._file_bytes:
                self.close()
                self._rotate()
        except OSError:
            self.close()

    def _open(self) -> BinaryIO:
        private.folder(self._first.parent)
        for number in range(1, SESSIONS_MOST + 1):
            name = f"-{number}" if number > 1 else ""
            path = self._first.with_stem(self._first.stem + name)
            descriptor = private.open_file(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.fchmod(descriptor, 0o600)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            except OSError:
                pass  # a file system without locks
            self.path = path
            return os.fdopen(descriptor, "ab", buffering=0)
        raise OSError(f"{self._first} and {SESSIONS_MOST - 1} more are in use")

    def _rotate(self) -> None:
        for number in range(self._files_kept - 1, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else None
            source = newer or self.path
            if source.exists():
                source.replace(older)


def is_written(path: Path) -> bool:
    """True if a session, this or another, holds the log."""
    with suppress(OSError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
