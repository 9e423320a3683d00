"""Progress from a backend's side channel, asked for only while a request runs.

vllm-mlx tells prefill progress and cached tokens at `/v1/status` and nowhere else
(`docs/protocol/vllm-mlx.md`). With two requests at once it cannot be said whose they are: then
unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from anyclaude_tui.backends.base import Backend, Progress
from anyclaude_tui.figures import reported
from anyclaude_tui.proxy.clock import Clock
from anyclaude_tui.proxy.context import Route
from anyclaude_tui.proxy.deadlines import Timers
from anyclaude_tui.telemetry.events import Phase, RequestRecord

POLL_S = 1.0


@asynccontextmanager
async def polled(
    route: Route, record: RequestRecord, timers: Timers, clock: Clock
) -> AsyncIterator[None]:
    """While inside, what the route's backend tells goes into the record."""
    if type(route.backend).progress is Backend.progress:
        yield  # it has no side channel
        return
    polling = asyncio.create_task(_poll(route, record, timers, clock))
    try:
        yield
    finally:
        polling.cancel()
        await asyncio.wait([polling])


async def _poll(route: Route, record: RequestRecord, timers: Timers, clock: Clock) -> None:
    while True:
        await clock.sleep(POLL_S)
        with suppress(Exception):  # a side channel that fails is no fault of the request's
            progress = await route.backend.progress()
            if progress is not None and route.gate.busy == 1:
                note_progress(record, timers, progress, clock.now())


def note_progress(record: RequestRecord, timers: Timers, progress: Progress, now: float) -> None:
    """One answer of the side channel, at the clock's `now`."""
    attempt = record.attempt
    if progress.cached_tokens is not None:
        attempt.cached_tokens = reported(progress.cached_tokens)
    done = progress.prefill_done_tokens
    if done is None or attempt.first_delta_at is not None or done == attempt.prefill_done_tokens:
        return
    if attempt.prefill_at is None:
        attempt.prefill_at, attempt.prefill_first_tokens = now, done
    attempt.progress_at = timers.heard_at = now
    attempt.note_prefill(done, progress.prefill_total_tokens)
    record.phase = Phase.PREFILL
