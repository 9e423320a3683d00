"""The end of a log file, read as it grows: for the logs screen. Blocking: for a thread.

Only the tail of a big file is read, and of a flood only its end. A file that was rotated
(`PATH` became `PATH.1`) is read to its end and then followed under its name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

TAIL_BYTES = 512 * 1024
LINE_CHARS = 4_000
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Level(IntEnum):
    """The weight of a line."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a log."""

    text: str
    level: Level
    continues: bool = False
    """It belongs to the line before: a traceback, an indented text."""
    ours: bool = False
    """A remark of the reader's, which stands in no file."""


class LogTail:
    """One file; `read()` again and again."""

    def __init__(self, path: Path, tail_bytes: int = TAIL_BYTES) -> None:
        self.path = path
        self.problem = ""
        """The reason why there is nothing to read, in words."""
        self._tail_bytes = tail_bytes
        self._inode: int | None = None
        self._position = 0
        self._rest = b""
        self._levels = Levels()

    def read(self) -> list[Entry]:
        """The lines that are new since the last time. Raises nothing: see `problem`."""
        try:
            with self.path.open("rb") as file:
                stat = os.fstat(file.fileno())
                entries: list[Entry] = []
                if self._inode is not None and stat.st_ino != self._inode:
                    entries += self._rest_of_the_old()
                    entries.append(_remark("the log was rotated: a new file begins"))
                    self._position = 0
                elif stat.st_size < self._position:
                    entries.append(_remark("the log was cleared"))
                    self._position, self._rest = 0, b""
                first = self._inode is None
                self._inode = stat.st_ino
                start = max(self._position, stat.st_size - self._tail_bytes)
                if start > self._position:
                    words = "earlier lines are in" if first else "more came than can be shown: see"
                    entries.append(_remark(f"{words} {self.path}"))
                    self._rest = b""
                file.seek(start)
                data = file.read(self._tail_bytes)
                if start > self._position:  # not the middle of a line
                    end = _LINE_END.search(data)
                    data = data[end.end() :] if end else data
                self._position = file.tell()
        except FileNotFoundError:
            self.problem = f"{self.path} is not there yet"
            return []
        except OSError as error:
            self.problem = f"{self.path} cannot be read: {error.strerror or error}"
            return []
        self.problem = ""
        return entries + self._split(data)

    def _rest_of_the_old(self) -> list[Entry]:
        """The lines that were written between the last look and the rotation."""
        try:
            with self.path.with_name(f"{self.path.name}.1").open("rb") as file:
                if os.fstat(file.fileno()).st_ino != self._inode:
                    return []
                file.seek(self._position)
                found = self._split(file.read(self._tail_bytes))
        except OSError:
            return []
        return found + self._flush()

    def _split(self, data: bytes) -> list[Entry]:
        *whole, self._rest = _LINE_END.split(self._rest + data)
        entries = [self._entry(line) for line in whole if line.strip()]
        return entries + (self._flush() if len(self._rest) > LINE_CHARS else [])

    def _flush(self) -> list[Entry]:
        line, self._rest = self._rest, b""
        return [self._entry(line)] if line.strip() else []

    def _entry(self, line: bytes) -> Entry:
        text = _ESCAPES.sub("", line[: 4 * LINE_CHARS].decode(errors="replace")).rstrip()
        return self._levels.entry(text[:LINE_CHARS])


_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")
_WORDS = (
    (
        Level.ERROR,
        re.compile(r"\b(?:ERROR|CRITICAL|FATAL|Traceback)\b|\[Error\]|(?i:^error:)"),
    ),
    (Level.WARNING, re.compile(r"\b(?:WARN|WARNING|[A-Za-z]*Warning)\b|(?i:^warning:)")),
    (Level.INFO, re.compile(r"\b(?:INFO|NOTICE)\b|\[Request(?: Complete)?\]")),
    (Level.DEBUG, re.compile(r"\b(?:DEBUG|TRACE)\b|\[(?:Stream Conversion|Keepalive)\]")),
)
_HEAD = 160
"""A level stands at the start of a line; further on the word is part of the message."""
_STATUS = re.compile(r'"(?:GET|POST|HEAD|DELETE) \S+ HTTP/[\d.]+" (\d)\d\d')
"""An access log's line: what was answered is its level."""
_OWN_QUESTION = re.compile(r'"GET /(?:health|v1/status|v1/models) HTTP')
"""A server's line about our own watching."""
_RAISED = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning)\b")


class Levels:
    """The levels of a log's lines, one after the other; a traceback is one with its line."""

    def __init__(self) -> None:
        self._last = Level.INFO
        self._tracing = False

    def entry(self, text: str) -> Entry:
        """The line with its level."""
        if self._tracing or text[:1] in (" ", "\t", "|"):
            ends = self._tracing and bool(_RAISED.match(text))
            indented = text[:1] in (" ", "\t", "|")
            if indented or ends or text.startswith("During handling"):
                self._tracing = self._tracing and not ends
                return Entry(text, self._last, continues=True)
        self._tracing = "Traceback (most recent call last)" in text
        self._last = _level(text)
        return Entry(text, self._last)


def _level(text: str) -> Level:
    answered = _STATUS.search(text)
    if answered is not None:
        if answered[1] in "45":
            return Level.ERROR if answered[1] == "5" else Level.WARNING
        return Level.DEBUG if _OWN_QUESTION.search(text) else Level.INFO
    head = text[:_HEAD]
    return next((level for level, pattern in _WORDS if pattern.search(head)), Level.INFO)


STAMP = re.compile(r"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.,]*(?:Z|[+-]\d\d:?\d\d)?\]? ?")
"""The time at the start of a line."""
_LABEL = re.compile(r"^(?:- )?\[?(?:WARN(?:ING)?|ERROR|CRITICAL|FATAL)\]?[:\s-]+")


def last_warning(lines: Sequence[str]) -> str:
    """The last of these lines that is a warning or an error, without its time and its level;
    empty where there is none."""
    levels, found = Levels(), ""
    for line in lines:
        entry = levels.entry(line)
        if entry.level >= Level.WARNING and not entry.continues:
            found = line
    return _LABEL.sub("", STAMP.sub("", found)).strip()


def _remark(text: str) -> Entry:
    return Entry(text, Level.ERROR, ours=True)
