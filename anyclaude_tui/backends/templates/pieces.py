"""The places of a chat's pieces in the text that its template makes of it. Pure.

The chat is rendered three times: as it is, with marks around every piece, and with its last tool
once more. The marks taken out again, the second text must be the first, so a template that looks
at what it renders is noticed, and then nothing is told. No form of a template has to be known.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from anyclaude_tui.common_prefix import common_prefix

Body = Mapping[str, Any]
Span = tuple[int, int]
"""From, and up to before: characters of the rendered text."""
_TEXTS = ("content", "reasoning_content", "reasoning")


def renderings_wanted(body: Body, word: str) -> list[Body]:
    """The bodies to be rendered. `word`: letters and digits that stand nowhere in the body.

    Raises ValueError for a chat with images, whose tokens no text tells.
    """
    marked: dict[str, Any] = {
        **body,
        "messages": [
            _marked(message, f"{word}m{number}z") for number, message in enumerate(body["messages"])
        ],
    }
    tools = body.get("tools") or []
    if not tools:
        return [body, marked]
    if isinstance(body.get("tool_choice"), Mapping):
        del marked["tool_choice"]  # it names a tool
    marked["tools"] = [_named(tool, f"{word}t{number}z") for number, tool in enumerate(tools)]
    last = _named(tools[-1], f"{word}t{len(tools)}z")
    return [body, marked, {**marked, "tools": [*marked["tools"], last]}]


def spans(
    body: Body, texts: Sequence[str], word: str, system_chars: Sequence[int] = ()
) -> list[Span] | None:
    """The place of each piece in `texts[0]`: the blocks of the first system message (which are so
    many characters long; none where there is no such message), the tools, the other messages.

    What lies between is the template's own. A piece that is not rendered has no length. None
    where the renderings do not tell.
    """
    plain, marks = _taken_out(texts[1], word)
    if plain != texts[0]:
        return None
    messages = [_whole(marks.get(f"m{number}", [])) for number in range(len(body["messages"]))]
    made: list[Span] = []
    if system_chars:
        blocks = _blocks(plain, messages.pop(0), body["messages"][0]["content"], system_chars)
        if blocks is None:
            return None
        made += blocks
    count = len(body.get("tools") or [])
    if count:
        tools = _tools(plain, marks, texts[2], word, count)
        if tools is None:
            return None
        made += tools
    made += messages
    placed = sorted(span for span in made if span[0] < span[1])
    return None if any(one[1] > other[0] for one, other in pairwise(placed)) else made


def tokens_in(span: Span, starts: Sequence[int]) -> int:
    """The number of tokens that begin in a span; `starts`: where each begins, in rising order."""
    return bisect_left(starts, span[1]) - bisect_left(starts, span[0])


# --- marks --------------------------------------------------------------------------------------


def _marked(message: Mapping[str, Any], mark: str) -> dict[str, Any]:
    made = dict(message)
    for name in _TEXTS:
        if made.get(name):
            made[name] = _around(made[name], mark)
    if made.get("tool_calls"):
        made["tool_calls"] = [_call(call, mark) for call in made["tool_calls"]]
    return made


def _around(content: Any, mark: str) -> Any:
    """Within the white space at its ends, which templates strip."""
    if isinstance(content, str):
        inner = content.strip()
        if not inner:
            return content  # whether it is empty is what templates look at
        start = content.index(inner)
        return f"{content[:start]}{mark}{inner}{mark}{content[start + len(inner) :]}"
    if any(part.get("type") != "text" for part in content):
        raise ValueError("a chat with images")
    return [{**part, "text": _around(part["text"], mark)} for part in content]


def _call(call: Mapping[str, Any], mark: str) -> dict[str, Any]:
    function = call["function"]
    arguments = json.loads(function["arguments"] or "{}")
    ended = _leaves(arguments, lambda text: _around(text, mark))
    made = {
        "name": mark + function["name"] + mark,
        "arguments": json.dumps(ended, ensure_ascii=False),
    }
    return {**call, "function": {**function, **made}}


def _leaves(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_leaves(one, change) for one in value]
    if isinstance(value, dict):
        return {key: _leaves(one, change) for key, one in value.items()}
    return value


def _named(tool: Mapping[str, Any], mark: str) -> dict[str, Any]:
    function = tool["function"]
    return {**tool, "function": {**function, "name": mark + function["name"]}}


def _taken_out(text: str, word: str) -> tuple[str, dict[str, list[int]]]:
    """The text without the marks, and where in it they stood."""
    marks: dict[str, list[int]] = {}
    kept: list[str] = []
    end = length = 0
    for found in re.finditer(rf"{word}([mt]\d+)z", text):
        kept.append(text[end : found.start()])
        length += found.start() - end
        end = found.end()
        marks.setdefault(found[1], []).append(length)
    return "".join([*kept, text[end:]]), marks


# --- spans --------------------------------------------------------------------------------------


def _whole(marks: Sequence[int]) -> Span:
    return (min(marks), max(marks)) if marks else (0, 0)


def _blocks(text: str, span: Span, content: Any, chars: Sequence[int]) -> list[Span] | None:
    if not isinstance(content, str):
        return None
    if span[0] == span[1]:
        return [(0, 0) for _ in chars]
    inner = content.strip()
    if text[slice(*span)] != inner:
        return None  # escaped: what lies where in it cannot be told
    start = span[0] - content.index(inner)
    made: list[Span] = []
    for length in chars:
        made.append((max(start, span[0]), min(max(start + length, span[0]), span[1])))
        start += length
    return made


def _tools(
    text: str, marks: Mapping[str, list[int]], one_more: str, word: str, count: int
) -> list[Span] | None:
    """From name to name, less what stands before every name: that is its own tool's."""
    if not any(f"t{number}" in marks for number in range(count)):
        return [(0, 0)] * count  # the template shows the model none
    plain, more = _taken_out(one_more, word)
    if any(f"t{number}" not in more for number in range(count + 1)):
        return None
    at = [more[f"t{number}"][0] for number in range(count + 1)]
    if any(marks.get(f"t{number}", [-1])[0] != at[number] for number in range(count)):
        return None
    if any(one >= other for one, other in pairwise(at)):
        return None
    most = min([at[0], *(other - one for one, other in pairwise(at))])
    head = min(_shared_end(plain[: at[0]], plain[:place], most) for place in at[1:])
    starts = [place - head for place in at]
    ends = [*starts[1:-1], min(starts[-1], common_prefix(text, plain))]
    return list(zip(starts[:-1], ends, strict=True))


def _shared_end(one: str, other: str, most: int) -> int:
    return common_prefix(one[len(one) - most :][::-1], other[len(other) - most :][::-1])
