"""The dialogs of the backends screen: another model, its context length, a server's log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from anyclaude_tui.backends.base import CLAUDE_CODE_PROMPT, SMALL_WINDOW_TOKENS, ModelInfo
from anyclaude_tui.backends.models.memory import Estimate
from anyclaude_tui.screens.backends.rows import Row
from anyclaude_tui.screens.common.dialogs import Dialog, Question, content
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.widgets import format
from anyclaude_tui.widgets.cursor import PickList
from anyclaude_tui.widgets.lines import Line, Tone, clean, joined, text

LEAST_WINDOW_TOKENS = 1_024
REFRESH_S = 0.5


class Models(Dialog[ModelInfo | Row]):
    """The models of a backend, and what else its server could be started with.

    Its result is the model to load, or the row to switch to.
    """

    def __init__(self, name: str, models: Sequence[ModelInfo], others: Sequence[Row]) -> None:
        super().__init__()
        self._name = name
        self._choices: list[ModelInfo | Row] = [*models, *others]

    def compose(self) -> ComposeResult:
        options = [
            Option(content(_of_row(choice) if isinstance(choice, Row) else _of_model(choice)))
            for choice in self._choices
        ]
        box = Vertical(PickList(*options), classes="box")
        box.border_title = f"Models of {self._name}"
        box.border_subtitle = "Enter load · Esc back"
        yield box

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[event.option_index])


def _of_model(model: ModelInfo) -> Line:
    sign = ("● ", Tone.OK) if model.loaded else ("○ ", Tone.FAINT)
    tokens = format.known(model.window_tokens, format.exact)
    words = joined(
        [
            text(clean(model.detail or model.id)),
            (*tokens, (" tokens", Tone.LABEL)) if model.window_tokens else (),
            text(format.size(model.size_bytes), Tone.LABEL) if model.size_bytes else (),
            text("loaded", Tone.LABEL) if model.loaded else (),
        ]
    )
    return (sign, *words)


def _of_row(row: Row) -> Line:
    offer = row.offer
    assert offer is not None
    words = joined(
        [
            text(clean(offer.title)),
            text(clean(offer.detail), Tone.LABEL),
        ]
    )
    return (("○ ", Tone.FAINT), *words)


def too_large(row: Row, memory: Estimate | None) -> Question:
    """The question before a model is loaded that does not fit."""
    words = memory.warning() if memory is not None else ""
    if not words:
        words = "At its full context it needs more memory than this machine has"
    words = f"{words[0].upper()}{words[1:]}. The machine may become very slow."
    return Question("Load it all the same?", words)


class Context(Dialog[int]):
    """The dialog for the context length to load a model with."""

    def __init__(self, model: str, first: int, most: int | None) -> None:
        """`first` is the suggestion; `most` what the model can do, where that is known."""
        super().__init__()
        self._model, self._first, self._most = model, first, most

    def compose(self) -> ComposeResult:
        box = Vertical(
            Static(f"Context length for {clean(self._model)}, in tokens:", markup=False),
            Input(str(self._first), type="integer", id="tokens", compact=True),
            Static(id="advice", markup=False),
            classes="box",
        )
        box.border_title = "Load"
        box.border_subtitle = "Enter load · Esc back"
        yield box

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        words, _ = self._judge(event.value)
        self.query_one("#advice", Static).update(words)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        words, right = self._judge(event.value)
        if right:
            self.dismiss(int(event.value))
        else:
            self.query_one("#advice", Static).update(words)

    def _judge(self, value: str) -> tuple[str, bool]:
        """The remark on the typed number, and True if it can be used."""
        tokens = int(value) if value.isdigit() else 0
        if tokens < LEAST_WINDOW_TOKENS:
            return f"Give a number of at least {LEAST_WINDOW_TOKENS:,}.", False
        if self._most is not None and tokens > self._most:
            return f"The model's own limit is {self._most:,}.", False
        if tokens < SMALL_WINDOW_TOKENS:
            return f"That is little: {CLAUDE_CODE_PROMPT}.", True
        return "A longer context needs more memory.", True


class Log(Dialog[None]):
    """The last lines of a server's output, followed while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,l", "dismiss", "back", show=False)]

    def __init__(self, client: SessionClient, name: str) -> None:
        super().__init__()
        self._client, self._name = client, name
        self._shown: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        box = VerticalScroll(Static(id="words", markup=False), classes="box log")
        box.border_title = f"Log of {self._name}"
        box.border_subtitle = "↑ ↓ scroll · Esc back"
        yield box

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self._show()
        self.set_interval(REFRESH_S, self._show)

    def on_key(self, event: events.Key) -> None:
        if event.key == "end":
            self.query_one(VerticalScroll).scroll_end(animate=False)

    def _show(self) -> None:
        found = (s for s in self._client.snapshot.backends if s.name == self._name)
        lines = next((status.log_tail for status in found), ())
        if lines == self._shown:
            return
        box = self.query_one(VerticalScroll)
        at_end = not self._shown or box.scroll_offset.y >= box.max_scroll_y - 1
        self._shown = lines
        words = Content("\n").join(content(text(clean(line))) for line in lines)
        self.query_one("#words", Static).update(words)
        if at_end:
            self.call_after_refresh(box.scroll_end, animate=False)
