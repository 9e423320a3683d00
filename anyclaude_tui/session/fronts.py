"""The beginnings of conversations, kept so that the next one can be read before it is asked.

An observer of the proxy. In memory the last main request of this session; on disk, in
`state/fronts/`, what a conversation of each folder and kind of client begins with: the request
without the user's own words. Files 0600, names hashes, the newest kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from anyclaude_tui import private
from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.prefix.billing import strip_billing, version_in
from anyclaude_tui.proxy.request.stable_front import folder_of_body, front_of, has_anchors
from anyclaude_tui.telemetry.events import RequestRecord, Role

FOLDER = "state/fronts"
KEPT = 40
MAX_AGE_S = 30 * 86_400
AGENT = "agent"
INTERACTIVE, PRINTED = "interactive", "printed"
"""Kinds of client, which begin with other words: Claude Code in a terminal, and with `-p`."""
_CLI = "official CLI"


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """The common beginning of a folder's conversations."""

    folder: str
    kind: str
    share: float
    """Its part of the first request that it was taken from, 0 to 1."""
    body: dict[str, Any]


class Fronts:
    """Used on the session's loop."""

    def __init__(self, home: Path) -> None:
        self._place = home / FOLDER
        self.enabled = True
        self.afterwards: Callable[[Callable[[], None]], None] = lambda job: job()
        """Has a job done that no request waits for."""
        self.last: Mapping[str, Any] | None = None
        """The newest main request of this session, as the client sent it."""
        self._known: dict[str, str] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def sent(
        self,
        record: RequestRecord,
        body: Mapping[str, Any],
        upstream: bytes,
        endpoint: Endpoint,
        received: bytes = b"",
    ) -> None:
        """See Observer."""
        agent = record.role is Role.SUBAGENT
        if not (record.role is Role.MAIN or agent) or not record.session_id or endpoint.native:
            return
        if not agent and body.get("tools"):
            self.last = body
            if _is_first(body):
                record.client_version = version_in(body.get("system"))
                record.has_anchors = has_anchors(body.get("messages"))
        if self.enabled and _is_first(body):
            self.afterwards(lambda: self._keep(body, AGENT if agent else kind_of(body)))

    def ended(self, record: RequestRecord) -> None:
        """See Observer."""

    def _keep(self, body: Mapping[str, Any], kind: str) -> None:
        front = front_of(body)
        folder = folder_of_body(body)
        if not front["messages"] or not folder:
            return
        try:
            data = msgspec.json.encode(front)
            share = len(data) / max(1, len(msgspec.json.encode(body)))
            name = _name(folder, kind)
            made = Front(folder=folder, kind=kind, share=min(1.0, share), body=front)
            digest = hashlib.sha256(data).hexdigest()
        except (ValueError, OverflowError, TypeError):  # half a surrogate pair
            return
        if self._known.get(name) == digest:
            return
        self._known[name] = digest
        writing = asyncio.create_task(asyncio.to_thread(_write, self._place, name, made))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    async def settled(self) -> None:
        """Wait until the fronts that are being written are on disk."""
        if self._writing:
            await asyncio.wait(set(self._writing))

    async def newest(self, folder: str, kind: str = "") -> Front | None:
        """The front of a folder: of the kind, else the newest; None where there is none. Agents'
        only when they are asked for."""
        return await asyncio.to_thread(_read, self._place, folder, kind)


def kind_of(body: Mapping[str, Any]) -> str:
    """The kind of client: its prompt's first words name it."""
    system = strip_billing(body.get("system"))
    blocks = system if isinstance(system, list) else [system]
    head = str(blocks[:2])[:400]
    return INTERACTIVE if _CLI in head else PRINTED


def count(home: Path) -> int:
    """The number of fronts that are kept."""
    return len(list((home / FOLDER).glob("*.json")))


def clear(home: Path) -> int:
    """Remove what is kept; how many files that were. Raises OSError."""
    paths = list((home / FOLDER).glob("*.json"))
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


def _is_first(body: Mapping[str, Any]) -> bool:
    messages = body.get("messages")
    return isinstance(messages, list) and not any(
        isinstance(message, Mapping) and message.get("role") == "assistant" for message in messages
    )


def _name(folder: str, kind: str) -> str:
    return hashlib.sha256(f"{kind}\0{folder}".encode()).hexdigest()[:24]


def _write(place: Path, name: str, front: Front) -> None:
    with contextlib.suppress(OSError):
        private.write(place / f"{name}.json", msgspec.json.encode(front))
        now = time.time()
        found = sorted(place.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for number, path in enumerate(found):
            if number >= KEPT or now - path.stat().st_mtime > MAX_AGE_S:
                path.unlink(missing_ok=True)


def _read(place: Path, folder: str, kind: str) -> Front | None:
    found: list[tuple[bool, float, Front]] = []
    for path in place.glob("*.json"):
        try:
            front = msgspec.json.decode(path.read_bytes(), type=Front)
            changed = path.stat().st_mtime
        except (OSError, msgspec.MsgspecError):
            continue
        if front.folder == folder and (front.kind == AGENT) == (kind == AGENT):
            found.append((front.kind == kind, changed, front))
    return max(found, key=lambda one: one[:2])[2] if found else None
