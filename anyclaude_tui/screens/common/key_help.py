"""A screen's keys: one table that its bindings, its `?`, the palette and `[keys]` come from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from anyclaude_tui.screens.actions import chord_name
from anyclaude_tui.screens.common.dialogs import Dialog, content
from anyclaude_tui.widgets.lines import Line, Tone, pad, text, wrapped

WIDTH = 76
EVERYWHERE = (
    ("j k ↑ ↓", "move"),
    ("g G", "first, last"),
    ("PgUp PgDn", "a page back, a page on"),
    (":", "all commands, and the way to every other screen"),
    ("?", "these keys"),
)
_SHOWN = {
    "escape": "Esc",
    "slash": "/",
    "exclamation_mark": "!",
    "equals_sign": "=",
    "minus": "-",
    "plus": "+",
}


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a screen."""

    id: str
    """`AREA.NAME`, as `[keys]` calls it."""
    keys: str
    """For people."""
    words: str
    action: str


@runtime_checkable
class Explained(Protocol):
    """A screen that has more to say under its keys."""

    def more_help(self, width: int) -> list[Line]:
        """Lines of `width` cells."""


def bound(area: str, keys: str, action: str, words: str) -> Binding:
    """A binding that `?` explains, the palette offers and `[keys]` can change: `AREA.ACTION`."""
    name = re.sub(r"\W+", "_", action).strip("_")
    return Binding(keys, action, words, show=False, id=f"{area}.{name}")


def commands(screen: type[Screen[Any]]) -> Iterator[Command]:
    """Those of a screen's class and of what it is made from, its own first."""
    seen: set[str] = set()
    for kind in screen.__mro__:
        for binding in kind.__dict__.get("BINDINGS", ()):
            if not isinstance(binding, Binding) or not binding.id or binding.id in seen:
                continue
            seen.add(binding.id)
            yield Command(binding.id, key_words(binding.key), binding.description, binding.action)


def key_words(keys: str) -> str:
    """`slash` is `/`, `escape,q` is `Esc q`."""
    names = [name.strip() for name in keys.split(",")]
    shown = [_SHOWN.get(name) or (name if len(name) == 1 else chord_name(name)) for name in names]
    # `N,shift+n` is one key, as terminals tell it.
    kept = [name for name in shown if not name.startswith("Shift+") or len(name) > 7]
    return " ".join(name if len(name) > 1 else _own_case(name, names) for name in kept)


def _own_case(shown: str, names: list[str]) -> str:
    """A letter as it is bound: `chord_name` speaks of keys, which have capitals."""
    return shown.lower() if shown.isalpha() and shown not in names else shown


class KeyHelp(Dialog[None]):
    """The list of all keys of the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,question_mark", "dismiss", show=False)]

    def __init__(self, below: Screen[Any], keymap: dict[str, str]) -> None:
        super().__init__()
        self._below, self._keymap = below, keymap

    def compose(self) -> ComposeResult:
        box = VerticalScroll(Static(id="words"), classes="box")
        box.border_title = "Keys"
        box.border_subtitle = "↑ ↓ scroll · q Esc back"
        yield box

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def on_resize(self, event: events.Resize) -> None:
        width = min(WIDTH, event.size.width - 4) - 8  # border, padding and scroll bar
        lines = self.lines(width)
        self.query_one("#words", Static).update(Content("\n").join(map(content, lines)))

    def lines(self, width: int) -> list[Line]:
        """The rows, in `width` cells."""
        rows = [
            (key_words(self._keymap[one.id]) if one.id in self._keymap else one.keys, one.words)
            for one in commands(type(self._below))
        ]
        lines: list[Line] = []
        for keys, words in (*rows, *EVERYWHERE):
            first, *others = wrapped(words, width - 14, 4, Tone.LABEL) or [()]
            lines.append((*pad(text(keys, Tone.KEY), 14), *first))
            lines += [(*text(" " * 14), *other) for other in others]
        if isinstance(self._below, Explained):
            lines += [(), *self._below.more_help(width)]
        return lines
