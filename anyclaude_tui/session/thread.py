"""The session on a thread of its own, with a client for the dashboard's thread.

The session runs on its own loop in its own thread, because an outer terminal that stops
reading blocks Textual's loop for seconds (docs/terminal.md, D). The dashboard reads the last
published snapshot, an attribute of an immutable value, and sends commands as coroutines.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from anyclaude_tui.session.client import SessionClient

if TYPE_CHECKING:
    from anyclaude_tui.session.session import Session
    from anyclaude_tui.telemetry.hub import Snapshot

T = TypeVar("T")
log = logging.getLogger(__name__)

SNAPSHOT_S = 0.1
"""Screens read ten times a second; nothing is made while none is attached."""


class SessionThread(SessionClient):
    """A session on its own loop in its own thread; the client that the dashboard holds."""

    def __init__(self, make: Callable[[], Session]) -> None:
        """`make` builds the session; it is called in the thread."""
        self._make = make
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: Session | None = None
        self._snapshot: Snapshot | None = None
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._error: BaseException | None = None
        self._faulty = False
        self._calls: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._run, name="session", daemon=True)

    def start(self) -> None:
        """Start the thread; returns when the proxy listens. Raises what the start raised."""
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def stop(self, timeout_s: float = 30.0) -> None:
        """End the session properly: requests end, children are gone."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout_s)

    @property
    def home(self) -> Path:
        return self._live.home

    @property
    def snapshot(self) -> Snapshot:
        assert self._snapshot is not None
        return self._snapshot

    def call(
        self, work: Callable[[Session], Coroutine[Any, Any, T]]
    ) -> concurrent.futures.Future[T]:
        """Have work done on the session's loop. What is under way at the end is cancelled, and
        waited for: it may have servers of its own to stop."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(self._called(work), self._loop)

    @property
    def _live(self) -> Session:
        assert self._session is not None
        return self._session

    async def _called(self, work: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        try:
            return await work(self._live)
        finally:
            self._calls.discard(task)

    def _cancel_calls(self) -> list[asyncio.Task[Any]]:
        calls = list(self._calls)
        for call in calls:
            if not call.cancelling():  # a second time it would not clean up
                call.cancel()
        return calls

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        session = self._make()
        await session.start()
        try:
            self._session = session
            self._snapshot = session.snapshot()
            self._ready.set()
            while not self._stop.is_set():
                try:
                    await asyncio.wait_for(self._stop.wait(), SNAPSHOT_S)
                except TimeoutError:
                    self._publish(session)
        finally:
            calls = self._cancel_calls()
            await session.stop()
            await asyncio.gather(*calls, return_exceptions=True)
            self._publish(session)

    def _publish(self, session: Session) -> None:
        """The newest snapshot; a fault in it leaves the last one, and the requests go on."""
        try:
            self._snapshot = session.snapshot()
            self._faulty = False
        except Exception:
            if not self._faulty:
                self._faulty = True
                log.exception("what the screens read cannot be made")
