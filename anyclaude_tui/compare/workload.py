"""The requests that every target gets: a prompt, a captured Claude Code turn, the built-in suite.

Pure but for `from_file`. A workload is an Anthropic request body, so it goes through the
proxy as Claude Code's would; the direct runs send what the proxy would have sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from anyclaude_tui.compare.samples import Prefix, Way
from anyclaude_tui.prefix.billing import strip_billing

SYSTEM = (
    "You are a careful assistant for software developers. Answer briefly and to the point. "
    "Use the tools that you are given when they help."
)


TOOLS: list[dict[str, Any]] = [
    {
        "name": "Bash",
        "description": "Run a command in a shell and return its output.",
        "input_schema": {
            "type": "object",
            "properties": {
                "command": {"type": "string", "description": "The command line."},
                "description": {"type": "string", "description": "What it does, in a few words."},
            },
            "required": ["command"],
        },
    },
    {
        "name": "Read",
        "description": "Read a file and return its text with line numbers.",
        "input_schema": {
            "type": "object",
            "properties": {"file_path": {"type": "string", "description": "Absolute path."}},
            "required": ["file_path"],
        },
    },
]


LONG_ASK = "Which service owns the rule with the highest number? Answer with its name only."


_SERVICES = ("billing", "search", "login", "mail", "export", "import", "audit", "backup")


_VERBS = ("retries", "rejects", "queues", "logs", "signs", "compresses", "counts", "caches")


_THINGS = ("requests", "files", "events", "tokens", "reports", "sessions", "jobs", "records")


CHARS_PER_TOKEN = 4
"""English prose, about."""


def long_text(tokens: int) -> str:
    """A rule book of about that many tokens, the same each time and no two lines alike."""
    lines = ["These are the rules of our services.\n"]
    size, number = len(lines[0]), 0
    while size < tokens * CHARS_PER_TOKEN:
        number += 1
        line = (
            f"Rule {number}: the {_SERVICES[number % 8]} service {_VERBS[number // 8 % 8]} "
            f"{_THINGS[number * 5 % 8]} after {number * 7 % 60 + 1} seconds.\n"
        )
        lines.append(line)
        size += len(line)
    return "".join(lines)


Cell = tuple[Way, Prefix]
ALL_CELLS: tuple[Cell, ...] = tuple(
    (way, prefix) for way in (Way.PROXY, Way.DIRECT) for prefix in Prefix
)
MAX_TOKENS = 1024
"""Longest reply to a prompt or a captured turn, unless the user wants another."""
QUICK = ("short", "long")
"""The built-in workloads that run when nothing is asked for: with three runs, the users'
fast and slow model are through in under two minutes."""
LONG_TOKENS = 1_000
"""About the size of the long workload's prompt."""


class WorkloadError(ValueError):
    """A file holds no request, or there is no such workload; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One request to be sent again and again."""

    name: str
    body: Mapping[str, Any]
    """An Anthropic Messages request."""
    about: str = ""
    cells: tuple[Cell, ...] = ALL_CELLS
    """The pairs of way and prefix that are measured."""

    @property
    def key(self) -> str:
        """The name as a file or a column can carry it."""
        return re.sub(r"[^\w.-]+", "-", self.name).strip("-") or "request"


def from_prompt(text: str, *, max_tokens: int | None = None) -> Workload:
    """A workload from a prompt's text. Raises WorkloadError when it is empty."""
    if not text.strip():
        raise WorkloadError("the prompt is empty: write one after --prompt")
    return Workload("prompt", _ask(text, max_tokens or MAX_TOKENS), about=_short(text))


def from_body(name: str, body: Any, *, max_tokens: int | None = None) -> Workload:
    """A workload from a captured request; `name` says which. Raises WorkloadError.

    Its own `max_tokens` (32,000 from Claude Code) is lowered: a model that runs on would
    make the comparison endless.
    """
    if not isinstance(body, Mapping) or not isinstance(body.get("messages"), list):
        raise WorkloadError(f"{name} holds no Anthropic request: no `messages` in it")
    own = body.get("max_tokens")
    most = max_tokens or (min(own, MAX_TOKENS) if isinstance(own, int) else MAX_TOKENS)
    kept = {key: value for key, value in body.items() if key != "metadata"}
    return Workload("turn", {**kept, "max_tokens": most, "stream": True}, about=name)


