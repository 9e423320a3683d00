"""The facts that a stream has shown so far, as numbers and words; the exchange reads them.

A number that the backend did not report stays None: unknown is never 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from anyclaude_tui.proxy.wire import anthropic_events
from anyclaude_tui.proxy.wire.openai_chunks import Usage

_PROGRESS = re.compile(rb"(\d{1,12})\s*/\s*(\d{1,12})")


@dataclass(slots=True)
class StreamFacts:
    """Changed by the translator alone."""

    chunks: int = 0
    """Data events; comments are not chunks."""
    deltas: int = 0
    """Chunks with text, thinking or a tool call in them."""
    thinking_deltas: int = 0
    text_started: bool = False
    """The first visible text has been sent."""
    tool_calls: int = 0
    """Calls given to the client; the next two are among them."""
    repaired_calls: int = 0
    rescued_calls: int = 0
    """Calls that came as text."""
    dropped_calls: int = 0
    """Calls that could not be given: cut off, or beyond repair."""
    in_call: bool = False
    """A tool call is being received."""
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str | None = None
    """The last one; what the model says behind it takes it back."""
    reasons_withdrawn: int = 0
    reason_alone: bool = False
    """The finish reason came in a chunk with nothing else in it."""
    prefill_done: int | None = None
    prefill_total: int | None = None
    reported_prefill_s: float | None = None
    """The seconds that the server took for the uncached part of the prompt, as it says."""
    reported_tokens_per_s: float | None = None
    """The server's decode speed, as it says."""

    @property
    def ended(self) -> bool:
        """The model has ended. Where every chunk has a reason, only one that stands alone
        says so."""
        return self.finish_reason is not None and (self.reason_alone or not self.reasons_withdrawn)

    def note_reason(self, reason: str, *, alone: bool) -> None:
        """The backend says that the reply is over, and why; `alone`: and nothing else."""
        self.finish_reason, self.reason_alone = reason, alone

    def withdraw_reason(self) -> None:
        """The model went on behind a finish reason."""
        if self.finish_reason is not None:
            self.finish_reason = None
            self.reasons_withdrawn += 1

    def note_comment(self, text: bytes) -> None:
        """mlx_lm: `keepalive 2048/3015` is prefill progress.

        Source: `docs/protocol/mlx-lm.md`, "The stream".
        """
        found = _PROGRESS.search(text)
        if found:
            self.prefill_done = int(found[1])
            self.prefill_total = int(found[2])

    def note_usage(self, usage: Usage) -> None:
        """Token counts; a prompt of 0 tokens is a place-holder, and so is a reply of 0
        unless it has ended with nothing in it."""
        prompt = usage.input_tokens if usage.prompt_tokens is None else usage.prompt_tokens
        if prompt is not None and prompt > 0:
            self.prompt_tokens = prompt
        output = usage.output_tokens if usage.completion_tokens is None else usage.completion_tokens
        empty = self.finish_reason is not None and not self.deltas
        if output is not None and (output > 0 or (output == 0 and empty)):
            self.output_tokens = output
        details = usage.prompt_tokens_details
        cached = details.cached_tokens if details else None
        if cached is None:
            cached = usage.prompt_cache_hit_tokens
        if cached is None:
            cached = usage.cached_tokens
        if cached is not None and cached >= 0:
            self.cached_tokens = cached

    def note_timings(self, timings: dict[str, Any]) -> None:
        """llama.cpp and mlx-vlm: `prompt_n` tokens were computed, `cache_n` came from the cache."""
        prompt_ms, speed = timings.get("prompt_ms"), timings.get("predicted_per_second")
        self.reported_prefill_s = _seconds(prompt_ms, 1000)
        self.reported_tokens_per_s = _seconds(speed, 1)
        computed, cached = _count(timings, "prompt_n"), _count(timings, "cache_n")
        if self.cached_tokens is None:
            self.cached_tokens = cached
        if self.prompt_tokens is None and computed is not None and cached is not None:
            self.prompt_tokens = computed + cached
        if self.output_tokens is None:
            self.output_tokens = _count(timings, "predicted_n")

    def note_progress(self, progress: dict[str, Any]) -> None:
        """llama.cpp: `prompt_progress`, as mlx_lm over the tokens that are not cached."""
        total, done = _count(progress, "total"), _count(progress, "processed")
        if total is not None and done is not None:
            skipped = _count(progress, "cache") or 0
            self.prefill_done = max(done - skipped, 0)
            self.prefill_total = max(total - skipped, 0)

    def usage(self, prompt_estimate: int) -> dict[str, int]:
        """Usage for the client: as reported, else the estimate and the counted deltas."""
        prompt = prompt_estimate if self.prompt_tokens is None else self.prompt_tokens
        output = self.deltas if self.output_tokens is None else self.output_tokens
        return anthropic_events.usage(prompt, min(self.cached_tokens or 0, prompt), output)


def _seconds(value: Any, per: int) -> float | None:
    """A time or a speed that is one: above 0 and not beyond any use."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9
    return value / per if good else None


def _count(values: dict[str, Any], name: str) -> int | None:
    """A number of tokens, if it is one."""
    value = values.get(name)
    return value if isinstance(value, int) and value >= 0 else None
