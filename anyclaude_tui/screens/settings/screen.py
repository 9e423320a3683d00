"""The settings screen: everything that a user changes, explained, checked, and saved.

A change is written into `config.toml` at once and applied as far as it can be while the
session runs; the details say when it is felt. What the lines say is in `settings_rows`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from anyclaude_tui import config, redaction
from anyclaude_tui.config import editing, typed
from anyclaude_tui.config.editing import Key
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.screens.app_commands import app_commands
from anyclaude_tui.screens.common.dialogs import Question, content
from anyclaude_tui.screens.common.key_help import bound
from anyclaude_tui.screens.common.keys_and_tabs import keys_line
from anyclaude_tui.screens.settings import rows
from anyclaude_tui.screens.settings.dialogs import Choice, Value
from anyclaude_tui.screens.settings.rows import OTHER, Row
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.widgets.cursor import PickList
from anyclaude_tui.widgets.format import home_relative
from anyclaude_tui.widgets.lines import Line, Tone, fit, pad, text
from anyclaude_tui.widgets.panel import LinesView
from anyclaude_tui.widgets.panels import rule

WIDE = 110
"""From this width on the details stand beside the list."""


class SettingsScreen(Screen[None]):
    """Enter changes the setting under the cursor."""

    CSS_PATH = "settings.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        bound("settings", "escape,q", "dismiss", "back"),
        bound("settings", "d,delete", "default", "take it out of your file: the default again"),
        bound("settings", "a", "add", "add a backend"),
        bound("settings", "x", "remove", "remove a backend"),
    ]

    def __init__(self, client: SessionClient) -> None:
        super().__init__()
        self._client = client
        self._env = {**os.environ, "ANYCLAUDE_HOME": str(client.home)}
        self._path = client.home / "config.toml"
        self._settings = Settings()
        self._rows: list[Row] = []
        self._message: Line = ()
        self._title = LinesView(id="title")
        self._list = PickList(id="rows")
        self._details = LinesView(id="details")
        self._footer = LinesView(id="keys")

    def compose(self) -> ComposeResult:
        yield self._title
        yield Container(self._list, self._details, id="body")
        yield self._footer

    def on_mount(self) -> None:
        self._list.focus()
        self._read()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE, "wide")
        self.call_after_refresh(self._show)

    # --- what is shown ----------------------------------------------------------------

    @property
    def row(self) -> Row | None:
        """The setting under the cursor."""
        place = self._list.highlighted
        if place is None or not self._list.option_count:
            return None
        option = self._list.get_option_at_index(place)
        return next((row for row in self._rows if row.id == option.id), None)

    def _read(self) -> None:
        """Read the files again, which somebody may have edited meanwhile."""
        try:
            found = config.layers(self._env, Path.cwd())
            self._settings = config.load(self._env)
        except ConfigError as error:
            self._say(f"{error}", Tone.BAD)
            return
        layers = [(home_relative(name), raw) for name, raw in found]
        user = home_relative(str(self._path))
        self._rows = rows.rows(self._settings, layers, user)
        self._show()

    def _show(self) -> None:
        # A blank cell stands before each option, for the cursor.
        width = max(20, (self._list.scrollable_content_region.width or self.size.width) - 1)
        keep = self.row.id if self.row else ""
        options: list[Option] = []
        group = ""
        for row in self._rows:
            if row.group != group:
                group = row.group
                options += [Option("", disabled=True)] if options else []
                options.append(Option(content(rows.heading(group)), disabled=True))
            options.append(Option(content(rows.line(row, width)), id=row.id))
        self._list.clear_options()
        self._list.add_options(options)
        ids = [option.id for option in options]
        self._list.highlighted = ids.index(keep) if keep in ids else 1
        self._show_around()

    def _show_around(self) -> None:
        """Title, details and keys."""
        total = self.size.width
        words = rows.summary(self._rows, home_relative(str(self._path)))
        self._title.set_lines([rule("Settings", words, total, "─")])
        line = self._message or keys_line(rows.keys(self.row), total)
        self._footer.set_lines([pad(fit(line, total), total)])
        width, height = self._details.size
        if self.row is None or width < 8 or height < 3:
            return
        wide = self.has_class("wide")
        side = text("│ ", Tone.RULE) if wide else text(" ")
        inner = width - 2
        lines = [rule(self.row.field.dotted, (), width, "┬" if wide else "─")]
        body = rows.details(self.row, inner, height - 1)
        lines += [(*side, *one) for one in body]
        lines += [side] * (height - len(lines))
        self._details.set_lines([pad(one, width) for one in lines[:height]])

    def _say(self, words: str, tone: Tone = Tone.WARN) -> None:
        self._message = text(f" {words}", tone)
        self._show_around()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._message = ()
        self._show_around()

    # --- what is changed --------------------------------------------------------------

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        row = self.row
        if row is None:
            return
        if row.field.kind == "switch":
            self._write({row.key: not row.value})
            return
        themes = sorted(app_commands(self.app).themes())
        choices = rows.choices(row, self._settings, themes)
        if choices and choices != (OTHER,):
            first = rows.shown(row)
            self.app.push_screen(
                Choice(row.field.dotted, choices, first), partial(self._chosen, row)
            )
        else:
            self._ask(row)

    def _chosen(self, row: Row, words: str | None) -> None:
        if words == OTHER:
            self._ask(row)
        elif words is not None:
            self._write({row.key: typed.parsed(row.field, words)})

    def _ask(self, row: Row) -> None:
        secret = redaction.is_secret(row.key[-1]) or row.key[-1] == "headers"
        words, first = row.field.words, rows.shown(row)
        if first != rows.shown(row, secret=False):
            first = ""  # what is hidden must not be saved in its place
            words += " It holds a secret and is not shown: what you write replaces all of it."
        dialog = Value(row.field.dotted, words, first, partial(self._judge, row), secret=secret)
        self.app.push_screen(dialog, partial(self._typed, row))

    def _judge(self, row: Row, words: str) -> str:
        """The fault in the typed words; empty when there is none."""
        try:
            value = typed.parsed(row.field, words)
            made = editing.with_value(self._text(), row.key, value)
            settings = config.parse(made, "config.toml")
            if value is not None and (row.key == ("backend",) or row.key[0] == "roles"):
                config.resolve(str(value), settings)
        except (ValueError, ConfigError) as error:
            return str(error).removeprefix("config.toml")
        return ""

    def _text(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8")
        except OSError:
            return ""

    def _typed(self, row: Row, words: str | None) -> None:
        if words is not None:
            self._write({row.key: typed.parsed(row.field, words)})

    def action_default(self) -> None:
        """Take the setting out of the user's file."""
        row = self.row
        if row is not None and row.own and not row.field.required:
            self._write({row.key: None})

    def action_add(self) -> None:
        """A backend of the user's own."""
        words = (
            "NAME = KIND[:REST], for example coder = mlx_lm:~/models/qwen, or "
            "box = openai:http://192.168.1.20:8000/v1"
        )
        self.app.push_screen(Value("Add a backend", words, "", self._judge_new), self._add)

    def _judge_new(self, words: str) -> str:
        name, _, spec = (part.strip() for part in words.partition("="))
        if not name or not spec:
            return "a name, =, and what it is"
        if name in self._settings.backends:
            return f"there is a backend {name!r} already"
        try:
            config.resolve(spec, Settings())
        except ConfigError as error:
            return str(error)
        return ""

    def _add(self, words: str | None) -> None:
        if words is not None:
            name, _, spec = (part.strip() for part in words.partition("="))
            self._write(rows.added(name, config.resolve(spec, Settings())[1]))

    def action_remove(self) -> None:
        """Take a backend out of the user's file, after a question."""
        row = self.row
        if row is None or row.key[0] != "backends":
            return
        name = row.key[1]
        words = f"The backend {name} goes out of {self._path}. One that runs is not stopped."
        self.app.push_screen(Question("Remove it?", words), partial(self._remove, name))

    def _remove(self, name: str, sure: bool | None) -> None:
        if sure:
            self._write({("backends", name): None})

    def _write(self, changes: Mapping[Key, Any]) -> None:
        """Save, read again, and let the session and the screen follow."""
        app = app_commands(self.app)
        try:
            editing.save(self._client.home, changes, self._env)
        except (ConfigError, OSError) as error:
            words = str(error)
            if isinstance(error, OSError):
                words = f"{error.strerror or error}: {self._path}. Set ANYCLAUDE_HOME to a folder "
                words += "that you can write."
            self._say("Not saved", Tone.BAD)
            app.say(f"Not saved: {words}", "error")
            return
        self._read()
        app.apply(self._settings)
        app.follow(self._client.apply(self._settings), "Not applied")
