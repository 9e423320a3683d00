"""The purpose of a request, told from the request itself.

Pure. Claude Code makes requests of its own beside the conversation: titles, recaps, web searches,
checks. Some have the main conversation's whole prompt in front; taken for it, the next main prompt
would be compared with one of them, and they would go before it in the queue.
Source: `docs/protocol/claude-code.md`, "Background requests".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anyclaude_tui.telemetry.events import Role

ROLE_HEADER = "x-anyclaude-role"
"""With `compare` a request is the comparison's; anything else is told by the request itself."""
SESSION_HEADER = "X-Claude-Code-Session-Id"
AGENT_HEADER = "x-claude-code-agent-id"

_ASKED = (
    "The user stepped away and is coming back.",
    "Perform a web search for the query:",
)
"""The beginnings of what Claude Code asks for by itself."""
_TOLD = ("You are a security monitor for autonomous AI coding agents",)
"""The beginnings of system texts of its own: the check of auto mode."""


def role_of(headers: Mapping[str, str], body: Mapping[str, Any]) -> Role:
    """Main conversation, subagent (its own header), a background job, or a run of our own
    comparison, which says so."""
    if headers.get(ROLE_HEADER) == Role.COMPARE:
        return Role.COMPARE
    if headers.get(AGENT_HEADER):
        return Role.SUBAGENT
    if headers.get(SESSION_HEADER) and _is_background(body):
        return Role.BACKGROUND
    return Role.MAIN


def _is_background(body: Mapping[str, Any]) -> bool:
    if not body.get("tools"):
        # The conversation has none with `--tools ""`, but it thinks or manages its context.
        output = body.get("output_config")
        structured = isinstance(output, Mapping) and bool(output.get("format"))
        return structured or not (body.get("thinking") or body.get("context_management"))
    if _only_server_tools(body["tools"]):
        return True
    return _last_words(body.get("messages")).startswith(_ASKED) or any(
        text.lstrip().startswith(_TOLD) for text in _texts(body.get("system"))
    )


def _only_server_tools(tools: Any) -> bool:
    """A search: its only tools run at the service."""
    return isinstance(tools, list) and all(
        isinstance(tool, Mapping) and "input_schema" not in tool for tool in tools
    )


def _last_words(messages: Any) -> str:
    """The last text of the last user message."""
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, Mapping) and message.get("role") == "user":
            texts = _texts(message.get("content"))
            return texts[-1].lstrip() if texts else ""
    return ""


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    blocks = content if isinstance(content, list) else []
    texts = (block.get("text") for block in blocks if isinstance(block, Mapping))
    return [text for text in texts if isinstance(text, str)]
