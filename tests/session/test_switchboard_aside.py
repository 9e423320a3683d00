"""The active backend makes room for a while: requests wait, and it comes back whatever happens."""

from __future__ import annotations

import asyncio

import pytest

from anyclaude_tui.backends.base import BackendError, BackendState
from anyclaude_tui.session.switchboard import Switchboard
from anyclaude_tui.telemetry.events import Role
from anyclaude_tui.telemetry.hub import Hub
from tests.session.test_switchboard import Puppet


async def board() -> tuple[Switchboard, Puppet, Hub]:
    hub, puppet = Hub(), Puppet("a")
    made = Switchboard(lambda name: puppet, hub)
    await made.switch("a")
    return made, puppet, hub


async def test_requests_wait_until_it_is_back() -> None:
    switchboard, puppet, _ = await board()
    async with switchboard.aside("comparing"):
        assert puppet.state is BackendState.STOPPED
        assert "comparing: a makes room" in switchboard.switching
        asked = asyncio.create_task(switchboard.route(Role.MAIN))
        await asyncio.sleep(0.02)
        assert not asked.done()
    route = await asyncio.wait_for(asked, 20)
    assert route.backend is puppet
    assert puppet.status().state is BackendState.READY
    assert (puppet.starts, puppet.stops) == (2, 1)
    assert switchboard.switching == ""
    async with route.gate.enter(Role.MAIN, lambda place: None):
        pass


async def test_what_runs_ends_first() -> None:
    switchboard, puppet, _ = await board()
    route = await switchboard.route(Role.MAIN)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def request() -> None:
        async with route.gate.enter(Role.MAIN, lambda place: None):
            entered.set()
            await leave.wait()

    async def apart() -> None:
        async with switchboard.aside("comparing"):
            assert leave.is_set()

    running = asyncio.create_task(request())
    await entered.wait()
    waiting = asyncio.create_task(apart())
    await asyncio.sleep(0.02)
    assert puppet.state is BackendState.READY
    assert "waiting for what runs on a" in switchboard.switching
    leave.set()
    await asyncio.gather(running, waiting)


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
async def test_it_comes_back_after_a_failure(error: type[BaseException]) -> None:
    switchboard, puppet, _ = await board()
    with pytest.raises(error):
        async with switchboard.aside("comparing"):
            raise error
    assert puppet.state is BackendState.READY


async def test_one_that_does_not_come_back_is_told_and_asked_again_later() -> None:
    switchboard, puppet, hub = await board()
    async with switchboard.aside("comparing"):
        puppet.refuses = "no memory"
    notices = hub.snapshot(proxy_url="", active="a", backends=()).notices
    assert [notice.text for notice in notices if notice.level == "error"] == ["a: no memory"]
    with pytest.raises(BackendError, match="no memory"):
        await switchboard.route(Role.MAIN)


async def test_the_end_of_the_session_does_not_bring_it_back() -> None:
    switchboard, puppet, _ = await board()
    async with switchboard.aside("comparing"):
        await switchboard.stop()
    assert puppet.state is BackendState.STOPPED
    assert puppet.starts == 1
