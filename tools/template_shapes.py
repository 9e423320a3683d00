"""Requests of Claude Code in the shapes that chat templates differ in, through our own translation.

They are other conversations than those that a profile asks about
(`backends/templates/questions.py`), so that the one checks the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import translate

Block = dict[str, Any]
Render = Callable[[Mapping[str, Any]], str]

TOOLS = [
    {
        "name": name,
        "description": f"Does what {name} does.",
        "input_schema": {
            "type": "object",
            "properties": {"command": {"type": "string", "description": "What to do."}},
            "required": ["command"],
        },
    }
    for name in ("Bash", "Read")
]


@dataclass(frozen=True)
class Case:
    """A request; `wanted`: what the model must see of it."""

    name: str
    body: Mapping[str, Any]
    wanted: tuple[str, ...]


def _said(role: str, *blocks: str | Block) -> Block:
    content = [{"type": "text", "text": b} if isinstance(b, str) else b for b in blocks]
    return {"role": role, "content": content}


def _call(number: int, name: str = "Bash") -> Block:
    call_id = f"toolu_01{number:03d}AbCdEfGhIjKlMnOpQ"
    return {"type": "tool_use", "id": call_id, "name": name, "input": {"command": f"Carg{number}z"}}


def _result(number: int, **more: Any) -> Block:
    call_id = f"toolu_01{number:03d}AbCdEfGhIjKlMnOpQ"
    text = f"Cresult{number}z"
    return {"type": "tool_result", "tool_use_id": call_id, "content": text, **more}


def _thought(text: str = "Cthoughtz") -> Block:
    return {"type": "thinking", "thinking": text, "signature": "s"}


_ASK = _said("user", "Caskz")
_LATE = _said("system", "Clatez")
_NEXT = _said("user", "Cnextz")
_ANSWER = _said("assistant", "Canswerz")
_LOOP = (
    _ASK,
    _LATE,
    _said("assistant", _thought(), "I look.", _call(1), _call(2, "Read")),
    _said("user", _result(1), _result(2)),
)
_ROUND = (_said("assistant", _thought(), _call(3)), _said("user", _result(3)))
_ONE = (_ASK, _said("assistant", _call(1)), _said("user", _result(1)))

_SEEN: Mapping[str, tuple[Block, ...]] = {
    "the first request": (_ASK, _LATE),
    "a second prompt": (_ASK, _LATE, _ANSWER, _NEXT),
    "a late system text between turns": (_ASK, _ANSWER, _LATE, _NEXT),
    "one call": _ONE,
    "thinking, text and two calls": _LOOP,
    "a late system text behind results": (*_LOOP, _LATE),
    "two rounds of calls": (*_LOOP, *_ROUND),
    "a prompt behind a loop": (*_LOOP, *_ROUND, _ANSWER, _NEXT),
    "a prompt behind an interruption": (*_ONE, _said("user", "Cnextz")),
    "an answer to an interruption": (*_ONE, _said("user", "Cstopz"), _ANSWER, _NEXT),
    "a failed call": (*_ONE[:2], _said("user", _result(1, is_error=True)), _ANSWER, _NEXT),
    "a loop with a system text in it": (*_LOOP, _LATE, *_ROUND, _ANSWER, _NEXT),
}
_NO_THINKING = "a prompt behind a loop, no thinking"
_NO_TOOLS = "a prompt behind a loop, no tools"


def _words(messages: tuple[Block, ...]) -> tuple[str, ...]:
    words = {"Csystemz"}
    for message in messages:
        for block in message["content"]:
            if block["type"] == "tool_use":
                words |= {block["name"], block["input"]["command"]}
            elif block["type"] != "thinking":
                text = block.get("text") or block.get("content")
                words |= {text} if text.startswith("C") else set()
    return tuple(sorted(words))


def cases() -> Iterator[Case]:
    """Every shape."""
    base = {
        "model": "m",
        "max_tokens": 100,
        "system": "Csystemz",
        "thinking": {"type": "adaptive"},
        "tools": TOOLS,
    }
    for name, messages in _SEEN.items():
        yield Case(name, base | {"messages": list(messages)}, _words(messages))
    loop = _SEEN["a prompt behind a loop"]
    body = base | {"messages": list(loop)}
    yield Case(_NO_THINKING, {k: v for k, v in body.items() if k != "thinking"}, _words(loop))
    yield Case(_NO_TOOLS, {k: v for k, v in body.items() if k != "tools"}, _words(loop))


CASES = tuple(cases())


def faults(render: Render, how: Dialect, *, most: int | None = None) -> dict[str, str]:
    """Case → what is wrong with it in this form; given up behind `most` faults."""
    found: dict[str, str] = {}
    for case in CASES:
        if most is not None and len(found) > most:
            break
        endpoint = Endpoint("http://127.0.0.1:1/v1", "m", how)
        body = translate(case.body, endpoint, CallMemory()).body
        try:
            text = render(body)
        except Exception as error:  # a template may raise anything
            found[case.name] = f"refused: {' '.join(str(error).split())[:90]}"
            continue
        lost = [word for word in case.wanted if word not in text]
        if lost:
            found[case.name] = f"lost: {', '.join(lost)}"
    return found


def forms(base: Dialect) -> Iterator[Dialect]:
    """Every form there is, by brute force."""
    values: dict[str, tuple[Any, ...]] = {
        "late_system": ("folded", "system"),
        "user_after_results": ("user", "folded"),
        "call_ids": ("own", "nine", "numbered"),
        "text_beside_calls": ("content", "reasoning"),
        "calls": ("parallel", "serial", "text"),
        "first_system": ("system", "user"),
        "reasoning_history": ("reasoning_content", "drop"),
        "needs_tools": (False, True),
    }
    for form in itertools.product(*values.values()):
        yield replace(base, **dict(zip(values, form, strict=True)))
