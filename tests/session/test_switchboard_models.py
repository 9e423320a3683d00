"""Changes inside a backend, and what is seen of those that come and fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from anyclaude_tui.backends.base import BackendError, BackendState
from anyclaude_tui.session.switchboard import Switchboard
from anyclaude_tui.telemetry.events import Role
from anyclaude_tui.telemetry.hub import Hub
from tests.session.test_switchboard import Puppet, settle


class Modelled(Puppet):
    """A puppet with models: `loads` says what was asked of it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.loads: list[str] = []
        self.refuses_load = ""

    async def load_model(self, model: str, context_tokens: int | None = None) -> None:
        self.loads.append(f"{model} {context_tokens}")
        self.state = BackendState.STOPPED
        if self.refuses_load:
            raise BackendError(self.refuses_load)
        await self.start()

    async def unload_model(self, model: str) -> None:
        self.loads.append(f"-{model}")
        self.state = BackendState.STOPPED

    async def remedy(self) -> None:
        self.loads.append("remedy")
        self._slots = 5


class Board:
    def __init__(self, *, keep: bool = False) -> None:
        self.puppets = {name: Modelled(name) for name in "abc"}
        self.hub = Hub()
        self.board = Switchboard(self.puppets.__getitem__, self.hub, keep=keep)

    def running(self, leave: asyncio.Event) -> asyncio.Task[str]:
        """A request that stays until it may leave; its result is who served it."""

        async def go() -> str:
            route = await self.board.route(Role.MAIN)
            async with route.gate.enter(Role.MAIN, lambda place: None):
                await leave.wait()
            return route.backend.name

        return asyncio.create_task(go())

    def states(self) -> dict[str, BackendState]:
        return {status.name: status.state for status in self.board.statuses()}


@pytest.fixture
async def made() -> AsyncIterator[Board]:
    made = Board()
    await made.board.switch("a")
    yield made
    await made.board.stop()


async def test_another_model_waits_for_those_in_flight_and_holds_the_others(made: Board) -> None:
    leave = asyncio.Event()
    first = made.running(leave)
    await settle()
    load = asyncio.create_task(made.board.load_model("a", "large", 65_536))
    await settle()
    assert made.board.switching == "loading large: waiting for 1 running"
    after = made.running(leave)
    await settle()
    assert not made.puppets["a"].loads
    leave.set()
    await asyncio.gather(first, load, after)
    assert made.puppets["a"].loads == ["large 65536"]
    assert made.board.switching == ""


async def test_a_model_that_cannot_be_loaded_brings_the_old_one_back(made: Board) -> None:
    made.puppets["a"].refuses_load = "not enough memory"
    with pytest.raises(BackendError, match="not enough memory"):
        await made.board.load_model("a", "huge")
    assert made.states() == {"a": BackendState.READY}
    assert "not enough memory" in made.hub.notices[-1].text


async def test_a_model_of_another_backend_is_a_switch_to_it(made: Board) -> None:
    await made.board.load_model("b", "large")
    assert made.board.active == "b"
    assert made.puppets["b"].loads == ["large None"]
    await settle()
    assert made.puppets["a"].stops == 1


async def test_a_remedy_may_change_the_number_of_slots(made: Board) -> None:
    await made.board.remedy()
    leave = asyncio.Event()
    requests = [made.running(leave) for _ in range(5)]
    await settle()
    assert made.board.peek(Role.MAIN).gate.busy == 5
    leave.set()
    await asyncio.gather(*requests)


async def test_unloading_on_any_backend(made: Board) -> None:
    await made.board.unload_model("b", "small")
    assert made.puppets["b"].loads == ["-small"]
    assert made.states() == {"a": BackendState.READY}
    await made.board.unload_model("a", "large")
    assert made.states() == {"a": BackendState.STOPPED}
    await made.board.route(Role.MAIN)  # a server of somebody else's is asked again
    assert made.states() == {"a": BackendState.READY}


async def test_a_kept_backend_can_be_stopped_but_not_the_active_one() -> None:
    made = Board(keep=True)
    await made.board.switch("a")
    await made.board.switch("b")
    with pytest.raises(BackendError, match="in use"):
        await made.board.release("b")
    await made.board.release("a")
    assert made.states() == {"b": BackendState.READY}
    with pytest.raises(BackendError, match="not running"):
        await made.board.release("a")
    await made.board.stop()


async def test_what_comes_up_is_seen_and_what_failed_stays_seen(made: Board) -> None:
    made.puppets["b"].may_start.clear()
    switch = asyncio.create_task(made.board.switch("b"))
    await settle()
    assert made.states() == {"a": BackendState.READY, "b": BackendState.STARTING}
    made.puppets["b"].refuses = "no such model"
    made.puppets["b"].may_start.set()
    with pytest.raises(BackendError):
        await switch
    assert made.states() == {"a": BackendState.READY, "b": BackendState.FAILED}
    assert made.board.statuses()[1].reason == "no such model"
    assert made.puppets["b"].stops == 1
    made.puppets["b"].refuses = ""
    await made.board.switch("b")
    assert made.states()["b"] is BackendState.READY


async def test_a_cancelled_switch_stops_what_it_has_started(made: Board) -> None:
    made.puppets["b"].may_start.clear()
    switch = asyncio.create_task(made.board.switch("b"))
    await settle()
    switch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await switch
    assert made.puppets["b"].stops == 1
    assert made.states() == {"a": BackendState.READY}
    leave = asyncio.Event()
    leave.set()
    assert await made.running(leave) == "a"


async def test_a_switch_back_waits_until_the_old_one_is_gone(made: Board) -> None:
    """Its port is free only then."""
    gone = asyncio.Event()
    puppet = made.puppets["a"]

    async def slow_stop() -> None:
        puppet.stops += 1
        puppet.state = BackendState.STOPPING
        await gone.wait()
        puppet.state = BackendState.STOPPED

    puppet.stop = slow_stop  # type: ignore[method-assign]
    await made.board.switch("b")
    await settle()
    assert made.board.switching == "stopping a"
    assert made.states() == {"b": BackendState.READY, "a": BackendState.STOPPING}
    back = asyncio.create_task(made.board.switch("a"))
    await settle()
    assert made.board.active == "b"
    gone.set()
    await back
    assert (made.board.active, puppet.starts) == ("a", 2)


async def test_the_end_of_the_session_stops_what_is_coming(made: Board) -> None:
    made.puppets["b"].may_start.clear()
    switch = asyncio.create_task(made.board.switch("b"))
    await settle()
    await made.board.stop()
    assert made.puppets["b"].stops >= 1
    switch.cancel()
    await asyncio.gather(switch, return_exceptions=True)
