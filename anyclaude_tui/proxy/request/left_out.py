"""Tools that the user leaves out, and descriptions that the user wants short.

Pure. Works on the tools of a Messages request, before they become another API's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from anyclaude_tui.config.request_settings import RequestSettings
from anyclaude_tui.proxy.request.tools import PLACEHOLDER

_SENTENCE = re.compile(r".+?[.!?](?=\s|$)", re.DOTALL)
_HOLDS_SCHEMAS = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
"""Their members are schemas under names of the tool's own, of which one may be `description`."""
_VALUES = frozenset({"enum", "const", "default", "examples"})


def is_left_out(name: Any, settings: RequestSettings) -> bool:
    """True if the user leaves out a tool of this name."""
    patterns = settings.leave_out or ()
    return isinstance(name, str) and any(fnmatchcase(name, one) for one in patterns)


def runs_unlisted(tools: Any, settings: RequestSettings) -> Callable[[str], bool]:
    """The test, by name, for a tool that is not in `tools` but whose call is the client's to judge.

    Where Claude Code loads tools on demand it names them in the prompt, and runs one that is called
    unloaded (`docs/protocol/claude-code.md`, "Loaded tools"). One that is left out stays so.
    """
    if not any(
        isinstance(tool, Mapping) and tool.get("name") == PLACEHOLDER for tool in tools or ()
    ):
        return lambda name: False
    return lambda name: not is_left_out(name, settings)


def tools_wanted(tools: Any, choice: Any, settings: RequestSettings) -> tuple[Any, tuple[str, ...]]:
    """The tools as the user wants them, and the names of those left out. The one that
    `tool_choice` insists on stays: its call is what the client waits for."""
    if not isinstance(tools, list) or not (settings.leave_out or settings.shorten_descriptions):
        return tools, ()
    forced = choice.get("name") if isinstance(choice, Mapping) else None
    kept: list[Any] = []
    left: list[str] = []
    for tool in tools:
        name = tool.get("name") if isinstance(tool, Mapping) else None
        if name != forced and is_left_out(name, settings):
            left.append(str(name))
        else:
            kept.append(shortened(tool) if settings.shorten_descriptions else tool)
    return kept, tuple(left)


def shortened(tool: Any) -> Any:
    """A tool with the first paragraph of its description, and the first sentence of each
    parameter's."""
    if not isinstance(tool, Mapping):
        return tool
    made = dict(tool)
    if isinstance(made.get("description"), str):
        made["description"] = re.split(r"\n\s*\n", made["description"].strip(), maxsplit=1)[0]
    if isinstance(made.get("input_schema"), Mapping):
        made["input_schema"] = _short_schema(made["input_schema"])
    return made


def _short_schema(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_short_schema(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "description" and isinstance(value, str):
            found = _SENTENCE.match(value)
            made[key] = found.group() if found else value.split("\n", 1)[0]
        elif key in _HOLDS_SCHEMAS and isinstance(value, Mapping):
            made[key] = {name: _short_schema(one) for name, one in value.items()}
        else:
            made[key] = value if key in _VALUES else _short_schema(value)
    return made


def left_out_words(left: tuple[str, ...]) -> tuple[str, ...]:
    """The notice of what was left out; nothing where nothing was."""
    if not left:
        return ()
    tools = "1 tool" if len(left) == 1 else f"{len(left)} tools"
    return (f"{tools} left out, as set: {', '.join(left)}",)


def without_references(messages: Any, settings: RequestSettings) -> Any:
    """Messages without `tool_reference` blocks to tools left out, which the Messages API refuses
    where it does not find the tool."""
    if not settings.leave_out or not isinstance(messages, list):
        return messages
    return [_message(message, settings) for message in messages]


def _message(message: Any, settings: RequestSettings) -> Any:
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, list):
        return message
    blocks = [_result(block, settings) for block in content]
    return message if blocks == content else {**message, "content": blocks}


def _result(block: Any, settings: RequestSettings) -> Any:
    inside = block.get("content") if isinstance(block, Mapping) else None
    if not isinstance(inside, list) or block.get("type") != "tool_result":
        return block
    kept = [
        one
        for one in inside
        if not (
            isinstance(one, Mapping)
            and one.get("type") == "tool_reference"
            and is_left_out(one.get("tool_name", one.get("name")), settings)
        )
    ]
    if len(kept) == len(inside):
        return block
    return {**block, "content": kept or [{"type": "text", "text": "There is no such tool."}]}
