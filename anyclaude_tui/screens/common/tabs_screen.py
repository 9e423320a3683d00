"""Tabs over lines, between a title and a line of keys: what such screens have in common.

`TabsScreen` has the tabs and the line in which a screen says something; `SearchScreen` adds the
search. What the tabs hold is the screens' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input

from anyclaude_tui.screens.common.key_help import bound
from anyclaude_tui.screens.common.keys_and_tabs import keys_line, message_line, tab_at
from anyclaude_tui.widgets.lines import Line, Tone
from anyclaude_tui.widgets.panel import LinesView
from anyclaude_tui.widgets.scroller import Scroller

ResultT = TypeVar("ResultT")


class TabsScreen(Screen[ResultT]):
    """A tab is chosen with Tab, an arrow, its number or a click."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bound("tabs", "tab,right", "tab(1)", "the next tab"),
        bound("tabs", "shift+tab,left", "tab(-1)", "the tab before"),
        *(Binding(str(n + 1), f"go({n})", show=False) for n in range(9)),
    ]
    TABS_ROW: ClassVar[int] = 0
    """The row of `#tabs` in which the tabs stand."""

    def __init__(self) -> None:
        super().__init__()
        self._message: tuple[str, Tone] | None = None
        self._title = LinesView(id="title")
        self._tabs = LinesView(id="tabs")
        self._body = Scroller(id="body")
        self._keys = LinesView(id="keys")

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._tabs
        yield self._body
        yield self._keys

    def on_mount(self) -> None:
        self._body.focus()

    # --- what each screen says for itself ---------------------------------------------

    @property
    def tab_names(self) -> Sequence[str]:
        """The names on the tabs."""
        raise NotImplementedError

    @property
    def tab_shown(self) -> int:
        """The place of the tab that is shown."""
        raise NotImplementedError

    def action_go(self, tab: int) -> None:
        """Show a tab; a place without one does nothing."""
        raise NotImplementedError

    def _show_title_and_keys(self) -> None:
        """Title, tabs and keys anew."""
        raise NotImplementedError

    # --- what they share --------------------------------------------------------------

    def say(self, words: str, tone: Tone = Tone.OK) -> None:
        """A line in place of the keys, until the next key."""
        self._message = (words, tone)
        if self.is_attached:
            self._show_title_and_keys()

    def _last_line(self, keys: Sequence[tuple[str, str]]) -> Line:
        """The message, else the keys with their words."""
        width = self.size.width
        return message_line(*self._message, width) if self._message else keys_line(keys, width)

    def on_key(self, event: events.Key) -> None:
        if self._message is not None:
            self._message = None
            self._show_title_and_keys()

    def on_click(self, event: events.Click) -> None:
        if event.widget is self._tabs and event.y == self.TABS_ROW:
            tab = tab_at(self.tab_names, self.tab_shown, self.size.width, event.x)
            if tab is not None:
                self.action_go(tab)

    def on_scroller_moved(self, event: Scroller.Moved) -> None:
        self._show_title_and_keys()

    def action_tab(self, step: int) -> None:
        """The next tab, or the one before; after the last comes the first."""
        if self.tab_names:
            self.action_go((self.tab_shown + step) % len(self.tab_names))


class SearchScreen(TabsScreen[None]):
    """`/` searches in what is shown; Esc ends the search first, then leaves the screen."""

    # Absolute: Textual looks beside the subclass, which stands in another folder.
    CSS_PATH = Path(__file__).parents[1] / "requests" / "requests.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        bound("tabs", "escape", "back", "end the search, then back"),
        bound("tabs", "q", "dismiss", "back"),
        bound("tabs", "slash", "find", "search"),
        bound("tabs", "n", "next(1)", "the next match"),
        bound("tabs", "N,shift+n", "next(-1)", "the match before"),
    ]

    def __init__(self, placeholder: str) -> None:
        super().__init__()
        self._search_from = 0
        self._input = Input(placeholder=placeholder, id="search", compact=True)

    def compose(self) -> ComposeResult:
        *above, keys = super().compose()
        yield from above
        yield self._input
        yield keys

    def on_mount(self) -> None:
        self._input.display = False

    def search(self, words: str) -> None:
        """Go to the first match from where the view stood when the search began."""
        self._body.find(words, self._search_from)

    def action_back(self) -> None:
        if self._input.display or self._body.searching:
            self._end_search()
            self._body.unmark()
            self._show_title_and_keys()
        else:
            self.dismiss()

    def action_find(self) -> None:
        self._search_from = self._body.scroll_offset.y
        self._input.display = True
        self._input.focus()

    def action_next(self, step: int) -> None:
        if self._body.hit is not None:
            self._body.find_next(step)
            self._show_title_and_keys()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.search(event.value)
        self._show_title_and_keys()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._end_search()

    def _end_search(self) -> None:
        self._input.display = False
        self._body.focus()
