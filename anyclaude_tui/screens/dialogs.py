"""Short dialogs over the dashboard: a question, and the list of backends."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from anyclaude_tui.backends.base import BackendStatus
from anyclaude_tui.screens.actions import DIGITS
from anyclaude_tui.widgets import signs
from anyclaude_tui.widgets.lines import STYLES, Line, Tone, clean, joined, text

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """A box in the middle; Esc leaves it without a choice."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "back", show=False)]


def content(line: Line) -> Content:
    """A line as Textual's content."""
    return Content.assemble(*((words, STYLES[tone]) for words, tone in line))


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
        box = Vertical(Static(self._words, markup=False), classes="box")
        box.border_title = self._title
        box.border_subtitle = "y yes · n no"
        yield box


class BackendList(Dialog[str]):
    """The backends; Enter or a digit switches to one. Its result is the backend's name."""

    def __init__(self, backends: tuple[BackendStatus, ...], active: str) -> None:
        super().__init__()
        self._backends, self._active = backends, active

    def compose(self) -> ComposeResult:
        options = [
            Option(content(self._row(place, status)), id=str(place))
            for place, status in enumerate(self._backends)
        ]
        box = Vertical(OptionList(*options), classes="box")
        box.border_title = "Switch to a backend"
        box.border_subtitle = "Enter or 1-9 switch · Esc back"
        yield box

    def on_mount(self) -> None:
        names = [status.name for status in self._backends]
        listed = self.query_one(OptionList)
        listed.highlighted = names.index(self._active) if self._active in names else 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._backends[event.option_index].name)

    def on_key(self, event: events.Key) -> None:
        if event.key in DIGITS:
            event.stop()
            self._choose(DIGITS.index(event.key))

    def _row(self, place: int, status: BackendStatus) -> Line:
        digit = DIGITS[place] if place < len(DIGITS) else " "
        active = status.name == self._active
        name = text(clean(status.name), Tone.STRONG if active else Tone.TEXT)
        words = joined(
            [
                name,
                text(f"{status.state}{', in use' if active else ''}", Tone.LABEL),
                text(clean(status.model or ""), Tone.LABEL),
                signs.simulated(status),
            ]
        )
        return ((f"{digit} ", Tone.KEY), signs.STATES[status.state], (" ", Tone.TEXT), *words)

    def _choose(self, place: int) -> None:
        if place < len(self._backends):
            self.dismiss(self._backends[place].name)
