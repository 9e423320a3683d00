"""An assistant's message with its calls and their results, in the form that the template takes.

Pure. The forms are facts about chat templates (`Dialect.calls`, `call_ids`,
`text_beside_calls`); each keeps every word, and the front of the prompt from turn to turn.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anyclaude_tui.backends.dialect import Dialect

_NINE = 9
NO_THINKING = " "
"""For a call whose thinking is not known, where the server asks for some: Moonshot takes an empty
text for none (llmgateway#2093)."""
FOREIGN_CALL = "skip_thought_signature_validator"
"""Google's documented signature for a call that another model made, or whose own is lost (Gemini
API, "Thought signatures")."""

NO_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "no_tools",
        "description": "No tools can be called now; do not call this.",
        "parameters": {"type": "object", "properties": {}},
    },
}
"""The tool that is offered where a template needs tools and the request has none."""


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """A call of the history with the text of its result."""

    id: str
    name: str
    arguments: str
    """A JSON object."""
    result: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    """The members that its server wants back with the call: `extra_content`."""


def push_assistant(
    out: list[dict[str, Any]],
    text: str,
    thinking: str,
    calls: Sequence[FinishedCall],
    how: Dialect,
    details: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Append the assistant's message, if anything of it is left, and the results of its calls.

    `details`: the thinking as its server wants it back, in place of the text of it. A user
    message at the end of `out` has its content as a list of parts.
    """
    message: dict[str, Any] = {"role": "assistant", "content": text}
    name = how.reasoning_history
    if details and "reasoning_details" not in how.left_out:
        message["reasoning_details"] = list(details)
    elif name != "drop" and thinking:
        message[name] = thinking
        if calls and text and how.text_beside_calls == "reasoning":
            message |= {"content": "", name: _join(thinking, text)}
    if how.calls == "text" and calls:
        message["content"] = _join(message["content"], *map(_as_text, calls))
        results = [f"<tool_response>\n{call.result}\n</tool_response>" for call in calls]
        out += (message, {"role": "user", "content": results})
        return
    groups = [[call] for call in calls] if how.calls == "serial" and calls else [calls]
    for group in groups:
        ids = [_id(call, out, place, how) for place, call in enumerate(group)]
        if group:
            message["tool_calls"] = [
                _as_call(call_id, call, how) for call_id, call in zip(ids, group, strict=True)
            ]
            first = message["tool_calls"][0]
            if how.signed_calls and not any("extra_content" in c for c in message["tool_calls"]):
                first["extra_content"] = {"google": {"thought_signature": FOREIGN_CALL}}
            if how.reasoning_required and name != "drop":
                message.setdefault(name, NO_THINKING)
        if message["content"] or len(message) > 2:
            out.append(message)
        out += (
            {"role": "tool", "tool_call_id": call_id, "content": call.result}
            for call_id, call in zip(ids, group, strict=True)
        )
        message = {"role": "assistant", "content": ""}


def system_as_user(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The system prompt at the head of the first user message."""
    if messages[0]["role"] != "system":
        return messages
    text, rest = messages[0]["content"], messages[1:]
    if rest[0]["role"] != "user":
        return [{"role": "user", "content": text}, *rest]
    content = rest[0]["content"]
    if isinstance(content, str):
        content = _join(text, content)
    elif content[0]["type"] == "text":
        first = {"type": "text", "text": _join(text, content[0]["text"])}
        content = [first, *content[1:]]
    else:
        content = [{"type": "text", "text": text}, *content]
    return [{"role": "user", "content": content}, *rest[1:]]


def _as_call(call_id: str, call: FinishedCall, how: Dialect) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    made: dict[str, Any] = {"id": call_id, "type": "function", "function": function}
    if call.extra and "extra_content" not in how.left_out:
        made["extra_content"] = call.extra
    return made


def _as_text(call: FinishedCall) -> str:
    """The form of Hermes and Qwen, which most models know and `from_text` reads back."""
    name = json.dumps(call.name, ensure_ascii=False)
    return f'<tool_call>\n{{"name": {name}, "arguments": {call.arguments}}}\n</tool_call>'


def _join(*texts: str) -> str:
    return "\n\n".join(filter(None, texts))


def _id(call: FinishedCall, out: Sequence[dict[str, Any]], place: int, how: Dialect) -> str:
    if how.call_ids == "nine":
        return hashlib.sha256(call.id.encode()).hexdigest()[:_NINE]
    if how.call_ids == "numbered":
        number = place + sum(message["role"] == "tool" for message in out)
        return f"functions.{call.name}:{number}"
    return call.id
