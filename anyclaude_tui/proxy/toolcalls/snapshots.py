"""The meaning of the received pieces of a call's arguments: pieces, snapshots, or several objects.

Pure. The protocol says: the pieces joined. Servers also send the whole text so far each
time, the whole once more at the end, an empty object ahead, or the objects of two calls
under one key (`docs/protocol/messages.md`, "OpenAI side").
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from anyclaude_tui.proxy.toolcalls.lenient_json import whole_objects
from anyclaude_tui.proxy.wire.text_pieces import mend


def arguments_of(parts: Sequence[str]) -> list[str]:
    """The arguments' texts: one a call. The last may be broken or unfinished."""
    joined = mend("".join(parts))
    if len(parts) < 2 and "}{" not in joined and "}\n" not in joined:
        return [joined]
    if not joined.strip() or _value(joined) is not None:
        return [joined]
    return _apart(mend(_folded(parts)))


def _folded(parts: Sequence[str]) -> str:
    """The pieces joined, but one that says all before it again stands for it."""
    text = ""
    for part in parts:
        again = part.lstrip().startswith("{") and text.strip()
        text = part if again and _says_again(text, part) else text + part
    return text


def _says_again(text: str, part: str) -> bool:
    if text.strip() == "{}":
        return True  # what a server sends ahead of the arguments
    if _squeezed(part).startswith(_squeezed(text)):
        return True
    before, now = _value(text), _value(part)
    return isinstance(before, dict) and isinstance(now, dict) and covers(before, now)


def _apart(text: str) -> list[str]:
    """Objects in a row; one that repeats another, or is empty ahead of another, is left out."""
    found, rest = whole_objects(text)
    if len(found) < 2 and not (found and rest.startswith("{")):
        return [text]
    out: list[str] = []
    seen: list[Any] = []
    for one in found:
        value = _value(one)
        if value in seen or (value == {} and len(found) > 1):
            continue
        seen.append(value)
        out.append(one)
    if rest.startswith("{"):
        out.append(rest)
    elif rest and out:
        out[-1] += rest
    return out or ["{}"]


def covers(before: Any, now: Any) -> bool:
    """True if `now` is `before` grown longer, as the snapshots of one value grow."""
    if isinstance(before, str) and isinstance(now, str):
        return now.startswith(before)
    if isinstance(before, dict) and isinstance(now, dict):
        return all(key in now and covers(value, now[key]) for key, value in before.items())
    if isinstance(before, list) and isinstance(now, list):
        return len(before) <= len(now) and all(map(covers, before, now))
    return bool(before == now) or before is None


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _value(text: str) -> Any:
    """Strict JSON; None if it is not."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
