"""A finished comparison, new or from the history: to read, save, and hold against an older one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from anyclaude_tui.compare.report.markdown import to_markdown
from anyclaude_tui.compare.report.saved import Saved, to_json
from anyclaude_tui.screens.common.key_help import bound
from anyclaude_tui.screens.common.keys_and_tabs import tabs_lines
from anyclaude_tui.screens.common.svg_export import lines_svg
from anyclaude_tui.screens.common.tabs_screen import TabsScreen
from anyclaude_tui.screens.compare import result_page
from anyclaude_tui.screens.compare.history import CompareHistoryScreen, kept
from anyclaude_tui.screens.compare.result_page import Page
from anyclaude_tui.screens.compare.then_and_now import when
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.telemetry.files import save
from anyclaude_tui.terminal.clipboard import copy_to_system
from anyclaude_tui.widgets.lines import Line, Tone, clean, joined, text
from anyclaude_tui.widgets.panels import rule

PICTURE_COLUMNS = 120
GRACE_S = 0.5
"""Seconds in which Esc leaves no result of stopped runs: the second Esc was meant for the runs."""


class CompareResultScreen(TabsScreen[bool]):
    """One page with sections to jump to. Its result: whether to run it again."""

    CSS_PATH = "compare.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        bound("result", "escape,q", "back", "back"),
        bound("result", "w", "save('json')", "save the figures as JSON"),
        bound("result", "m", "save('md')", "save the report as Markdown"),
        bound("result", "v", "save('svg')", "save a picture of the page"),
        bound("result", "y", "copy", "copy the report"),
        bound("result", "o", "older", "then and now: beside an older comparison"),
        bound("result", "h", "history", "earlier comparisons"),
        bound("result", "r", "again", "run it again"),
    ]

    def __init__(
        self,
        client: SessionClient,
        saved: Saved,
        path: Path | None,
        *,
        just_run: bool = False,
    ) -> None:
        """`path`: where it is kept. `just_run`: who opens it can run the same again."""
        super().__init__()
        self._client, self._saved, self._path, self._just_run = client, saved, path, just_run
        self._opened = 0.0
        self._older: Saved | None = None
        self._page = Page([], ())
        self._wanted = 0
        """The section that was jumped to; a short one at the end cannot come to the top."""

    def on_mount(self) -> None:
        self._opened = time.monotonic()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._show)

    # --- what is shown ----------------------------------------------------------------

    def _show(self) -> None:
        width = self._body.inner_width - 2
        if width < 20:
            return
        self._page = result_page.page(self._saved, width, self._older)
        lines = self._page.lines
        margin: Line = text(" ")
        self._body.show(len(lines), lambda number: (*margin, *lines[number]))
        self._show_title_and_keys()

    def _show_title_and_keys(self) -> None:
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
        self._tabs.set_lines(tabs_lines(self.tab_names, self.tab_shown, width))
        keys = [
            ("w", "save JSON"),
            ("m", "Markdown"),
            ("v", "picture"),
            ("o", "older one"),
            ("h", "history"),
            *([("r", "again")] if self._just_run else []),
            ("y", "copy"),
            ("Esc", "back"),
        ]
        self._keys.set_lines([self._last_line(keys)])

    @property
    def tab_names(self) -> list[str]:
        return [name for name, _ in self._page.sections]

    @property
    def tab_shown(self) -> int:
        """The section at the top of the view; at the page's end the one that was asked for."""
        top = self._body.scroll_target_y
        found = [n for n, (_, start) in enumerate(self._page.sections) if start <= top]
        place = found[-1] if found else 0
        return max(place, self._wanted) if self._body.at_end and top > 0 else place

    # --- keys -------------------------------------------------------------------------

    def action_back(self) -> None:
        stopped = self._just_run and self._saved.comparison.stopped
        if not stopped or time.monotonic() - self._opened > GRACE_S:
            self.dismiss()

    def action_go(self, place: int) -> None:
        if place < len(self._page.sections):
            self._wanted = place
            self._body.scroll_to(y=self._page.sections[place][1], animate=False)
            self._show_title_and_keys()

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
            path = await save(self._client.home, f"{stem}.{ending}", data)
        except OSError as error:
            self.say(f"it could not be saved: {error}", Tone.BAD)
        else:
            self.say(f"saved {path}")

    def _picture(self) -> bytes:
        """The whole page as SVG, in the theme's colours."""
        page = result_page.page(self._saved, PICTURE_COLUMNS, self._older)
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
        screen = CompareHistoryScreen(self._client, "Compare with", without=self._path)
        self.app.push_screen(screen, self._hold_against)

    def _hold_against(self, path: Path | None) -> None:
        older = kept(path, self.say)
        if older is not None:
            self._older = older
            self._show()
            self.action_go(1)

    def action_history(self) -> None:
        self.app.push_screen(CompareHistoryScreen(self._client, "Comparisons"), self._open)

    def _open(self, path: Path | None) -> None:
        saved = kept(path, self.say)
        if saved is not None:
            self.app.switch_screen(CompareResultScreen(self._client, saved, path))

    def action_again(self) -> None:
        if self._just_run:
            self.dismiss(True)
        else:
            self.say("it is from the history: choose the targets again to run it", Tone.WARN)
