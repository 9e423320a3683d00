"""The help screen: keys, signs, and what each number means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from anyclaude_tui.screens.actions import ACTIONS, Action
from anyclaude_tui.screens.common.dialogs import Dialog, content
from anyclaude_tui.widgets import status_signs
from anyclaude_tui.widgets.lines import Line, Tone, pad, text, wrapped

WIDTH = 88
NAME = 12
"""Columns for the names at the left."""
NARROW = 70
"""In fewer columns what is short at the left takes no more than it needs."""
PROVENANCE: tuple[tuple[Line, str], ...] = (
    (text("12.4"), "measured here, by the proxy's clock"),
    (text("12.4", Tone.REPORTED), "reported by the backend (in italics)"),
    (text("~12.4"), "estimated from other numbers"),
    (text("–", Tone.FAINT), "not known: never shown as 0"),
)
NUMBERS: tuple[tuple[str, str], ...] = (
    ("queue", "from the request's arrival until it is sent to the backend"),
    ("load", "then until the backend starts on the prompt: model load, waiting for a slot"),
    ("prefill", "then until the first token; where a backend reports no progress, with load"),
    ("decode", "from the first token to the last"),
    ("TTFT", "time to first token: from arrival to the first text, thinking or tool call"),
    ("tok/s", "(tokens - 1) / decode time; prefill tok/s counts the tokens not reused"),
    ("live", "tokens or pieces of text per second in the last seconds, all requests"),
    ("reused", "share of the prompt that the backend's prefix cache still held"),
    ("context", "prompt and reply, of the model's context window"),
    ("keepalives", "signs of life sent to Claude Code while the backend was silent"),
    ("chunks", "events received from the backend"),
    (
        "truncations",
        "cut: ended without a reason; stall: fell silent; malformed: nonsense; max_tokens: the "
        "model met its limit, which is honest and counted apart",
    ),
    ("repaired", "tool calls whose arguments had to be mended; rescued: found in plain text"),
    ("retries", "requests sent again because the first try died before anything was shown"),
)


class HelpScreen(Dialog[None]):
    """The help, which scrolls; Esc, q or ? leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,question_mark,h", "dismiss", "back", show=False)
    ]

    def __init__(self, leader: str, home: str, table: Sequence[Action] = ACTIONS) -> None:
        super().__init__()
        self._leader, self._home, self._table = leader, home, table

    def compose(self) -> ComposeResult:
        box = VerticalScroll(Static(id="words"), classes="box")
        box.border_title = "Help"
        box.border_subtitle = "↑ ↓ scroll · q Esc back"
        yield box

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def on_resize(self, event: events.Resize) -> None:
        width = min(WIDTH, event.size.width - 4) - 6  # border, padding and scroll bar
        lines = help_lines(self._leader, self._home, width, self._table)
        self.query_one("#words", Static).update(Content("\n").join(map(content, lines)))


def help_lines(leader: str, home: str, width: int, table: Sequence[Action] = ACTIONS) -> list[Line]:
    """Everything that the help says, in `width` columns."""
    intro = f"{leader} and then a key is the dashboard's; every other key is Claude Code's."
    lines = wrapped(intro, width, 3, Tone.LABEL)
    keys = NAME if width >= NARROW else max(len(leader), 4) + 1
    for action in table:
        lines += row(((f"{action.key} {action.also}", Tone.KEY),), action.help, width, keys)
    lines += row(text("1-9", Tone.KEY), "Switch to the nth backend.", width, keys)
    lines += row(text(leader, Tone.KEY), "Pressed twice, it reaches Claude Code.", width, keys)
    lines += heading("Requests")
    for (mark, tone), words in status_signs.LEGEND:
        lines += row(text(mark, tone), words, width, keys)
    lines += heading("Numbers")
    for example, words in PROVENANCE:
        lines += row(example, words, width, keys)
    lines += [()]
    for name, words in NUMBERS:
        lines += row(text(name), words, width)
    lines += heading("Files")
    return lines + row(text("ours"), home, width, keys)


def heading(words: str) -> list[Line]:
    """A blank line and a title."""
    return [(), text(words, Tone.STRONG)]


def row(left: Line, words: str, width: int, name: int = NAME) -> list[Line]:
    """A name or a sign in `name` columns, and what it means, indented under itself."""
    lines = wrapped(words, width - name - 2, 4, Tone.LABEL)
    first = (("  ", Tone.TEXT), *pad(left, name), *(lines[0] if lines else ()))
    indent = (" " * (name + 2), Tone.TEXT)
    return [first, *((indent, *line) for line in lines[1:])]
