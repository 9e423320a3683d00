"""Claude Code's WebSearch: the side request that wants nothing but a search.

Pure. Source: `docs/protocol/claude-code.md`, "WebSearch and WebFetch". Another client's request
with a server tool among others is a conversation, and none of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PHRASE = "Perform a web search for the query:"
"""The beginning of the one message in Claude Code's request (2.1.197 to 2.1.332)."""
_TOOL = "web_search_"
MAX_SEARCHES = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """The searches that one request asks for, and where they may look."""

    queries: tuple[str, ...]
    allowed: Any
    """`allowed_domains` and `blocked_domains`, as they came."""
    blocked: Any
    most: int
    """Searches that may be made for it."""


def wanted(body: Mapping[str, Any]) -> Wanted | None:
    """The search that a request wants; None for every other request."""
    tools, messages = body.get("tools"), body.get("messages")
    if not isinstance(tools, list) or not isinstance(messages, list):
        return None
    if len(tools) != 1 or len(messages) != 1:
        return None
    tool, message = tools[0], messages[0]
    if not isinstance(tool, Mapping) or not isinstance(message, Mapping):
        return None
    if not str(tool.get("type", "")).startswith(_TOOL) or message.get("role") != "user":
        return None
    queries = tuple(_queries(message.get("content")))
    if not queries:
        return None
    most = tool.get("max_uses")
    return Wanted(
        queries,
        tool.get("allowed_domains"),
        tool.get("blocked_domains"),
        most if isinstance(most, int) and 0 < most < MAX_SEARCHES else MAX_SEARCHES,
    )


def _queries(content: Any) -> Iterator[str]:
    """The query of each text that asks for one."""
    blocks = [{"text": content}] if isinstance(content, str) else content
    for block in blocks if isinstance(blocks, list) else []:
        text = block.get("text") if isinstance(block, Mapping) else None
        if isinstance(text, str) and text.lstrip().startswith(PHRASE):
            yield text.lstrip().removeprefix(PHRASE).strip()
