"""The tool calls of a native server: whole and checked, or not at all. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from anyclaude_tui.proxy.reply.native_parts import OpenBlock
from anyclaude_tui.proxy.reply.native_writer import NativeWriter
from anyclaude_tui.proxy.toolcalls.assembler import MAX_CALLS, CallTooLarge, PendingCall
from anyclaude_tui.proxy.toolcalls.emitter import CallMemory, Duplicates, lost_words
from anyclaude_tui.proxy.toolcalls.validation import Call, Toolbox
from anyclaude_tui.proxy.wire.stream_facts import StreamFacts

_FRESH_ID = re.compile(r"toolu_[A-Za-z0-9_-]{16,64}")
"""An id that is long enough to be no counter."""


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
        call.extra = block
        whole = block.get("input")  # some servers put the whole input here
        if whole:
            call.add(msgspec.json.encode(whole).decode())
        self._calls.append(call)

    def add(self, piece: str, index: Any) -> None:
        """A piece of a call's input; the newest call's, if none has this index.

        Raises CallTooLarge.
        """
        (self._at(index) or self._calls[-1]).add(piece)

    def has(self, index: Any) -> bool:
        """True if a call with this index is being received."""
        return self._at(index) is not None

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


class NativeCalls(OpenCalls):
    """The calls of one reply, on their way to the client."""

    def __init__(
        self,
        toolbox: Toolbox,
        writer: NativeWriter,
        facts: StreamFacts,
        memory: CallMemory | None,
        new_id: Callable[[], str],
        is_used: Callable[[str], bool],
        *,
        single: bool = False,
    ) -> None:
        """`single`: the client wants one call at most. `is_used`: whether the conversation has a
        call with this id already."""
        super().__init__()
        self.lost = 0
        """Calls that the model finished, but that could not be read."""
        self._toolbox = toolbox
        self._writer = writer
        self._facts = facts
        self._memory = memory
        self._new_id = new_id
        self._is_used = is_used
        self._single = single
        self._given: set[str] = set()
        self._duplicates = Duplicates()

    def give(self, call: PendingCall, *, broken_off: bool = False, cut: bool = False) -> None:
        """A call has ended, or (`broken_off`) its end never came: check it, and give it or
        count it as lost, which the model is told unless the reply was `cut`."""
        for text in call.arguments:
            checked = self._toolbox.check(call.name, text, repair=not broken_off)
            fit = checked is not None and (
                checked.valid or (self._toolbox.gives(checked) and not broken_off)
            )
            if checked is not None and fit and not (broken_off and (cut or not text.strip())):
                if not self._duplicates.repeats(checked, as_text=False):
                    self._give(checked, call.extra)
                continue
            self._facts.dropped_calls += 1
            if cut or not self._toolbox.names:
                continue
            self.lost += 1
            self._writer.say(lost_words(call.name, text, checked).strip())

    def rescue(self, call: Call) -> None:
        """Give a call that came as text."""
        if self._duplicates.repeats(call, as_text=True):
            return
        self._facts.rescued_calls += 1
        self._give(call, {})

    def _give(self, call: Call, begun: Mapping[str, Any]) -> None:
        """`begun`: the block that the backend began the call with; its members stay."""
        if self._single and self._facts.tool_calls:
            self._facts.dropped_calls += 1
            return
        call_id = self._id(begun.get("id"))
        self._facts.tool_calls += 1
        self._facts.repaired_calls += call.repaired
        if self._memory is not None:
            self._memory.remember(call_id, call.name, call.raw)
        ours = {"type": "tool_use", "id": call_id, "name": call.name, "input": {}}
        block = OpenBlock({**begun, **ours}, {}, b"")
        self._writer.start(block)
        self._writer.delta(block, {"type": "input_json_delta", "partial_json": call.arguments})
        block.json.append(call.arguments)
        self._writer.close(block)

    def _id(self, theirs: Any) -> str:
        """The server's own id, by which it may know the call again, where it is surely new."""
        fresh = isinstance(theirs, str) and _FRESH_ID.fullmatch(theirs) is not None
        used = not fresh or theirs in self._given or self._is_used(str(theirs))
        call_id = self._new_id() if used else str(theirs)
        self._given.add(call_id)
        return call_id
