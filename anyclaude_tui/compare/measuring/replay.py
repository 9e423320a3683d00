"""A recorded request sent again, to any backend: from the screen and from the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from anyclaude_tui.telemetry.events import RequestRecord
from anyclaude_tui.telemetry.metrics import RequestView

if TYPE_CHECKING:
    from anyclaude_tui.compare.measuring.targets import MeasuredTarget
    from anyclaude_tui.session.client import SessionClient
    from anyclaude_tui.session.session import Session

LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Replayed:
    """A request that was sent again."""

    view: RequestView
    record: RequestRecord
    """The proxy's own of it; the client's where the proxy has none."""
    text: str


def start_replay(
    client: SessionClient, body: bytes, backend: str, tell: Callable[[RequestView | None], None]
) -> Future[Replayed]:
    """Send a request to a backend again from a session that runs: the active backend serves it
    in this session, another is brought up beside it and stopped afterwards.

    `tell` is called on the session's loop. Raises as `replay`.
    """

    async def send(session: Session) -> Replayed:
        from anyclaude_tui.compare.measuring.targets import MeasuredTarget

        lent = session if backend == session.switchboard.active else None
        target = MeasuredTarget(backend, session.settings, session.home, lent)
        return await replay(target, msgspec.json.decode(body), tell)

    return client.call(send)


async def replay(
    target: MeasuredTarget,
    body: Mapping[str, Any],
    tell: Callable[[RequestView | None], None] = lambda view: None,
) -> Replayed:
    """Send a request (Anthropic's form) to a target, which is brought up for it and taken down.

    `tell` is called while it runs, with None while the backend comes up. Raises BackendError,
    ConfigError or OSError when the backend does not come up.
    """
    from anyclaude_tui.compare.measuring.run import Run
    from anyclaude_tui.compare.measuring.timed_run import through_proxy

    sent = {**body, "stream": True}
    tell(None)
    try:
        await target.bring_up()
        run, session = Run(target.name), target.session
        watch = asyncio.create_task(_watch(run.look, tell))
        try:
            taken = await through_proxy(
                run, target.http, session.url, session.token, session.hub, sent
            )
        finally:
            watch.cancel()
        return Replayed(taken.view, taken.record, taken.text)
    finally:
        await target.take_down()


async def _watch(look: Callable[[], RequestView], tell: Callable[[RequestView], None]) -> None:
    while True:
        tell(look())
        await asyncio.sleep(LOOK_S)
