"""The requests that the bench sends: small, large in one text, and shaped as Claude Code's.

What the model server shall do stands in the last user message, between `@@` (`upstream.py`).
"""

from __future__ import annotations

import json
from typing import Any

TOOLS = 24
"""About as many as Claude Code offers."""


def body(command: str, size_bytes: int = 0) -> bytes:
    """A Messages request that carries the command; padded to a size by its system text."""
    made = _request([{"role": "user", "content": f"@@{command}@@"}])
    padding = "You are a careful assistant. " * max(0, (size_bytes - 300) // 29)
    if padding:
        made["system"] = padding
    return json.dumps(made).encode()


def claude_code(command: str) -> bytes:
    """A request of 125 KB in the form of Claude Code's: three system blocks, 24 tools with
    nested schemas, a conversation of ten turns with calls and results."""
    made = _request([*_history(10), _user(f"Go on. @@{command}@@")])
    made["system"] = [
        {"type": "text", "text": "You are Claude Code, Anthropic's official CLI for Claude."},
        {"type": "text", "text": _lines("How to work", 14_000), "cache_control": _EPHEMERAL},
        {"type": "text", "text": _lines("Environment", 3_000), "cache_control": _EPHEMERAL},
    ]
    made["tools"] = [_tool(number) for number in range(TOOLS)]
    return json.dumps(made).encode()


def turns(count: int, more: int, command: str) -> bytes:
    """A conversation of `count` turns with a call and its result in each; `more` varies its
    end, as the next request of the same conversation does."""
    made = _request([*_history(count), _user(f"Go on, {more}. @@{command}@@")])
    tool = {"name": "Read", "description": "Reads a file.", "input_schema": {"type": "object"}}
    return json.dumps(made | {"tools": [tool]}).encode()


_EPHEMERAL = {"type": "ephemeral"}


def _request(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {"model": "bench", "max_tokens": 4096, "stream": True, "messages": messages}


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def _history(count: int) -> list[dict[str, Any]]:
    messages = [_user("Mend the tests.")]
    for turn in range(count):
        call = f"toolu_{turn:024}"
        use = {"type": "tool_use", "id": call, "name": "Read", "input": {"file": f"/src/{turn}.py"}}
        said = [{"type": "text", "text": f"I look at file {turn}."}, use]
        result = _lines(f"def work_{turn}():", 400)
        got = [{"type": "tool_result", "tool_use_id": call, "content": result}]
        messages += [{"role": "assistant", "content": said}, {"role": "user", "content": got}]
    return [*messages, {"role": "assistant", "content": [{"type": "text", "text": "Done."}]}]


def _tool(number: int) -> dict[str, Any]:
    fields = {
        f"field_{place}": {
            "type": "array" if place % 3 == 0 else "string",
            "description": f"What field {place} of tool {number} is good for, said in a line.",
            **({"items": {"type": "object", "properties": _LEAVES}} if place % 3 == 0 else {}),
        }
        for place in range(8)
    }
    schema = {"type": "object", "properties": fields, "required": ["field_1"]}
    description = _lines(f"Tool {number} does its work.", 2_400)
    return {"name": f"Tool{number}", "description": description, "input_schema": schema}


_LEAVES = {name: {"type": "string", "minLength": 1} for name in ("id", "status", "text")}


def _lines(title: str, size_bytes: int) -> str:
    line = " - Keep to what is asked; say what was done, with `file_path:line` — nothing more.\n"
    return f"# {title}\n" + line * (size_bytes // len(line))
