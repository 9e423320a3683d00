"""A setting as a person types it, on the settings screen and behind `config set`."""

from __future__ import annotations

import json
import shlex
from typing import Any

from anyclaude_tui.config.mistakes import nearest
from anyclaude_tui.config.reference import Field, sections

_SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def field_of(key: tuple[str, ...]) -> Field:
    """The field that a key sets: ("limits", "retries"), ("backends", "coder", "model"); a member
    of a table of texts belongs to that table. Raises ValueError in words."""
    if key[:1] == ("backends",) and len(key) > 2:
        table, names = "backends.NAME", key[2:]
    elif len(key) > 1:
        table, names = key[0], key[1:]
    else:
        table, names = "", key
    known = {section.name: section.fields for section in sections()}
    fields = {field.key: field for field in known.get(table, ())}
    field = fields.get(names[0]) if names else None
    if field is None or field.kind == "tables":
        all_keys = [field.dotted for fields in known.values() for field in fields]
        dotted = ".".join(key)
        near = nearest(".".join((table, names[0]) if table else names), all_keys)
        raise ValueError(f"{dotted}: no such setting{near}. docs/configuration.md lists them")
    if len(names) > 1 and field.kind not in ("pairs", "object"):
        raise ValueError(f"{'.'.join(key)}: {field.dotted} has no settings of its own")
    return field


def parsed(field: Field, words: str) -> Any:
    """The typed words as the setting's value; None for nothing. Raises ValueError in words."""
    words = words.strip()
    if not words:
        if field.required:
            raise ValueError("it cannot be empty")
        return None
    if field.kind in ("whole", "number"):
        plain = words.replace(",", "").replace("_", "").replace(" ", "")
        try:
            return int(plain) if field.kind == "whole" else float(plain)
        except ValueError:
            wanted = "a whole number" if field.kind == "whole" else "a number"
            raise ValueError(f"{wanted} is expected") from None
    if field.kind == "switch":
        if words.lower() not in _SWITCH:
            raise ValueError("true or false is expected")
        return _SWITCH[words.lower()]
    if field.kind == "wholes":
        parts = words.replace(",", " ").split()
        if not all(part.isdigit() for part in parts):
            raise ValueError("whole numbers are expected, and blanks between them")
        return [int(part) for part in parts]
    if field.kind == "object":
        return _parsed_object(words)
    if field.kind in ("texts", "pairs"):
        try:
            parts = shlex.split(words)
        except ValueError:
            raise ValueError("a quote is not closed") from None
        if field.kind == "texts":
            return parts
        if not all("=" in part[1:] for part in parts):
            raise ValueError("NAME=value is expected, and blanks between them")
        return dict(part.split("=", 1) for part in parts)
    return words


def _parsed_object(words: str) -> dict[str, Any]:
    """A JSON object, as TOML can keep it. Raises ValueError in words."""
    try:
        made = json.loads(words)
    except (ValueError, RecursionError):
        made = None
    if not isinstance(made, dict):
        raise ValueError('a JSON object is expected, for example {"num_ctx": 65536}')
    if _holds_null(made):
        raise ValueError("null cannot be kept in config.toml: leave that member out")
    return made


def _holds_null(value: Any) -> bool:
    inside = value.values() if isinstance(value, dict) else value
    return value is None or (
        isinstance(value, dict | list) and any(_holds_null(one) for one in inside)
    )
