"""The memory of large requests, given back to the system once nobody waits for anything.

A long conversation is a megabyte of JSON, and each request makes several copies of it for a
moment. What is freed of them stays with the process, in cycles and with the C library.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

from anyclaude_tui.backends import machine
from anyclaude_tui.telemetry.events import RequestRecord
from anyclaude_tui.telemetry.hub import Hub
from anyclaude_tui.telemetry.metrics import RequestView

LARGE_BYTES = 256 * 1024
QUIET_S = 0.5
"""Between the turns of a tool loop there is less."""


def _given_back() -> None:
    gc.collect()
    machine.give_back_memory()


class IdleMemory:
    """A listener for ended requests. Used on the session's loop."""

    def __init__(
        self, hub: Hub, quiet_s: float = QUIET_S, give_back: Callable[[], None] = _given_back
    ) -> None:
        self._hub = hub
        self._quiet_s = quiet_s
        self._give_back = give_back
        self._waiting: asyncio.TimerHandle | None = None
        hub.ended_listeners.append(self._ended)

    def stop(self) -> None:
        """Give nothing back any more."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _ended(self, record: RequestRecord, view: RequestView) -> None:
        if record.prompt_bytes >= LARGE_BYTES or self._waiting is not None:
            self.stop()
            loop = asyncio.get_running_loop()
            self._waiting = loop.call_later(self._quiet_s, self._quiet)

    def _quiet(self) -> None:
        if self._hub.in_flight:  # its end is waited for
            self._waiting = asyncio.get_running_loop().call_later(self._quiet_s, self._quiet)
            return
        self._waiting = None
        self._give_back()
