"""The settings files that came with the folder: what they would set, and whether to trust them.

Nothing of them counts before the user has said yes, to this path and this content.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.cells import chop_cells
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from anyclaude_tui import config
from anyclaude_tui.config import ConfigError, Loaded, Settings, trust
from anyclaude_tui.config.project import ProjectFile
from anyclaude_tui.screens.common.dialogs import Dialog, content
from anyclaude_tui.widgets.format import home_relative
from anyclaude_tui.widgets.lines import Line, Tone, clean, wrapped

GRACE_S = 0.5
"""Seconds in which keys answer nothing: they were typed before the question came."""
WIDTH = 88
DANGER = (
    "This came with the folder. Once trusted, programs named here are started as you, and what "
    "you type is sent to hosts named here, until the file changes."
)
NONE = "There is no .anyclaude.toml in this folder: the settings are yours alone."
ASKED = "t trust · n leave out · Esc not now"
TRUSTED = "n trust no more · Esc back"
BACK = "Esc back"


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision of the user."""

    words: str
    settings: Settings | None = None
    """The settings now, where they have changed."""
    level: str = "information"


class FolderScreen(Dialog[Decision]):
    """The question; Esc leaves all as it is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "trust", "trust", show=False),
        Binding("n", "refuse", "leave out", show=False),
        Binding("q", "dismiss", "back", show=False),
    ]

    def __init__(self, home: Path) -> None:
        """`home`: the folder of our files."""
        super().__init__()
        self._home = home
        self._loaded: Loaded | None = None
        self._mistake = ""
        try:
            self._loaded = self._read()
        except ConfigError as error:
            self._mistake = str(error)
        self._opened = time.monotonic()

    @property
    def _files(self) -> tuple[ProjectFile, ...]:
        return self._loaded.project if self._loaded is not None else ()

    @property
    def _asking(self) -> list[ProjectFile]:
        left_out = self._loaded.left_out if self._loaded is not None else ()
        return [left.file for left in left_out if not left.file.mistake]

    @property
    def _trusted(self) -> list[ProjectFile]:
        return [file for file in self._files if file.trusted]

    def compose(self) -> ComposeResult:
        box = VerticalScroll(Static(id="words"), classes="box")
        box.border_title = "This folder's settings"
        box.border_subtitle = ASKED if self._asking else TRUSTED if self._trusted else BACK
        yield box

    def on_mount(self) -> None:
        self._opened = time.monotonic()
        self.query_one(VerticalScroll).focus()

    def on_resize(self, event: events.Resize) -> None:
        width = min(WIDTH, event.size.width - 4) - 6  # border, padding and scroll bar
        words = Content("\n").join(map(content, self._lines(width)))
        self.query_one("#words", Static).update(words)

    def _read(self) -> Loaded:
        return config.read({**os.environ, "ANYCLAUDE_HOME": str(self._home)})

    def _lines(self, width: int) -> list[Line]:
        if self._loaded is None:
            return wrapped(clean(self._mistake), width, 6, Tone.WARN)
        if not self._files:
            return wrapped(NONE, width, 3)
        left = {left.file.path: set(left.keys) for left in self._loaded.left_out}
        lines: list[Line] = []
        for file in self._files:
            if lines:
                lines.append(())
            lines += _file_lines(file, left.get(file.path, set()), width)
        if self._asking:  # first: the list may be longer than the box
            lines = [*wrapped(DANGER, width, 4, Tone.WARN), (), *lines]
        return lines

    # --- keys -------------------------------------------------------------------------

    def action_trust(self) -> None:
        """Trust what is asked about, as it was shown."""
        asking = self._asking
        if not asking or time.monotonic() - self._opened < GRACE_S:
            return
        try:
            for file in asking:
                trust.trust(self._home, file.path, file.content)
            now = self._read()
        except (OSError, ConfigError) as error:
            self.dismiss(Decision(f"It could not be trusted: {error}", level="error"))
            return
        if any(not file.trusted for file in now.project):
            words = f"{_names(asking)} has changed while it was shown: look at it again"
            self.dismiss(Decision(words, level="warning"))
            return
        self.dismiss(Decision(f"{_names(asking)} is trusted until it changes", now.settings))

    def action_refuse(self) -> None:
        """Leave out what is asked about; trust no more what was trusted."""
        files = self._asking or self._trusted
        if not files or time.monotonic() - self._opened < GRACE_S:
            return
        asked = bool(self._asking)
        try:
            for file in files:
                trust.refuse(self._home, file.path, file.content)
            settings = None if asked else self._read().settings
        except (OSError, ConfigError) as error:
            self.dismiss(Decision(f"That could not be noted: {error}", level="error"))
            return
        words = "is left out" if asked else "is not trusted any more"
        self.dismiss(Decision(f"{_names(files)} {words}", settings))


def _file_lines(file: ProjectFile, left: set[tuple[str, ...]], width: int) -> Iterator[Line]:
    """A file, and each key that it sets with its value; those that nobody has allowed stand out."""
    name = clean(home_relative(str(file.path)))
    if file.mistake:
        yield from wrapped(f"{clean(file.mistake)}. The file is left out.", width, 4, Tone.WARN)
        return
    state = "is trusted until it changes, and sets" if file.trusted else "would set"
    yield from wrapped(f"{name} {state}:", width, 2, Tone.STRONG)
    for key, value in file.wishes():
        named = clean(".".join(key))
        counts = not file.trusted and key not in left
        tone = Tone.LABEL if counts else Tone.TEXT
        words = f"{named} = {clean(value)}{'  (counts already)' if counts else ''}"
        first, *rest = chop_cells(words, width - 2)  # all of it: what is cut off cannot be judged
        head, tail = first[: len(named)], first[len(named) :]
        yield (("  ", Tone.TEXT), (head, Tone.KEY if key in left else tone), (tail, tone))
        for line in rest:
            yield (("  ", Tone.TEXT), (line, tone))


def _names(files: list[ProjectFile]) -> str:
    return " and ".join(clean(home_relative(str(file.path))) for file in files)
