"""A finished comparison, new or from the history: to read, save, and hold against an older one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from anyclaude_tui.compare import history
from anyclaude_tui.compare.report_markdown import to_markdown
from anyclaude_tui.compare.saved import Saved, to_json
from anyclaude_tui.door import Door
from anyclaude_tui.screens import compare_page
from anyclaude_tui.screens.compare_before import when
from anyclaude_tui.screens.compare_history import CompareHistoryScreen
from anyclaude_tui.screens.compare_job import Order
from anyclaude_tui.screens.compare_page import Page
from anyclaude_tui.screens.edges import keys_line, tab_at, tabs_lines
from anyclaude_tui.screens.picture import lines_svg
from anyclaude_tui.screens.request_data import save
from anyclaude_tui.terminal.clipboard import copy_to_system
from anyclaude_tui.widgets.lines import Line, Tone, clean, joined, text, wrapped
from anyclaude_tui.widgets.panel import LinesView
from anyclaude_tui.widgets.panels import rule
from anyclaude_tui.widgets.scroller import Scroller

PICTURE_COLUMNS = 120
GRACE_S = 0.5
"""Who pressed Esc twice to stop the runs did not mean to leave the result unread."""


class CompareResultScreen(Screen[None]):
    """One page with sections to jump to."""

    CSS_PATH = "compare.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", show=False),
        Binding("tab,right", "section(1)", show=False),
        Binding("shift+tab,left", "section(-1)", show=False),
        *(Binding(str(n + 1), f"go({n})", show=False) for n in range(9)),
        Binding("w", "save('json')", show=False),
        Binding("m", "save('md')", show=False),
        Binding("v", "save('svg')", show=False),
        Binding("y", "copy", show=False),
        Binding("o", "older", show=False),
        Binding("h", "history", show=False),
        Binding("r", "again", show=False),
    ]

    def __init__(
        self, door: Door, saved: Saved, path: Path | None, order: Order | None = None
    ) -> None:
        """`path`: where it is kept. `order`: what to run to do it again."""
        super().__init__()
        self._door, self._saved, self._path, self._order = door, saved, path, order
        self._opened = 0.0
        self._older: Saved | None = None
        self._page = Page([], ())
        self._wanted = 0
        """The section that was jumped to; a short one at the end cannot come to the top."""
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
        self._opened = time.monotonic()
        self._body.focus()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._show)

    # --- what is shown ----------------------------------------------------------------

    def _show(self) -> None:
        width = self._body.inner_width - 2
        if width < 20:
            return
        self._page = compare_page.page(self._saved, width, self._older)
        lines = self._page.lines
        margin: Line = text(" ")
        self._body.show(len(lines), lambda number: (*margin, *lines[number]))
        self._show_edges()

    def _show_edges(self) -> None:
        width, comparison = self.size.width, self._saved.comparison
        names = " against ".join(clean(target.shown) for target in comparison.targets)
        right = joined(
            [
                text(names, Tone.LABEL),
                text(when(comparison), Tone.LABEL),
                text("stopped", Tone.WARN) if comparison.stopped else (),
            ]
        )
        self._title.set_lines([rule("Comparison", right, width, "─")])
        self._tabs.set_lines(tabs_lines(self._names, self._section, width))
        keys = [
            ("w", "save JSON"),
            ("m", "Markdown"),
            ("v", "picture"),
            ("o", "older one"),
            ("h", "history"),
            *([("r", "again")] if self._order is not None else []),
            ("y", "copy"),
            ("Esc", "back"),
        ]
        line = keys_line(keys, width)
        if self._message is not None:
            rows = wrapped(self._message[0], max(20, width - 2), 1, self._message[1])
            line = (*text(" "), *(rows[0] if rows else ()))
        self._keys.set_lines([line])

    @property
    def _names(self) -> list[str]:
        return [name for name, _ in self._page.sections]

    @property
    def _section(self) -> int:
        """The section at the top of the view; at the page's end the one that was asked for."""
        top = self._body.scroll_target_y
        found = [n for n, (_, start) in enumerate(self._page.sections) if start <= top]
        place = found[-1] if found else 0
        return max(place, self._wanted) if self._body.at_end and top > 0 else place

    def say(self, words: str, tone: Tone = Tone.OK) -> None:
        """A line in place of the keys, until the next key."""
        self._message = (words, tone)
        if self.is_attached:
            self._show_edges()

    # --- keys -------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        if self._message is not None:
            self._message = None
            self._show_edges()

    def on_click(self, event: events.Click) -> None:
        if event.widget is self._tabs and event.y == 0:
            tab = tab_at(self._names, self._section, self.size.width, event.x)
            if tab is not None:
                self.action_go(tab)

    def on_scroller_moved(self, event: Scroller.Moved) -> None:
        self._show_edges()

    def action_back(self) -> None:
        stopped = self._order is not None and self._saved.comparison.stopped
        if not stopped or time.monotonic() - self._opened > GRACE_S:
            self.dismiss()

    def action_section(self, step: int) -> None:
        if self._page.sections:
            self.action_go((self._section + step) % len(self._page.sections))

    def action_go(self, place: int) -> None:
        if place < len(self._page.sections):
            self._wanted = place
            self._body.scroll_to(y=self._page.sections[place][1], animate=False)
            self._show_edges()

    def action_save(self, ending: str) -> None:
        self.run_worker(self._save(ending), exit_on_error=False)

    async def _save(self, ending: str) -> None:
        saved = self._saved
        make: dict[str, Callable[[], bytes]] = {
            "json": lambda: to_json(saved),
            "md": lambda: to_markdown(saved).encode(),
            "svg": self._picture,
        }
        stem = time.strftime("compare-%Y%m%d-%H%M%S", time.localtime(saved.comparison.started_wall))
        try:
            data = await asyncio.to_thread(make[ending])
            path = await save(self._door.home, f"{stem}.{ending}", data)
        except OSError as error:
            self.say(f"it could not be saved: {error}", Tone.BAD)
        else:
            self.say(f"saved {path}")

    def _picture(self) -> bytes:
        """The whole page as SVG, in the theme's colours."""
        page = compare_page.page(self._saved, PICTURE_COLUMNS, self._older)
        names = " against ".join(target.shown for target in self._saved.comparison.targets)
        colors = self.app.theme_variables
        return lines_svg(page.lines, PICTURE_COLUMNS, f"anyclaude-tui compare: {names}", colors)

    def action_copy(self) -> None:
        words = to_markdown(self._saved)
        self.app.copy_to_clipboard(words)
        self.run_worker(copy_to_system(words), exit_on_error=False)
        self.say("copied the report as Markdown, ready for an issue")

    def action_older(self) -> None:
        """Hold it against an older one; again: without."""
        if self._older is not None:
            self._older = None
            self._show()
            return
        screen = CompareHistoryScreen(self._door, "Compare with", without=self._path)
        self.app.push_screen(screen, self._hold_against)

    def _hold_against(self, path: Path | None) -> None:
        if path is None:
            return
        try:
            self._older = history.load(path)
        except (OSError, ValueError) as error:
            self.say(f"it cannot be opened: {error}", Tone.BAD)
            return
        self._show()
        self.action_go(1)

    def action_history(self) -> None:
        self.app.push_screen(CompareHistoryScreen(self._door, "Comparisons"), self._open)

    def _open(self, path: Path | None) -> None:
        if path is None:
            return
        try:
            saved = history.load(path)
        except (OSError, ValueError) as error:
            self.say(f"it cannot be opened: {error}", Tone.BAD)
            return
        self.app.switch_screen(CompareResultScreen(self._door, saved, path))

    def action_again(self) -> None:
        from anyclaude_tui.screens.compare_run import CompareRunScreen

        if self._order is None:
            self.say("it is from the history: choose the targets again to run it", Tone.WARN)
        else:
            self.app.switch_screen(CompareRunScreen(self._door, self._order))
