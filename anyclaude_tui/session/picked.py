"""A backend that was chosen in Claude Code's own picker (`/model`): new requests go to it.

A choice shows as another model name in the main conversation's next request. Only the *change* of
that name counts: who has switched in the dashboard since Claude Code was told a name stays where
they switched to, though the requests still carry it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from anyclaude_tui.backends.base import BackendStatus
from anyclaude_tui.claude_code.launch import ASSUMED_WINDOW_TOKENS
from anyclaude_tui.claude_code.picker import Offer, Picker, SavedDefault, model_name, picker
from anyclaude_tui.claude_code.settings_files import user_settings
from anyclaude_tui.config import kinds
from anyclaude_tui.config.kinds import KINDS
from anyclaude_tui.telemetry.events import RequestRecord, Role

SESSIONS_KEPT = 200


def offers(statuses: Iterable[BackendStatus]) -> list[Offer]:
    """The backends for Claude Code's own picker."""
    return [
        Offer(
            status.name,
            status.model,
            KINDS[status.kind].title if status.kind in KINDS else "",
            claude=not status.model and kinds.client_names(status.kind),
        )
        for status in statuses
    ]


def assumed_window(name: str) -> str:
    """The notice about a backend that does not tell its context window."""
    return (
        f"{name} does not tell its context window: Claude Code is told {ASSUMED_WINDOW_TOKENS:,} "
        f"tokens, which is assumed; context_window in [backends.{name}] sets it"
    )


class Picked:
    """The backends offered in Claude Code's picker, and the choice. Used on the session's loop
    only."""

    def __init__(
        self,
        active: Callable[[], str],
        switch: Callable[[str], Awaitable[None]],
        note: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`active` tells the backend that requests go to; `switch` makes another one that, and
        raises nothing. `note`: our file about the default model in the user's settings."""
        self._active = active
        self._switch = switch
        self._saved = SavedDefault(user_settings(os.environ if env is None else env), note)
        self._picker = Picker()
        self._launched: str | None = None
        self._last: dict[str, str] = {}
        """Claude Code's session → the model that it asked for last."""
        self._switching: set[asyncio.Task[None]] = set()

    @property
    def setting(self) -> Mapping[str, Any]:
        """The setting `modelPicker` for the next start of Claude Code."""
        return self._picker.setting

    def models(self) -> Sequence[str]:
        """The names that are offered."""
        return tuple(self._picker.backends)

    def offer(self, offers: Sequence[Offer], launched: str | None) -> None:
        """These backends can be chosen from the next start on, which is told the model
        `launched`; None: one of its own choice."""
        self._picker = picker(offers)
        self._launched = None if launched is None else model_name(launched)
        self._saved.watch(self._picker.names)

    async def requested(self, record: RequestRecord) -> None:
        """Look at a request before it is routed: if another backend was chosen, the switch has
        begun when this returns, and the request waits for it."""
        if record.role is not Role.MAIN or not record.session_id:
            return
        wanted = record.requested_model
        before = self._last.pop(record.session_id, self._launched)
        self._last[record.session_id] = wanted
        while len(self._last) > SESSIONS_KEPT:
            del self._last[next(iter(self._last))]
        name = self._picker.backend_of(wanted)
        if before is None or before == wanted or name is None:
            return
        self._saved.put_back()
        if name != self._active():
            task = asyncio.ensure_future(self._switch(name))
            self._switching.add(task)
            task.add_done_callback(self._switching.discard)
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Nothing of ours stays in the user's settings."""
        for task in self._switching:
            task.cancel()
        await asyncio.gather(*self._switching, return_exceptions=True)
        await asyncio.to_thread(self._saved.end)
