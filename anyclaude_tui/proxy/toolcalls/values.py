"""Values in notations other than JSON: Python's calls, and Gemma's marked strings.

Pure. Both are read strictly: what is not whole is none.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from anyclaude_tui.proxy.toolcalls.held import RawCall

MAX_PYTHON_CHARS = 256 * 1024

_STRING = re.compile(
    r"\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|\"(?:\\[\s\S]|[^\"\\])*+(?:\"|\Z)"
    r"|'(?:\\[\s\S]|[^'\\])*+(?:'|\Z)"
)
_NAMES = {"true": True, "false": False, "null": None}


def python_calls(text: str) -> list[RawCall] | None:
    """The calls in `[f(a=1, b='x'), g()]`, or in one call without the list; None: no calls."""
    if len(text) > MAX_PYTHON_CHARS:
        return None
    # Models write line ends into strings as they are, which Python does not take.
    text = _STRING.sub(lambda found: found[0].replace("\r", "\\r").replace("\n", "\\n"), text)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        nodes = tree.elts if isinstance(tree, ast.List | ast.Tuple) else [tree]
        calls = [_python_call(node) for node in nodes]
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return calls or None


def _python_call(node: ast.expr) -> RawCall:
    if not isinstance(node, ast.Call) or node.args:
        raise ValueError("no call with named arguments")
    name = ast.unparse(node.func).removesuffix(".call")
    arguments: dict[str, Any] = {}
    for keyword in node.keywords:
        value = _python_value(keyword.value)
        if keyword.arg is not None:
            arguments[keyword.arg] = value
        elif isinstance(value, dict):
            arguments |= value
        else:
            raise ValueError("no names for the arguments")
    return name, json.dumps(arguments, ensure_ascii=False)


def _python_value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return _NAMES[node.id]
    if isinstance(node, ast.List | ast.Tuple):
        return [_python_value(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        keys = [ast.literal_eval(key) for key in node.keys if key is not None]
        return dict(zip(keys, map(_python_value, node.values), strict=True))
    value = ast.literal_eval(node)
    if isinstance(value, bytes | complex | set) or value is ...:
        raise ValueError("no JSON value")
    return value


_KEY = re.compile(r"\s*(?:\"([^\"\\]*)\"|([\w$.-]+))\s*:\s*")
_ATOM = re.compile(r"[^,{}\[\]]+")


def marked_object(text: str, mark: str) -> dict[str, Any] | None:
    """Gemma's `{key:<|"|>text<|"|>,n:5,list:[…]}`; `mark` quotes its strings. None: broken."""
    try:
        value, at = _marked(text, _blank(text, 0), mark, 0)
    except (ValueError, IndexError):
        return None
    return value if isinstance(value, dict) and not text[at:].strip() else None


def _blank(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _marked(text: str, at: int, mark: str, depth: int) -> tuple[Any, int]:
    if depth > 64:
        raise ValueError("nested too deep")
    if text.startswith(mark, at):
        return _marked_text(text, at + len(mark), mark)
    if text[at] in "{[":
        return _marked_many(text, at, mark, depth)
    if text[at] == '"':
        value, end = json.JSONDecoder(strict=False).raw_decode(text, at)
        return value, end
    atom = _ATOM.match(text, at)
    if atom is None:
        raise ValueError("no value")
    word = atom[0].strip()
    try:
        return json.loads(word), atom.end()
    except ValueError:
        return word, atom.end()


def _marked_text(text: str, at: int, mark: str) -> tuple[str, int]:
    end = at
    while True:
        end = text.index(mark, end)
        after = _blank(text, end + len(mark))
        if after < len(text) and text[after] in ",}]":
            return text[at:end], end + len(mark)
        end += len(mark)


def _marked_many(text: str, at: int, mark: str, depth: int) -> tuple[Any, int]:
    named = text[at] == "{"
    pairs: dict[str, Any] = {}
    items: list[Any] = []
    at = _blank(text, at + 1)
    while text[at] not in "}]":
        if named:
            if text.startswith(mark, at):
                key, at = _marked_key(text, at + len(mark), mark)
            else:
                found = _KEY.match(text, at)
                if found is None:
                    raise ValueError("no key")
                key, at = found[1] if found[1] is not None else found[2], found.end()
            pairs[key], at = _marked(text, at, mark, depth + 1)
        else:
            value, at = _marked(text, at, mark, depth + 1)
            items.append(value)
        at = _blank(text, at)
        if text[at] == ",":
            at = _blank(text, at + 1)
    if (text[at] == "}") != named:
        raise ValueError("brackets that do not match")
    return (pairs if named else items), at + 1


def _marked_key(text: str, at: int, mark: str) -> tuple[str, int]:
    end = text.index(mark, at)
    after = _blank(text, end + len(mark))
    if text[after] != ":":
        raise ValueError("no colon")
    return text[at:end], _blank(text, after + 1)
