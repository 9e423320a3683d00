"""Prompts as the model reads them, compared: for templates that render earlier turns anew.

Only where the endpoint says that messages do not tell (`Endpoint.rendering`). It begins when a
request is on its way, one at a time, in a child process or by the server; a prompt that comes
meanwhile is told by its messages alone.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.templates.parting import Parting, parting
from anyclaude_tui.telemetry.events import RequestRecord

BODIES_KEPT = 8
BODY_BYTES = 4 * 2**20


class Renderings:
    """The last body of each conversation, and what its rendering shares with the next."""

    def __init__(self, found: Callable[[str, Parting], None]) -> None:
        """`found` is called on the loop with a request's id."""
        self._found = found
        self._last: OrderedDict[tuple[str, ...], bytes] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    def sent(
        self, record: RequestRecord, upstream: bytes, endpoint: Endpoint, *, grew: bool
    ) -> None:
        """Keep a body. `grew`: its messages go on from the earlier one, so that only the
        renderings tell whether anything was lost."""
        if endpoint.rendering is None:
            return
        key = (endpoint.url, record.session_id, record.agent_id, str(record.role))
        before = self._last.pop(key, None)
        if len(upstream) <= BODY_BYTES:
            self._last[key] = upstream
        while len(self._last) > BODIES_KEPT:
            self._last.popitem(last=False)
        if grew and before is not None and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._look(record.id, before, upstream, endpoint))

    async def stop(self) -> None:
        """End what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _look(self, request_id: str, before: bytes, now: bytes, endpoint: Endpoint) -> None:
        found = await parting(endpoint, before, now)
        if found is not None:
            self._found(request_id, found)
