"""The comparisons that are kept: to open, or to hold another one against."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from anyclaude_tui.compare.report import history
from anyclaude_tui.compare.report.history import Entry
from anyclaude_tui.compare.report.saved import Saved
from anyclaude_tui.compare.samples import labels
from anyclaude_tui.screens.common.key_help import bound
from anyclaude_tui.screens.common.keys_and_tabs import keys_line
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.widgets.lines import Line, Tone, clean, fit, pad, text, wrapped
from anyclaude_tui.widgets.panel import LinesView
from anyclaude_tui.widgets.panels import rule
from anyclaude_tui.widgets.rows import Rows

DATE = 18


class CompareHistoryScreen(Screen[Path | None]):
    """Newest first. Its result is the file that was chosen."""

    CSS_PATH = "compare.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [bound("history", "escape,q", "dismiss", "back")]

    def __init__(self, client: SessionClient, title: str, without: Path | None = None) -> None:
        """`without`: a file that is not listed."""
        super().__init__()
        self._client, self._words, self._without = client, title, without
        self._entries: list[Entry] = []
        self._read = False
        self._title = LinesView(id="title")
        self._rows = Rows(id="rows")
        self._why = LinesView(id="why")
        self._keys = LinesView(id="keys")

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._rows
        yield self._why
        yield self._keys

    def on_mount(self) -> None:
        self._rows.focus()
        self.run_worker(self._look(), exit_on_error=False)

    async def _look(self) -> None:
        """Read the folder, in a thread."""
        found = await asyncio.to_thread(history.entries, self._client.home)
        self._entries = [entry for entry in found if entry.path != self._without]
        self._read = True
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._show)

    def on_scroller_moved(self, event: Rows.Moved) -> None:
        self._show_title_and_keys()

    def _show(self) -> None:
        entries, width = self._entries, self._rows.inner_width - 1

        def draw(number: int) -> Line:
            return (*text(" "), *_row(entries[number], width))

        self._rows.show_rows([str(entry.path) for entry in entries], draw)
        self._show_title_and_keys()

    def _show_title_and_keys(self) -> None:
        width = self.size.width
        count = text(f"{len(self._entries)} kept", Tone.LABEL) if self._read else ()
        self._title.set_lines([rule(self._words, count, width, "─")])
        place = self._rows.cursor
        words = "No other comparison is kept yet." if self._read else "Reading…"
        if place < len(self._entries):
            words = self._entries[place].headline
        lines = ([*wrapped(words, width - 2, 2, Tone.LABEL), (), ()])[:2]
        top: Line = (("─" * width, Tone.RULE),)
        self._why.set_lines([top, *(pad((*text(" "), *line), width) for line in lines)])
        keys = [("Enter", "open"), ("Esc", "back")] if self._entries else [("Esc", "back")]
        self._keys.set_lines([keys_line(keys, width)])

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.dismiss(Path(event.key))


def kept(path: Path | None, say: Callable[[str, Tone], None]) -> Saved | None:
    """The comparison in the file that was chosen; None when there is none, or when it cannot be
    read, and then `say` is told why."""
    if path is None:
        return None
    try:
        return history.load(path)
    except (OSError, ValueError) as error:
        say(f"it cannot be opened: {error}", Tone.BAD)
        return None


def _row(entry: Entry, width: int) -> Line:
    """`2026-01-31 14:03  fast against slow   slow is 6.1× slower …`."""
    date = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.started_wall))
    short = labels(entry.targets)
    names = " against ".join(clean(short[name]) for name in entry.targets)
    size = max(20, min(44, (width - DATE) // 2))
    line = (*pad(text(date, Tone.LABEL), DATE), *pad(fit(text(names), size - 2), size))
    return fit((*line, (clean(entry.headline), Tone.LABEL)), width)
