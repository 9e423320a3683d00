"""The emitter of tool calls: they reach the client whole and checked, or not at all.

Pure. Fragments are put together (`assembler.py`), checked against the tool's schema
(`validation.py`), given an id of our own and remembered for the history.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from anyclaude_tui.proxy.toolcalls.assembler import CallAssembler, PendingCall
from anyclaude_tui.proxy.toolcalls.validation import Call, Toolbox
from anyclaude_tui.proxy.toolcalls.waiting import Lost
from anyclaude_tui.proxy.wire.block_writer import BlockWriter
from anyclaude_tui.proxy.wire.openai_chunks import CallDelta
from anyclaude_tui.proxy.wire.stream_facts import StreamFacts
from anyclaude_tui.proxy.wire.wanted_back import WantedBack


class CallMemory(Protocol):
    """The memory of each call's raw arguments (`call_memory.py`)."""

    def remember(self, call_id: str, name: str, arguments: str) -> None:
        """Keep the model's own words for the history."""

    def keep(self, call_id: str, wanted: WantedBack) -> None:
        """Keep what the server wants back with the call."""


def lost_words(name: str, text: str, call: Call | None = None) -> str:
    """The text that stands in the model's own history for a call that was not given."""
    what = "unreadable tool call"
    if call is not None and not call.known:
        what = "tool call not given, there is no such tool"
    return f"\n\n[{what}{name and ': '}{name}]\n{text}\n"


class Duplicates:
    """The calls given so far, to know a duplicate: a server that reads calls, and leaves their
    text in the content, sends each in both ways."""

    def __init__(self) -> None:
        self._given: list[tuple[bool, Call]] = []

    def repeats(self, call: Call, *, as_text: bool) -> bool:
        """True if this call was given as the other kind, text or structure; once for each.
        If not, it counts as given."""
        for at, (was_text, given) in enumerate(self._given):
            if was_text != as_text and (given.name, given.value) == (call.name, call.value):
                del self._given[at]
                return True
        self._given.append((as_text, call))
        return False


class CallEmitter:
    """The way of all calls of one reply: fragments in, `tool_use` blocks out to `writer`."""

    def __init__(
        self,
        toolbox: Toolbox,
        writer: BlockWriter,
        facts: StreamFacts,
        memory: CallMemory | None,
        call_id: Callable[[], str],
        *,
        single: bool = False,
    ) -> None:
        """`single`: the client wants one call at most; those behind it are dropped."""
        self.lost = 0
        """Calls that the model finished, but that nobody can read, or no tool's."""
        self.unwanted = 0
        """Calls that came although no tool may be called, or were only thought about."""
        self._toolbox = toolbox
        self._writer = writer
        self._facts = facts
        self._memory = memory
        self._new_id = call_id
        self._single = single
        self._assembler = CallAssembler(self._toolbox.names)
        self._doubted = False
        """True while the received call came in thinking: a call only if nothing follows it."""
        self._given: list[tuple[str, PendingCall | None]] = []
        self._duplicates = Duplicates()

    def __bool__(self) -> bool:
        """A call is being received."""
        return bool(self._assembler)

    def add(self, delta: CallDelta, *, thought_about: bool = False) -> None:
        """Take a fragment; a call before it that is whole goes out. `thought_about`: the server
        found it inside of thinking that it does not read. Raises `CallTooLarge`."""
        if self._doubted and not thought_about:
            self.thought_follows()
        if thought_about and not self._assembler:
            self._doubted = True
        if self._assembler.add(delta) and not self._doubted:
            self._give(self._assembler.take_whole(but_last=True))

    def text_follows(self) -> None:
        """Visible text comes next: calls that are whole go before it."""
        self.thought_follows()
        if self._assembler:
            self._give(self._assembler.take_whole(but_last=False))

    def thought_follows(self) -> None:
        """The model thinks on, or says something: calls that it thought about it did not make."""
        if self._doubted:
            self.unwanted += len(self._assembler.pending)
            self._assembler, self._doubted = CallAssembler(self._toolbox.names), False

    def rescue(self, call: Call) -> None:
        """Give a call that came as text."""
        before = self._facts.tool_calls
        self._give_one(call)
        self._facts.rescued_calls += self._facts.tool_calls - before

    def lose_text(self, lost: Lost) -> None:
        """A call that came as text cannot be used: the model is made to go on."""
        self.lost += 1
        if lost.text:
            self._tell(lost_words(lost.name, lost.text))

    def lose_unseen(self, words: str) -> None:
        """The server has lost a call, of which nothing came but these words; "" where none is."""
        if words:
            self._facts.dropped_calls += 1
            self.lose_text(Lost("", words))

    def holds_good_call(self) -> bool:
        """True if a call that is received would do as it is."""
        return not self._doubted and any(self._is_good(call) for call in self._assembler.pending)

    def end(self, *, cut: bool) -> None:
        """The reply is over. Of one that was `cut` off only calls that are perfect go out;
        otherwise those that can be repaired too, and what cannot be read is shown as text."""
        if cut and self._doubted:
            self._facts.dropped_calls += len(self._assembler.pending)
            self._assembler = CallAssembler(self._toolbox.names)
        self._give(self._assembler.take_all(), cut=cut)

    def keep(self, wanted: WantedBack) -> None:
        """The reply is over: what its server wants back with all of its calls is kept with
        each, and what it wants with one."""
        if self._memory is None:
            return
        for call_id, pending in self._given:
            self._memory.keep(call_id, wanted.with_extra(pending.extra if pending else {}))

    def _is_good(self, pending: PendingCall) -> bool:
        checked = [
            self._toolbox.check(pending.name, text, repair=False) for text in pending.arguments
        ]
        return any(call is not None and call.valid for call in checked)

    def _give(self, calls: list[PendingCall], *, cut: bool = False) -> None:
        for pending in calls:
            for text in pending.arguments:
                self._give_checked(pending, text, cut)

    def _give_checked(self, pending: PendingCall, text: str, cut: bool) -> None:
        call = self._toolbox.check(pending.name, text, repair=not cut)
        if call is None or not (call.valid or (self._toolbox.gives(call) and not cut)):
            if not pending.again:
                self._lose(pending.name, text, call, cut=cut)
        elif call.value not in pending.taken:
            pending.taken.append(call.value)
            self._give_one(call, pending)

    def _lose(self, name: str, text: str, call: Call | None, *, cut: bool) -> None:
        """A call that the client does not get: counted, and told to the model."""
        self._facts.dropped_calls += 1
        if cut:
            return
        if not self._toolbox.names:
            self.unwanted += 1  # no tool may be called: the text beside it is the answer
            return
        self.lost += 1
        self._tell(lost_words(name or "without a name", text, call))

    def _tell(self, words: str) -> None:
        self._writer.text(words)
        self._facts.text_started = True

    def _give_one(self, call: Call, pending: PendingCall | None = None) -> None:
        facts = self._facts
        if self._duplicates.repeats(call, as_text=pending is None):
            return
        if self._single and facts.tool_calls:
            facts.dropped_calls += 1
            return
        call_id = self._new_id()
        self._given.append((call_id, pending))
        if self._memory is not None:
            self._memory.remember(call_id, call.name, call.raw)
        self._writer.tool_use(call_id, call.name, call.arguments, call.value)
        facts.tool_calls += 1
        facts.repaired_calls += call.repaired
