"""Content blocks of the Messages API → what a chat completions message can hold.

Pure. A block becomes parts: text, or an OpenAI `image_url` part where the backend reads
images. Whatever cannot go upstream becomes a short text in its place, so that the model
knows that something was there; nothing is ever fetched for a backend, and no URL of an
image or document is forwarded (mlx_lm would fetch it, `docs/protocol/mlx-lm.md`, "Requests").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.proxy.errors import invalid
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.pdf import pdf_text
from anyclaude_tui.proxy.wire.safe_json import canonical_json, join_texts

Part = str | dict[str, Any]
"""Text, or an OpenAI `image_url` part."""

_IMAGE_TYPE = re.compile(r"image/[a-z0-9.+-]{1,40}")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]*+={0,2}\s*+")


@dataclass(slots=True)
class Context:
    """The facts that the translation of one request needs, and the notices that it makes."""

    dialect: Dialect
    memory: CallMemory
    server: str = ""
    """Whom the request is for, as `Endpoint.server` says it."""
    notices: dict[str, None] = field(default_factory=dict)
    order: Sequence[str] = ()
    """The tools that the conversation has loaded, in the order of their loading."""
    loaded: Mapping[str, str] = field(default_factory=dict)
    """Those of them that stand in the results of their loading, by name, as they stand there."""

    asked: list[str] = field(default_factory=list)
    """Ids of the calls that the memory was asked for."""

    def note(self, words: str) -> None:
        """Say once that something was left out or changed."""
        self.notices[words] = None


def blocks_of(content: Any, where: str) -> list[Mapping[str, Any]]:
    """A message's content, a text or a list of blocks, as blocks. Raises ApiError."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise invalid(f"{where}: Input should be a valid string or list of content blocks")
    for position, block in enumerate(content):
        if not isinstance(block, Mapping):
            raise invalid(f"{where}.{position}: Input should be an object")
        if not isinstance(block.get("type"), str):
            raise invalid(f"{where}.{position}.type: Field required")
    return content


def parts_of(block: Mapping[str, Any], where: str, context: Context) -> list[Part]:
    """One block as parts; an empty list where nothing of it is for the model.

    `where` is its path for error messages. Raises ApiError.
    """
    kind = block["type"]
    handler = _HANDLERS.get(kind)
    if handler is not None:
        return handler(block, where, context)
    if is_decided(kind):
        return _server_result(block, where, context)
    context.note(f"content block of unknown type {kind} left out")
    return [f"[{kind} left out: not supported]"]


def is_decided(kind: str) -> bool:
    """True if blocks of this type have a rule of ours."""
    # Calls and their results are the messages' business (`messages.py`).
    return kind in _HANDLERS or kind in ("tool_use", "tool_result") or kind.endswith("_tool_result")


def content_parts(content: Any, where: str, context: Context) -> list[Part]:
    """All blocks of a content as parts; None counts as empty. Raises ApiError."""
    if content is None:
        return []
    return [
        part
        for position, block in enumerate(blocks_of(content, where))
        for part in parts_of(block, f"{where}.{position}", context)
    ]


def text_of(parts: list[Part]) -> str:
    """The text among the parts."""
    return join_texts(part for part in parts if isinstance(part, str))


def required_text(block: Mapping[str, Any], key: str, where: str) -> str:
    """A text member of a block. Raises ApiError when it is missing or no text."""
    value = block.get(key)
    if not isinstance(value, str):
        problem = "Field required" if value is None else "Input should be a valid string"
        raise invalid(f"{where}.{block['type']}.{key}: {problem}")
    return value


def tagged(tag: str, lines: list[tuple[str, Any]], body: str) -> str:
    """Text in a tag, with short facts about it first, as models know it from training."""
    facts = "".join(
        f"<{name}>{value}</{name}>\n" for name, value in lines if isinstance(value, str) and value
    )
    return f"<{tag}>\n{facts}{body}\n</{tag}>"


def reminder(text: str) -> str:
    """System text inside another message, marked the way Claude Code marks its own."""
    return f"<system-reminder>\n{text}\n</system-reminder>"


def _text(block: Mapping[str, Any], where: str, context: Context) -> list[Part]:
    text = required_text(block, "text", where)
    return [text] if text else []


def _nothing(block: Mapping[str, Any], where: str, context: Context) -> list[Part]:
    return []


def _image(block: Mapping[str, Any], where: str, context: Context) -> list[Part]:
    source = _source(block, where)
    kind = source.get("type")
    if kind == "url":
        context.note("image by URL left out: nothing is fetched from the network")
        return [f"[Image at {source.get('url')} left out: images by URL are not fetched]"]
    if kind != "base64":
        context.note(f"image with a source of type {kind} left out")
        return [f"[Image with a source of type {kind} left out: not supported]"]
    media, data = source.get("media_type"), source.get("data")
    if not isinstance(media, str) or not _IMAGE_TYPE.fullmatch(media):
        raise invalid(f"{where}.image.source.media_type: Input should be an image type")
    if not isinstance(data, str) or not _BASE64.fullmatch(data):
        raise invalid(f"{where}.image.source.data: Input should be valid base64")
    if not context.dialect.images:
        context.note("image left out: the backend reads no images")
        return [f"[Image ({media}) left out: this model cannot see images]"]
    url = f"data:{media};base64,{''.join(data.split())}"
    return [{"type": "image_url", "image_url": {"url": url}}]


