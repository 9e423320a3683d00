"""The members that a backend wants back with its calls: thinking, signatures, as they came. Pure.

DeepSeek and Moonshot refuse a tool loop without the `reasoning_content` of each call, Gemini one
without the `extra_content` of the call itself, and through OpenRouter models lose their encrypted
thinking without the `reasoning_details` (docs/protocol/messages.md, "What wants to come back").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from anyclaude_tui.proxy.wire.safe_json import NestedTooDeeply, clean_text, harmless

MAX_PIECES = 16_384
"""So many pieces of a reply's details are kept; more than that are not kept at all."""
_PIECES = ("text", "summary")
"""Members of a detail that come in pieces."""


@dataclass(frozen=True, slots=True)
class WantedBack:
    """The members that belong to one call in the history, for the server alone that sent it."""

    server: str
    reasoning: str = ""
    """The thinking of the reply that the call is part of."""
    details: tuple[Mapping[str, Any], ...] = ()
    """`reasoning_details` of that reply, whole."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """`extra_content` of the call itself."""

    def __bool__(self) -> bool:
        return bool(self.reasoning or self.details or self.extra)

    def with_extra(self, extra: Mapping[str, Any]) -> WantedBack:
        """The same for one call of the reply, with what came with that call."""
        return replace(self, extra=_harmless(extra, {}))


class Collected:
    """The members of one reply that its server wants back, collected while it comes."""

    def __init__(self, server: str) -> None:
        self.tagged = False
        """Thinking came in the text, between tags: the server knows of none."""
        self._server = server
        self._named = False
        self._details: list[Any] = []
        self._count = 0

    def note(self, *, named: bool, details: Sequence[Any] | None) -> None:
        """Of a delta: whether it held thinking in a member of its own, and its details."""
        self._named = self._named or named
        if details:
            self._count += len(details)
            self._details += details if self._count <= MAX_PIECES else ()

    def whole(self, thoughts: Sequence[str]) -> WantedBack:
        """All of it, at the reply's end; `thoughts` are the pieces of its thinking."""
        full = self._named and not self.tagged and len(thoughts) < MAX_PIECES
        details = self._details if self._count <= MAX_PIECES else ()
        return WantedBack(
            self._server,
            clean_text("".join(thoughts)) if full else "",
            tuple(_harmless(one, {}) for one in whole_details(details)),
        )


def _harmless(value: Any, instead: Any) -> Any:
    try:
        return harmless(value)
    except NestedTooDeeply:
        return instead


def whole_details(pieces: Iterable[Any]) -> tuple[Mapping[str, Any], ...]:
    """The `reasoning_details` of a reply from those of its deltas, in their order: pieces of one
    text are joined, everything else stays as it came (OpenRouter: not to be rearranged)."""
    out: list[dict[str, Any]] = []
    for piece in pieces:
        if not isinstance(piece, Mapping):
            continue
        last = out[-1] if out else None
        name = next((one for one in _PIECES if isinstance(piece.get(one), str)), None)
        if last is None or name is None or not _continues(last, piece, name):
            out.append(dict(piece))
            continue
        joined = last[name] + piece[name]
        last.update({key: value for key, value in piece.items() if value is not None})
        last[name] = joined
    return tuple(out)


def _continues(last: Mapping[str, Any], piece: Mapping[str, Any], name: str) -> bool:
    same = all(last.get(key) == piece.get(key) for key in ("type", "index"))
    return same and isinstance(last.get(name), str) and not last.get("signature")
