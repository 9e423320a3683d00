"""Errors in Anthropic's form: their types, statuses and bodies.

Source: `docs/protocol/messages.md`, "Errors". Claude Code reacts to the status first and shows the
message as it is, so the message is the backend's own words wherever there are any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anyclaude_tui.redaction import clean

ERROR_STATUS: dict[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Error type → HTTP status."""


REFUSED = 424
"""The status for what a backend refused, and that the client cannot mend: Claude Code shows its
words after one request. About a 400 or 422 it negotiates: six requests, and the deferral of
tools off for the session (`docs/protocol/claude-code.md`; measured on 2.1.329 and 2.1.332)."""


class ApiError(Exception):
    """An error that the client sees, in Anthropic's form.

    `retry` False asks the client not to repeat the request (`x-should-retry: false`;
    Claude Code honours it on 401, 429, 500 and 503). `status` overrides the type's own.
    """

    def __init__(
        self,
        type_: str,
        message: str,
        *,
        status: int | None = None,
        retry: bool | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        message = clean(message)  # it may hold words of a backend, whoever raises it
        super().__init__(message)
        self.type = type_
        self.message = message
        self.status = ERROR_STATUS.get(type_, 500) if status is None else status
        self.retry = retry
        self.details = details
        """For programs, beside the message."""
        self.overflow = False
        """The prompt is longer than the window."""
        self.prompt_tokens: int | None = None
        """The prompt's tokens, as a backend has counted them."""

    def body(self, request_id: str) -> dict[str, Any]:
        """The JSON body, also the data of an `error` event."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.details is not None:
            error["details"] = dict(self.details)
        return {"type": "error", "error": error, "request_id": request_id}


def invalid(message: str) -> ApiError:
    """400: the request itself is wrong."""
    return ApiError("invalid_request_error", message)


def overflow(prompt_tokens: int, window_tokens: int) -> ApiError:
    """The context overflow, in the only words that make Claude Code compact and retry.

    Source: `docs/protocol/claude-code.md`, "What matters most", 5.
    """
    error = invalid(f"prompt is too long: {prompt_tokens} tokens > {window_tokens} maximum")
    error.overflow = True
    return error


def no_threads() -> ApiError:
    """Message threads (beta message-threads-2026-08-12): a server that keeps the conversation.

    In these words the SDKs' tool runners send the whole conversation instead, by themselves
    (source: anthropic 2.11, lib/threads/_thread_state.py).
    """
    return ApiError(
        "invalid_request_error",
        "message threads are not kept here: send the whole conversation each time",
        details={"error_code": "thread_unsupported_request", "unsupported": ["thread"]},
    )
