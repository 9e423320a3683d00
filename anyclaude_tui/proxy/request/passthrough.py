"""Passthrough to a server that speaks the Messages API itself: the prompt's hygiene only.

Pure. Everything that is not named here goes through as it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.prefix.billing import strip_billing
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.checked import checked
from anyclaude_tui.proxy.request.content_blocks import reminder
from anyclaude_tui.proxy.request.conversation_changes import tools_now
from anyclaude_tui.proxy.request.left_out import (
    left_out_words,
    runs_unlisted,
    tools_wanted,
    without_references,
)
from anyclaude_tui.proxy.request.openai import IMAGE_BYTES, UpstreamRequest, sizes_of
from anyclaude_tui.proxy.request.wanted import as_wanted, with_extra
from anyclaude_tui.proxy.wire.anthropic_events import SIGNATURE_PREFIX, server_tag, tag_in
from anyclaude_tui.proxy.wire.safe_json import harmless, json_bytes


def native_request(
    body: Mapping[str, Any], endpoint: Endpoint, memory: CallMemory
) -> UpstreamRequest:
    """The request for a native server, and what its reply must be read with.

    What a request may hold is the server's to say: nothing of it is refused here but what is
    no JSON object. Raises ApiError only.
    """
    wanted = as_wanted(checked(body, memory.seen), endpoint)
    native = hygiene(wanted.body, endpoint, memory) | {"stream": True}
    left = _leave_out(native, endpoint)
    native = with_extra(native, endpoint.wanted.extra_body)
    tools = native.get("tools")
    prompt = [native.get("system"), native.get("messages"), tools]
    return UpstreamRequest(
        body=native,
        tools=_chosen(_schemas(tools, native.get("messages")), native.get("tool_choice")),
        stop_sequences=(),
        notices=(*wanted.notices, *left_out_words(left)),
        sampling=tuple(one for one in wanted.sampling if one[0] in native),
        left_out=left,
        unlisted=runs_unlisted(body.get("tools"), endpoint.wanted),
        sizes=sizes_of(body, memory.seen),
        prompt_bytes=sum(map(json_bytes, prompt)) - _media_bytes(prompt),
        single_call=_wants_one(native.get("tool_choice")),
        call_ids=frozenset(_call_ids(native.get("messages"))),
    )


def _leave_out(native: dict[str, Any], endpoint: Endpoint) -> tuple[str, ...]:
    """Take out the tools that the user leaves out; their names."""
    given, settings = native.get("tools"), endpoint.wanted
    tools, left = tools_wanted(given, native.get("tool_choice"), settings)
    if tools is not given:
        native["tools"] = tools
        native["messages"] = without_references(native.get("messages"), settings)
    if left and not tools:  # a choice wants tools
        native.pop("tools")
        native.pop("tool_choice", None)
    return left


def _schemas(tools: Any, messages: Any) -> dict[str, Mapping[str, Any]]:
    """The schemas that the reply's calls are checked against, by the tool's name. A tool of the
    API's own (`bash_…`) has no schema here: its calls are for the client all the same, and fit."""
    given = tools_now(tools, messages)
    return {
        tool["name"]: tool["input_schema"] if isinstance(tool.get("input_schema"), Mapping) else {}
        for tool in (given if isinstance(given, list) else ())
        if isinstance(tool, Mapping) and isinstance(tool.get("name"), str)
    }


def _chosen(schemas: dict[str, Mapping[str, Any]], choice: Any) -> dict[str, Mapping[str, Any]]:
    """The tools that `tool_choice` lets the model call."""
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if kind == "none":
        return {}
    name = choice.get("name") if kind == "tool" else None
    return {name: schemas[name]} if name in schemas else schemas


def _wants_one(choice: Any) -> bool:
    return isinstance(choice, Mapping) and choice.get("disable_parallel_tool_use") is True


def _call_ids(messages: Any) -> Iterator[str]:
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, Mapping) else None
        for block in content if isinstance(content, list) else ():
            if isinstance(block, Mapping) and block.get("type") == "tool_use":
                yield str(block.get("id"))


