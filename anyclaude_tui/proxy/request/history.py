"""Conversations translated before, turn by turn: the next request of one goes on from there.

A turn's translation depends on the messages up to its end, on the dialect, and on what the
memory of calls says of its calls; where all of these are as they were it is not made again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from anyclaude_tui.backends.dialect import Dialect

CONVERSATIONS_KEPT = 32
MESSAGES_KEPT = 50_000
"""Of all of them together; each is an object or two beside its text."""
_MADE_ANEW = 2
"""So many messages at the front are made anew for each request (`stable_front.py`)."""

Call = tuple[str, object, object]
"""A call's id and what the memory said of it."""


@dataclass(frozen=True, slots=True)
class How:
    """The inputs of a translation beside the messages."""

    system: str
    dialect: Dialect
    server: str
    loaded: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Mark:
    """The end of a turn."""

    messages: int
    """So many messages of the client's are translated."""
    out: int
    """So many stand upstream for them."""
    last: dict[str, Any] | None
    """The last of those as the next turn finds it: it may still grow."""
    notices: tuple[str, ...]
    calls: int
    """So many calls were looked up in the memory."""


@dataclass(slots=True)
class Translated:
    """One conversation as far as it was translated."""

    how: How
    messages: Sequence[Any]
    out: list[dict[str, Any]] = field(default_factory=list)
    """Upstream messages; the last one is not to be relied on."""
    marks: list[Mark] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


class History:
    """The last conversations, the one used last standing last."""

    def __init__(self) -> None:
        self._known: list[Translated] = []

    def find(self, how: How, messages: Sequence[Any]) -> tuple[Translated, int] | None:
        """The conversation that these messages go on from, and the number of its turns that both
        have in common; None where there is none."""
        best: tuple[Translated, int] | None = None
        most = 0
        for known in reversed(self._known):
            if known.how != how:
                continue
            shared = _shared(known.messages, messages)
            # The message that ended the turn is to be the same too.
            turns = bisect_left(known.marks, shared, key=lambda mark: mark.messages)
            if turns and known.marks[turns - 1].messages > most:
                best, most = (known, turns), known.marks[turns - 1].messages
        return best

    def keep(self, made: Translated, instead: Translated | None) -> None:
        """Keep a conversation; `instead`: of the one that it went on from."""
        if instead is not None and len(made.messages) >= len(instead.messages):
            self._known = [known for known in self._known if known is not instead]
        self._known.append(made)
        size = sum(len(known.messages) for known in self._known)
        while self._known and (size > MESSAGES_KEPT or len(self._known) > CONVERSATIONS_KEPT):
            size -= len(self._known.pop(0).messages)


def _shared(before: Sequence[Any], now: Sequence[Any]) -> int:
    """The number of messages at the front that are the same objects."""
    for number, (old, new) in enumerate(zip(before, now, strict=False)):
        if old is not new and not (number < _MADE_ANEW and _same(old, new)):
            return number
    return min(len(before), len(now))


def _same(old: Any, new: Any) -> bool:
    try:
        return msgspec.json.encode(old) == msgspec.json.encode(new)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return False
