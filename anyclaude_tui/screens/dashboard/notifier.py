"""The events that are worth a bell: a long answer that ended while nobody looked, a backend that
died, a switch that is done. Pure: snapshots in, sentences out."""

from __future__ import annotations

from anyclaude_tui.backends.base import BackendState, BackendStatus
from anyclaude_tui.config.settings import DashboardSettings
from anyclaude_tui.figures import seconds
from anyclaude_tui.telemetry.events import Role
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.terminal.safe_text import one_line

SHOWN = 120
"""Characters of a sentence that reach a terminal."""


class Notifier:
    """The notifications about a session: each event is told once."""

    def __init__(self) -> None:
        self._before: Snapshot | None = None

    def see(self, snapshot: Snapshot, focused: bool, wanted: DashboardSettings) -> list[str]:
        """The sentences that are new since the last snapshot."""
        before, self._before = self._before, snapshot
        if before is None or wanted.notify == "off":
            return []
        found: list[str] = []
        if wanted.notify_answer_s and not focused:
            found += _answers(before, snapshot, wanted.notify_answer_s)
        if wanted.notify_backend:
            found += _deaths(before, snapshot)
        done = before.switching and not snapshot.switching and before.active != snapshot.active
        if wanted.notify_switch and done:
            found.append(f"switched to {snapshot.active}")
        return [one_line(words, SHOWN) for words in found]


def sequence(words: str, way: str) -> str:
    """The sequence that is written to the terminal; `way`: bell, osc9 or osc777."""
    if way == "osc9":
        return f"\x1b]9;anyclaude-tui: {words}\x07"
    if way == "osc777":
        return f"\x1b]777;notify;anyclaude-tui;{words.replace(';', ',')}\x07"
    return "\x07" if way == "bell" else ""


def _answers(before: Snapshot, now: Snapshot, long_s: float) -> list[str]:
    known = {request.id for request in before.recent}
    return [
        f"the answer is there, after {seconds(one.elapsed_s)}"
        for one in now.recent
        if one.id not in known and one.role is Role.MAIN and one.elapsed_s >= long_s
    ]


def _deaths(before: Snapshot, now: Snapshot) -> list[str]:
    known = {status.name: status for status in before.backends}
    return [
        f"{status.name} has died: {status.reason}"
        for status in now.backends
        if (old := known.get(status.name)) is not None and _is_dead(status) and not _is_dead(old)
    ]


def _is_dead(status: BackendStatus) -> bool:
    """It failed, or is brought back after it died: `supervised.py` says "restart N after"."""
    restarting = status.state is BackendState.STARTING and status.reason.startswith("restart ")
    return status.state is BackendState.FAILED or restarting
