"""The ending of a reply: one decision, from what was seen of it.

Pure. docs/architecture.md, "The promise on streams": complete, an honest limit, or an error that
says what happened; never a cut-off that looks complete. What makes Claude Code carry on by itself:
an `error` event behind the finished block, for versions that resume from one
(`docs/protocol/claude-code.md`, "Versions"); for others `max_tokens` ("Odd model output").
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from anyclaude_tui.proxy.errors import ApiError, invalid
from anyclaude_tui.telemetry.events import Outcome, Truncation

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "max_tokens": "max_tokens",
    "model_length": "max_tokens",  # Mistral
    "max_output_tokens": "max_tokens",
    "max_new_tokens": "max_tokens",
    "max_length": "max_tokens",
    "length_limit": "max_tokens",
    "token_limit": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "context_length": "max_tokens",
    "truncated": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "tool_calls": "tool_use",
    "tool_call": "tool_use",
    "tool_use": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
    "sensitive": "refusal",  # GLM's API
    "refusal": "refusal",
    # Gemini's, whose compatible endpoint writes `content_filter: RECITATION` too.
    **dict.fromkeys(("safety", "recitation", "blocklist", "prohibited_content"), "refusal"),
    **dict.fromkeys(("spii", "language", "image_safety"), "refusal"),
    **dict.fromkeys(("malformed_function_call", "unexpected_tool_call"), "tool_use"),
    "function_call_filter": "tool_use",
}
_BROKEN_OFF = frozenset(
    {
        *("abort", "aborted", "cancelled", "canceled", "error", "timeout"),
        "network_error",  # GLM's API
        *("server_error", "internal_error", "failed", "other"),
        "repetition",  # vLLM, of a model that turns in a circle
        "insufficient_system_resource",  # DeepSeek's API
    }
)
"""Finish reasons that mean that the backend gave up."""

_BY_ITSELF = frozenset({"stop", "eos", "end_turn"})
"""Finish reasons of a model that ended by itself."""
SWALLOWED_TOKENS = 8
"""So many tokens of which nothing came were a call; a few end a reply that was empty."""
RESUME = "max_tokens"
WINDOW_FULL = "model_context_window_exceeded"
"""The Messages API's reason, and GLM's, of a reply that filled what the prompt had left of the
window."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The ending's kind, and the bytes that say so to the client."""

    data: bytes
    outcome: Outcome
    truncation: Truncation | None = None
    stop_reason: str | None = None
    error: ApiError | None = None
    reason: str = ""
    """In words, if it did not end well."""
    retry: bool = False
    """Nothing was shown: sending the request again silently is right. `data` is what to
    send if that is not possible."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The facts that were seen of the reply."""

    finish: str | None
    """The backend's finish reason."""
    shown: bool
    """The client has at least one block."""
    calls: int
    """Tool calls given to the client."""
    lost_calls: int
    """Calls that the model finished, but that could not be read."""
    unwanted_calls: int
    """Calls that came although no tool may be called, or were only thought about."""
    stop_sequence: str | None
    refused: bool
    """The model refused in a field of its own."""
    cause: Truncation | None
    """The reason why it is over, where it is not by itself."""
    reason: str


def truncation_of(seen_finish: str | None, cause: Truncation | None) -> Truncation | None:
    """The way that the reply was cut short; None if it is whole. A finish reason makes it whole,
    whatever came after; without one, even `[DONE]` or a proper close is a cut."""
    if seen_finish is None:
        return cause or Truncation.CUT
    if seen_finish in _BROKEN_OFF:
        return Truncation.CUT
    if _STOP_REASONS.get(seen_finish) == "max_tokens":
        return Truncation.MAX_TOKENS
    return None


def true_reason(finish: str | None, used: int | None, most: int | None) -> str | None:
    """The finish reason of a reply of `used` output tokens, of `most` that it might have: with all
    of them used it has met the limit, whatever the server calls that. mlx-openai-server 1.8.1 and
    mlx-omni-server 0.5.3 say `stop`, and Claude Code would stop in mid-answer."""
    spent = used is not None and most is not None and used >= most
    return "length" if finish in _BY_ITSELF and spent else finish


