"""MiniMax M3's calls: a token of its own stands before every tag, and values are named by tags.

Pure. `]<]minimax[>[<invoke name="NAME">]<]minimax[>[<KEY>value]<]minimax[>[</KEY>`; lists are
`<item>` inside of such a tag, objects tags inside of it (source: the model's chat template). The
token cannot be written as text, so that a value ends at the token with the closing tag.
"""

from __future__ import annotations

import json
import re
from typing import Any

from anyclaude_tui.proxy.toolcalls.held import BrokenCall, Held, NoCall, Open, Steps, literal, space

NS = "]<]minimax[>["

_CALL = re.compile(r"<invoke\s+name\s*=\s*[\"']?(?P<name>[^\"'<>\n=]{1,128}?)[\"']?\s*>")
_KEY = re.compile(r"<(?P<key>[\w.:$-]{1,128})>")
_END = "</invoke>"
_MAX_TAG_CHARS = 200
_MAX_DEPTH = 16


def spaced_call(held: Held, at: int, closers: tuple[str, ...]) -> Steps[tuple[str, str, int]]:
    """Name, arguments as JSON text, and where the call ends. Raises NoCall, BrokenCall, Open."""
    at, opening = yield from _tag(held, at, _CALL)
    if opening is None:
        raise NoCall
    held.sure = True
    found: dict[str, Any] = {}
    while True:
        at = yield from space(held, at)
        for one in (NS + _END, _END, *closers):
            if (yield from literal(held, at, (one,))):
                end = at if one in closers else at + len(one)
                return opening["name"].strip(), json.dumps(found, ensure_ascii=False), end
        if at == len(held.text):
            raise Open
        at, key = yield from _tag(held, at, _KEY)
        if key is None:
            raise BrokenCall(at)
        found[key["key"]], at = yield from _value(held, at, key["key"], 0)


def _value(held: Held, at: int, key: str, depth: int) -> Steps[tuple[Any, int]]:
    """The value up to the closing tag of `key`, and where the text behind that begins."""
    if depth > _MAX_DEPTH:
        raise BrokenCall(at)
    close = f"{NS}</{key}>"
    after = yield from space(held, at)
    inside = yield from literal(held, after, (NS,))
    if inside and not (yield from literal(held, after, (close,))):
        return (yield from _members(held, after, close, depth))
    while (end := held.text.find(close, at)) < 0:
        if held.over:
            raise Open
        yield None
    return held.text[at:end], end + len(close)


def _members(held: Held, at: int, close: str, depth: int) -> Steps[tuple[Any, int]]:
    named: dict[str, Any] = {}
    items: list[Any] = []
    while True:
        at = yield from space(held, at)
        if (yield from literal(held, at, (close,))):
            return (items or named), at + len(close)
        if at == len(held.text):
            raise Open
        at, tag = yield from _tag(held, at, _KEY)
        if tag is None:
            raise BrokenCall(at)
        value, at = yield from _value(held, at, tag["key"], depth + 1)
        if tag["key"] == "item":
            items.append(value)
        else:
            named[tag["key"]] = value


def _tag(held: Held, at: int, pattern: re.Pattern[str]) -> Steps[tuple[int, re.Match[str] | None]]:
    """The opening tag behind the token at `at`, and where the text behind it begins."""
    at = yield from space(held, at)
    at += len((yield from literal(held, at, (NS,))))
    while ">" not in held.text[at : at + _MAX_TAG_CHARS] and not held.over:
        if len(held.text) - at >= _MAX_TAG_CHARS:
            break
        yield None
    match = pattern.match(held.text, at)
    return (match.end() if match else at), match
