"""Short dialogs over the dashboard: a box in the middle, and a question."""

from __future__ import annotations

from typing import ClassVar, TypeVar

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
    """A box in the middle; Esc leaves it without a choice."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "back", show=False)]


def content(line: Line) -> Content:
    """A line as Textual's content."""
    return Content.assemble(*((printable(words), STYLES[tone]) for words, tone in line))


class Question(Dialog[bool]):
    """Asks before something that cannot be taken back; y or Enter says yes."""

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
