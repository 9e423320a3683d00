"""A fake model server that works on so many requests at once, as a script on a real socket."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from anyclaude_tui.backends.http import PROBE_TOKENS
from tests.support import wire
from tests.support.player import Seen
from tests.support.replies import Reply, Step, fail, wait
from tests.support.upstream import Upstream

TOKENS = 4
PACE_S = 0.01


class Slotted(Upstream):
    """`slots` requests at once; those beyond wait in its line, or are refused with `busy`."""

    def __init__(self, slots: int, *, busy: int = 0) -> None:
        super().__init__()
        self.slots = slots
        self.busy = busy
        """The status of a refusal; 0: they wait."""
        self.short: list[Seen] = []
        """The short streamed requests, which are not among `requests`."""
        self.cached_tokens = 0
        self.hold: asyncio.Event | None = None
        """What each reply waits for after its first token."""
        self.running: list[Seen] = []
        self.most_running = 0
        """Of `requests`."""
        self._line: deque[tuple[asyncio.Event, Seen]] = deque()

    def _reply_to(self, seen: Seen) -> Reply:
        if not seen.path.endswith("/chat/completions") or not seen.json.get("stream"):
            return super()._reply_to(seen)
        kept = self.short if seen.json.get("max_tokens") == PROBE_TOKENS else self.requests
        kept.append(seen)
        if self.busy and len(self.running) >= self.slots:
            return fail(self.busy, {"error": {"message": "too many requests at once"}})
        return Reply(self._steps(seen))

    def _steps(self, seen: Seen) -> Iterator[Step]:
        place = (asyncio.Event(), seen)
        self._line.append(place)
        self._next()
        try:
            yield place[0]
            mine = [one for one in self.running if one in self.requests]
            self.most_running = max(self.most_running, len(mine))
            yield wire.text("one ")
            if self.hold is not None:
                yield self.hold
            for number in range(TOKENS):
                yield wait(PACE_S)
                yield wire.text(f"{number} ")
            yield wire.finish("length")
            yield wire.usage(100, TOKENS + 1, self.cached_tokens)
            yield wire.DONE
        finally:
            if place in self._line:  # the client has left
                self._line.remove(place)
            else:
                self.running.remove(seen)
            self._next()

    def _next(self) -> None:
        while self._line and len(self.running) < self.slots:
            turn, seen = self._line.popleft()
            self.running.append(seen)
            turn.set()
