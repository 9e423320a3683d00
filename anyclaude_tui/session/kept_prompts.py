"""A sign in replies that a server keeps a conversation's prompt while it reads another. Pure.

It is a request whose prompt is reused although another conversation's was read in between. There
a short request of ours costs nobody their cache.
"""

from __future__ import annotations

from anyclaude_tui.telemetry.events import RequestRecord, Role

KEPT_SHARE = 0.9
"""Of the prompt before: a server may not reuse its last, incomplete block."""

Conversation = tuple[str, str, Role]


class KeptPrompts:
    """The prompts that one server and model have read, and what became of them."""

    def __init__(self) -> None:
        self.kept = False
        """A prompt was reused after another conversation's."""
        self._read: dict[Conversation, int] = {}
        """The tokens of each conversation's last prompt."""
        self._last: Conversation | None = None

    def see(self, record: RequestRecord) -> bool:
        """A request has ended; whether prompts are kept, as far as has been seen."""
        attempt = record.attempt
        cached, tokens = attempt.cached_tokens.value, attempt.prompt_tokens.value
        if attempt.first_delta_at is None or cached is None or not tokens:
            return self.kept
        own = (record.session_id, record.agent_id, record.role)
        before = self._read.get(own, 0)
        if before and self._last != own:
            self.kept = cached >= KEPT_SHARE * before
        self._read[own], self._last = int(tokens), own
        return self.kept