def swallowed(tokens: int | None) -> str:
    """The words about a reply of so many output tokens of which nothing came: the server could not
    read a call (vllm-mlx 0.6.0); "" for one that was empty."""
    kept = tokens is not None and tokens >= SWALLOWED_TOKENS
    return f"the server kept all of the {tokens} tokens that were written to itself" if kept else ""


def decide(seen: Seen) -> Ending:
    """The ending, without its bytes."""
    if seen.stop_sequence is not None:
        return Ending(b"", Outcome.COMPLETE, stop_reason="stop_sequence")
    truncation = truncation_of(seen.finish, seen.cause)
    if truncation is Truncation.MAX_TOKENS:
        reason = "the model reached its limit of output tokens"
        return Ending(b"", Outcome.LIMIT, truncation, "max_tokens", reason=reason)
    if truncation is not None:
        return _cut(seen, truncation)
    assert seen.finish is not None
    stop_reason = _STOP_REASONS.get(seen.finish, "end_turn")
    if seen.refused or stop_reason == "refusal":
        return Ending(b"", Outcome.COMPLETE, stop_reason="refusal")
    if seen.calls:
        return Ending(b"", Outcome.COMPLETE, stop_reason="tool_use")
    if seen.unwanted_calls and seen.shown:
        return Ending(b"", Outcome.COMPLETE, stop_reason="end_turn")
    if seen.lost_calls or stop_reason == "tool_use":
        return _lost_call(seen)
    if not seen.shown:
        reason = "the model's reply was empty"
        return Ending(b"", Outcome.COMPLETE, stop_reason="end_turn", reason=reason, retry=True)
    return Ending(b"", Outcome.COMPLETE, stop_reason="end_turn")


def resumable(ending: Ending) -> Ending:
    """The ending for a client that resumes after an error: what was cut short is told as what
    it is, and neither the model nor the user hears of a token limit."""
    cut = ending.truncation not in (None, Truncation.MAX_TOKENS)
    if not cut or ending.stop_reason != RESUME:
        return ending
    type_ = "timeout_error" if ending.truncation is Truncation.STALL else "api_error"
    return replace(ending, stop_reason=None, error=ApiError(type_, ending.reason))


def compactable(ending: Ending, finish: str | None) -> Ending:
    """The ending for a client that compacts when an overflow is told behind a finished block: it
    would ask for a longer reply instead, up to three times, for which there is no room either."""
    if finish != WINDOW_FULL or ending.stop_reason is None:
        return ending
    reason = "the reply has filled the context window"
    return replace(ending, stop_reason=None, error=invalid(f"prompt is too long: {reason}"))


def limit_words(in_call: bool) -> str:
    """For a reply that the limit ended before there was anything to show: a message without
    a block makes Claude Code blame its own limit."""
    where = "inside a tool call, which was not run" if in_call else "before it said anything"
    return f"[The model reached its limit of output tokens {where}.]"


def _cut(seen: Seen, truncation: Truncation) -> Ending:
    reason = seen.reason or _words(seen, truncation)
    if not seen.shown:
        type_ = "timeout_error" if truncation is Truncation.STALL else "api_error"
        error = ApiError(type_, f"{reason}, before any of the reply had come. Please try again.")
        return Ending(b"", Outcome.ERROR, truncation, None, error, reason, retry=True)
    # A whole call was given: its result carries the conversation on.
    stop_reason = "tool_use" if seen.calls else RESUME
    return Ending(b"", Outcome.LIMIT, truncation, stop_reason, reason=reason)


def _lost_call(seen: Seen) -> Ending:
    """The model called a tool, and no call came of it. What was said stays, and the model
    is made to go on, which repeats the call."""
    reason = "the model called a tool, but the backend could not read the call"
    if seen.shown:
        return Ending(b"", Outcome.LIMIT, Truncation.MALFORMED, RESUME, reason=reason)
    error = ApiError("api_error", f"{reason} and sent nothing of it. Please try again.")
    return Ending(b"", Outcome.ERROR, Truncation.MALFORMED, None, error, reason, retry=True)


def _words(seen: Seen, truncation: Truncation) -> str:
    if seen.finish is not None:
        return f"the backend broke the reply off (finish reason {seen.finish!r})"
    if truncation is Truncation.STALL:
        return "the backend fell silent"
    if truncation is Truncation.MALFORMED:
        return "the backend sent something that is not a chat completion stream"
    return "the backend ended the stream without a finish reason"
