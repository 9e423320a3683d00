"""The questions that the screen about one request asks the session for, and sends through it again.

The session's part runs on its loop and only picks up references; what takes time (JSON,
secrets out) runs in threads. A screen sees what a trace file would hold, secrets removed;
the bytes that are sent again are the original ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from anyclaude_tui.backends.base import BackendError, Endpoint
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.prefix.counted import CountedPrompt
from anyclaude_tui.prefix.divergence import Comparison
from anyclaude_tui.prefix.segments import Prompt, prompt_of
from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.redaction import OWN
from anyclaude_tui.session.tool_sizes import ToolSize, tool_sizes
from anyclaude_tui.telemetry import journal, traces
from anyclaude_tui.telemetry.events import Role
from anyclaude_tui.telemetry.metrics import view
from anyclaude_tui.telemetry.timeline import timeline

if TYPE_CHECKING:
    from anyclaude_tui.session.session import Session


@dataclass(frozen=True, slots=True)
class Material:
    """All that is kept of one request."""

    trace: dict[str, Any]
    """As a trace file holds it."""
    comparison: Comparison | None
    prompt: Prompt | None
    """The pieces of its prompt; None when they cannot be told."""
    body: bytes
    """The request as the client sent it, as JSON: to send it again."""
    path: Path | None
    """The trace file, where it comes from one."""
    tools: tuple[ToolSize, ...] = ()
    """The tools of the client's; empty where they cannot be told."""


async def material(session: Session, request_id: str) -> Material | None:
    """The material kept of a request: in memory (the last ones), else in a trace file. None:
    nothing is.

    Runs on the session's loop.
    """
    observers = session.observers
    comparison = observers.explainer.comparison(request_id)
    capture = observers.captures.get(request_id)
    record = observers.captures.record(request_id)
    if capture is None or record is None:
        return await asyncio.to_thread(_from_file, session.home, request_id, comparison)
    endpoint = _endpoint(session, record.backend)
    tokenizer_dir = endpoint.tokenizer_dir if endpoint else None
    line = journal.entry(record, view(record, session.hub.clock()), comparison)

    def make() -> Material:
        data = OWN.clean(traces.trace(capture, line))
        prompt, tools = _parts(capture.upstream, capture.body, line, tokenizer_dir)
        trace = msgspec.json.decode(data)
        return Material(trace, comparison, prompt, capture.body, None, tools)

    return await asyncio.to_thread(make)


async def exact_tokens(session: Session, request_id: str) -> CountedPrompt | None:
    """The tokens of its prompt's pieces, where they can be told to the token. May take a second
    or two. Runs on the session's loop."""
    observers = session.observers
    capture = observers.captures.get(request_id)
    record = observers.captures.record(request_id)
    endpoint = _endpoint(session, record.backend) if record else None
    if capture is None or record is None or endpoint is None:
        return None
    return await session.exact_tokens.counted(record, capture, endpoint)


async def moments(session: Session, request_id: str) -> list[dict[str, Any]]:
    """The events so far of a request that runs, as its trace will hold them. Cheap."""
    record = session.hub.in_flight.get(request_id)
    found = timeline(record) if record is not None else ()
    return [{"atMs": one.at_ms, "event": one.event, "detail": one.detail} for one in found]


async def last_turn(session: Session) -> dict[str, Any] | None:
    """The body of the newest of Claude Code's main requests that is kept: a dict, as it came."""
    for one in session.snapshot().recent:
        if one.role is not Role.MAIN or not one.session_id:  # our own runs have no session
            continue
        capture = session.observers.captures.get(one.id)
        if capture is not None:
            body = await asyncio.to_thread(msgspec.json.decode, capture.body)
            return body if isinstance(body, dict) else None
    return None


def _from_file(home: Path, request_id: str, comparison: Comparison | None) -> Material | None:
    path = traces.find(home / traces.FOLDER, request_id)
    if path is None:
        return None
    try:
        trace = msgspec.json.decode(path.read_bytes())
        request = trace["request"]
        body = msgspec.json.encode(request["body"])
        sent = msgspec.json.encode(request["upstream"])
        prompt, tools = _parts(sent, body, trace.get("summary") or {}, None)
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return None
    return Material(trace, comparison, prompt, body, path, tools)


def _endpoint(session: Session, backend: str) -> Endpoint | None:
    """Of the model that a backend serves now."""
    try:
        return session.switchboard.backend(backend).endpoint
    except (BackendError, ConfigError):
        return None


def _parts(
    upstream: bytes, body: bytes, line: Mapping[str, Any], tokenizer_dir: str | None
) -> tuple[Prompt | None, tuple[ToolSize, ...]]:
    """The pieces of a prompt, and its tools; `line` is the journal's. Blocks."""
    try:
        sent, given = msgspec.json.decode(upstream), msgspec.json.decode(body)
        prompt = prompt_of(sent, given)
        left = line.get("leftOutTools") or ()
        return prompt, tool_sizes(sent, given, left, tokenizer_dir)
    except (msgspec.DecodeError, AttributeError, TypeError, ValueError, ApiError):
        return None, ()
