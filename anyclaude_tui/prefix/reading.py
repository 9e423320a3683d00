"""Prompts of one request after the other: a message that one before had is not read again."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from anyclaude_tui.prefix.segments import Prompt, Segment, message_segment, prompt_of, tool_segments

PROMPTS_KEPT = 12
TOOLS_KEPT = 8
KEPT_BYTES = 16 * 1024 * 1024
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


_Tools = tuple[bytes, Any, tuple[Segment, ...]]
"""A list of tools as JSON, as decoded, and as segments."""


@dataclass(slots=True)
class _Read:
    """The messages of a prompt, as bytes and as what they became."""

    start: int
    """Those before it stand elsewhere in the prompt."""
    raws: list[bytes] = field(default_factory=list)
    segments: list[Segment | None] = field(default_factory=list)
    """None of what is no message."""
    calls: list[Mapping[str, str]] = field(default_factory=list)
    """The words of each of them about its calls."""
    size_bytes: int = 0


class PromptReader:
    """`prompt()` is `segments.prompt_of` of a request's bytes. Used on one loop."""

    def __init__(self) -> None:
        self._known: list[_Read] = []
        self._tools: list[_Tools] = []
        """The lists of tools of earlier requests, the newest first."""

    def prompt(self, upstream: bytes, body: Mapping[str, Any]) -> Prompt:
        """The prompt of a request that goes upstream as these bytes. Raises
        msgspec.DecodeError."""
        members = _MEMBERS.decode(upstream)
        listed = members.pop("messages", None)
        tools = self._of_tools(bytes(members.pop("tools", b"null")))
        request = {name: msgspec.json.decode(raw) for name, raw in members.items()}
        if listed is None or not bytes(listed).startswith(b"["):
            return prompt_of(msgspec.json.decode(upstream), body)
        raws = [bytes(raw) for raw in _ITEMS.decode(listed)]
        request["messages"] = [msgspec.json.decode(raw) for raw in raws[:1]]
        request["tools"] = tools[1]
        return prompt_of(request, body, lambda start: self._segments(raws, start), tools[2])

    def _of_tools(self, raw: bytes) -> _Tools:
        """The same from turn to turn: they are compared, which takes no hashing."""
        for place, known in enumerate(self._tools):
            if known[0] == raw:
                self._tools.insert(0, self._tools.pop(place))
                return known
        tools = msgspec.json.decode(raw)
        found = raw, tools, tuple(tool_segments(tools))
        self._tools = [found, *self._tools[: TOOLS_KEPT - 1]]
        return found

    def _segments(self, raws: list[bytes], start: int) -> list[Segment]:
        shared, known = 0, _Read(start)
        for one in self._known:
            count = _shared(one.raws, raws) if one.start == start else 0
            if count > shared:
                shared, known = count, one
        made = _Read(start, raws, known.segments[:shared], known.calls[:shared])
        calls: dict[str, str] = {}
        for told in made.calls:
            calls |= told
        for number in range(shared, len(raws)):
            message, new = msgspec.json.decode(raws[number]), dict[str, str]()
            is_one = number >= start and isinstance(message, Mapping)
            both = ChainMap(new, calls)
            made.segments.append(message_segment(number, message, both) if is_one else None)
            made.calls.append(new)
            calls |= new
        made.size_bytes = sum(map(len, raws))
        self._keep(made, known if 2 * shared >= len(known.raws) else None)
        return [segment for segment in made.segments if segment is not None]

    def _keep(self, made: _Read, instead: _Read | None) -> None:
        self._known = [one for one in self._known if one is not instead]
        self._known.append(made)
        size = sum(one.size_bytes for one in self._known)
        while self._known and (size > KEPT_BYTES or len(self._known) > PROMPTS_KEPT):
            size -= self._known.pop(0).size_bytes


def _shared(before: list[bytes], now: list[bytes]) -> int:
    for number, (old, new) in enumerate(zip(before, now, strict=False)):
        if old != new:
            return number
    return min(len(before), len(now))
