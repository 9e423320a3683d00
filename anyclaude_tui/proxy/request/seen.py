"""Messages and tools that came before, known again by their bytes: read and judged once. Pure.

Claude Code sends its whole conversation with every request. What is the same byte for byte as
in an earlier one is the same object here, so that whoever reads it can keep what it made of it
(`history.py`). None of it is ever changed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from anyclaude_tui.proxy.wire.safe_json import MAX_DEPTH, is_harmless, json_bytes

PARTED = frozenset({"messages", "tools"})
"""The members of a request that are told apart item by item."""
SEEN_BYTES = 32 * 1024 * 1024
TOOLS_KEPT = 4
"""Lists of tools that are known as a whole: the main conversation's, and its subagents'."""
LISTS_KEPT = 32
"""Requests whose lists are known as such: more are seldom under way."""
_CHANGES = (b"tool_addition", b"tool_removal", b"tool_reference", b"compaction", b"\\u00")
"""In the bytes of all that changes the conversation (`conversation_changes.py`) or loads a tool;
the last one may hide a letter of those."""
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Part:
    """One message or tool."""

    value: Any
    size_bytes: int
    """As compact JSON; 0 where it is not harmless."""
    harmless: bool
    """See `is_harmless`."""
    plain: bool
    """It changes nothing about the conversation."""


@dataclass(frozen=True, slots=True)
class Parts:
    """All items of one list."""

    values: list[Any]
    size_bytes: int
    harmless: bool
    plain: bool


class Seen:
    """The parts of the last requests, by their bytes. `max_bytes`: as much of them is kept."""

    def __init__(self, max_bytes: int = SEEN_BYTES) -> None:
        self._max_bytes = max_bytes // 2
        self._young: dict[bytes, Part] = {}
        self._old: dict[bytes, Part] = {}
        """The parts that were not seen since the young ones were that many."""
        self._young_bytes = 0
        self._lists: OrderedDict[int, Parts] = OrderedDict()
        self._tools: list[tuple[bytes, Parts]] = []
        """The newest first."""

    def decode(self, raw: bytes) -> Any:
        """The JSON value that `raw` holds. Raises what `msgspec.json.decode` does."""
        try:
            members = _MEMBERS.decode(raw)
            return {name: self._member(name, bytes(value)) for name, value in members.items()}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return msgspec.json.decode(raw)  # it is no object, or this says what is wrong where

    def is_harmless(self, body: Mapping[str, Any]) -> bool:
        """The result of `safe_json.is_harmless` for a request; parts are looked at once."""
        rest = {}
        for name, value in body.items():
            parts = self.parts(value) if name in PARTED else None
            if parts is None:
                rest[name] = value
            elif not parts.harmless:
                return False
        return is_harmless(rest)

    def json_bytes(self, value: Any) -> int:
        """The result of `safe_json.json_bytes` for a harmless value."""
        parts = self.parts(value)
        return json_bytes(value) if parts is None else parts.size_bytes

    def is_plain(self, messages: Any) -> bool:
        """True if nothing in these messages changes the conversation; False if it is not known."""
        parts = self.parts(messages)
        return parts is not None and parts.plain

    def parts(self, value: Any) -> Parts | None:
        """The facts about a list that `decode` has made; None for any other value."""
        parts = self._lists.get(id(value))
        return parts if parts is not None and parts.values is value else None

    def _member(self, name: str, raw: bytes) -> Any:
        if name not in PARTED or not raw.startswith(b"["):
            return msgspec.json.decode(raw)
        if name == "tools":  # the same from turn to turn: compared, which takes no hashing
            for place, (known, found) in enumerate(self._tools):
                if known == raw:
                    self._tools.insert(0, self._tools.pop(place))
                    return self._noted(found)
        parts = [self._part(bytes(item)) for item in _ITEMS.decode(raw)]
        values = [part.value for part in parts]
        size = 1 + max(1, len(parts)) + sum(part.size_bytes for part in parts)
        harmless = all(part.harmless for part in parts)
        found = Parts(values, size, harmless, all(part.plain for part in parts))
        if name == "tools" and len(raw) < self._max_bytes // TOOLS_KEPT // 2:
            self._tools = [(raw, found), *self._tools[: TOOLS_KEPT - 1]]
        return self._noted(found)

    def _noted(self, found: Parts) -> list[Any]:
        self._lists[id(found.values)] = found
        self._lists.move_to_end(id(found.values))
        while len(self._lists) > LISTS_KEPT:
            self._lists.popitem(last=False)
        return found.values

    def _part(self, raw: bytes) -> Part:
        part = self._young.get(raw)
        if part is not None:
            return part
        part = self._old.get(raw) or _read(raw)
        self._young[raw] = part
        self._young_bytes += len(raw)
        if self._young_bytes > self._max_bytes:
            self._old, self._young, self._young_bytes = self._young, {}, 0
        return part


def _read(raw: bytes) -> Part:
    value = msgspec.json.decode(raw)
    harmless = is_harmless(value, MAX_DEPTH - 2)  # it stands in a list in the request
    plain = not any(word in raw for word in _CHANGES)
    return Part(value, json_bytes(value) if harmless else 0, harmless, plain)
