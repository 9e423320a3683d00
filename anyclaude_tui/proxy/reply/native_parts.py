"""What a Messages stream says piece by piece, kept until it is whole: calls and usage. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from anyclaude_tui.proxy.toolcalls.assembler import MAX_CALLS, CallTooLarge, PendingCall
from anyclaude_tui.proxy.wire.stream_facts import StreamFacts

FINISH = {"max_tokens": "length", "tool_use": "tool_calls", "refusal": "refusal"}
"""Anthropic's stop reasons in the words of `endings.py`; all others count as `stop`."""
EMPTY = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}
"""Text and thinking begin so; what a server puts there at once is their first delta."""
BLOCK_OF = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}
MESSAGE_MEMBERS = ("context_management",)
"""What a `message_delta` may say besides, and the client is told."""
TEXT_FIELDS = {"text_delta": "text", "thinking_delta": "thinking"}
"""A delta's type → the member with its words."""


class OpenCalls:
    """The tool calls whose end has not come. They may be interleaved: a fragment is of the
    newest call with its index."""

    def __init__(self) -> None:
        self._calls: list[PendingCall] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def begin(self, block: Mapping[str, Any], index: Any) -> None:
        """A `tool_use` block begins. Raises CallTooLarge if there are too many."""
        if len(self._calls) >= MAX_CALLS:
            raise CallTooLarge(f"more than {MAX_CALLS} tool calls in one reply")
        call = PendingCall(index if isinstance(index, int) else None, None)
        call.name = str(block.get("name") or "")
        whole = block.get("input")  # some servers put the whole input here
        if whole:
            call.add(msgspec.json.encode(whole).decode())
        self._calls.append(call)

    def add(self, piece: str, index: Any) -> None:
        """A piece of a call's input; the newest call's, if none has this index.

        Raises CallTooLarge.
        """
        (self._at(index) or self._calls[-1]).add(piece)

    def end(self, index: Any, *, any_index: bool) -> PendingCall | None:
        """The call that ends now; with `any_index` the newest, if none has this index."""
        call = self._at(index)
        if call is None and any_index and self._calls:
            call = self._calls[-1]
        if call is not None:
            self._calls.remove(call)
        return call

    def take_all(self) -> list[PendingCall]:
        """The reply is over: the calls whose end never came."""
        out, self._calls = self._calls, []
        return out

    def _at(self, index: Any) -> PendingCall | None:
        same = [call for call in self._calls if call.index == index]
        return same[-1] if same else None


class NativeUsage:
    """The backend's usage: it is cumulative, and the last word counts."""

    def __init__(self) -> None:
        self._said: dict[str, int] = {}

    def note(self, usage: Any, facts: StreamFacts) -> None:
        """Take what was said; 0 input tokens is a place-holder."""
        if not isinstance(usage, Mapping):
            return
        self._said |= {k: v for k, v in usage.items() if isinstance(v, int) and v >= 0}
        cached = self._said.get("cache_read_input_tokens")
        created = self._said.get("cache_creation_input_tokens", 0)
        fresh = self._said.get("input_tokens", 0)
        if fresh or cached or created:
            facts.prompt_tokens = fresh + created + (cached or 0)
            facts.cached_tokens = cached
        if self._said.get("output_tokens"):
            facts.output_tokens = self._said["output_tokens"]

    def told(self, facts: StreamFacts, prompt_estimate: int) -> dict[str, int]:
        """The usage for the client: the backend's where it has one, else ours."""
        ours = facts.usage(prompt_estimate)
        created = self._said.get("cache_creation_input_tokens", 0)
        if created and facts.prompt_tokens is not None:
            ours["cache_creation_input_tokens"] = created
            ours["input_tokens"] = max(0, ours["input_tokens"] - created)
        return ours


def as_object(value: Any) -> dict[str, Any]:
    """The value, if it is an object; what a server puts elsewhere is nothing."""
    return value if isinstance(value, dict) else {}


def gather(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    """Put a delta into a whole block."""
    kind = str(delta.get("type"))
    field = TEXT_FIELDS.get(kind)
    if field is not None:
        block[field] = block.get(field, "") + str(delta.get(field) or "")
    elif kind == "signature_delta":
        block["signature"] = delta.get("signature", "")
    elif kind == "citations_delta":
        block.setdefault("citations", []).append(delta.get("citation"))
