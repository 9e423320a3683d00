"""Keep the prompt's front the same from turn to turn, so that a server's cache can help.

Pure. Two things that Claude Code does would change it (`docs/protocol/claude-code.md`, "Prefix
stability"): a billing block that stands first and changes, and tool arguments that come
back rewritten. And one function says where two prompts part.
"""

from __future__ import annotations

import contextlib
import json
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from anyclaude_tui.proxy.request.history import Call, History
from anyclaude_tui.proxy.request.seen import Seen
from anyclaude_tui.proxy.wire.safe_json import clean_text, json_bytes
from anyclaude_tui.proxy.wire.wanted_back import WantedBack

if TYPE_CHECKING:
    from anyclaude_tui.proxy.request.tools import Offered


class CallMemory:
    """The arguments of tool calls exactly as the model wrote them, and what its server wants
    back with them, by the call's id.

    Bounded: the calls used longest ago are forgotten first, by count and by bytes.
    """

    def __init__(self, max_calls: int = 20_000, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._max_calls = max_calls
        self._max_bytes = max_bytes
        self._calls: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._wanted: dict[str, WantedBack] = {}
        """The members that a server wants back with the call, by the ids of `_calls`."""
        self._bytes = 0
        self.seen = Seen()
        """The parts of earlier requests."""
        self.history = History()
        """The translations of earlier conversations."""
        self.offered: list[Offered] = []
        """The offers made of earlier tools, the newest first."""

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def size_bytes(self) -> int:
        """The bytes of memory that the remembered text takes, estimated."""
        return self._bytes

    def remember(self, call_id: str, name: str, arguments: str) -> None:
        """Keep the raw JSON text of one call; a later one under the same id replaces it."""
        self._forget(call_id)
        size = _size(call_id, name, arguments)
        if size > self._max_bytes:
            return
        self._calls[call_id] = (name, arguments)
        self._bytes += size
        self._shrink()

    def keep(self, call_id: str, wanted: WantedBack) -> None:
        """Keep what its server wants back with a call that is remembered."""
        size = _wanted_size(wanted)
        if not wanted or call_id not in self._calls or size > self._max_bytes // 16:
            return
        self._bytes += size - _wanted_size(self._wanted.get(call_id))
        self._wanted[call_id] = wanted
        self._shrink()

    def wanted_back(self, call_id: str, server: str) -> WantedBack | None:
        """The members that this server wants back with the call; None for what another sent, and
        for a call that is not known (any more): one of before a restart."""
        wanted = self._wanted.get(call_id)
        return wanted if wanted is not None and wanted.server == server else None

    def knows(self, call_id: str) -> bool:
        """True if a call had this id."""
        return call_id in self._calls

    def recall(self, call_id: str, arguments: Any) -> tuple[str, str] | None:
        """The tool's name and the raw text, as the model wrote them, if what the client sent back
        means the same; else None.

        `arguments` is the input as the client sends it. None also when the raw text is no
        JSON object or holds a lone surrogate: it must be fit to go upstream. The name may be
        another one of the same tool: Claude Code 2.1.332 sends a call of `Task` back as one of
        `Agent`.
        """
        known = self._calls.get(call_id)
        if known is None:
            return None
        with contextlib.suppress(KeyError):  # forgotten just now: translating may be in a thread
            self._calls.move_to_end(call_id)
        raw = known[1]
        try:
            written = json.loads(raw)
        except (ValueError, RecursionError):
            return None
        if not isinstance(written, dict) or not _same(written, arguments):
            return None
        return known if _is_clean(raw, written) else None

    def state(self, call_id: str) -> Call:
        """The memory of a call at this moment, for `unchanged`."""
        return call_id, self._calls.get(call_id), self._wanted.get(call_id)

    def unchanged(self, states: Iterable[Call]) -> bool:
        """True if `recall` and `wanted_back` would say of all these calls what they said then; they
        count as used, as if asked again."""
        for call_id, known, wanted in states:
            if self._calls.get(call_id) is not known or self._wanted.get(call_id) is not wanted:
                return False
            if known is not None:
                with contextlib.suppress(KeyError):  # as in `recall`
                    self._calls.move_to_end(call_id)
        return True

    def _shrink(self) -> None:
        while len(self._calls) > self._max_calls or self._bytes > self._max_bytes:
            self._forget(next(iter(self._calls)))

    def _forget(self, call_id: str) -> None:
        known = self._calls.pop(call_id, None)
        if known is not None:
            self._bytes -= _size(call_id, *known) + _wanted_size(self._wanted.pop(call_id, None))


def _size(call_id: str, name: str, arguments: str) -> int:
    return len(call_id) + len(name) + len(arguments) + 200


def _wanted_size(wanted: WantedBack | None) -> int:
    if wanted is None:
        return 0
    return len(wanted.reasoning) + json_bytes([*wanted.details, wanted.extra]) + 200


def _is_clean(raw: str, written: Any) -> bool:
    """No lone surrogate, neither in the text nor behind a \\u escape."""
    if clean_text(raw) != raw:
        return False
    if "\\u" not in raw:
        return True
    decoded = json.dumps(written, ensure_ascii=False)
    return clean_text(decoded) == decoded


def _same(written: Any, sent: Any) -> bool:
    """True if `sent` is what Claude Code makes of `written`.

    It reorders keys, inserts defaults, turns "5000" into 5000, and strips spaces at line
    ends. A key that was added is no change to what the model wrote; one that is missing
    or has another value is.
    """
    if isinstance(written, dict):
        return isinstance(sent, dict) and all(
            key in sent and _same(value, sent[key]) for key, value in written.items()
        )
    if isinstance(written, list):
        return (
            isinstance(sent, list)
            and len(written) == len(sent)
            and all(_same(ours, theirs) for ours, theirs in zip(written, sent, strict=True))
        )
    if isinstance(written, str):
        if isinstance(sent, str):
            return written == sent or _bare(written) == _bare(sent)
        return _parses_to(written, sent)
    if isinstance(sent, str):
        return _parses_to(sent, written)
    if isinstance(written, bool) or isinstance(sent, bool):
        return written is sent
    return bool(written == sent)


def _bare(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip().split("\n"))


def _parses_to(text: str, value: Any) -> bool:
    """`text` is the JSON of `value`, itself no text (a string coerced, or the reverse)."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return not isinstance(parsed, str) and _same(parsed, value)
