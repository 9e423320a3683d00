"""The texts of the built-in workloads."""

from __future__ import annotations

from typing import Any

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
