"""The queue before a backend: order, places, and nobody forgotten."""

from __future__ import annotations

import asyncio

import pytest

from anyclaude_tui.proxy.admission import Gate, Moved
from anyclaude_tui.telemetry.events import Role


class Visitor:
    """A request that goes through the gate and stays until told to leave."""

    def __init__(self, gate: Gate, role: Role, log: list[str], name: str) -> None:
        self.places: list[int] = []
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self._visit(gate, role, log, name))

    async def _visit(self, gate: Gate, role: Role, log: list[str], name: str) -> None:
        async with gate.enter(role, self.places.append):
            log.append(name)
            await self.leave.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_main_goes_before_subagents_and_background() -> None:
    gate, log = Gate(1), list[str]()
    first = Visitor(gate, Role.BACKGROUND, log, "first")
    await settle()
    background = Visitor(gate, Role.BACKGROUND, log, "background")
    subagent = Visitor(gate, Role.SUBAGENT, log, "subagent")
    main = Visitor(gate, Role.MAIN, log, "main")
    await settle()
    assert (main.places[-1], subagent.places[-1], background.places[-1]) == (1, 2, 3)
    for visitor in (first, main, subagent, background):
        visitor.leave.set()
        await visitor.task
    assert log == ["first", "main", "subagent", "background"]
    assert gate.busy == 0


async def test_mains_prompt_is_read_alone_where_the_backend_batches() -> None:
    gate, log = Gate(3), list[str]()

    async def ask(role: Role, name: str, read: asyncio.Event) -> None:
        async with gate.enter(role, lambda place: None, alone=True) as place:
            log.append(name)
            await read.wait()
            place.read()
            log.append(f"{name} read")
            await done.wait()

    done, read, now = asyncio.Event(), asyncio.Event(), asyncio.Event()
    now.set()
    asking = [asyncio.create_task(ask(Role.MAIN, "main", read))]
    await settle()
    asking.append(asyncio.create_task(ask(Role.SUBAGENT, "subagent", now)))
    await settle()
    assert (log, gate.busy) == (["main"], 1)
    assert gate.ahead_of(Role.SUBAGENT) == "the main conversation's prefill, which goes alone"
    asking.append(asyncio.create_task(ask(Role.MAIN, "another", now)))  # another session's
    await settle()
    assert log == ["main", "another", "another read"]
    assert gate.ahead_of(Role.MAIN) == ""
    read.set()
    await settle()
    assert log[3:] == ["main read", "subagent", "subagent read"]
    assert gate.ahead_of(Role.MAIN) == "2 main requests and 1 subagent request"
    done.set()
    await asyncio.gather(*asking)
    assert gate.busy == 0


async def test_a_main_request_that_leaves_while_it_is_read_holds_nobody() -> None:
    gate, log = Gate(2), list[str]()
    async with gate.enter(Role.MAIN, lambda place: None, alone=True):
        waiting = Visitor(gate, Role.BACKGROUND, log, "background")
        await settle()
        assert not log
    await settle()
    assert log == ["background"]
    waiting.leave.set()
    await waiting.task


async def test_never_more_inside_than_slots_and_nobody_lost() -> None:
    gate, inside, most = Gate(3), 0, 0

    async def visit(number: int) -> None:
        nonlocal inside, most
        async with gate.enter(Role.MAIN, lambda place: None):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001 * (number % 3))
            inside -= 1

    visitors = [asyncio.create_task(visit(n)) for n in range(60)]
    for left in visitors[5::7]:
        left.cancel()
    results = await asyncio.gather(*visitors, return_exceptions=True)
    assert most == 3
    assert sum(isinstance(r, asyncio.CancelledError) for r in results) == len(visitors[5::7])
    assert gate.busy == 0
    await asyncio.wait_for(gate.drained(), 20)


async def test_one_who_leaves_as_the_slot_comes_gives_it_on() -> None:
    gate, log = Gate(1), list[str]()
    first = Visitor(gate, Role.MAIN, log, "first")
    await settle()
    second = Visitor(gate, Role.MAIN, log, "second")
    third = Visitor(gate, Role.MAIN, log, "third")
    await settle()
    first.leave.set()
    await first.task  # the slot has just been given to the second
    second.task.cancel()
    await asyncio.gather(second.task, return_exceptions=True)
    await settle()
    assert log[-1] == "third"
    third.leave.set()
    await third.task
    assert gate.busy == 0


async def test_closing_sends_those_in_line_away_and_lets_those_inside_end() -> None:
    gate, log = Gate(1), list[str]()
    inside = Visitor(gate, Role.MAIN, log, "inside")
    await settle()
    waiting = Visitor(gate, Role.MAIN, log, "waiting")
    await settle()
    gate.close()
    with pytest.raises(Moved):
        await waiting.task
    with pytest.raises(Moved):
        async with gate.enter(Role.MAIN, lambda place: None):
            pass
    assert gate.busy == 1
    inside.leave.set()
    await inside.task
    gate.open()
    async with gate.enter(Role.MAIN, lambda place: None):
        assert gate.busy == 1
