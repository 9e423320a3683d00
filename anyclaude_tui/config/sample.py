"""A `config.toml` to start from: every setting with its explanation, commented out."""

from __future__ import annotations

import textwrap
from typing import Any

import tomlkit

from anyclaude_tui.config.reference import Field, sections

_HEAD = """\
# Settings of anyclaude-tui. Lines that begin with # and no blank are settings that are commented
# out, with the default, or an example where there is none. docs/configuration.md says more.
"""
_EXAMPLES = {
    "text": "…",
    "whole": 1,
    "number": 1.0,
    "switch": True,
    "texts": ["…"],
    "wholes": [8080],
    "pairs": {"NAME": "value"},
    "object": {"name": "value"},
}
_WIDTH = 96


def sample() -> str:
    """The file's text."""
    parts = [_HEAD]
    for section in sections():
        lines = _comment(section.words)
        if section.name:
            lines.append(f"#[{section.name}]")
        for field in section.fields:
            if field.kind != "tables":
                lines += ["", *_comment(field.words), _line(field)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _comment(words: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(words.replace("`", ""), _WIDTH)]


def _line(field: Field) -> str:
    value: Any = field.default
    if value is None or field.required or value in ((), {}):
        value = _EXAMPLES[field.kind]
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        table.update(value)
        return f"#{field.key} = {table.as_string()}"
    return f"#{field.key} = {tomlkit.item(value).as_string()}"
