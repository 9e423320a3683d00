"""The guard around the pane: a fault inside is logged, shown once, and the pane is drawn anew.

Claude Code, the proxy and the server live in the same process as the pane: no sequence that
a program writes or a terminal sends may end them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

FAULTS_LOGGED = 10


class FaultGuard:
    """The guard of all that goes in or out: `redraw` runs after a fault, `tell` after the first."""

    def __init__(self, redraw: Callable[[], None], tell: Callable[[], None]) -> None:
        self._redraw = redraw
        self._tell = tell
        self.count = 0

    @contextmanager
    def caught(self, what: object) -> Iterator[None]:
        """Nothing that is raised inside goes further; `what` is logged with it."""
        try:
            yield
        except Exception:
            self.count += 1
            if self.count <= FAULTS_LOGGED:
                log.exception("the pane failed at %.400r", what)
            self._recover()

    def told(self) -> None:
        """A fault that was stopped further inside: counted, and told if it is the first."""
        self.count += 1
        if self.count == 1:
            self._tell()

    def _recover(self) -> None:
        first = self.count == 1  # drawing anew may fail the same way, and is counted too
        try:
            if first:
                self._tell()
            self._redraw()
        except Exception:  # then the next event finds it as it is
            log.exception("the pane could not be drawn anew")
