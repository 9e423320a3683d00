"""The lessons of a backend's refusals: the form in which it wants the request.

Pure but for the memory of what was learnt. A refusal that is understood changes the dialect
for this server and model, and the request is translated and sent again; one that teaches
nothing new is told. So each lesson costs one request, once a session.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.templates.refusal import safe_form
from anyclaude_tui.proxy.request.tools import plain_schema

MAX_NAMES = 3
"""So many tools are named in one notice."""

_WITHOUT: dict[str, Mapping[str, Any]] = {
    "top_k": {"top_k": False},
    "stop": {"stop": False},
    "response_format": {"json_schema": False},
    "reasoning_effort": {"reasoning_effort": False},
    "chat_template_kwargs": {"enable_thinking": False},
}
"""Members that the dialect has a word for; what they were to do is then done otherwise."""
OPTIONAL = frozenset(
    {
        *_WITHOUT,
        "temperature",
        "top_p",
        "min_p",
        "repetition_penalty",
        "repeat_penalty",
        "presence_penalty",
        "frequency_penalty",
        "seed",
        "return_progress",
        "stream_options",
    }
)
"""Members of a request that it can do without."""

_UNKNOWN = re.compile(
    r"unsupported|not supported|does ?n[o']t support|unrecognized|unknown|unexpected|extra inputs"
    r"|not (?:permitted|allowed)|only the default",
    re.IGNORECASE,
)
_COMPLETION = re.compile(r"max_completion_tokens", re.IGNORECASE)
_IMAGES = re.compile(
    r"image[\w ]{0,20} (?:is|are|input is)? ?not supported|not support[\w ]{0,20} image"
    r"|image_url.{0,60}(?:unknown|invalid|unsupported|expected|not supported)"
    r"|(?:unknown|invalid|unsupported|expected).{0,60}image_url|only 'text' content"
    r"|no endpoints found that support image|mmproj|not a (?:vision|multimodal)"
    r"|text-only model|not multimodal",
    re.IGNORECASE | re.DOTALL,
)
_GRAMMAR = re.compile(
    r"(?:parse|compile|initiali[sz]e|build|invalid|error|fail)\w*.{0,60}grammar"
    r"|grammar.{0,40}(?:error|invalid|fail)|json.?schema.{0,40}(?:conversion|not supported|fail)"
    r"|json.?schema error|unsupported (?:json )?schema|pattern must start with",
    re.IGNORECASE | re.DOTALL,
)
_PLACE = re.compile(r"schema error at #/([\w$./-]*[\w$])")
_TOOL_CHOICE = re.compile(r"tool_choice.{0,60}(?:object|string|auto)", re.IGNORECASE | re.DOTALL)
_REASONING = re.compile(
    r"reasoning_content.{0,60}(?:must|missing|required|pass)|missing.{0,30}reasoning_content",
    re.IGNORECASE | re.DOTALL,
)
_SIGNATURE = re.compile(r"missing.{0,20}thought.?signature", re.IGNORECASE | re.DOTALL)
_SENT_BACK = ("reasoning_content", "reasoning_details", "extra_content")
"""The members that go back with assistant messages; "reasoning" alone is too common a word."""
_CAPS = tuple(
    re.compile(text, re.IGNORECASE | re.DOTALL)
    for text in (
        r"max_(?:completion_)?tokens.{0,40}limit \(?(\d{2,7})",
        r"supports? at most (\d{2,7}) (?:completion|output) tokens",
        r"range of max_(?:completion_)?tokens is \[\d+, ?(\d{2,7})\]",
        r"max_(?:completion_)?tokens\b.{0,40}less than or equal to `?(\d{2,7})",
    )
)
"""vllm-mlx; OpenAI; DeepSeek; Groq."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A change of the dialect, and what it means for the user."""

    changes: Mapping[str, Any]
    words: str


def lesson(words: str, body: Mapping[str, Any], dialect: Dialect) -> Lesson | None:
    """The lesson of a refusal of `body` in these words, new to `dialect`; None without one."""
    if _COMPLETION.search(words) and _UNKNOWN.search(words) and "max_tokens" in body:
        return Lesson(
            {"max_tokens_name": "max_completion_tokens"}, "it wants max_completion_tokens"
        )
    cap = next((int(found[1]) for one in _CAPS if (found := one.search(words))), None)
    asked = body.get(dialect.max_tokens_name)
    if cap is not None and isinstance(asked, int) and asked > cap:
        return Lesson({"max_tokens_cap": cap}, f"it writes at most {cap:,} tokens a reply")
    if isinstance(body.get("tool_choice"), Mapping) and _TOOL_CHOICE.search(words):
        return Lesson({"tool_choice": "strings"}, "it takes no tool_choice that names a tool")
    if dialect.images and _IMAGES.search(words) and has_images(body):
        return Lesson({"images": False}, "its model reads no images: they are left out")
    if body.get("tools") and _GRAMMAR.search(words):
        # llama.cpp says it under "Unable to generate parser for this template", which is not so.
        if dialect.plain_schemas:
            return None
        return Lesson(
            {"plain_schemas": True},
            f"its grammar refuses the schema of {_refused_tools(words, body)}: tools go without "
            "pattern, format and lengths",
        )
    if not dialect.reasoning_required and _REASONING.search(words):
        return Lesson(
            {"reasoning_history": "reasoning_content", "reasoning_required": True},
            "it wants earlier thinking back",
        )
    if not dialect.signed_calls and _SIGNATURE.search(words):
        return Lesson({"signed_calls": True}, "it wants every call signed: the others are marked")
    if _UNKNOWN.search(words):
        for name in _SENT_BACK:
            if re.search(rf"\b{name}\b", words) and _sends_back(body, name):
                changes: Mapping[str, Any] = {"left_out": dialect.left_out | {name}}
                if name == dialect.reasoning_history:
                    changes = {"reasoning_history": "drop"}
                return Lesson(changes, f"it takes no {name}")
        for name in sorted(OPTIONAL & body.keys() - dialect.left_out):
            if re.search(rf"\b{name}\b", words):
                without = {"left_out": dialect.left_out | {name}}
                return Lesson({**_WITHOUT.get(name, {}), **without}, f"it takes no {name}")
    changes = safe_form(words, dialect)
    if changes:
        return Lesson(changes, "its chat template refuses the usual form: calls go one by one")
    return None


