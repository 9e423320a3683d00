"""A prompt as the pieces that it is made of, in the order in which a template renders them.

Pure. A chat completions request becomes: the system text by the client's blocks, then
tool by tool, then message by message (Qwen, gpt-oss and Llama templates render the tools
behind the system text: `docs/protocol/claude-code.md`, "Prefix stability"). A native Messages
request has its tools first, as Anthropic's cache orders them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from anyclaude_tui.prefix.billing import strip_billing

BILLING_WORDS = "x-anthropic-billing-header:"


class Part(StrEnum):
    """The part of the prompt that a segment is a piece of."""

    SETTINGS = "settings"
    SYSTEM = "system"
    TOOL = "tool"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece. `place` names it for a person: "system block 2", "tool Bash", "message 7"."""

    part: Part
    place: str
    name: str
    """The tool's name, or the message's role."""
    text: bytes
    detail: str = ""
    """The subject of a message: "the result of Read (a.py)"."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """All pieces of one prompt."""

    segments: tuple[Segment, ...]
    size_bytes: int
    billing: str = ""
    """The billing block that the client sent and that did not go upstream."""

    def count(self, part: Part) -> int:
        """The number of segments of this part."""
        return sum(segment.part is part for segment in self.segments)


def prompt_of(
    upstream: Mapping[str, Any],
    body: Mapping[str, Any],
    messages: Callable[[int], Iterable[Segment]] | None = None,
    tools: Iterable[Segment] | None = None,
) -> Prompt:
    """The prompt of a request that goes upstream; `body` is what the client sent.

    `body` only serves to name the system text's blocks as the client numbers them. `messages`
    gives the segments of the messages from one on, where something else reads them: of
    `upstream` only the first is then looked at. `tools`: the same of the tools.
    """
    tools = tool_segments(upstream.get("tools")) if tools is None else tools
    read = messages or (lambda start: _messages(upstream.get("messages"), start))
    if "input_schema" in _first(upstream.get("tools")) or "system" in upstream:
        segments = [*tools, *_native_system(upstream.get("system"), body)]
        segments += read(0)
    else:
        segments = list(_chat(upstream, body, tools, read))
    billing = _billing(body)
    if any(BILLING_WORDS.encode() in s.text for s in segments if s.part is Part.SYSTEM):
        billing = ""
    return Prompt(tuple(segments), sum(len(segment.text) for segment in segments), billing)


def _chat(
    upstream: Mapping[str, Any],
    body: Mapping[str, Any],
    tools: Iterable[Segment],
    read: Callable[[int], Iterable[Segment]],
) -> Iterator[Segment]:
    effort = upstream.get("reasoning_effort")
    if effort:
        # gpt-oss renders it as the first lines of the prompt.
        yield Segment(Part.SETTINGS, "reasoning effort", "", str(effort).encode())
    messages = upstream.get("messages")
    messages = messages if isinstance(messages, list) else []
    start = 0
    if messages and isinstance(messages[0], Mapping) and messages[0].get("role") == "system":
        yield from _system(_text(messages[0].get("content")), _block_texts(body))
        start = 1
    yield from tools
    yield from read(start)


def _system(text: str, blocks: list[tuple[int, str]]) -> Iterator[Segment]:
    """The system text cut where the client's blocks begin."""
    starts: list[tuple[int, str]] = []
    end = 0
    for number, block in blocks:
        found = text.find(block, end) if block else -1
        if found >= 0:
            starts.append((found, f"system block {number}"))
            end = found + len(block)
    if text[end:].strip() or not starts:
        starts.append((end, "the end of the system text" if end else "the system text"))
    starts[0] = (0, starts[0][1])
    ends = [start for start, _ in starts[1:]] + [len(text)]
    for (start, place), stop in zip(starts, ends, strict=True):
        yield Segment(Part.SYSTEM, place, "system", _bytes(text[start:stop]))


def _native_system(system: Any, body: Mapping[str, Any]) -> Iterator[Segment]:
    sent = _block_texts({"system": system})
    known = _block_texts(body)
    for position, text in sent:
        number = next((n for n, known_text in known if known_text == text), position)
        yield Segment(Part.SYSTEM, f"system block {number}", "system", _bytes(text))


def _block_texts(body: Mapping[str, Any]) -> list[tuple[int, str]]:
    """(number, text) of the client's system blocks, as they are after `strip_billing`."""
    system = body.get("system")
    if isinstance(system, str):
        return [(0, _text(strip_billing(system)))]
    if not isinstance(system, list):
        return []
    texts = [_text([block]) for block in system]
    # A billing block that holds more than the header loses the header only.
    stripped = (_text(strip_billing(text)) or text for text in texts)
    if any(BILLING_WORDS in text for text in texts):
        texts = list(stripped)
    return list(enumerate(texts))


