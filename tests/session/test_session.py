"""A session's start and stop when something goes wrong in the middle: nothing is left open."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from pathlib import Path

import pytest

from anyclaude_tui.backends.base import BackendError, BackendState
from anyclaude_tui.backends.http_client import ConnectError
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.settings import BackendSettings, ProxySettings, Settings
from anyclaude_tui.session.session import Session
from anyclaude_tui.session.thread import SessionThread
from anyclaude_tui.telemetry.events import Role
from tests.support.waiting import until

SLOW = BackendSettings(kind="simulator", profile="slow,load_s=60")


def closed(session: Session) -> bool:
    """Whether nothing of it is open any more."""
    port = int(session.url.rpartition(":")[2] or 0)
    with socket.socket() as trial:
        listens = bool(port) and trial.connect_ex(("127.0.0.1", port)) == 0
    return not listens and (session._http is None or session._http.closed)


async def test_a_stop_ends_everything_whatever_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours in a backend, and one in the stop itself."""

    def fault(*_: object) -> None:
        raise LookupError("a fault of ours")

    session = Session(Settings(), home=tmp_path, backend="simulator")
    session.switchboard._make = fault  # type: ignore[assignment]
    await session.start()
    with pytest.raises(LookupError):
        await session.ready()

    async def stop() -> None:
        raise LookupError("another one")

    monkeypatch.setattr(session.switchboard, "stop", stop)
    with pytest.raises(LookupError, match="another one"):
        await session.stop()
    assert closed(session)


async def test_a_start_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        session = Session(Settings(), home=tmp_path, backend="simulator", port=port)
        with pytest.raises(OSError, match="address already in use"):
            await session.start()
    assert session._http is not None
    assert session._http.closed
    await session.stop()


async def test_a_start_that_fails_late_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(Settings(), home=tmp_path, backend="simulator")

    async def start() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(session.observers, "start", start)
    with pytest.raises(OSError, match="No space"):
        await session.start()
    assert session.url
    assert closed(session)


@pytest.mark.parametrize("ready_first", [True, False], ids=["switching", "first start"])
async def test_a_stop_in_the_middle_of_a_start_ends_the_server(
    ready_first: bool, tmp_path: Path
) -> None:
    backends = {"quick": BackendSettings(kind="simulator"), "slow": SLOW}
    first = "quick" if ready_first else "slow"
    session = Session(Settings(backends=backends), home=tmp_path, backend=first)
    await session.start()
    switch: asyncio.Task[None] | None = None
    if ready_first:
        await session.ready()
        switch = asyncio.create_task(session.switch("slow"))
    statuses = session.switchboard.statuses
    await until(lambda: any(status.name == "slow" and status.pid for status in statuses()))
    await session.stop()
    assert closed(session)
    assert not any(status.pid for status in session.switchboard.statuses())
    if switch is not None:
        with pytest.raises(BackendError):
            await switch
    await session.stop()  # once more is no mistake


async def test_a_backend_keeps_its_number_after_a_switch(tmp_path: Path) -> None:
    """The number in the list is the key: it had moved up when the one before it was left."""
    session = Session(Settings(), home=tmp_path, backend="simulator:fast,speed=50")
    await session.start()
    try:
        await session.ready()
        first = [status.name for status in session.snapshot().backends]
        assert first == ["simulator:fast,speed=50"]
        for name in ("simulator:fast,speed=60", "simulator:fast,speed=70"):
            await session.switch(name)
            await until(lambda: not session.switchboard.switching)
        assert [status.name for status in session.snapshot().backends] == [
            "simulator:fast,speed=50",
            "simulator:fast,speed=60",
            "simulator:fast,speed=70",
        ]
        await until(lambda: session.snapshot().backends[0].state is BackendState.STOPPED)
    finally:
        await session.stop()


async def test_a_stop_that_is_cancelled_says_so(tmp_path: Path) -> None:
    """It had swallowed its own cancellation while it waited for the first backend."""
    session = Session(Settings(backends={"slow": SLOW}), home=tmp_path, backend="slow")
    await session.start()
    await until(lambda: session.snapshot().backends[0].pid)
    stop = asyncio.create_task(session.stop())
    await asyncio.sleep(0)
    stop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stop
    await session.stop()
    assert closed(session)


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "schlüssel", "\x1b[31m"])
def test_a_token_that_no_header_can_carry_is_refused(token: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="token"):
        Session(Settings(), home=tmp_path, token=token)
    with pytest.raises(ConfigError, match="token"):
        Session(Settings(proxy=ProxySettings(token=token)), home=tmp_path)


