"""The steps of a change as they happen, each with its time: what a switch does is shown."""

from __future__ import annotations

from typing import Any

from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.screens.common.session_calls import Answer
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets import format
from anyclaude_tui.widgets.lines import Line, Tone, clean, fit, spread, text, wrapped

_COMING = (BackendState.STARTING, BackendState.LOADING)


class Steps:
    """The steps of one change so far; `now` is any clock's seconds."""

    def __init__(self, name: str, title: str, words: str, now: float) -> None:
        """`name`: the backend that it is about; `words`: the first step."""
        self.name = name
        self.title = title
        self.ended = False
        self.watched = False
        """It was begun elsewhere: how it ends is not known here."""
        self._done: list[tuple[str, str, float]] = []
        """Sign, words, seconds."""
        self._words, self._since = words, now
        self._last: Line = ()
        self._log = ""
        self._after = ""
        """The work that goes on after its end: the last requests on the old backend."""

    @classmethod
    def watch(cls, snapshot: Snapshot, now: float) -> Steps:
        """A change that somebody else has begun."""
        coming = (status.name for status in snapshot.backends if status.state in _COMING)
        made = cls(next(coming, ""), "Under way", snapshot.switching, now)
        made.watched = True
        return made

    def see(self, snapshot: Snapshot, now: float) -> None:
        """Notice the step that the session is at."""
        status = next((s for s in snapshot.backends if s.name == self.name), None)
        self._log = status.log_tail[-1] if status is not None and status.log_tail else ""
        self._after = snapshot.switching if self.ended else ""
        if self.ended or not snapshot.switching:
            return
        words = snapshot.switching
        if status is not None and status.state is BackendState.LOADING:
            words = "loading, until it answers a short chat"
        if status is not None and status.state in _COMING and status.reason:
            words += f" ({status.reason})"
        self._step(words, now)

    def end(self, words: str, tone: Tone, now: float) -> None:
        """It is over, for good or ill."""
        sign = {Tone.OK: "✓", Tone.BAD: "✗"}.get(tone, "·")
        self._step("", now, sign)
        self.ended = True
        self._last = text(f"{sign} {clean(words)}", tone)

    def end_with(self, ended: Answer[Any], done: str, serving: str, now: float) -> None:
        """It is over, as the session answers; `serving`: the backend that serves all the same
        when it has failed."""
        if ended.done:
            self.end(done, Tone.OK, now)
            return
        words = "cancelled" if ended.cancelled else ended.problem
        words += f"; {serving} still serves" if serving and serving != self.name else ""
        self.end(words, Tone.LABEL if ended.cancelled else Tone.BAD, now)

    def lines(self, width: int, height: int, now: float) -> list[Line]:
        """The steps, newest last, in at most `height` lines."""
        made = [
            spread(text(f"{sign} {clean(words)}", Tone.LABEL), text(format.seconds(took)), width)
            for sign, words, took in self._done
        ]
        if self.ended:
            words, tone = self._last[0]
            end = wrapped(words, width, height, tone)
            if self._after:
                end.append(fit(text(f"◐ {clean(self._after)}", Tone.LIVE), width))
            keep = max(0, height - len(end))
            return [*(made[-keep:] if keep else []), *end][:height]
        took = text(format.clock_s(now - self._since), Tone.LIVE)
        tail = [spread(text(f"◐ {clean(self._words)}", Tone.LIVE), took, width)]
        if self._log and height > 1:
            tail.append(fit(text(f"  {clean(self._log)}", Tone.FAINT), width))
        keep = max(0, height - len(tail))
        return [*(made[-keep:] if keep else []), *tail]

    def _step(self, words: str, now: float, sign: str = "✓") -> None:
        if words != self._words:
            if self._words:
                self._done.append((sign, self._words, now - self._since))
            self._words, self._since = words, now