def _billing(body: Mapping[str, Any]) -> str:
    system = body.get("system")
    texts = [system] if isinstance(system, str) else system if isinstance(system, list) else []
    for block in texts[:1]:
        text = _text(block if isinstance(block, str) else [block]).lstrip()
        if text[: len(BILLING_WORDS)].lower() == BILLING_WORDS:
            return text.splitlines()[0]
    return ""


def tool_segments(tools: Any) -> Iterator[Segment]:
    """The segments of a request's tools."""
    for tool in tools if isinstance(tools, list) else []:
        function = tool.get("function", tool) if isinstance(tool, Mapping) else {}
        name = str(function.get("name", "?")) if isinstance(function, Mapping) else "?"
        yield Segment(Part.TOOL, f"tool {name}", name, msgspec.json.encode(tool))


def _messages(messages: Any, start: int) -> Iterator[Segment]:
    calls: dict[str, str] = {}
    for number, message in enumerate(messages if isinstance(messages, list) else []):
        if number < start or not isinstance(message, Mapping):
            continue
        yield message_segment(number, message, calls)


def message_segment(
    number: int, message: Mapping[str, Any], calls: MutableMapping[str, str]
) -> Segment:
    """The segment of the message of that number; `calls`: what is known of the calls before it."""
    role = str(message.get("role", "?"))
    text, detail = _message(message, calls)
    return Segment(Part.MESSAGE, f"message {number}", role, text, detail)


def _message(message: Mapping[str, Any], calls: MutableMapping[str, str]) -> tuple[bytes, str]:
    """The text of a message, each part on lines of its own, and what it is about.

    `calls` learns what each call id stands for, so that a later result can be named.
    """
    lines = [f"<{message.get('role')}>"]
    about: list[str] = []
    thoughts = (message.get(name) for name in ("reasoning_content", "reasoning"))
    lines.extend(_text(thought) for thought in thoughts if thought)
    lines.append(_content(message.get("content"), calls, about))
    for call in message.get("tool_calls") or []:
        function = call.get("function", {}) if isinstance(call, Mapping) else {}
        name, arguments = str(function.get("name", "")), str(function.get("arguments", ""))
        calls[str(call.get("id"))] = _call_name(name, arguments)
        lines.append(f"{name}({arguments})")
        about.append(f"the call of {name}")
    if message.get("role") == "tool":
        about.append(f"the result of {calls.get(str(message.get('tool_call_id')), 'a tool')}")
    return _bytes("\n".join(lines)), " and ".join(about[:2])


def _content(content: Any, calls: MutableMapping[str, str], about: list[str]) -> str:
    """The content of a message as text; images and documents by their hash."""
    if not isinstance(content, list):
        return _text(content)
    out: list[str] = []
    for block in content:
        kind = block.get("type") if isinstance(block, Mapping) else None
        if kind == "tool_use":
            arguments = msgspec.json.encode(block.get("input")).decode()
            name = str(block.get("name"))
            calls[str(block.get("id"))] = _call_name(name, arguments)
            about.append(f"the call of {name}")
            out.append(f"{name}({arguments})")
        elif kind == "tool_result":
            called = calls.get(str(block.get("tool_use_id")), "a tool")
            about.append(f"the result of {called}")
            out.append(_content(block.get("content"), calls, []))
        elif kind in ("text", "thinking"):
            out.append(_text(block.get(kind)))
        else:
            digest = hashlib.blake2b(msgspec.json.encode(block), digest_size=8).hexdigest()
            out.append(f"[{kind} {digest}]")
    return "\n".join(out)


def _call_name(name: str, arguments: str) -> str:
    """`Read (src/a.py)`: the tool and the file or command it was about, if that is short."""
    try:
        given = msgspec.json.decode(arguments)
    except msgspec.DecodeError:
        return name
    if isinstance(given, dict):
        for key in ("file_path", "path", "notebook_path", "command", "pattern", "url"):
            value = given.get(key)
            if isinstance(value, str) and value:
                short = value if len(value) <= 40 else f"…{value[-39:]}"
                return f"{name} ({short.splitlines()[0]})"
    return name


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = (b.get("text") for b in content if isinstance(b, Mapping))
        return "\n".join(text for text in texts if isinstance(text, str))
    return ""


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _first(tools: Any) -> Mapping[str, Any]:
    first = tools[0] if isinstance(tools, list) and tools else None
    return first if isinstance(first, Mapping) else {}
