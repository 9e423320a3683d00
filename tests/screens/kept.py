"""A client to a session that remembers some requests: made-up facts, the real observers."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from anyclaude_tui.backends.base import Backend, BackendError, Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.config.settings import LogSettings, Settings
from anyclaude_tui.figures import reported
from anyclaude_tui.redaction import OWN
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.events import Outcome, RequestRecord
from anyclaude_tui.telemetry.hub import Hub
from anyclaude_tui.telemetry.observers import Observers
from tests.proxy.conversations import FILLER, body, changed, longer, upstream
from tests.screens import fakes

T = TypeVar("T")
ENDPOINT = Endpoint("http://127.0.0.1:1/v1/chat/completions", "gpt-oss-20b", Dialect())
TOKEN = "the-secret-of-this-session"
FIRST = body()
SECOND = changed(" M a.py\n", " M a.py\n M b.py\n", longer(3))
"""The turn in which the git status changed."""


def reply(words: str = "Done.\nAll tests pass.") -> bytes:
    """What the client got, as events."""
    events: list[tuple[str, dict[str, Any]]] = [
        ("message_start", {"message": {"id": "msg_1", "role": "assistant", "content": []}}),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": words}}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}),
        ("message_stop", {}),
    ]
    made = [
        f"event: {kind}\ndata: {msgspec.json.encode({'type': kind, **data}).decode()}\n\n"
        for kind, data in events
    ]
    return "".join(made).encode()


@dataclass
class Kept:
    """What `Session` is asked for here."""

    home: Path
    hub: Hub = field(default_factory=lambda: Hub(clock=lambda: fakes.NOW))

    def __post_init__(self) -> None:
        self.applied: list[Settings] = []
        logs = LogSettings(debug=0, requests=False)
        self.observers = Observers(logs, self.home, self.hub)
        OWN.add(TOKEN)
        self.switchboard = self

    async def apply(self, settings: Settings) -> None:
        """As the session's: remembered."""
        self.applied.append(settings)

    def backend(self, name: str) -> Backend:
        """As the switchboard's: none is up."""
        raise BackendError(f"{name} is not up")

    def add(self, made: RequestRecord, request: dict[str, Any], answer: bytes = b"") -> None:
        """A request with its body and reply; one that has ended leaves the flight."""
        made.prompt_bytes = len(msgspec.json.encode(request))
        made.message_count = len(request["messages"])
        made.tool_count = len(request["tools"])
        sent = msgspec.json.encode(upstream(request))
        self.hub.begin(made)
        self.observers.explainer.sent(made, request, sent, ENDPOINT)
        tap = self.observers.captures.sent(made, request, sent, ENDPOINT)
        if answer:
            tap(answer)
        if made.outcome is not None:
            self.observers.ended(made)
            self.hub.end(made)


class Client(fakes.FakeClient):
    """Runs what it is asked for on the test's loop."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(kept.home, fakes.snapshot())
        self.kept = kept
        self.again()

    def again(self) -> None:
        """Publish what the session knows now."""
        real = self.kept.hub.snapshot()
        self.shown = replace(
            fakes.snapshot(), in_flight=real.in_flight, recent=real.recent, totals=real.totals
        )

    def call(
        self, work: Callable[[Session], Coroutine[Any, Any, T]]
    ) -> concurrent.futures.Future[T]:
        loop = asyncio.get_running_loop()
        return asyncio.run_coroutine_threadsafe(work(cast(Session, self.kept)), loop)


def usual(home: Path) -> Kept:
    """Requests of each kind; the newest but one lost its prefix, the newest runs."""
    kept = Kept(home)
    for past in reversed(fakes.HISTORY[2:]):
        kept.hub.begin(past)
        kept.hub.end(past)
    first = fakes.ended(2, session_id="s", why="")
    kept.add(first, FIRST, reply("I read it."))
    second = fakes.ended(
        1,
        session_id="s",
        why="",
        cached_tokens=reported(11_460),
        thinking_deltas=40,
        first_text_at=fakes.NOW - 20 + 4.5,
        keepalives=1,
        system_bytes=len(FILLER),
        notices=["thinking budget of 31,999 tokens left out: gpt-oss-20b takes an effort"],
    )
    kept.add(second, SECOND, reply())
    assert second.outcome is Outcome.COMPLETE
    running = fakes.prefilling()
    running.id = "req_0000"
    kept.add(running, longer(4, SECOND))
    return kept
