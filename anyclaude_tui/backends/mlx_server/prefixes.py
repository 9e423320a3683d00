"""The prefixes of prompts and the ends of caches: pure, for `launcher.py`, `disk_cache.py`."""

from __future__ import annotations

import re
from typing import Any

_REMINDERS = re.compile(r"\s*(?:<system-reminder>.*?</system-reminder>\s*)+", re.DOTALL)


def search(caches: Any, trie: dict[Any, Any], model: Any, tokens: list[int]) -> Any:
    """The result of mlx_lm's own search, in time linear in the tokens that are walked.

    Its own copies the path at each step: 19 s at 100,000 tokens, with every stream standing
    still, for each request that parts early from a long cached one.
    """
    result = caches.PromptTrieResult
    if model not in trie:
        return result(model, None, None, None, 0)
    node = trie[model]
    if not tokens and "__value__" in node:
        return result(model, [], None, None, 0)
    last, index = -1, 0
    while index < len(tokens) and tokens[index] in node:
        node = node[tokens[index]]
        if "__value__" in node:
            last = index
        index += 1
    if last == len(tokens) - 1 >= 0:
        return result(model, tokens, None, None, 0)
    shorter = tokens[: last + 1] if last > 0 else None
    return result(model, None, shorter, _longer(node, tokens[:index]) if index else None, index)


def _longer(node: dict[Any, Any], walked: list[int]) -> list[int] | None:
    """The shortest entry beneath a node: level by level, one child after the other where there
    is only one, as nearly everywhere in a long prompt."""
    extra = list(walked)
    while "__value__" not in node:
        if len(node) != 1:
            return _nearest(node, extra)
        ((token, node),) = node.items()
        extra.append(token)
    return extra


def _nearest(node: dict[Any, Any], walked: list[int]) -> list[int] | None:
    level: list[tuple[dict[Any, Any], Any]] = [(node, None)]  # link: (token, the parent's link)
    while level:
        for child, link in level:
            if "__value__" in child:
                extra = []
                while link:
                    token, link = link
                    extra.append(token)
                return walked + extra[::-1]
        level = [(child, (token, link)) for n, link in level for token, child in n.items()]
    return None


def common(a: list[int], b: list[int]) -> int:
    """The length of the common prefix."""
    n = min(len(a), len(b))
    if a[:n] == b[:n]:
        return n
    return next(i for i in range(n) if a[i] != b[i])


def front_of(messages: list[dict[str, Any]]) -> tuple[int, str]:
    """The first user message's place, and the reminders that it begins with ("" for none)."""
    for place, message in enumerate(messages):
        if message.get("role") == "user":
            text = message.get("content")
            found = _REMINDERS.match(text) if isinstance(text, str) else None
            return place, found.group() if found else ""
        if message.get("role") != "system":
            break
    return 0, ""


def divided(segments: list[Any], kinds: list[str], end: int) -> tuple[list[Any], list[str]]:
    """The segments with one more end at token `end`, where it falls within the user's."""
    begin = 0
    for place, (segment, kind) in enumerate(zip(segments, kinds, strict=True)):
        if kind == "user" and begin < end < begin + len(segment):
            parts = [segment[: end - begin], segment[end - begin :]]
            return (
                [*segments[:place], *parts, *segments[place + 1 :]],
                [*kinds[:place], "system", kind, *kinds[place + 1 :]],
            )
        begin += len(segment)
    return segments, kinds
