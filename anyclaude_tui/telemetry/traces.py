"""Traces: all of one request in one file, `traces/<backend>/trace-<time>-<id>.json`.

`.request.body` is the Anthropic request as received, `.request.upstream` what the backend
got, `.response` what the client got, `.timeline` when (docs/architecture.md, "Files"). Written on
the writer's thread, whole or not at all, without secrets.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import msgspec

from anyclaude_tui import private
from anyclaude_tui.config.settings import LogSettings
from anyclaude_tui.prefix.divergence import short_diff
from anyclaude_tui.redaction import OWN
from anyclaude_tui.telemetry.captures import Capture
from anyclaude_tui.telemetry.files import Writer, prune

FOLDER = "traces"
WAITING_MAX = 50
"""Traces that may wait for the disk; each holds a whole request in memory."""
_PRUNE_EVERY = 16
"""The folder is listed again after this many traces, or when it must be too large."""


class Traces:
    """The writer of trace files, whose bytes and days are bounded."""

    def __init__(self, folder: Path, settings: LogSettings, writer: Writer) -> None:
        self._folder = folder
        self._max_bytes = settings.max_mb * 1_000_000
        self._max_days = settings.max_days
        self._writer = writer
        self._room = BoundedSemaphore(WAITING_MAX)
        self._bytes = 0
        self._unlisted = _PRUNE_EVERY  # the first one looks at what is there

    def add(self, capture: Capture, summary: dict[str, Any]) -> None:
        """One request has ended; `summary` is its line in the journal. Returns at once."""
        if not self._room.acquire(blocking=False):
            self._writer.skip("traces")
        elif not self._writer.submit("traces", lambda: self._do(capture, summary)):
            self._room.release()

    def _do(self, capture: Capture, summary: dict[str, Any]) -> None:
        try:
            self._write(capture, summary)
        finally:
            self._room.release()

    def _write(self, capture: Capture, summary: dict[str, Any]) -> None:
        data = OWN.clean(trace(capture, summary))
        private.write(trace_path(self._folder, capture, summary["timestamp"]), data)
        self._bytes += len(data)
        self._unlisted += 1
        if self._unlisted > _PRUNE_EVERY or self._bytes > self._max_bytes:
            self._unlisted = 0
            found = self._folder.glob("*/trace-*.json")
            self._bytes = prune(found, self._max_bytes, self._max_days, time.time())


def trace_path(folder: Path, capture: Capture, at: str) -> Path:
    """The path of a request's trace; `at` is its timestamp."""
    stamp = at.replace(":", "-").replace(".", "-")
    return folder / folder_name(capture.backend) / f"trace-{stamp}-{capture.id}.json"


def folder_name(backend: str) -> str:
    """A backend's name may be `mlx_lm:/path/to/model`: what a folder can be called."""
    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in backend)
    return kept.strip("-.")[:80] or "backend"


def trace(capture: Capture, summary: dict[str, Any]) -> bytes:
    """The file's content, secrets not yet removed."""
    names = ("timestamp", "requestId", "provider", "kind", "model")
    return msgspec.json.encode(
        {
            **{name: summary[name] for name in names},
            "request": {
                "body": msgspec.Raw(capture.body),
                "upstream": msgspec.Raw(capture.upstream),
            },
            "response": {
                **{n: summary[n] for n in ("status", "outcome", "stopReason", "truncation")},
                "reason": summary["reason"],
                "message": message_of(capture.reply) if capture.reply else None,
                "events": capture.reply.decode(errors="replace"),
                "eventsCut": capture.reply_cut,
            },
            "prefix": _prefix(capture, summary),
            "timeline": [
                {"atMs": moment.at_ms, "event": moment.event, "detail": moment.detail}
                for moment in capture.timeline
            ],
            "summary": summary,
        }
    )


def _prefix(capture: Capture, summary: dict[str, Any]) -> dict[str, Any] | None:
    """The explainer's findings, with the change itself: the journal holds none of the prompt."""
    if capture.comparison is None:
        return None
    return {**(summary["prefix"] or {}), "diff": short_diff(capture.comparison)}


def message_of(events: bytes) -> dict[str, Any] | None:
    """The Anthropic message that a reply's events make up; None when there is nothing of one.

    Lenient: what is cut off or odd is left as far as it came. A reply that was begun before the
    backend answered (`commit_s`) has no start among the events that are kept.
    """
    message: dict[str, Any] | None = None
    blocks: dict[int, dict[str, Any]] = {}
    for event in _events(events):
        kind = event.get("type")
        if kind == "message_start" and isinstance(event.get("message"), dict):
            message = {**event["message"]}
        elif kind == "content_block_start" and isinstance(event.get("content_block"), dict):
            message = {"role": "assistant"} if message is None else message
            blocks[event.get("index", len(blocks))] = {**event["content_block"]}
        elif kind == "content_block_delta":
            _grow(blocks.get(event.get("index", -1)), event.get("delta"))
        elif kind == "message_delta" and message is not None:
            message.update({k: v for k, v in (event.get("delta") or {}).items() if v is not None})
            message["usage"] = {**(message.get("usage") or {}), **(event.get("usage") or {})}
        elif kind == "error" and message is not None:
            message["error"] = event.get("error")
    if message is not None:
        message["content"] = [_finished(block) for _, block in sorted(blocks.items())]
    return message


def _events(data: bytes) -> Iterator[dict[str, Any]]:
    for line in re.split(rb"\r?\n", data):
        if line.startswith(b"data:"):
            try:
                event = msgspec.json.decode(line[5:])
            except msgspec.DecodeError:
                continue
            if isinstance(event, dict):
                yield event


def _grow(block: dict[str, Any] | None, delta: Any) -> None:
    if block is None or not isinstance(delta, dict):
        return
    for member, name in (("text", "text"), ("thinking", "thinking"), ("partial_json", "input")):
        piece = delta.get(member)
        if isinstance(piece, str):
            so_far = block.get(name)
            block[name] = (so_far if isinstance(so_far, str) else "") + piece
    if "signature" in delta:
        block["signature"] = delta["signature"]


def _finished(block: dict[str, Any]) -> dict[str, Any]:
    if block.get("type") == "tool_use" and isinstance(block.get("input"), str):
        try:
            return {**block, "input": msgspec.json.decode(block["input"])}
        except msgspec.DecodeError:
            return block
    return block


def find(folder: Path, request_id: str) -> Path | None:
    """The trace of a request by its id or the start or end of it; the newest that fits."""
    found = [
        path
        for path in folder.glob("*/trace-*.json")
        if request_id and request_id in path.stem.rsplit("Z-", 1)[-1]
    ]
    return max(found, key=lambda path: path.name, default=None)
