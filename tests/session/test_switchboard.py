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
from anyclaude_tui.backends.slots.source import decide
from anyclaude_tui.session.switchboard import Switchboard
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
        return Endpoint(f"http://{self.name}", self.name, slots=decide(said=self._slots))


class Board:
    def __init__(self) -> None:
        self.puppets = {name: Puppet(name) for name in "abc"}
        self.hub = Hub()
        self.board = Switchboard(self.puppets.__getitem__, self.hub)

    async def go_through(self, log: list[str], leave: asyncio.Event) -> None:
        route = await self.board.route(Role.MAIN)
        async with route.gate.enter(Role.MAIN, lambda place: None):
            log.append(route.backend.name)
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
        await made.board.route(Role.MAIN)


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
    routes = await asyncio.gather(*(made.board.route(Role.BACKGROUND) for _ in range(3)))
    assert {route.backend.name for route in routes} == {"b"}
    assert (await made.board.route(Role.MAIN)).backend.name == "a"
    assert made.puppets["b"].starts == 1
    await made.board.switch("c")
    await settle()
    assert (await made.board.route(Role.BACKGROUND)).backend.name == "b"
    await made.board.stop()


async def test_a_role_whose_backend_fails_goes_to_the_active_one(made: Board) -> None:
    made.board.roles = {Role.SUBAGENT: "b"}
    made.puppets["b"].refuses = "no memory"
    await made.board.switch("a")
    assert (await made.board.route(Role.SUBAGENT)).backend.name == "a"
    assert "no memory" in made.hub.notices[-1].text


async def test_a_kept_backend_is_not_stopped() -> None:
    made = Board()
    made.board = Switchboard(made.puppets.__getitem__, made.hub, keep=True)
    await made.board.switch("a")
    await made.board.switch("b")
    await made.board.switch("a")
    assert (made.puppets["a"].starts, made.puppets["a"].stops) == (1, 0)
    await made.board.stop()


async def test_a_role_may_be_given_a_backend_that_is_just_leaving(made: Board) -> None:
    """Its queue is closed: until it is gone the role's requests go to the active one."""
    await made.board.switch("a")
    log, leave = list[str](), asyncio.Event()
    running = asyncio.create_task(made.go_through(log, leave))
    await settle()
    await made.board.switch("b")
    made.board.roles = {Role.BACKGROUND: "a"}
    route = await made.board.route(Role.BACKGROUND)
    assert not route.gate.closed
    leave.set()
    await running
    await settle()
    assert made.puppets["a"].stops == 0  # it is wanted again
    assert (await made.board.route(Role.BACKGROUND)).backend.name == "a"
    assert not (await made.board.route(Role.BACKGROUND)).gate.closed


async def test_a_release_that_is_cancelled_leaves_the_backend_in_use(made: Board) -> None:
    made.board.keep = True
    await made.board.switch("a")
    log, leave = list[str](), asyncio.Event()
    running = asyncio.create_task(made.go_through(log, leave))
    await settle()
    await made.board.switch("b")
    release = asyncio.create_task(made.board.release("a"))
    await settle()
    release.cancel()
    with pytest.raises(asyncio.CancelledError):
        await release
    assert [status.name for status in made.board.statuses()] == ["b", "a"]
    leave.set()
    await running
    await made.board.release("a")
    assert made.puppets["a"].stops == 1


async def test_the_stop_reaches_a_backend_that_is_being_started_for_a_role(made: Board) -> None:
    made.board.roles = {Role.BACKGROUND: "b"}
    await made.board.switch("a")
    made.puppets["b"].may_start.clear()
    request = asyncio.create_task(made.board.route(Role.BACKGROUND))
    await settle()
    await made.board.stop()
    assert made.puppets["b"].stops == 1
    await asyncio.gather(request, return_exceptions=True)


async def test_nothing_is_started_after_the_stop(made: Board) -> None:
    """Two switches at once: the second one waits for the first, which the stop ends."""
    await made.board.switch("a")
    made.puppets["b"].may_start.clear()
    switches = [asyncio.create_task(made.board.switch(name)) for name in "bc"]
    await settle()
    await made.board.stop()
    made.puppets["b"].refuses = "it was stopped"
    made.puppets["b"].may_start.set()
    results = await asyncio.gather(*switches, return_exceptions=True)
    assert [type(result) for result in results] == [BackendError, BackendError]
    assert made.puppets["c"].starts == 0
    with pytest.raises(BackendError):
        await made.board.route(Role.MAIN)
    assert made.puppets["a"].starts == 1


