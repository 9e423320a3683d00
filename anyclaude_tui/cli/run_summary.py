"""The problems that came up while Claude Code had the terminal to itself (`anyclaude-tui run`).

Nothing may be written across its screen, and nothing may be lost: each line goes to the log
file as it comes, and a few on stderr tell of them when Claude Code has ended.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from anyclaude_tui.backends.base import BackendState, BackendStatus
from anyclaude_tui.figures import counted
from anyclaude_tui.telemetry.events import Outcome, RequestRecord, Truncation
from anyclaude_tui.telemetry.hub import Hub, Notice
from anyclaude_tui.telemetry.journal import timestamp
from anyclaude_tui.telemetry.metrics import RequestView

LONGEST = 200
"""Characters of a message in the summary; the log has all of it."""


class RunSummary:
    """A listener of a session's hub; used on its loop."""

    def __init__(self, hub: Hub, write: Callable[[str], None]) -> None:
        """`write` takes each line for the log."""
        self._write = write
        self._cut: Counter[Truncation] = Counter()
        self._failed = 0
        self._notices: Counter[str] = Counter()
        self._last = ""
        hub.notice_listeners.append(self._noticed)
        hub.ended_listeners.append(self._ended)

    def _noticed(self, notice: Notice) -> None:
        self._line(notice.wall, notice.level, notice.text)
        if notice.level != "info":
            self._notices[notice.level] += 1
            self._last = notice.text

    def _ended(self, record: RequestRecord, _: RequestView) -> None:
        """One that met its limit of tokens, or whose client left, is no trouble."""
        if record.outcome is Outcome.ERROR:
            self._failed += 1
            what = "failed"
        elif record.truncation not in (None, Truncation.MAX_TOKENS):
            self._cut[record.truncation] += 1
            what = f"was cut short ({record.truncation})"
        else:
            return
        self._last = record.reason
        self._line(time.time(), "error", f"{record.id} on {record.backend} {what}: {record.reason}")

    def _line(self, wall: float, level: str, text: str) -> None:
        self._write(f"{timestamp(wall)} {level.upper()} {text}")

    def lines(self, statuses: Iterable[BackendStatus], log: Path) -> Iterator[str]:
        """The lines for stderr; none where all went well. `statuses`: before the stop."""
        found = list(self._parts(statuses))
        if not found:
            return
        yield f"while Claude Code ran: {', '.join(found)}"
        if self._last:
            last = self._last if len(self._last) <= LONGEST else f"{self._last[:LONGEST]}…"
            yield f"the last was: {last}"
        yield f"all of it is in {log}; `anyclaude-tui requests list` shows each request"

    def _parts(self, statuses: Iterable[BackendStatus]) -> Iterator[str]:
        cut = self._cut.total()
        if cut:
            kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(self._cut.items()))
            yield f"{cut} {'reply' if cut == 1 else 'replies'} cut short ({kinds})"
        if self._failed:
            yield counted(self._failed, "request") + " failed"
        for status in statuses:
            if status.restarts:
                yield f"{status.name} was restarted {counted(status.restarts, 'time')}"
            if status.state is BackendState.FAILED:
                yield f"{status.name} failed"
        for level, number in sorted(self._notices.items()):
            yield counted(number, level)
