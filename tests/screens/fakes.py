"""A Client with made-up snapshots: what the dashboard's tests hold it to."""

from __future__ import annotations

import concurrent.futures
import math
import os
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from anyclaude_tui.backends.base import BackendState, BackendStatus
from anyclaude_tui.backends.slots.source import decide
from anyclaude_tui.claude_code.launch import Launch
from anyclaude_tui.figures import Figure, estimated, reported
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.telemetry.events import Outcome, Phase, RequestRecord, Role, Truncation
from anyclaude_tui.telemetry.hub import Hub, Notice, Snapshot
from anyclaude_tui.telemetry.metrics import RequestView, view

if TYPE_CHECKING:
    from anyclaude_tui.session.session import Session

T = TypeVar("T")
WALL = 1_763_000_000.0
NOW = 10_000.0

FAST = BackendStatus(
    name="fast",
    kind="simulator",
    state=BackendState.READY,
    model="gpt-oss-20b",
    url="http://127.0.0.1:41811",
    window_tokens=131_072,
    slots=decide(said=1),
    simulated=True,
    supervised=True,
    pid=4711,
    cpu_percent=12.4,
    memory_bytes=1_840_000_000,
    memory_pressure=0.71,
    log_tail=("INFO: 127.0.0.1 POST /v1/chat/completions 200",),
)
QWEN = BackendStatus(
    name="qwen",
    kind="mlx_lm",
    state=BackendState.STOPPED,
    model="mlx-community/Qwen3-42B-A3B-Thinking-4bit",
    supervised=True,
)


def record(number: int = 1, **changes: Any) -> RequestRecord:
    """A request that has just been accepted, `changes` apart."""
    made = RequestRecord(
        id=f"req_{number:04d}", backend="fast", accepted_at=NOW, accepted_wall=WALL
    )
    made.model, made.kind, made.simulated = "gpt-oss-20b", "simulator", True
    made.window_tokens = 131_072
    for name, value in changes.items():
        setattr(made.attempt if hasattr(made.attempt, name) else made, name, value)
    return made


def prefilling(done: int = 12_288, total: int = 18_490) -> RequestRecord:
    """A main request in its prefill, 12 s old."""
    return record(
        1,
        accepted_at=NOW - 12.4,
        accepted_wall=WALL - 12.4,
        phase=Phase.PREFILL,
        sent_at=NOW - 12.4,
        prefill_at=NOW - 11.2,
        prefill_done_tokens=done,
        prefill_total_tokens=total,
        prompt_tokens=estimated(18_490),
        cached_tokens=estimated(0),
        keepalives=1,
    )


def decoding() -> RequestRecord:
    """A main request whose reply streams."""
    made = prefilling(18_490, 18_490)
    made.phase, attempt = Phase.DECODE, made.attempt
    attempt.first_delta_at, attempt.last_delta_at = NOW - 4.0, NOW - 0.01
    attempt.deltas, attempt.chunks, attempt.thinking_deltas = 152, 153, 40
    return made


def ended(number: int, **changes: Any) -> RequestRecord:
    """A complete request, `number` × 20 s ago."""
    start = NOW - number * 20
    made = record(
        number,
        accepted_at=start,
        accepted_wall=WALL - number * 20,
        phase=Phase.ENDED,
        sent_at=start + 0.002,
        prefill_at=start + 0.1,
        first_delta_at=start + 1.0 + number % 5,
        last_delta_at=start + 9.0 + number % 3,
        ended_at=start + 9.1 + number % 3,
        prompt_tokens=reported(18_490 + 310 * number),
        cached_tokens=reported(17_200),
        output_tokens=reported(280 + 13 * number),
        deltas=280,
        chunks=282,
        outcome=Outcome.COMPLETE,
        stop_reason="tool_use" if number % 3 else "end_turn",
        status=200,
        why="prefill: 18,490 tokens, 0 reused: the prompt changed at system block 2, "
        "2.1 kB in (git status)",
    )
    for name, value in changes.items():
        setattr(made.attempt if hasattr(made.attempt, name) else made, name, value)
    return made


HISTORY = (
    *(ended(n) for n in range(1, 4)),
    ended(4, outcome=Outcome.LIMIT, truncation=Truncation.CUT, stop_reason="max_tokens"),
    ended(
        5,
        outcome=Outcome.ERROR,
        status=500,
        first_delta_at=None,
        last_delta_at=None,
        output_tokens=Figure(None, reported(None).source),
        reason="the backend died",
    ),
    ended(6, outcome=Outcome.CANCELLED, stop_reason=None),
    ended(7, role=Role.SUBAGENT, rescued_calls=1, keepalives=2),
    *(ended(n) for n in range(8, 30)),
)


def snapshot(
    *records: RequestRecord,
    history: tuple[RequestRecord, ...] = HISTORY,
    **changes: Any,
) -> Snapshot:
    """A snapshot with `records` in flight and `history` (newest first) behind it."""
    hub = Hub(clock=lambda: NOW)
    for past in reversed(history):
        hub.begin(past)
        hub.end(past)
    for running in records:
        hub.begin(running)
    made = hub.snapshot(proxy_url="http://127.0.0.1:41810", active="fast", backends=(FAST, QWEN))
    rates = tuple(max(0.0, 30 + 12 * math.sin(n / 5)) for n in range(90)) if history else ()
    return replace(made, **{"wall": WALL, "rates": rates, **changes})


def seen(made: RequestRecord) -> RequestView:
    """The record as screens see it."""
    return view(made, NOW)


def done(value: T) -> concurrent.futures.Future[T]:
    """A future that has its result."""
    future: concurrent.futures.Future[T] = concurrent.futures.Future()
    future.set_result(value)
    return future


class FakeClient(SessionClient):
    """Answers at once, and writes down what it was asked."""

    def __init__(self, home: Path, shown: Snapshot, script: str = "cat") -> None:
        self.folder = home
        self.shown = shown
        self.script = script
        self.note = ""
        self.asked: list[str] = []
        self.refusal: Exception | None = None

    @property
    def home(self) -> Path:
        return self.folder

    @property
    def snapshot(self) -> Snapshot:
        return self.shown

    def switch(self, name: str) -> concurrent.futures.Future[None]:
        return self._answer(f"switch {name}", None)

    def restart_backend(self) -> concurrent.futures.Future[None]:
        return self._answer("restart", None)

    def claude(self, mode: str) -> concurrent.futures.Future[Any]:
        env = {"PATH": os.environ["PATH"], "TERM": "tmux-256color", "TMUX": "/tmp/tmux,1,0"}
        settings = (("ANTHROPIC_BASE_URL", "http://127.0.0.1:41810"), ("TOKEN", "a b"))
        argv = ("/bin/sh", "-c", self.script)
        return self._answer(
            f"claude {mode}", Launch(argv, env, str(self.home), self.note, settings)
        )

    def call(
        self, work: Callable[[Session], Coroutine[Any, Any, T]]
    ) -> concurrent.futures.Future[T]:
        raise AssertionError("the dashboard needs no other call")

    def _answer(self, words: str, value: T) -> concurrent.futures.Future[T]:
        self.asked.append(words)
        if self.refusal is None:
            return done(value)
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        future.set_exception(self.refusal)
        return future


def notice(level: str, words: str) -> Notice:
    """A fresh notice."""
    return Notice(WALL - 1, level, words)
