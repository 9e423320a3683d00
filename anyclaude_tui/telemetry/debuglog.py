"""The debug log of `ANYCLAUDE_DEBUG`, with the words that users search for.

1: timing and errors of each request; 2: also `[Request Start]`, `[Keepalive]`,
`[Stream Conversion] Received chunk N`, `[Request Complete]`; 3 adds traces (`traces.py`).
With 0 there is no `DebugLog` at all, so nothing is formatted. Lines are gathered and written
many at a time on the writer's thread.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from anyclaude_tui.figures import Source
from anyclaude_tui.printable import printable
from anyclaude_tui.redaction import OWN
from anyclaude_tui.telemetry.events import Outcome, RequestRecord
from anyclaude_tui.telemetry.files import Writer, append_line
from anyclaude_tui.telemetry.journal import timestamp
from anyclaude_tui.telemetry.metrics import RequestView

STEPS = 2
"""From this level on every step is written."""


FILE_BYTES = 5 * 1024 * 1024
"""A larger log is moved aside as `PATH.1`."""
LINES_WAITING = 20_000
"""Lines that may wait for the disk."""


@dataclass(slots=True)
class _Seen:
    chunks: int = 0
    keepalives: int = 0
    started: bool = False


class DebugLog:
    """The lines about the events of each record; `write` takes one without its end."""

    def __init__(self, level: int, write: Callable[[str], None]) -> None:
        self.level = level
        self._write = write
        self._seen: dict[str, _Seen] = {}

    def sent(self, record: RequestRecord) -> Callable[[bytes], None] | None:
        """A request goes upstream. Returns who wants its reply's bytes, if anybody does."""
        if self.level < STEPS:
            return None
        self.look(record)
        return lambda _: self.look(record)

    def look(self, record: RequestRecord) -> None:
        """Write what is new since the last look: the start, keepalives, chunks."""
        if self.level < STEPS:
            return
        seen = self._seen.setdefault(record.id, _Seen())
        if not seen.started:
            seen.started = True
            self._line("Request Start", record, _start(record))
        for number in range(seen.keepalives + 1, record.keepalives + 1):
            self._line("Keepalive", record, f"sent keepalive {number}")
        if record.attempt.chunks < seen.chunks:  # sent again: the stream's figures began again
            seen.chunks = 0
        for number in range(seen.chunks + 1, record.attempt.chunks + 1):
            self._line("Stream Conversion", record, f"Received chunk {number}", first=True)
        seen.keepalives, seen.chunks = record.keepalives, record.attempt.chunks

    def ended(self, record: RequestRecord, ended: RequestView) -> None:
        """A request has ended: its timing, and its error if it had one."""
        self.look(record)
        self._seen.pop(record.id, None)
        label = "Request Complete" if self.level >= STEPS else "Request"
        self._line(label, record, _end(record, ended))
        if record.outcome is Outcome.ERROR or record.truncation is not None:
            what = record.truncation or "error"
            self._line("Error", record, f"{what}: {record.reason or record.stop_reason}")

    def _line(self, label: str, record: RequestRecord, text: str, *, first: bool = False) -> None:
        stamp = timestamp(time.time())
        words = f"{text} {record.id}" if first else f"{record.id} {text}"
        self._write(f"{stamp} [{label}] {words}")


def _start(record: RequestRecord) -> str:
    return (
        f"backend={record.backend} model={record.model} role={record.role} "
        f"promptBytes={record.prompt_bytes} systemSize={record.system_bytes} "
        f"tools={record.tool_count} messages={record.message_count} "
        f"streaming={str(record.streaming).lower()}"
    )


def _end(record: RequestRecord, ended: RequestView) -> str:
    words = [
        f"{record.outcome} in {1000 * ended.elapsed_s:.0f} ms",
        f"backend={record.backend or '?'}",
        f"status={record.status}",
        f"stop={record.stop_reason}",
        f"chunks={record.attempt.chunks}",
        f"keepalives={record.keepalives}",
    ]
    for name, figure, scale in (
        ("ttftMs", ended.ttft_s, 1000),
        ("tokensPerSecond", ended.tokens_per_s, 1),
        ("promptTokens", ended.prompt_tokens, 1),
        ("cachedTokens", ended.cached_tokens, 1),
        ("outputTokens", ended.output_tokens, 1),
    ):
        if figure.value is not None:
            about = "~" if figure.source is Source.ESTIMATED else ""
            words.append(f"{name}={about}{scale * figure.value:.6g}")
    if record.why:
        words.append(f'why="{record.why}"')
    return " ".join(words)


class LineLog:
    """Lines into a file, or to stderr when there is none: many in one write."""

    def __init__(self, writer: Writer, path: Path | None) -> None:
        self._writer = writer
        self._path = path
        self._lines: deque[str] = deque()
        self._queued = False

    def add(self, line: str) -> None:
        """Write it soon. Called on the session's loop; never waits."""
        if len(self._lines) >= LINES_WAITING:
            self._writer.skip("debug log")
            return
        self._lines.append(line)
        if not self._queued:
            self._queued = self._writer.submit("debug log", self._write)

    def _write(self) -> None:
        self._queued = False  # first: a line that comes from now on has a job of its own
        lines: list[str] = []
        with suppress(IndexError):
            while True:
                lines.append(self._lines.popleft())
        if not lines:
            return
        data = OWN.clean("\n".join(lines).encode(errors="replace"))
        if self._path is None:
            with suppress(ValueError):  # stderr was closed
                print(printable(data.decode(), lines=True), file=sys.stderr, flush=True)
            return
        with suppress(FileNotFoundError):
            if self._path.stat().st_size > FILE_BYTES:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        append_line(self._path, data)