def from_file(path: Path, *, max_tokens: int | None = None) -> Workload:
    """A workload from a trace (`.request.body`) or from a file that is a request itself.

    Raises WorkloadError or OSError.
    """
    try:
        found = msgspec.json.decode(path.read_bytes())
    except ValueError as error:
        raise WorkloadError(f"{path} is not JSON ({error}): give a trace or a request") from None
    request = found.get("request") if isinstance(found, Mapping) else None
    body = request.get("body") if isinstance(request, Mapping) else found
    if isinstance(body, Mapping) and not isinstance(body.get("messages"), list):
        raise WorkloadError(
            f"{path} holds no request: give a file from traces/, or the JSON body of a request"
        )
    return from_body(path.stem, body, max_tokens=max_tokens)


def builtin(names: Sequence[str] = QUICK, *, max_tokens: int | None = None) -> list[Workload]:
    """Workloads of the built-in suite by name. Raises WorkloadError."""
    suite = {workload.name: workload for workload in _suite(max_tokens)}
    unknown = [name for name in names if name not in suite]
    if unknown:
        raise WorkloadError(f"no workload {unknown[0]!r}: use {', '.join(suite)}, or all")
    if len(names) > len(QUICK) or set(names) - set(QUICK):
        return [suite[name] for name in names]
    return [_quick(suite[name]) for name in names]


SUITE = ("short", "code", "tool", "long")


def _suite(max_tokens: int | None) -> list[Workload]:
    thinking = {"thinking": {"type": "adaptive"}}  # as Claude Code asks for it
    return [
        Workload(
            "short",
            _ask("Say hello, and in one sentence what you are good at.", max_tokens or 400)
            | thinking,
            about="a short answer, thinking included",
        ),
        Workload(
            "code",
            _ask(
                "Write the code of a Python function that returns the first n Fibonacci "
                "numbers, with types and a docstring. No explanation.",
                max_tokens or 160,
            ),
            about="a small function",
        ),
        Workload(
            "tool",
            _ask("Use the shell to list the files here.", max_tokens or 160) | {"tools": TOOLS},
            about="a tool call",
        ),
        Workload(
            "long",
            _ask(LONG_ASK, max_tokens or 16) | {"system": long_text(LONG_TOKENS)},
            about="a long prompt, a few words of answer",
        ),
    ]


def _quick(workload: Workload) -> Workload:
    """The long one shows the proxy's cost and the cache; the short one need not as well."""
    if workload.name == "long":
        return workload
    return Workload(workload.name, workload.body, workload.about, cells=((Way.PROXY, Prefix.COLD),))


def also_logged(workload: Workload) -> Workload:
    """The same, measured with full logging as well."""
    cells = (*workload.cells, (Way.LOGGED, Prefix.COLD))
    return Workload(workload.name, workload.body, workload.about, cells)


def with_nonce(body: Mapping[str, Any], nonce: str, again: int = 0) -> dict[str, Any]:
    """The body with a nonce at its front, so that no cache has seen it.

    The nonce stands before the system text and in the first tool (some chat templates
    render tools first). `again` changes only the very end, as a next turn would: a warm
    prompt that is not identical, since some servers read an identical one anew
    (`docs/protocol/vllm-mlx.md`, "Cache").
    """
    made: dict[str, Any] = {**body, "stream": True}
    made["system"] = _with_front(strip_billing(body.get("system")), f"[run {nonce}]\n")
    tools = body.get("tools")
    if isinstance(tools, list) and tools and isinstance(tools[0], Mapping):
        first = {**tools[0], "description": f"[{nonce}] {tools[0].get('description', '')}"}
        made["tools"] = [first, *tools[1:]]
    if again:
        made["messages"] = _with_tail(body["messages"], f"\n#{again}")
    return made


def _with_front(system: Any, front: str) -> Any:
    if isinstance(system, list) and system:
        first = system[0]
        if isinstance(first, Mapping) and isinstance(first.get("text"), str):
            return [{**first, "text": front + first["text"]}, *system[1:]]
        return [{"type": "text", "text": front}, *system]
    return front + system if isinstance(system, str) else front.strip()


def _with_tail(messages: Sequence[Any], tail: str) -> list[Any]:
    """The messages with `tail` at the very end, whoever wrote the last one: Claude Code's
    late system messages stand behind the user's words."""
    last = messages[-1] if messages else None
    if not isinstance(last, Mapping):
        return list(messages)
    content = last.get("content")
    if isinstance(content, str):
        content = content + tail
    elif isinstance(content, list):
        block = content[-1] if content else None
        if isinstance(block, Mapping) and isinstance(block.get("text"), str):
            content = [*content[:-1], {**block, "text": block["text"] + tail}]
        else:
            content = [*content, {"type": "text", "text": tail.strip()}]
    return [*messages[:-1], {**last, "content": content}]


def _ask(text: str, max_tokens: int) -> dict[str, Any]:
    return {
        "model": "compare",
        "max_tokens": max_tokens,
        "stream": True,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": text}],
    }


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"
