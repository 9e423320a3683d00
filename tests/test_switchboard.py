"""Switching: requests wait for the new backend, those in flight end on the old one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from anyclaude_tui.backends.base import (
    Backend,
    BackendError,
    BackendState,
    BackendStatus,
    Endpoint,
)
from anyclaude_tui.switchboard import Switchboard
from anyclaude_tui.telemetry.events import Role
from anyclaude_tui.telemetry.hub import Hub


class Puppet(Backend):
    """A backend that starts and stops when the test says so."""

    kind = "puppet"

    def __init__(self, name: str, *, slots: int = 2) -> None:
        super().__init__(name)
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.state = BackendState.STOPPED
        self.refuses = ""
        self.starts = self.stops = 0
        self._slots = slots

    async def start(self) -> None:
        if self.state is BackendState.READY:
            return
        self.state = BackendState.STARTING
        await self.may_start.wait()
        if self.refuses:
            self.state = BackendState.FAILED
            raise BackendError(self.refuses)
        self.starts += 1
        self.state = BackendState.READY

    async def stop(self) -> None:
        self.stops += 1
        self.state = BackendState.STOPPED

    def status(self) -> BackendStatus:
        return BackendStatus(self.name, self.kind, self.state, reason=self.refuses)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(f"http://{self.name}", self.name, slots=self._slots)


class Board:
    def __init__(self) -> None:
        self.puppets = {name: Puppet(name) for name in "abc"}
        self.hub = Hub()
        self.board = Switchboard(self.puppets.__getitem__, self.hub)

    async def go_through(self, log: list[str], leave: asyncio.Event) -> None:
        lane = await self.board.lane(Role.MAIN)
        async with lane.gate.enter(Role.MAIN, lambda place: None):
            log.append(lane.backend.name)
            await leave.wait()


@pytest.fixture
async def made() -> AsyncIterator[Board]:
    board = Board()
    yield board
    await board.board.stop()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_request_waits_for_the_first_start(made: Board) -> None:
    made.puppets["a"].may_start.clear()
    start = asyncio.create_task(made.board.switch("a"))
    await settle()
    assert made.board.statuses()[0].state is BackendState.STARTING
    log, leave = list[str](), asyncio.Event()
    leave.set()
    request = asyncio.create_task(made.go_through(log, leave))
    await settle()
    assert not log
    made.puppets["a"].may_start.set()
    await asyncio.gather(start, request)
    assert log == ["a"]


async def test_in_flight_ends_on_the_old_and_new_goes_to_the_new(made: Board) -> None:
    await made.board.switch("a")
    log, leave = list[str](), asyncio.Event()
    running = asyncio.create_task(made.go_through(log, leave))
    await settle()
    made.puppets["b"].may_start.clear()
    switch = asyncio.create_task(made.board.switch("b"))
    await settle()
    assert made.board.switching == "starting b"
    after = asyncio.create_task(made.go_through(log, leave))
    await settle()
    assert log == ["a"]
    made.puppets["b"].may_start.set()
    await switch
    await settle()
    assert log == ["a", "b"]
    assert made.puppets["a"].stops == 0
    assert "still running on a" in made.board.switching
    leave.set()
    await asyncio.gather(running, after)
    await settle()
    assert made.puppets["a"].stops == 1
    assert [status.name for status in made.board.statuses()] == ["b"]
    assert made.board.switching == ""


async def test_a_failed_switch_goes_back_and_says_why(made: Board) -> None:
    await made.board.switch("a")
    made.puppets["b"].refuses = "port 8080 is taken by 12 “python”"
    with pytest.raises(BackendError, match="port 8080"):
        await made.board.switch("b")
    assert made.board.active == "a"
    assert "still on a" in made.hub.notices[-1].text
    log, leave = list[str](), asyncio.Event()
    leave.set()
    await made.go_through(log, leave)
    assert log == ["a"]


async def test_a_backend_that_never_came_up_is_an_error_in_its_words(made: Board) -> None:
    made.puppets["a"].refuses = "model path missing"
    with pytest.raises(BackendError):
        await made.board.switch("a")
    with pytest.raises(BackendError, match="model path missing"):
        await made.board.lane(Role.MAIN)


async def test_a_restart_waits_for_the_last_request(made: Board) -> None:
    await made.board.switch("a")
    log, leave = list[str](), asyncio.Event()
    running = asyncio.create_task(made.go_through(log, leave))
    await settle()
    restart = asyncio.create_task(made.board.restart())
    await settle()
    assert made.puppets["a"].stops == 0
    leave.set()
    await asyncio.gather(running, restart)
    assert (made.puppets["a"].starts, made.puppets["a"].stops) == (2, 1)
    await made.go_through(log, leave)


async def test_back_and_forth_under_load_loses_nobody(made: Board) -> None:
    await made.board.switch("a")
    log, leave = list[str](), asyncio.Event()
    leave.set()
    requests: list[asyncio.Task[None]] = []
    for turn in range(30):
        requests += [asyncio.create_task(made.go_through(log, leave)) for _ in range(5)]
        await made.board.switch("abc"[turn % 3])
        await asyncio.sleep(0)
    await asyncio.gather(*requests)
    assert len(log) == 150


async def test_a_role_has_its_own_backend_brought_up_by_its_first_request() -> None:
    made = Board()
    made.board.roles = {Role.BACKGROUND: "b"}
    await made.board.switch("a")
    lanes = await asyncio.gather(*(made.board.lane(Role.BACKGROUND) for _ in range(3)))
    assert {lane.backend.name for lane in lanes} == {"b"}
    assert (await made.board.lane(Role.MAIN)).backend.name == "a"
    assert made.puppets["b"].starts == 1
    await made.board.switch("c")
    await settle()
    assert (await made.board.lane(Role.BACKGROUND)).backend.name == "b"
    await made.board.stop()


async def test_a_role_whose_backend_fails_goes_to_the_active_one(made: Board) -> None:
    made.board.roles = {Role.SUBAGENT: "b"}
    made.puppets["b"].refuses = "no memory"
    await made.board.switch("a")
    assert (await made.board.lane(Role.SUBAGENT)).backend.name == "a"
    assert "no memory" in made.hub.notices[-1].text


async def test_a_kept_backend_is_not_stopped() -> None:
    made = Board()
    made.board = Switchboard(made.puppets.__getitem__, made.hub, keep=True)
    await made.board.switch("a")
    await made.board.switch("b")
    await made.board.switch("a")
    assert (made.puppets["a"].starts, made.puppets["a"].stops) == (1, 0)
    await made.board.stop()
