"""Text and JSON made safe and byte-stable before anything is built from them.

A server's prefix cache only helps when the same history gives the same bytes each turn,
and a lone surrogate or a nesting bomb must not get as far as a backend.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import msgspec

MAX_DEPTH = 150
"""Deepest nesting of a request that is accepted; real ones stay below 40."""


class NestedTooDeeply(ValueError):
    """A JSON value has more levels than `MAX_DEPTH`."""


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
"""Made once: `json.dumps` would make it anew for every call of a long history."""


def harmless(value: Any, depth: int = 0) -> Any:
    """A copy of a JSON value that every encoder, template and tokenizer can take.

    Lone surrogates become U+FFFD (mlx_lm answers them with 404, `docs/protocol/mlx-lm.md`), halves
    of a pair become the character, numbers that JSON or 64 bits cannot hold become ones that they
    can. Raises NestedTooDeeply.
    """
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        if depth >= MAX_DEPTH:
            raise NestedTooDeeply("the request is nested too deeply")
        # ASCII texts, nearly all there is, are dealt with here: a call each would be most of
        # what a whole translation takes.
        return {
            (key if key.__class__ is str and key.isascii() else clean_text(str(key))): (
                item if item.__class__ is str and item.isascii() else harmless(item, depth + 1)
            )
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        if depth >= MAX_DEPTH:
            raise NestedTooDeeply("the request is nested too deeply")
        return [harmless(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else _finite(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return clean_text(str(value))


def is_harmless(value: Any, levels: int = MAX_DEPTH) -> bool:
    """True if `harmless(value)` would be the same again: a look at it costs a fifth of that.

    Meant for an object that was decoded from JSON; of anything else it says False. `levels`: as
    deep as it may be nested.
    """
    if value.__class__ is not dict:
        return False
    try:
        msgspec.json.encode(value)  # no lone surrogate anywhere
    except (ValueError, TypeError, OverflowError, RecursionError):
        return False
    level = [value]
    for _ in range(levels):
        boxes: list[Any] = []
        for box in level:
            for item in box.values() if box.__class__ is dict else box:
                kind = item.__class__
                if kind is dict or kind is list:
                    boxes.append(item)
                elif kind is int:
                    if not -(2**63) <= item < 2**64:
                        return False
                elif kind is float and not math.isfinite(item):
                    return False
        level = boxes
        if not level:
            return True
    return False


def clean_text(text: str) -> str:
    """The text without lone surrogates; anything else is left as it is."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def join_texts(texts: Iterable[str]) -> str:
    """Neighbouring text blocks as one text: each whole and untouched, in one stable form.

    An empty line is put between two that no new line separates; empty ones vanish.
    """
    joined = ""
    for text in texts:
        if not text:
            continue
        if joined and not joined.endswith("\n") and not text.startswith("\n"):
            joined += "\n\n"
        joined += text
    return joined


def canonical_json(value: Any) -> str:
    """JSON text in the one form that we write ourselves; key order is the value's own."""
    return _ENCODER.encode(value)


def json_bytes(value: Any) -> int:
    """The number of bytes that a (harmless) value has as compact JSON; nothing counts as 0."""
    return 0 if value is None else len(msgspec.json.encode(value))


def _finite(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None
