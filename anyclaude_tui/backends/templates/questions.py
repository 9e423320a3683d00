"""The conversations that a template is asked to render, in the shapes that Claude Code sends.

Pure. Each piece of text is a word of its own, so that it can be found again: what is missing
from the rendering never reaches the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.templates.call_forms import (
    NO_TOOL,
    FinishedCall,
    push_assistant,
    system_as_user,
)
from anyclaude_tui.backends.templates.switches import KEEP_THINKING

Body = dict[str, Any]
Piece = Callable[[str], str]
"""A piece's name in, its text out."""

BESIDE = "beside"
"""Text beside a call: 18 templates lose it whatever its form, and the call tells as much."""

NAME = "name"
"""A called function's name: one word, so that it cannot be made longer to be counted."""


def marked(name: str) -> str:
    """A piece that no template writes by itself."""
    return f"Q{name}7z"


TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "Bash",
        "description": marked("tool"),
        "parameters": {
            "type": "object",
            "properties": {"command": {"type": "string", "description": "What to run."}},
            "required": ["command"],
        },
    },
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A conversation; `wanted` are the pieces that the model must see of it."""

    name: str
    build: Callable[[Piece, Dialect], list[dict[str, Any]]]
    wanted: tuple[str, ...]
    tools: bool = True

    def body(self, piece: Piece, how: Dialect, kwargs: Mapping[str, Any] | None = None) -> Body:
        """The chat completions body in the form that `how` tells."""
        messages = self.build(piece, how)
        for message in messages:
            if isinstance(message["content"], list):
                message["content"] = "\n\n".join(message["content"])
        if how.first_system == "user":
            messages = system_as_user(messages)
        body: Body = {"messages": messages}
        if kwargs is not None:
            body["chat_template_kwargs"] = dict(kwargs)
        elif how.enable_thinking:
            body["chat_template_kwargs"] = {**how.thinking_on, **KEEP_THINKING}
        tools = [TOOL] if self.tools else [NO_TOOL] if how.needs_tools else None
        return body | {"tools": tools} if tools else body


def _opening(piece: Piece) -> list[dict[str, Any]]:
    return [
        {"role": "system", "content": piece("system")},
        {"role": "user", "content": [piece("ask"), _reminder(piece("late"))]},
    ]


def _call(number: int, piece: Piece, name: str = "Bash") -> FinishedCall:
    arguments = f'{{"command": "{piece(f"argument{number}")}"}}'
    result = piece(f"result{number}")
    return FinishedCall(f"toolu_0{number}abcdefghijklmnop", name, arguments, result)


def _loop(piece: Piece, how: Dialect) -> list[dict[str, Any]]:
    """Two calls in one turn, and a late system text behind their results."""
    out = _opening(piece)
    calls = [_call(1, piece, marked(NAME)), _call(2, piece)]
    push_assistant(out, piece(BESIDE), piece("thought"), calls, how)
    _fold(out, _reminder(piece("behind")))
    return out


def _goes_on(piece: Piece, how: Dialect) -> list[dict[str, Any]]:
    out = _loop(piece, how)
    push_assistant(out, piece("answer"), "", (), how)
    out.append({"role": "user", "content": piece("next")})
    return out


def _interrupted(piece: Piece, how: Dialect) -> list[dict[str, Any]]:
    """User text behind results, and the conversation after it."""
    out = _opening(piece)
    push_assistant(out, "", piece("thought"), [_call(1, piece)], how)
    if how.user_after_results == "folded":
        _fold(out, piece("interruption"))
    else:
        _push_user(out, piece("interruption"))
    push_assistant(out, piece("answer"), "", (), how)
    out.append({"role": "user", "content": piece("next")})
    return out


def _interruption(piece: Piece, how: Dialect) -> list[dict[str, Any]]:
    return _interrupted(piece, how)[:-2]


_LOOP = ("system", "ask", "late", NAME, "argument1", "argument2", "result1", "result2", "behind")
_ONE = ("system", "ask", "late", "argument1", "result1", "interruption")

IN_LOOP = Shape("in a tool loop", _loop, _LOOP)
NEXT = Shape("a new prompt behind a tool loop", _goes_on, (*_LOOP, "answer", "next"))
INTERRUPTED = Shape("user text behind a result", _interruption, _ONE)
RESUMED = Shape("a new prompt behind that", _interrupted, (*_ONE, "answer", "next"))
NO_TOOLS = Shape("earlier calls, no tools offered", _goes_on, (*_LOOP, "answer", "next"), False)
SHAPES = (IN_LOOP, NEXT, INTERRUPTED, RESUMED, NO_TOOLS)


def _standing(piece: Piece, how: Dialect) -> list[dict[str, Any]]:
    return [
        {"role": "system", "content": piece("system")},
        {"role": "user", "content": piece("ask")},
        {"role": "assistant", "content": piece("answer")},
        {"role": "system", "content": piece("late")},
        {"role": "user", "content": piece("next")},
    ]


LATE_SYSTEM = Shape("a system message that stands late", _standing, ("system", "late", "next"))


def rounds(number: int, how: Dialect, *, then: bool) -> Body:
    """A tool loop of `number` rounds; `then`: with its answer and a new prompt behind it."""

    def build(piece: Piece, how: Dialect) -> list[dict[str, Any]]:
        out = _opening(piece)
        for at in range(number):
            call = FinishedCall(f"toolu_{at}", "Bash", f'{{"command": "ls {at}"}}', "file " * 40)
            push_assistant(out, "", f"Round {at}: " + "I look on. " * 20, [call], how)
        if then:
            push_assistant(out, "Done.", "All is seen.", (), how)
            out.append({"role": "user", "content": piece("next")})
        return out

    return Shape("", build, ()).body(marked, how)


def _reminder(text: str) -> str:
    return f"<system-reminder>\n{text}\n</system-reminder>"


def _fold(out: list[dict[str, Any]], text: str) -> None:
    last = out[-1]
    if isinstance(last["content"], list):
        last["content"].append(text)
    else:
        last["content"] = f"{last['content']}\n\n{text}"


def _push_user(out: list[dict[str, Any]], text: str) -> None:
    if out[-1]["role"] == "user":
        _fold(out, text)
    else:
        out.append({"role": "user", "content": text})