def _document(block: Mapping[str, Any], where: str, context: Context) -> list[Part]:
    source = _source(block, where)
    kind = source.get("type")
    images: list[Part] = []
    if kind == "text":
        body = _source_text(source, "data", where)
    elif kind == "content":
        parts = content_parts(source.get("content"), f"{where}.document.source.content", context)
        body = text_of(parts)
        images = [part for part in parts if not isinstance(part, str)]
    elif kind == "base64":
        body = _pdf(source, where, context)
    else:
        at = f" at {source.get('url')}" if kind == "url" else ""
        context.note(f"document by {kind} left out: nothing is fetched")
        body = f"[Document{at} left out: documents by {kind} are not fetched]"
    facts = [("title", block.get("title")), ("context", block.get("context"))]
    return [tagged("document", facts, body), *images]


def _pdf(source: Mapping[str, Any], where: str, context: Context) -> str:
    media = source.get("media_type")
    data = _source_text(source, "data", where)
    if media != "application/pdf":
        context.note(f"document of type {media} left out")
        return f"[Document of type {media} left out: not supported]"
    text, problem = pdf_text(data)
    if problem:
        context.note(f"PDF: {problem}")
        return f"{text}\n[{problem}]".lstrip()
    return text


def _search_result(block: Mapping[str, Any], where: str, context: Context) -> list[Part]:
    parts = content_parts(block.get("content"), f"{where}.search_result.content", context)
    facts = [("source", block.get("source")), ("title", block.get("title"))]
    return [tagged("search_result", facts, text_of(parts))]


def _tool_reference(block: Mapping[str, Any], where: str, context: Context) -> list[Part]:
    name = block.get("tool_name")
    return [context.loaded.get(str(name)) or f"[Tool {name} is available]"]


def _tool_change(block: Mapping[str, Any], where: str, context: Context) -> list[Part]:
    """The tools themselves are changed by `conversation_changes.py`."""
    tool = block.get("tool")
    tool = tool if isinstance(tool, Mapping) else {}
    definition = tool.get("definition")
    name = (definition if isinstance(definition, Mapping) else tool).get("name")
    state = "is available from here on" if block["type"] == "tool_addition" else "was withdrawn"
    return [f"[Tool {name} {state}]"]


def _system_text(block: Mapping[str, Any], where: str, context: Context) -> list[Part]:
    return content_parts(block.get("content"), f"{where}.{block['type']}.content", context)


def _summary(block: Mapping[str, Any], where: str, context: Context) -> list[Part]:
    content = block.get("content")
    return [tagged("conversation-summary", [], content)] if isinstance(content, str) else []


def _container_upload(block: Mapping[str, Any], where: str, context: Context) -> list[Part]:
    context.note("file for a container left out: there is no container here")
    return [f"[File {block.get('file_id')} left out: there is no container for it]"]


def _server_call(block: Mapping[str, Any], where: str, context: Context) -> list[Part]:
    name = block.get("name")
    context.note(f"earlier call of the server tool {name} shown as text")
    return [f"[Called {name} with {canonical_json(block.get('input'))}]"]


def _server_result(block: Mapping[str, Any], where: str, context: Context) -> list[Part]:
    """The readable part of a server tool's result: its texts, titles and URLs."""
    name = block["type"].removesuffix("_tool_result")
    context.note(f"earlier result of the server tool {name} shown as text")
    lines: list[str] = []
    _readable(block.get("content"), lines)
    return [tagged("server_tool_result", [("tool", name)], "\n".join(lines))]


def _readable(value: Any, lines: list[str]) -> None:
    if isinstance(value, str):
        lines.append(value)
    elif isinstance(value, list):
        for item in value:
            _readable(item, lines)
    elif isinstance(value, Mapping):
        for key in _READABLE:
            if key in value:
                _readable(value[key], lines)


_READABLE = ("title", "url", "text", "data", "stdout", "stderr", "error_code", "content", "source")
"""Members of server tools' results that say something; `encrypted_content` does not."""


def _source(block: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    source = block.get("source")
    if not isinstance(source, Mapping):
        raise invalid(f"{where}.{block['type']}.source: Field required")
    return source


def _source_text(source: Mapping[str, Any], key: str, where: str) -> str:
    value = source.get(key)
    if not isinstance(value, str):
        raise invalid(f"{where}.document.source.{key}: Input should be a valid string")
    return value


_HANDLERS: dict[str, Callable[[Mapping[str, Any], str, Context], list[Part]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "tool_reference": _tool_reference,
    "server_tool_use": _server_call,
    "mcp_tool_use": _server_call,
    "mid_conv_system": _system_text,
    "tool_addition": _tool_change,
    "tool_removal": _tool_change,
    "compaction": _summary,
    "container_upload": _container_upload,
    "fallback": _nothing,  # never part of the prompt, says the API
    "mcp_tool_listing": _nothing,  # for the service's own MCP client
    "thinking": _nothing,
    "redacted_thinking": _nothing,
}
