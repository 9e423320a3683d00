"""A recorded request sent again, to any backend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from anyclaude_tui.telemetry.metrics import RequestView

if TYPE_CHECKING:
    from anyclaude_tui.session.session import Session


LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Replayed:
    """A request that was sent again."""

    view: RequestView
    text: str


async def replay(
    session: Session, body: bytes, backend: str, tell: Callable[[RequestView | None], None]
) -> Replayed:
    """Send a request to a backend again; the active one serves it in this session, another is
    brought up beside it and stopped afterwards.

    `tell` is called on the session's loop while it runs, with None while the backend comes
    up. Raises BackendError, ConfigError or OSError when the backend does not come up.
    """
    from anyclaude_tui.compare.measuring.run import Run
    from anyclaude_tui.compare.measuring.targets import Host
    from anyclaude_tui.compare.measuring.timed_run import through_proxy

    lent = session if backend == session.switchboard.active else None
    host = Host(backend, session.settings, session.home, lent)
    sent = {**msgspec.json.decode(body), "stream": True}
    tell(None)
    try:
        await host.bring_up()
        run = Run(backend)
        watch = asyncio.create_task(_watch(run.look, tell))
        try:
            taken = await through_proxy(
                run, host.http, host.session.url, host.session.token, host.session.hub, sent
            )
        finally:
            watch.cancel()
        return Replayed(taken.view, taken.text)
    finally:
        await host.take_down()


async def _watch(look: Callable[[], RequestView], tell: Callable[[RequestView], None]) -> None:
    while True:
        tell(look())
        await asyncio.sleep(LOOK_S)