async def test_many_that_wait_for_a_dead_backend_all_get_it_back(tmp_path: Path) -> None:
    session = Session(Settings(), home=tmp_path, backend="simulator")
    await session.start()
    try:
        await session.ready()
        route = session.switchboard.peek(Role.MAIN)
        await asyncio.gather(*(route.backend.recover() for _ in range(50)))
        assert route.backend.status().restarts == 0
        assert route.backend.status().state is BackendState.READY
    finally:
        await session.stop()


async def test_a_look_at_a_server_that_is_stopped_meanwhile_does_not_revive_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was `starting` for ever then, with nobody to start it."""
    session = Session(Settings(), home=tmp_path, backend="simulator")
    await session.start()
    try:
        await session.ready()
        backend = session.switchboard.backend("simulator")
        looking, stopped = asyncio.Event(), asyncio.Event()

        async def still_serves(_: object) -> None:
            looking.set()
            await stopped.wait()
            raise ConnectError("gone")

        monkeypatch.setattr(backend, "still_serves", still_serves)
        recovering = asyncio.create_task(backend.recover())
        await looking.wait()
        await backend.stop()
        stopped.set()
        with pytest.raises(BackendError):
            await asyncio.wait_for(recovering, 20)
        assert backend.status().state is BackendState.STOPPED
    finally:
        await session.stop()


def test_the_thread_of_a_session_raises_what_its_start_raised(tmp_path: Path) -> None:
    def make() -> Session:
        raise ConfigError("a mistake")

    thread = SessionThread(make)
    with pytest.raises(ConfigError, match="a mistake"):
        thread.start()
    thread.stop()


def test_the_thread_ends_the_session_and_keeps_its_last_snapshot(tmp_path: Path) -> None:
    made: list[Session] = []

    def make() -> Session:
        made.append(Session(Settings(), home=tmp_path, backend="simulator"))
        return made[0]

    thread = SessionThread(make)
    thread.start()
    thread.call(lambda session: session.ready()).result(30)
    thread.stop()
    assert closed(made[0])
    assert [status.state for status in thread.snapshot.backends] == [BackendState.STOPPED]


@pytest.mark.parametrize("given_up", [False, True])
def test_what_a_screen_has_under_way_cleans_up_before_the_thread_ends(
    tmp_path: Path, given_up: bool
) -> None:
    """As a comparison, which has servers of its own to stop; its screen may have cancelled it."""
    running, log = threading.Event(), list[str]()

    async def work(session: Session) -> None:
        try:
            running.set()
            await asyncio.sleep(3600)
        finally:
            log.append("cleaning up")
            await asyncio.sleep(0.5)  # longer than the session's own stop
            log.append("clean")

    thread = SessionThread(lambda: Session(Settings(), home=tmp_path, backend="simulator"))
    thread.start()
    future = thread.call(work)
    assert running.wait(10)
    if given_up:
        future.cancel()
        while not log:
            time.sleep(0.01)
    thread.stop()
    assert log == ["cleaning up", "clean"]


def test_a_fault_in_what_the_screens_read_does_not_end_the_requests(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[Session] = []

    def make() -> Session:
        made.append(Session(Settings(), home=tmp_path, backend="simulator"))
        return made[0]

    def fault() -> None:
        raise LookupError("oh")

    thread = SessionThread(make)
    thread.start()
    try:
        last, snapshot = thread.snapshot, made[0].snapshot
        made[0].snapshot = fault  # type: ignore[method-assign, assignment]
        deadline = time.monotonic() + 10
        while not caplog.records and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        assert not closed(made[0])
        assert len(caplog.records) == 1
        made[0].snapshot = snapshot  # type: ignore[method-assign]
        while thread.snapshot.at <= last.at + 0.3 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert thread.snapshot.at > last.at + 0.3
    finally:
        thread.stop()
