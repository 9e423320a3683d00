"""The state that each conversation began with: the tools that it leaves out.

A prompt begins with the tools. Were they changed in mid-conversation, all that the server has
cached of it would be read again; so a change of `[tools]` waits for the next conversation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from anyclaude_tui.config.request_settings import RequestSettings
from anyclaude_tui.config.settings import ToolSettings
from anyclaude_tui.telemetry.events import RequestRecord

_DIGESTS_KEPT = 32
_KEPT = 512
"""Conversations remembered; of an older one the settings of now count."""
_NAMES = ToolSettings.__struct_fields__
Key = tuple[str, str, str, bytes]


class Conversations:
    """The tools' settings of each conversation, by backend."""

    def __init__(self) -> None:
        self._began_with: dict[Key, dict[str, Any]] = {}
        self._digests: dict[int, tuple[Any, bytes]] = {}
        """Of first messages, which are the same objects from turn to turn (`request/seen.py`)."""

    def settings(
        self, now: RequestSettings, record: RequestRecord, body: Mapping[str, Any]
    ) -> RequestSettings:
        """The settings for this request: those of `now`, and of the tools those that its
        conversation began with."""
        messages = body.get("messages")
        if not body.get("tools") or not isinstance(messages, list) or not messages:
            return now  # a title, a summary
        key = record.backend, record.session_id, record.agent_id, self._digest(messages[0])
        goes_on = any(_role(message) == "assistant" for message in messages)
        began = self._began_with.pop(key, None) if goes_on else None
        if began is None:
            began = {name: getattr(now, name) for name in _NAMES}
            self._began_with.pop(key, None)
        self._began_with[key] = began  # popped and put back: the one used last stands last
        while len(self._began_with) > _KEPT:
            del self._began_with[next(iter(self._began_with))]
        if all(getattr(now, name) == value for name, value in began.items()):
            return now
        return msgspec.structs.replace(now, **began)

    def _digest(self, message: Any) -> bytes:
        known = self._digests.get(id(message))
        if known is not None and known[0] is message:
            return known[1]
        if len(self._digests) >= _DIGESTS_KEPT:
            self._digests.clear()
        digest = _digest(message)
        self._digests[id(message)] = message, digest
        return digest


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, Mapping) else None


def _digest(message: Any) -> bytes:
    """The digest that tells conversations apart: of the first message's text, in whichever form."""
    content = message.get("content") if isinstance(message, Mapping) else None
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text", "") if isinstance(part, Mapping) else part for part in parts]
    words = "\n".join(text for text in texts if isinstance(text, str))
    return hashlib.blake2b(words.encode(errors="replace"), digest_size=16).digest()
