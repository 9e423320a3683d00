"""The message itself in a Messages stream: its members, its usage, its end. Pure.

All of it reaches the client as it came; what is added is what clients cannot do without, and is
named in docs/protocol/messages.md, "Native servers".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from anyclaude_tui.proxy.reply.native_parts import FINISH, as_object
from anyclaude_tui.proxy.wire import anthropic_events
from anyclaude_tui.proxy.wire.stream_facts import StreamFacts

_COUNTS = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)
_OPENAI = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
"""The other API's words, which gateways forget to translate."""
_OF_THE_ENDING = ("stop_reason", "stop_sequence", "stop_details", "container")
"""Members of a whole message that a stream says in `message_delta.delta`."""


def framed(kind: str, data: bytes) -> bytes:
    """An event of the backend's, byte for byte where it is one line."""
    if b"\n" in data or b"\r" in data:
        data = msgspec.json.encode(msgspec.json.decode(data))
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)


class NativeMessage:
    """One reply's."""

    def __init__(self) -> None:
        self.stop_reason: str | None = None
        """The backend's own."""
        self.stop_sequence: str | None = None
        self._start: dict[str, Any] = {}
        self._start_event: dict[str, Any] = {}
        self._start_told = False
        """The client has what `message_start` said."""
        self._delta: dict[str, Any] = {}
        self._more: dict[str, Any] = {}
        self._first_usage: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._last = b""
        self._stop = b""

    # --- what comes ---------------------------------------------------------------------------

    def started(self, payload: Mapping[str, Any], facts: StreamFacts) -> None:
        """`message_start`; of a second one only the usage counts."""
        message = as_object(payload.get("message"))
        usage = _sane(message.get("usage"))
        self._first_usage |= usage
        if not self._start:
            self._start = {key: value for key, value in message.items() if key != "usage"}
            self._start_event = dict(payload)
        # Its output tokens are those of the first word: no number of the reply's.
        self._note({**usage, "output_tokens": 0}, facts)

    def changed(self, payload: Mapping[str, Any], data: bytes, facts: StreamFacts) -> None:
        """`message_delta`; where there are several, the last word counts."""
        usage, delta = _sane(payload.get("usage")), as_object(payload.get("delta"))
        self._usage |= usage
        self._more |= payload
        self._last = data
        self._note(usage, facts)
        self._ends(delta, facts)

    def whole(self, message: Mapping[str, Any], facts: StreamFacts) -> None:
        """A message that came in one piece."""
        usage = _sane(message.get("usage"))
        own = {"content", "context_management", "usage", *_OF_THE_ENDING}
        self._start = {key: value for key, value in message.items() if key not in own}
        self._first_usage, self._usage = dict(usage), dict(usage)
        if "context_management" in message:
            self._more["context_management"] = message["context_management"]
        self._note(usage, facts)
        said = {key: message[key] for key in _OF_THE_ENDING if key in message}
        self._ends(said, facts)

    def stopped(self, data: bytes) -> None:
        """`message_stop`."""
        self._stop = data

    def _ends(self, delta: Mapping[str, Any], facts: StreamFacts) -> None:
        self._delta |= delta
        reason, sequence = delta.get("stop_reason"), delta.get("stop_sequence")
        if isinstance(reason, str) and reason:
            reason = _OPENAI.get(reason, reason)
            self.stop_reason = reason
            self.stop_sequence = sequence if isinstance(sequence, str) else None
            facts.finish_reason = FINISH.get(reason, "stop")

    def _note(self, usage: Mapping[str, Any], facts: StreamFacts) -> None:
        """Take the counts; 0 input tokens is a place-holder."""
        said = {**self._first_usage, **self._usage}
        cached = said.get("cache_read_input_tokens")
        created = said.get("cache_creation_input_tokens", 0)
        fresh = said.get("input_tokens", 0)
        if fresh or cached or created:
            facts.prompt_tokens = fresh + created + (cached or 0)
            facts.cached_tokens = cached
        if usage.get("output_tokens"):
            facts.output_tokens = usage["output_tokens"]

    # --- what the client gets -----------------------------------------------------------------

    def start(self, id_: str, model: str, facts: StreamFacts, estimate: int) -> bytes:
        """`message_start` with our id and the client's model; all else is the backend's."""
        self._start_told = bool(self._start)
        usage = {**self._first_usage}
        usage |= self._counts(usage, facts, estimate)
        usage["output_tokens"] = self._first_usage.get("output_tokens", 0)
        message = {**self._start, **anthropic_events.message(id_, model, usage)}
        return anthropic_events.event(
            {**self._start_event, "type": "message_start", "message": message}
        )

    def usage(self, facts: StreamFacts, estimate: int) -> dict[str, Any]:
        """The usage so far: the backend's, with ours where it has none."""
        said = {**self._first_usage, **self._usage}
        return said | self._counts(said, facts, estimate)

    def goodbye(
        self, reason: str | None, sequence: str | None, facts: StreamFacts, estimate: int
    ) -> bytes:
        """`message_delta` and `message_stop`, byte for byte where nothing had to be added."""
        usage = {**(self._usage if self._start_told else self._first_usage | self._usage)}
        usage |= self._counts(self._first_usage | self._usage, facts, estimate)
        payload = {
            **self._more,
            "type": "message_delta",
            "delta": self._ending(reason, sequence),
            "usage": usage,
        }
        last = anthropic_events.event(payload)
        if self._last and msgspec.json.decode(self._last) == payload:
            last = framed("message_delta", self._last)
        stop = framed("message_stop", self._stop) if self._stop else anthropic_events.MESSAGE_STOP
        return last + stop

    def members(self, reason: str | None, sequence: str | None) -> dict[str, Any]:
        """The members of the whole message besides id, model, content and usage."""
        more = {k: v for k, v in self._more.items() if k not in ("type", "delta", "usage")}
        return {**self._start, **more, **self._ending(reason, sequence)}

    def _ending(self, reason: str | None, sequence: str | None) -> dict[str, Any]:
        said = dict(self._delta)
        if reason != self.stop_reason:
            said.pop("stop_details", None)  # they are about another
        return {**said, "stop_reason": reason, "stop_sequence": sequence}

    @staticmethod
    def _counts(said: Mapping[str, Any], facts: StreamFacts, estimate: int) -> dict[str, int]:
        """The four counts: as said, else ours."""
        ours = facts.usage(estimate)
        created = said.get("cache_creation_input_tokens", 0)
        if created and facts.prompt_tokens is not None:
            ours["input_tokens"] = max(0, ours["input_tokens"] - created)
        if facts.prompt_tokens is None:
            return ours
        known = {key: said[key] for key in _COUNTS[:3] if key in said}
        return ours | known


def _sane(usage: Any) -> dict[str, Any]:
    """A usage whose counts are counts; members that nobody knows stay as they are."""
    return {
        key: value
        for key, value in as_object(usage).items()
        if key not in _COUNTS
        or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
    }
