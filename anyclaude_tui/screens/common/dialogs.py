"""Short dialogs over the dashboard: a box in the middle, and a question."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from anyclaude_tui.printable import printable
from anyclaude_tui.widgets.lines import STYLES, Line

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """A box in the middle; Esc, or a click beside it, leaves it without a choice."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "back", show=False)]

    def on_click(self, event: events.Click) -> None:
        """Beside the box; or a key that its lower edge names."""
        found = self.query(".box")
        if not found:
            return
        box = found.first()
        if not box.region.contains(event.screen_x, event.screen_y):
            self.dismiss(None)
        elif event.screen_y == box.region.bottom - 1:
            words = str(box.border_subtitle or "")
            # It stands at the right, with a blank and the corner behind it.
            key = key_in(words, event.screen_x - (box.region.right - 2 - cell_len(words)))
            if key:
                self.app.simulate_key(key)


def key_in(words: str, x: int) -> str:
    """The key at cell `x` of `y yes · n no`, as Textual calls it; empty where none stands."""
    at = 0
    for part in words.split(" · "):
        if at <= x < at + cell_len(part):
            name = part.split()[0]
            return {"Esc": "escape", "Enter": "enter"}.get(name, name.lower())
        at += cell_len(part) + 3
    return ""


def content(line: Line) -> Content:
    """A line as Textual's content."""
    return Content.assemble(*((printable(words), STYLES[tone]) for words, tone in line))


class Question(Dialog[bool]):
    """A question before something that cannot be taken back; y or Enter says yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "dismiss(True)", "yes"),
        Binding("n,q", "dismiss(False)", "no"),
    ]

    def __init__(self, title: str, words: str) -> None:
        super().__init__()
        self._title, self._words = title, words

    def compose(self) -> ComposeResult:
        box = Vertical(Static(printable(self._words, lines=True), markup=False), classes="box")
        box.border_title = self._title
        box.border_subtitle = "y yes · n no"
        yield box
