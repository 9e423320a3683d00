"""Tool calls put together from their fragments.

Pure. Servers disagree on everything that says which call a fragment belongs to: the index
is absent or always 0, the id null, repeated or new, the name empty or repeated, arguments
whole or in pieces (`docs/protocol/messages.md`, "OpenAI side"). The order is: index, id, arrival.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from anyclaude_tui.proxy.toolcalls.snapshots import arguments_of
from anyclaude_tui.proxy.toolcalls.validation import read_object
from anyclaude_tui.proxy.wire.openai_chunks import CallDelta

MAX_CALL_CHARS = 4 * 1024 * 1024
MAX_CALLS = 256


class CallTooLarge(ValueError):
    """A call, or the number of calls, is beyond any use: the reply is malformed."""


class PendingCall:
    """One call while it is received."""

    __slots__ = ("_parts", "again", "extra", "id", "index", "name", "size", "taken")

    def __init__(self, index: int | None, id_: str | None) -> None:
        self.index = index
        self.id = id_
        self.name = ""
        self.size = 0
        self.extra: Mapping[str, Any] = {}
        """The members that its server wants back with it (`extra_content`)."""
        self.again = False
        """It may say again what went out already: what is missing in it is no loss."""
        self.taken: list[dict[str, Any]] = []
        """Arguments that went out already: what says them again is no new call."""
        self._parts: list[str] = []

    @property
    def arguments(self) -> list[str]:
        """The meaning of the pieces as arguments: mostly one text, one more for each call that a
        server put under the same key. Those that were taken already are not among them."""
        return arguments_of(self._parts)

    @property
    def has_arguments(self) -> bool:
        """Something other than white space came as arguments."""
        return any(part and not part.isspace() for part in self._parts)

    @property
    def complete(self) -> bool:
        """The arguments are whole JSON objects (`{}` may stand for what is to come)."""
        # The last character tells mostly that it is not, without parsing it all each time.
        last = next((part.rstrip() for part in reversed(self._parts) if part.strip()), "")
        first = next((part.lstrip() for part in self._parts if part.strip()), "")
        closed = last.endswith("}") or (first.startswith('"') and last.endswith('"'))
        return closed and all(read_object(text) for text in self.arguments)

    def same_key(self, index: int | None, id_: str | None) -> bool:
        """True if a fragment with this index and id can be of this call."""
        if id_ and self.id:
            return id_ == self.id
        return index is not None and index == self.index

    def add(self, text: str) -> None:
        """Another piece of the arguments. Raises `CallTooLarge`."""
        self._parts.append(text)
        self.size += len(text)
        if self.size > MAX_CALL_CHARS:
            raise CallTooLarge(f"a tool call larger than {MAX_CALL_CHARS} characters")


class CallAssembler:
    """Fragments in, calls out in the order in which they began."""

    def __init__(self, names: Collection[str] = ()) -> None:
        """`names`: the tools offered."""
        self._names = names
        self._pending: list[PendingCall] = []
        self._taken: list[PendingCall] = []
        """Calls that went out while the reply still came; some servers say them again."""
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._pending)

    def add(self, delta: CallDelta) -> bool:
        """Take one fragment; True if it began a new call. Raises `CallTooLarge`."""
        function = delta.function
        name = (function.name or "").strip() if function else ""
        arguments = (function.arguments or "") if function else ""
        call = self._find(delta.index, delta.id, name)
        began = call is None
        if call is None:
            if not name and not arguments.strip() and not delta.id:
                return False
            before = self._said_before(delta.index, delta.id, name)
            if not name and before is not None and not arguments.strip():
                before.extra = delta.extra_content or before.extra
                return False  # a straggler of a call that was whole already
            call = self._begin(delta.index, delta.id)
            if before is not None:
                call.name, call.taken, call.again = before.name, before.taken, True
        if name and self._is_piece(call, name):
            call.name += name
        elif name and (not call.name or (name != call.name and name.startswith(call.name))):
            call.name = name  # the second: sent again, longer each time
        call.id = call.id or delta.id or None
        call.extra = delta.extra_content or call.extra
        if arguments:
            call.add(arguments)
        return began

    @property
    def pending(self) -> tuple[PendingCall, ...]:
        """The calls that are being received."""
        return tuple(self._pending)

    def take_whole(self, *, but_last: bool) -> list[PendingCall]:
        """The calls at the front that are whole (`but_last`: except the newest)."""
        out: list[PendingCall] = []
        least = 1 if but_last else 0
        while len(self._pending) > least and self._pending[0].complete:
            call = self._pending.pop(0)
            self._taken.append(call)
            out.append(call)
        return out

    def take_all(self) -> list[PendingCall]:
        """The reply is over: every call that began."""
        out, self._pending = self._pending, []
        return out

    def _begin(self, index: int | None, id_: str | None) -> PendingCall:
        self._count += 1
        if self._count > MAX_CALLS:
            raise CallTooLarge(f"more than {MAX_CALLS} tool calls in one reply")
        call = PendingCall(index, id_ or None)
        self._pending.append(call)
        return call

    def _said_before(self, index: int | None, id_: str | None, name: str) -> PendingCall | None:
        """The call that went out and that a fragment may say again, or a straggler of."""
        for call in reversed(self._taken):
            if call.same_key(index, id_) and name in ("", call.name):
                return call
        return None

    def _find(self, index: int | None, id_: str | None, name: str) -> PendingCall | None:
        """The call that a fragment continues; None if it begins one."""
        call = self._candidate(index, id_)
        if call is None or not name or not call.name:
            return call
        # A name again: the same call said again, or another one under the same key?
        if id_ and call.id and id_ != call.id:
            return None
        if name == call.name:
            return call  # two objects under one key are told apart at the end
        if name.startswith(call.name) and not call.has_arguments:
            return call
        return call if self._is_piece(call, name) else None

    def _is_piece(self, call: PendingCall, name: str) -> bool:
        """True if a name goes on with the beginning of one that came before it."""
        if not call.name or call.has_arguments or call.name in self._names:
            return False
        return any(one.startswith(call.name + name) for one in self._names)

    def _candidate(self, index: int | None, id_: str | None) -> PendingCall | None:
        if not self._pending:
            return None
        if index is not None:
            for call in reversed(self._pending):
                if call.index == index:
                    return call
            # Indexes that appear late: the call began without one.
            last = self._pending[-1]
            same = last.index is None and id_ is not None and last.id == id_
            return last if same else None
        if id_:
            for call in reversed(self._pending):
                if call.id == id_:
                    return call
            last = self._pending[-1]
            return last if last.id is None and not last.has_arguments else None
        return self._pending[-1]