async def test_two_switches_at_once_happen_one_after_the_other(made: Board) -> None:
    await made.board.switch("a")
    made.puppets["b"].may_start.clear()
    switches = [asyncio.create_task(made.board.switch(name)) for name in "bc"]
    await settle()
    assert made.puppets["c"].state is BackendState.STOPPED
    made.puppets["b"].may_start.set()
    await asyncio.gather(*switches)
    await settle()
    assert made.board.active == "c"
    assert [p.state for p in made.puppets.values()].count(BackendState.READY) == 1


async def test_a_server_that_is_not_ours_is_asked_again_after_it_had_failed(made: Board) -> None:
    """Its owner may have started it again; nobody tells us."""
    await made.board.switch("a")
    made.puppets["a"].state = BackendState.FAILED
    made.puppets["a"].refuses = "not reachable"
    with pytest.raises(BackendError, match="not reachable"):
        await made.board.route(Role.MAIN)
    made.puppets["a"].refuses = ""
    assert (await made.board.route(Role.MAIN)).backend.name == "a"


async def test_a_restart_that_is_cancelled_in_the_middle_is_made_good(made: Board) -> None:
    await made.board.switch("a")
    made.puppets["a"].may_start.clear()
    restart = asyncio.create_task(made.board.restart())
    await settle()
    restart.cancel()
    await asyncio.gather(restart, return_exceptions=True)
    made.puppets["a"].state = BackendState.STOPPED
    made.puppets["a"].may_start.set()
    assert (await made.board.route(Role.MAIN)).backend.status().state is BackendState.READY


async def test_a_backend_that_came_up_late_has_all_its_slots(made: Board) -> None:
    made.puppets["a"].refuses = "not yet"
    with pytest.raises(BackendError):
        await made.board.switch("a")
    made.puppets["a"].refuses = ""
    log, leave = list[str](), asyncio.Event()
    running = [asyncio.create_task(made.go_through(log, leave)) for _ in range(2)]
    await settle()
    assert log == ["a", "a"]
    leave.set()
    await asyncio.gather(*running)


async def test_a_start_that_breaks_in_another_way_leaves_nothing_running(made: Board) -> None:
    await made.board.switch("a")

    async def start() -> None:
        raise OSError(28, "No space left on device")

    made.puppets["b"].start = start  # type: ignore[method-assign]
    with pytest.raises(OSError, match="No space left"):
        await made.board.switch("b")
    assert made.puppets["b"].stops == 1
    assert "No space left" in made.hub.notices[-1].text
    assert [(s.name, s.state) for s in made.board.statuses()] == [
        ("a", BackendState.READY),
        ("b", BackendState.FAILED),
    ]


async def test_a_request_that_recovers_while_its_backend_is_switched_away_goes_on(
    made: Board,
) -> None:
    """The old one is stopped under it; what counts is that the new one serves."""
    await made.board.switch("a")
    route = await made.board.route(Role.MAIN)
    made.puppets["a"].state = BackendState.STARTING
    made.puppets["a"].may_start.clear()
    recovering = asyncio.create_task(made.board.recover(Role.MAIN, route))
    await settle()
    await made.board.switch("b")
    made.puppets["a"].refuses = "it was stopped"
    made.puppets["a"].may_start.set()
    await recovering
    assert (await made.board.route(Role.MAIN)).backend.name == "b"
    starts = made.puppets["a"].starts
    await made.board.recover(Role.MAIN, route)  # it is not brought back for nobody
    assert made.puppets["a"].starts == starts


async def test_a_request_that_recovers_does_not_start_what_makes_room(made: Board) -> None:
    await made.board.switch("a")
    route = await made.board.route(Role.MAIN)
    async with made.board.aside("measuring"):
        await made.board.recover(Role.MAIN, route)
        assert made.puppets["a"].state is BackendState.STOPPED
    assert (await made.board.route(Role.MAIN)).backend.name == "a"
