"""Progress from the side channel of a backend that has one."""

from __future__ import annotations

import asyncio

import pytest

from anyclaude_tui.backends.base import Progress
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.config.settings import Limits
from anyclaude_tui.figures import Source
from anyclaude_tui.proxy.admission import Gate
from anyclaude_tui.proxy.context import Route
from anyclaude_tui.proxy.deadlines import Timers
from anyclaude_tui.proxy.polling import polled
from anyclaude_tui.telemetry.events import Phase, RequestRecord
from tests.support.clock import FastClock
from tests.support.proxy import FixedBackend
from tests.support.waiting import until


class Telling(FixedBackend):
    """A backend whose side channel counts up."""

    def __init__(self) -> None:
        super().__init__("http://x", Dialect(), 4, None)
        self.asked = 0

    async def progress(self) -> Progress | None:
        self.asked += 1
        if self.asked == 2:
            raise OSError("the side channel is gone for a moment")
        return Progress(self.asked * 100, 1000, cached_tokens=50)


async def test_a_client_that_leaves_while_it_is_ended_has_left() -> None:
    """A question that takes its time to be given up swallows nobody else's cancellation."""
    asked, gate = asyncio.Event(), Gate(4)

    class Slow(Telling):
        async def progress(self) -> Progress | None:
            asked.set()
            try:
                await asyncio.sleep(10)
            finally:
                await asyncio.sleep(0.05)
            return None

    record = RequestRecord(id="r", backend="b", accepted_at=0.0, accepted_wall=0.0)
    clock = FastClock(200)

    async def request() -> None:
        route = Route(Slow(), gate)
        async with polled(route, record, Timers(Limits(), clock.now()), clock):
            await asked.wait()

    running = asyncio.create_task(request())
    await asked.wait()
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_it_is_asked_only_while_a_request_runs_and_only_for_the_only_one() -> None:
    backend, gate, clock = Telling(), Gate(4), FastClock(200)
    record = RequestRecord(id="r", backend="b", accepted_at=0.0, accepted_wall=0.0)
    timers = Timers(Limits(), clock.now())
    async with gate.enter(record.role, lambda place: None):
        async with polled(Route(backend, gate), record, timers, clock):
            await until(lambda: record.attempt.prefill_done_tokens == 300)
            assert (record.attempt.prefill_total_tokens, record.phase) == (1000, Phase.PREFILL)
            assert record.attempt.cached_tokens.source is Source.REPORTED
            async with gate.enter(record.role, lambda place: None):
                seen, asked = record.attempt.prefill_done_tokens, backend.asked
                await until(lambda: backend.asked > asked + 2)
                assert record.attempt.prefill_done_tokens == seen
        asked = backend.asked
        await asyncio.sleep(0.03)
        assert backend.asked == asked