def has_images(body: Mapping[str, Any]) -> bool:
    """True if a chat completions request holds an image."""
    return any(
        part.get("type") == "image_url"
        for message in body.get("messages", ())
        if isinstance(message["content"], list)
        for part in message["content"]
    )


def with_tool_names(words: str, body: Mapping[str, Any]) -> str:
    """A grammar's refusal of a chat completions request, with the tools that it is about; any
    other as it is."""
    if not body.get("tools") or not _GRAMMAR.search(words):
        return words
    return f"{words} (the schema of {_refused_tools(words, body)})"


def _refused_tools(words: str, body: Mapping[str, Any]) -> str:
    """The tools that a grammar's refusal can be about, by name: those that it names, else those
    that have the place that it names (`#/properties/p`, llama.cpp), else those with something in
    their schemas that a grammar may not know."""
    functions = [tool["function"] for tool in body["tools"]]
    place = _PLACE.search(words)
    named = [one for one in functions if re.search(rf"\b{re.escape(one['name'])}\b", words)]
    placed = [one for one in functions if place and _has(one["parameters"], place[1].split("/"))]
    names = [one["name"] for one in named or placed or _refined(body)]
    more = f" or {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"{' or '.join(names[:MAX_NAMES])}{more}" if names else "a tool"


def _refined(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The functions with something in their schemas that can be left out."""
    functions = (tool["function"] for tool in body["tools"])
    return [one for one in functions if plain_schema(one["parameters"]) != one["parameters"]]


def _has(schema: Any, steps: list[str]) -> bool:
    for step in steps:
        if not isinstance(schema, Mapping) or step not in schema:
            return False
        schema = schema[step]
    return True


def _sends_back(body: Mapping[str, Any], name: str) -> bool:
    """True if a chat completions request has this member in a message or in one of its calls."""
    return any(
        name in message or any(name in call for call in message.get("tool_calls", ()))
        for message in body.get("messages", ())
    )


class Learnt:
    """The lessons of a session, by server and model."""

    def __init__(self) -> None:
        self._changes: dict[tuple[str, str], dict[str, Any]] = {}
        self._taught: dict[tuple[str, str], tuple[str, Lesson]] = {}
        """The refusal that taught last, in its words, and what it taught."""
        self._tell_cached: set[tuple[str, str]] = set()
        self.revision = 0
        """Changes with what `applied` gives."""

    def tells_cached(self, endpoint: Endpoint, cached_tokens: int | None) -> bool:
        """True if a server tells how much of a prompt was cached, by what it told now or before:
        Rapid-MLX 0.16.10 leaves out a 0."""
        key = endpoint.url, endpoint.model
        if cached_tokens is not None:
            self._tell_cached.add(key)
        return key in self._tell_cached

    def applied(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, with its dialect as it has been learnt."""
        changes = self._changes.get((endpoint.url, endpoint.model))
        if not changes:
            return endpoint
        return replace(endpoint, dialect=replace(endpoint.dialect, **changes))

    def learn(self, endpoint: Endpoint, body: Mapping[str, Any], words: str) -> str:
        """Take in a refusal of `body` by `endpoint` (as `applied`); "" when it teaches
        nothing new, else what was learnt, in words."""
        found = None if endpoint.native else lesson(words, body, endpoint.dialect)
        key = endpoint.url, endpoint.model
        if found is None:
            self._unlearn(key, words)
            return ""
        self._changes.setdefault(key, {}).update(found.changes)
        self.revision += 1
        self._taught[key] = words, found
        return found.words

    def _unlearn(self, key: tuple[str, str], words: str) -> None:
        """The same refusal once more: what it taught has not helped, and is forgotten."""
        taught, found = self._taught.get(key, ("", None))
        if found is not None and taught == words:
            del self._taught[key]
            self.revision += 1
            for name in found.changes:
                self._changes[key].pop(name, None)
