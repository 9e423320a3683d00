"""Arguments of the wrong JSON type brought to the type that the schema wants.

Pure. Local models write `"5000"` for 5000, `"true"` for true, an object as a JSON string,
null for what they leave out. Only such plain slips: the caller checks the result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 24

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})([eE][+-]?\d{1,3})?")


def coerced(schema: Any, value: Any) -> Any:
    """A copy of `value` with the slips of type put right wherever `schema` shows them."""
    return _coerce(schema, value, schema, 0)


def _coerce(schema: Any, value: Any, root: Any, depth: int) -> Any:
    schema = _resolved(schema, root)
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return value
    types = _types(schema, root, depth)
    if types and isinstance(value, str) and "string" not in types:
        value = _from_text(value, types)
    elif types == {"string"} and isinstance(value, bool | int | float):
        value = json.dumps(value)
    if isinstance(value, dict):
        return _object(_branch(schema, "properties", root), value, root, depth)
    if isinstance(value, list):
        items = _branch(schema, "items", root).get("items")
        return [_coerce(items, item, root, depth + 1) for item in value]
    return value


def _object(
    schema: Mapping[str, Any], value: dict[str, Any], root: Any, depth: int
) -> dict[str, Any]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return value
    required = schema.get("required")
    needed = set(required) if isinstance(required, list) else set()
    out: dict[str, Any] = {}
    for key, item in value.items():
        part = properties.get(key)
        if item is None and part is not None and key not in needed:
            types = _types(part, root, depth)
            if types and "null" not in types:
                continue
        out[key] = _coerce(part, item, root, depth + 1)
    return out


def _from_text(text: str, types: set[str]) -> Any:
    """The meaning of a string as one of `types`; the string itself if it means none."""
    bare = text.strip()
    if "boolean" in types and bare.lower() in ("true", "false"):
        return bare.lower() == "true"
    if types & {"integer", "number"} and _INTEGER.fullmatch(bare):
        return int(bare)
    if "number" in types and _NUMBER.fullmatch(bare):
        return float(bare)
    if "null" in types and bare.lower() in ("null", "none", ""):
        return None
    if bare[:1] in ("{", "["):
        try:
            value = json.loads(bare)
        except (ValueError, RecursionError):
            return text
        if ("object" if isinstance(value, dict) else "array") in types:
            return value
    return text


def _types(schema: Any, root: Any, depth: int) -> set[str]:
    """The JSON types that a schema allows; empty if it does not say."""
    schema = _resolved(schema, root)
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return set()
    declared = schema.get("type")
    if isinstance(declared, str):
        return {declared}
    if isinstance(declared, list):
        return {one for one in declared if isinstance(one, str)}
    out: set[str] = set()
    for branch in _branches(schema):
        found = _types(branch, root, depth + 1)
        if not found:
            return set()
        out |= found
    return out


def _branches(schema: Mapping[str, Any]) -> list[Any]:
    return [
        branch
        for word in ("anyOf", "oneOf")
        if isinstance(schema.get(word), list)
        for branch in schema[word]
    ]


def _branch(schema: Mapping[str, Any], word: str, root: Any) -> Mapping[str, Any]:
    """The schema itself, or its first alternative, that has `word`."""
    for one in (schema, *(_resolved(branch, root) for branch in _branches(schema))):
        if isinstance(one, Mapping) and word in one:
            return one
    return {}


def _resolved(schema: Any, root: Any) -> Any:
    """Follow local references such as `#/$defs/Edit`."""
    for _ in range(MAX_DEPTH):
        if not isinstance(schema, Mapping) or not isinstance(schema.get("$ref"), str):
            return schema
        path = schema["$ref"]
        if not path.startswith("#"):
            return None
        schema = root
        for step in path.removeprefix("#").strip("/").split("/"):
            if step:
                step = step.replace("~1", "/").replace("~0", "~")
                schema = schema.get(step) if isinstance(schema, Mapping) else None
    return None