def _media_bytes(value: Any) -> int:
    """The bytes that images and documents have beyond their flat rate."""
    if isinstance(value, list):
        return sum(map(_media_bytes, value))
    if not isinstance(value, Mapping):
        return 0
    if value.get("type") == "base64" and isinstance(value.get("data"), str):
        return len(value["data"]) - IMAGE_BYTES
    return sum(map(_media_bytes, value.values()))


def hygiene(body: Mapping[str, Any], endpoint: Endpoint, memory: CallMemory) -> dict[str, Any]:
    """The request for a native server, byte-stable from turn to turn.

    The model's name is the backend's; the billing header is gone; user text has one form
    (blocks, which can carry `cache_control`); a tool's input is again what the model
    wrote; thinking that we signed goes back to the server that sent it unsigned, and to no
    other, for none takes our signature; late system messages are marked user text where the
    dialect says so. Raises ApiError only.
    """
    clean = dict(checked(body, memory.seen))
    if endpoint.model:  # none configured: the client's own name goes through
        clean["model"] = endpoint.model
    if "system" in clean:
        clean["system"] = strip_billing(clean["system"])
        if not clean["system"]:
            del clean["system"]
    messages = clean.get("messages")
    if not isinstance(messages, list):
        return clean
    if messages and isinstance(messages[0], dict) and messages[0].get("role") == "system":
        first = {**messages[0], "content": strip_billing(messages[0].get("content"))}
        messages = [first, *messages[1:]]
    if endpoint.dialect.late_system == "folded":
        messages = _system_as_user(messages)
    tag = server_tag(endpoint.url)
    kept = (_message(message, memory, tag) for message in messages)
    clean["messages"] = [message for message in kept if message is not None]
    return clean


def _message(message: Any, memory: CallMemory, tag: str) -> Any:
    """One message in its stable form; None when nothing of it is left."""
    if not isinstance(message, dict):
        return message
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": [{"type": "text", "text": content}]} if content else message
    if not isinstance(content, list):
        return message
    made = (_block(block, memory, tag) for block in content)
    blocks = [block for block in made if block is not None]
    return {**message, "content": blocks} if blocks or not content else None


def _block(block: Any, memory: CallMemory, tag: str) -> Any:
    """A block in its stable form; None for thinking of ours that is another server's."""
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "thinking" and _is_ours(block.get("signature")):
        return {**block, "signature": ""} if tag_in(block["signature"]) == tag else None
    if kind != "tool_use":
        return block
    call_id, name, given = block.get("id"), block.get("name"), block.get("input")
    if not isinstance(call_id, str) or not isinstance(name, str):
        return block
    written = memory.recall(call_id, given)
    if written is None:
        return block
    return {**block, "name": written[0], "input": harmless(json.loads(written[1]))}


def _is_ours(signature: Any) -> bool:
    return isinstance(signature, str) and signature.startswith(SIGNATURE_PREFIX)


def _system_as_user(messages: list[Any]) -> list[Any]:
    """System messages as marked user text, behind the results that a call waits for."""
    out: list[Any] = []
    waiting: list[Any] = []
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role == "system":
            message = {**message, "role": "user", "content": _marked(message.get("content"))}
            if _calls(out):
                waiting.append(message)
                continue
        out.append(message)
        if role == "user":
            out += waiting
            waiting = []
    return out + waiting


def _calls(out: list[Any]) -> bool:
    """True if the last message is an assistant's that waits for results."""
    last = out[-1] if out else None
    content = last.get("content") if isinstance(last, dict) else None
    return isinstance(content, list) and any(
        isinstance(block, dict) and block.get("type") == "tool_use" for block in content
    )


def _marked(content: Any) -> Any:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(blocks, list):
        return content
    return [
        {**block, "text": reminder(block["text"])}
        if isinstance(block, dict) and isinstance(block.get("text"), str)
        else block
        for block in blocks
    ]
