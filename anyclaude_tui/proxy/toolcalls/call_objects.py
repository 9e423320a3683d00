"""Calls as JSON objects: how one begins, and what a whole one says. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from anyclaude_tui.proxy.toolcalls.held import RawCall

_NAME_KEYS = ("name", "tool_name", "tool", "action")
_ARGUMENT_KEYS = (
    *("arguments", "parameters", "args", "input"),
    *("tool_input", "action_input", "tool_arguments", "tool_args"),
)
_WRAPPERS = ("tool_calls", "tool_call", "tool_use", "function_call")
"""Keys under which a whole call stands, or a list of calls."""
_FIRST_KEYS = (*_NAME_KEYS, *_ARGUMENT_KEYS, *_WRAPPERS, "function", "type", "id", "tool_call_id")
_CERTAIN_KEYS = (*_NAME_KEYS, *_WRAPPERS, "function", "type", "tool_call_id")
_TYPES = ('"function"', '"tool_use"', '"tool_call"')
"""First keys that keep a code block or a bare object from being shown at once."""


def json_head(text: str, names: Collection[str], *, sure: bool) -> bool | None:
    """True if the beginning of a JSON object begins a call; None while it is not known.

    In a form that is `sure` any name will do; else it must be one of `names`.
    """
    text = text.lstrip()
    if not text:
        return None
    if text[0] != "{":
        return False
    text = text[1:].lstrip()
    if sure and text[:1] == "{":
        text = text[1:].lstrip()  # small Qwen models double the outer braces
    if not text:
        return None
    quote = text[0]
    if quote != '"' and not (sure and quote == "'"):
        return False
    key, ended, rest = text[1:].partition(quote)
    keys = _FIRST_KEYS if sure else _CERTAIN_KEYS
    if not ended:
        fits = any(one.startswith(key) for one in (*keys, *(names if sure else ())))
        return None if fits else False
    if sure and key in names:
        return True  # Apertus: {"NAME": {arguments}}
    if key not in keys:
        return False
    rest = rest.lstrip()
    if not rest:
        return None
    if rest[0] != ":":
        return False
    if key == "type":
        return _type_head(rest[1:].lstrip(), names, sure)
    if key in _WRAPPERS:
        return _wrapped_head(rest[1:].lstrip(), names)
    if key not in _NAME_KEYS:
        return True if sure else None
    rest = rest[1:].lstrip()
    if not rest:
        return None
    if rest[0] != quote:
        return False
    name, ended, _ = rest[1:].partition(quote)
    if sure:
        return True if ended else None
    return _name_head(name, bool(ended), names)


def _wrapped_head(rest: str, names: Collection[str]) -> bool | None:
    """The verdict on the API's own replies: `{"tool_calls": [{"id": …`."""
    inner = rest[1:].lstrip() if rest.startswith("[") else rest
    if not inner:
        return None
    return json_head(inner, names, sure=True)


def _type_head(rest: str, names: Collection[str], sure: bool) -> bool | None:
    """Llama writes `{"type": "function", "name": …}` too."""
    value = next((one for one in _TYPES if rest.startswith(one)), "")
    if not value:
        return None if any(one.startswith(rest) for one in _TYPES) else False
    rest = rest[len(value) :].lstrip()
    if not rest:
        return None
    if rest[0] != ",":
        return False
    return json_head("{" + rest[1:], names, sure=sure or value != _TYPES[0])


def _name_head(partial: str, ended: bool, names: Collection[str]) -> bool | None:
    partial = partial.strip().removeprefix("functions.")
    if ended:
        return partial in names
    return None if any(name.startswith(partial) for name in names) else False


def object_calls(value: Any, names: Collection[str]) -> list[RawCall] | None:
    """The calls that a JSON value describes: one object, or a list of them."""
    out: list[RawCall] = []
    if isinstance(value, dict):
        value = next((value[key] for key in _WRAPPERS if _is_many(value.get(key))), value)
    for one in value if isinstance(value, list) else [value]:
        call = object_call(one, names)
        if call is None:
            return None
        out.append(call)
    return out or None


def _is_many(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value))


def object_call(value: Any, names: Collection[str]) -> RawCall | None:
    """The call that a JSON object describes: `{"name":…, "arguments":{…}}` and its kin."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):
        value = value["function"]
    name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), None)
    if name is None and isinstance(value.get("function"), str):
        name = value["function"]
    key = next((key for key in _ARGUMENT_KEYS if key in value), None)
    if name is None and len(value) == 1:
        name, key = next(iter(value.items()))[0], next(iter(value))
        if name not in names or not isinstance(value[key], dict):
            return None
    if name is None or key is None:
        return None
    arguments = value[key]
    if isinstance(arguments, str):
        return name, arguments
    return name, json.dumps(arguments, ensure_ascii=False)
