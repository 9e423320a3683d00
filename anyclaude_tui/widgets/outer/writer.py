"""The thread that writes to the terminal, which may be slow: what it shows already is left out,
what waits is counted in characters, written in small pieces, and dropped at the end.

Textual's own holds 30 whole frames: at 4 kB/s they stood before the answer to a key, and for 14 s
before the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from queue import Empty
from typing import IO

from textual.drivers._writer_thread import WriterThread

from anyclaude_tui.widgets.outer.screen_diff import ScreenDiff

PIECE = 1024
"""Characters of one write: it waits for the terminal, and only what stands behind it can be
dropped."""
_ESCAPE = re.compile("\x1b")


class BoundedWriter(WriterThread):
    """A writer that says how much waits."""

    def __init__(self, file: IO[str]) -> None:
        super().__init__(file)
        self._dropping = False
        self._gone = False
        self._diff = ScreenDiff()
        self.written = 0
        """Characters that were handed to the terminal so far."""
        self.waiting = 0
        """Characters that the terminal has not taken. Written by two threads, each adding or
        taking away; a figure that is a little off does no harm."""

    def write(self, text: str) -> None:
        """Enqueue what of it the terminal does not show; waits only when 30 writes are before
        it."""
        text = self._diff.write(text)
        if text:
            self.waiting += len(text)
            self.written += len(text)
            super().write(text)

    def forget(self) -> None:
        """Take nothing for shown: the terminal has another size, or somebody else wrote to it."""
        self._diff.forget()

    def run(self) -> None:
        """Take until `stop`, and write while there is a terminal: were nothing taken any more,
        the thread that writes would stand before a full queue for good."""
        while (text := self._queue.get()) is not None:
            if isinstance(text, _Resume):
                self._dropping = False
            for piece in pieces(text):
                if not self._dropping and not self._gone:
                    self._put(piece)
                self.waiting -= len(piece)

    def _put(self, piece: str) -> None:
        try:
            self._file.write(piece)
            self._file.flush()
        except (OSError, ValueError):  # its window was closed, or the file is
            self._gone = True

    def drop(self) -> None:
        """Forget the frames that wait: what comes from now on is written. A piece that is being
        written ends whole."""
        self._dropping = True
        try:
            while True:
                waited = self._queue.get_nowait()
                self.waiting -= len(waited or "")
        except Empty:
            pass
        self._queue.put(_RESUME)
        self.forget()


class _Resume(str):
    """A write of nothing, at which dropping ends."""

    __slots__ = ()


_RESUME = _Resume()


def pieces(text: str) -> Iterator[str]:
    """The text in pieces of about `PIECE` characters, none of which ends within an escape sequence:
    each but the first begins with one."""
    start = 0
    while len(text) - start > PIECE:
        found = _ESCAPE.search(text, start + PIECE)
        if found is None:
            break
        yield text[start : found.start()]
        start = found.start()
    yield text[start:]
