"""The reply to a WebSearch, in the form in which Anthropic's server gives one.

Pure. For each search a `server_tool_use`, then its `web_search_tool_result` with results or an
error code, then a text. Claude Code shows "Did N searches" by the results, and gives its model
titles, addresses and the text (`docs/protocol/claude-code.md`, "WebSearch and WebFetch").
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from anyclaude_tui.proxy.reply.endings import Ending
from anyclaude_tui.proxy.reply.translator import Translator
from anyclaude_tui.proxy.wire import anthropic_events
from anyclaude_tui.proxy.wire.sse import Comment, Event
from anyclaude_tui.search.base import ErrorCode, Result
from anyclaude_tui.telemetry.events import Outcome, Truncation


class SearchReply(Translator):
    """Written by `begin`, `found`, `failed` and `say`; each gives the bytes for the client."""

    def __init__(self, message_id: str, model: str, request_id: str) -> None:
        super().__init__(message_id, model, 0, request_id)
        self.started = False
        self.sent = 0
        """Searches that were made: they are in the usage."""
        self._blocks: list[dict[str, Any]] = []
        self._use = ""

    def begin(self, query: str) -> bytes:
        """A search begins."""
        self._use = f"srvtoolu_{secrets.token_hex(12)}"
        block = {"type": "server_tool_use", "id": self._use, "name": "web_search"}
        value = {"query": query}
        start = self._open(block | {"input": {}})
        arguments = anthropic_events.encode(value).decode()
        data = anthropic_events.delta(self._index, "input_json_delta", "partial_json", arguments)
        self._blocks[-1]["input"] = value
        return start + data + anthropic_events.block_stop(self._index)

    def found(self, results: Sequence[Result]) -> bytes:
        """The events of the results."""
        content = [
            {
                "type": "web_search_result",
                "title": one.title,
                "url": one.url,
                "encrypted_content": "",
                "page_age": one.age,
            }
            for one in results
        ]
        return self._result(content)

    def failed(self, code: ErrorCode | str) -> bytes:
        """The events of a search without results, with the reason as the API's code."""
        return self._result({"type": "web_search_tool_result_error", "error_code": code})

    def say(self, text: str) -> bytes:
        """A text block."""
        start = self._open({"type": "text", "text": ""})
        self._blocks[-1]["text"] = text
        data = anthropic_events.delta(self._index, "text_delta", "text", text)
        return start + data + anthropic_events.block_stop(self._index)

    def end(self, reason: str = "") -> Ending:
        """The reply is whole; `reason`: the searches failed, in words."""
        ending = self.close()
        if not reason:
            return ending
        return Ending(ending.data, Outcome.ERROR, stop_reason="end_turn", reason=reason)

    def _result(self, content: Any) -> bytes:
        kind = "web_search_tool_result"
        start = self._open({"type": kind, "tool_use_id": self._use, "content": content})
        return start + anthropic_events.block_stop(self._index)

    def _open(self, block: dict[str, Any]) -> bytes:
        self._blocks.append(dict(block))
        return self.start() + anthropic_events.block_start(self._index, block)

    @property
    def _index(self) -> int:
        return len(self._blocks) - 1

    # --- Translator ---------------------------------------------------------------------------

    @property
    def shown(self) -> bool:
        return bool(self._blocks)

    def start(self) -> bytes:
        if self.started:
            return b""
        self.started = True
        return anthropic_events.message_start(self._id, self._model, self._usage())

    def feed(self, events: Sequence[Event | Comment]) -> bytes:
        return b""  # no model answers

    def _judged(self, cause: Truncation | None, reason: str) -> Ending:
        return Ending(b"", Outcome.COMPLETE, stop_reason="end_turn")

    def _closed(self) -> bytes:
        return b""  # every block is written whole

    def _empty_delta(self) -> bytes:
        return b""

    def _usage(self) -> dict[str, Any]:
        made = {"web_search_requests": self.sent, "web_fetch_requests": 0}
        return {**anthropic_events.usage(0, 0, 0), "server_tool_use": made}

    @property
    def _stop_sequence(self) -> str | None:
        return None

    @property
    def _gathered(self) -> list[dict[str, Any]]:
        return self._blocks
