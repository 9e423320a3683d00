"""When the memory of large requests is given back: afterwards, and while nobody waits."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref

from anyclaude_tui.session import idle_memory
from anyclaude_tui.session.idle_memory import LARGE_BYTES, IdleMemory
from anyclaude_tui.telemetry.events import Outcome, RequestRecord
from anyclaude_tui.telemetry.hub import Hub
from tests.support.waiting import until


def record(request_id: str, size_bytes: int) -> RequestRecord:
    return RequestRecord(
        id=request_id,
        backend="b",
        accepted_at=time.monotonic(),
        accepted_wall=time.time(),
        prompt_bytes=size_bytes,
        outcome=Outcome.COMPLETE,
    )


async def test_it_is_given_back_when_the_last_request_has_ended() -> None:
    given: list[int] = []
    hub = Hub()
    memory = IdleMemory(hub, 0.01, lambda: given.append(len(hub.in_flight)))
    large, other = record("large", LARGE_BYTES), record("other", 10)
    hub.begin(large)
    hub.begin(other)
    hub.end(large)
    await asyncio.sleep(0.05)
    assert given == []
    hub.end(other)
    await until(lambda: given == [0])
    memory.stop()


async def test_small_requests_leave_nothing_to_give_back() -> None:
    given: list[int] = []
    hub = Hub()
    memory = IdleMemory(hub, 0.0, lambda: given.append(1))
    small, large = record("small", LARGE_BYTES - 1), record("large", LARGE_BYTES)
    hub.begin(small)
    hub.end(small)
    await asyncio.sleep(0.02)
    assert given == []
    hub.begin(large)
    hub.end(large)
    memory.stop()
    await asyncio.sleep(0.02)
    assert given == []


def test_what_stands_in_a_cycle_is_given_back_too() -> None:
    class Node:
        me: Node

    node = Node()
    node.me = node
    gone = weakref.ref(node)
    gc.disable()
    try:
        del node
        idle_memory._given_back()
    finally:
        gc.enable()
    assert gone() is None
