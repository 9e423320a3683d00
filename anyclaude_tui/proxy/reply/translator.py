"""The common part of every translation of a stream: the exchange's questions, and the one ending.

Pure. `openai.py` (OpenAI chunks) and `passthrough.py` (a Messages stream) say how events
are read; how a reply is closed, once and properly, is said here.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.proxy.reply.endings import Ending, compactable, resumable
from anyclaude_tui.proxy.wire import anthropic_events
from anyclaude_tui.proxy.wire.sse import Comment, Event
from anyclaude_tui.proxy.wire.stream_facts import StreamFacts
from anyclaude_tui.telemetry.events import Outcome, Truncation


def new_call_id() -> str:
    """An id for a tool call, unique over all conversations."""
    return "toolu_" + secrets.token_hex(12)


class Translator(ABC):
    """One reply: events in, the client's bytes out."""

    started: bool
    """`message_start` has been produced (or was, by the translator of a first try)."""

    def __init__(
        self,
        message_id: str,
        model: str,
        prompt_tokens: int,
        request_id: str | None = None,
        *,
        resumes: bool = False,
        compacts: bool = False,
    ) -> None:
        """`request_id`: what errors name; the message's when not given. `resumes`: the client
        carries on by itself after an error behind a finished block. `compacts`: it compacts the
        conversation when it is told there that the window is full."""
        self.facts = StreamFacts()
        self.finished = False
        """The reply is over: nothing that still comes is needed."""
        self._id = message_id
        self._request_id = request_id or message_id
        self._model = model
        self._prompt_tokens = prompt_tokens
        self._resumes = resumes
        self._compacts = compacts
        self._error: ApiError | None = None
        self._final = False
        """The error would be the same again."""
        self._malformed = ""
        self._ending: Ending | None = None

    # --- what a kind of stream says -----------------------------------------------------------

    @property
    @abstractmethod
    def shown(self) -> bool:
        """A content block has been sent to the client."""

    @abstractmethod
    def start(self) -> bytes:
        """`message_start`; b"" if it has been produced already."""

    @abstractmethod
    def feed(self, events: Sequence[Event | Comment]) -> bytes:
        """The events for the client, joined. Never raises for what comes in."""

    @abstractmethod
    def _judged(self, cause: Truncation | None, reason: str) -> Ending:
        """Let go of what is held back; then how it ended, without its bytes."""

    @abstractmethod
    def _closed(self) -> bytes:
        """The bytes that still have to go out, the end of the open block among them."""

    @abstractmethod
    def _empty_delta(self) -> bytes:
        """A delta of the open block that adds nothing; b"" if none is open."""

    @abstractmethod
    def _usage(self) -> dict[str, Any]:
        """The usage for the client, as far as it is known."""

    @property
    @abstractmethod
    def _stop_sequence(self) -> str | None:
        """The stop sequence that ended it."""

    @property
    @abstractmethod
    def _gathered(self) -> list[dict[str, Any]]:
        """All blocks, when gathering."""

    # --- what the exchange asks ---------------------------------------------------------------

    def keepalive(self) -> bytes:
        """An event that Claude Code counts and that adds nothing: an empty delta of the
        open block, else a `message_delta` without a stop reason."""
        if self._ending is not None:
            return b""
        beat = self._empty_delta() or anthropic_events.message_delta(None, None, self._usage())
        return self.start() + beat

    def close(self, cause: Truncation | None = None, reason: str = "") -> Ending:
        """The upstream ended (`cause` None: whether properly is judged here), or is given up.

        Raises nothing; called again it gives the same ending without its bytes.
        """
        if self._ending is not None:
            return replace(self._ending, data=b"")
        if self._error is not None:
            return self.fail(self._error)
        if self._malformed and cause is None:
            cause, reason = Truncation.MALFORMED, self._malformed
        ending = self._judged(cause, reason)
        if self._resumes:
            ending = resumable(ending)
        if self._compacts and cause is None and not self.facts.tool_calls:
            ending = compactable(ending, self.facts.finish_reason)
        if ending.error is not None:
            data = self._closed() + anthropic_events.event(ending.error.body(self._request_id))
        else:
            data = self.start() + self._closed() + self._goodbye(ending.stop_reason)
        self._ending = replace(ending, data=data)
        self.finished = True
        return self._ending

    def fail(self, error: ApiError) -> Ending:
        """End with an error; what was shown stays, its block is closed."""
        if self._ending is not None:
            return replace(self._ending, data=b"")
        # One that says to wait is no other a moment later.
        may_pass = error.status >= 500 and error.status not in (503, 504, 529)
        self._ending = Ending(
            self._closed() + anthropic_events.event(error.body(self._request_id)),
            Outcome.ERROR,
            error=error,
            reason=error.message,
            retry=may_pass and not self.shown and not self._final,
        )
        self.finished = True
        return self._ending

    def message(self) -> dict[str, Any]:
        """The whole Messages response, once closed; needs `gather`."""
        stop_reason = self._ending.stop_reason if self._ending else None
        usage, blocks = self._usage(), self._gathered
        return anthropic_events.message(
            self._id, self._model, usage, blocks, stop_reason, self._stop_sequence
        )

    def _goodbye(self, stop_reason: str | None) -> bytes:
        """The last `message_delta`, and `message_stop`."""
        last = anthropic_events.message_delta(stop_reason, self._stop_sequence, self._usage())
        return last + anthropic_events.MESSAGE_STOP

    def _give_up(self, words: str) -> None:
        """Read nothing more: the stream is nonsense, for the reason in `words`."""
        self._malformed = words
        self.finished = True
