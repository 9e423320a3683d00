"""The changes that a conversation makes to itself on its way: tools withdrawn or added, a summary
in place of what came before it. Pure.

Source: anthropic 2.14, `types/beta` (`tool_addition`, `tool_removal`, `compaction`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anyclaude_tui.proxy.request.content_blocks import tagged

Block = Mapping[str, Any]


def from_summary_on(messages: Any) -> Any:
    """The messages from the last summary (`compaction`) on, which then stands first, as the
    user's: the API drops what came before one. One that failed has no content and is nothing."""
    if not isinstance(messages, list):
        return messages
    for number in range(len(messages) - 1, -1, -1):
        message = messages[number]
        content = message.get("content") if isinstance(message, Mapping) else None
        if not isinstance(content, list):
            continue
        for position in range(len(content) - 1, -1, -1):
            summary = _summary(content[position])
            if summary:
                rest = content[position + 1 :]
                text = {"type": "text", "text": tagged("conversation-summary", [], summary)}
                after = [{**message, "content": rest}] if rest else []
                return [{"role": "user", "content": [text]}, *after, *messages[number + 1 :]]
    return messages


def _summary(block: Any) -> str:
    is_one = isinstance(block, Mapping) and block.get("type") == "compaction"
    content = block.get("content") if is_one else None
    return content if isinstance(content, str) else ""


def tools_now(tools: Any, messages: Any) -> Any:
    """The request's tools as they stand at the end of the conversation: without those that it
    withdrew, with those that it defined."""
    if not isinstance(messages, list):
        return tools
    changes = list(_changes(messages))
    if not changes:
        return tools
    given = [tool for tool in tools or [] if isinstance(tool, Mapping)]
    declared: dict[Any, Any] = {tool.get("name"): tool for tool in given}
    now = dict(declared)
    for kind, tool in changes:
        definition = tool.get("definition")
        named = definition if isinstance(definition, Mapping) else tool
        name = named.get("name")
        if kind == "tool_removal":
            now.pop(name, None)
        elif isinstance(definition, Mapping):
            declared[name] = now[name] = definition
        elif name in declared and name not in now:
            now[name] = declared[name]
    return list(now.values())


def _changes(blocks: list[Any]) -> Iterator[tuple[str, Block]]:
    """(type, tool) of every change, in order, wherever it stands."""
    for block in blocks:
        if not isinstance(block, Mapping):
            continue
        kind, tool = block.get("type"), block.get("tool")
        if kind in ("tool_addition", "tool_removal") and isinstance(tool, Mapping):
            yield str(kind), tool
        if "role" in block or kind == "mid_conv_system":
            inside = block.get("content")
        else:
            inside = block.get("tool_changes") if kind == "compaction" else None
        if isinstance(inside, list):
            yield from _changes(inside)
