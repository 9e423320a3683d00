"""The dialogs of the settings screen: a value in words, and a choice from a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from anyclaude_tui.screens.common.dialogs import Dialog
from anyclaude_tui.widgets.cursor import PickList


class Value(Dialog[str]):
    """The dialog for a value in words, whose faults are shown while it is typed."""

    def __init__(
        self, title: str, words: str, first: str, judge: Callable[[str], str], secret: bool = False
    ) -> None:
        """`judge` says what is wrong, or nothing; `first` is what is there."""
        super().__init__()
        self._title, self._words, self._first = title, words, first
        self._judge, self._secret = judge, secret

    def compose(self) -> ComposeResult:
        box = Vertical(
            Static(self._words, markup=False),
            Input(self._first, id="value", compact=True, password=self._secret),
            Static(id="advice", markup=False),
            classes="box",
        )
        box.border_title = self._title
        box.border_subtitle = "Enter save · Esc back"
        yield box

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#advice", Static).update(self._judge(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if not self._judge(event.value):
            self.dismiss(event.value)


class Choice(Dialog[str]):
    """One of a few words."""

    def __init__(self, title: str, choices: Sequence[str], first: str) -> None:
        super().__init__()
        self._title, self._choices, self._first = title, choices, first

    def compose(self) -> ComposeResult:
        listed = PickList(*(Option(words) for words in self._choices), markup=False)
        box = Vertical(listed, classes="box")
        box.border_title = self._title
        box.border_subtitle = "Enter choose · Esc back"
        yield box

    def on_mount(self) -> None:
        listed = self.query_one(PickList)
        listed.highlighted = self._choices.index(self._first) if self._first in self._choices else 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[event.option_index])
