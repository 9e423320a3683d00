"""The dialog that leaves tools out and takes them back, with what each costs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from anyclaude_tui import config
from anyclaude_tui.config import editing
from anyclaude_tui.config.editing import Key
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.screens.app_commands import app_commands
from anyclaude_tui.screens.common.dialogs import Dialog, content
from anyclaude_tui.screens.common.session_calls import answer
from anyclaude_tui.screens.requests import tool_rows
from anyclaude_tui.screens.requests.tool_rows import Tools
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.session.request_material import Material
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets.cursor import PickList
from anyclaude_tui.widgets.lines import Line, Tone, wrapped

WIDTH = 92
NOTES = (
    "Saved at once in {file}. A conversation that has begun keeps its tools, for its prompt "
    "cache's sake. A call of a tool left out is answered as one that does not exist."
)


class ToolsDialog(Dialog[bool]):
    """Enter leaves the tool under the cursor out, or takes it back. Its result: whether
    anything was changed."""

    CSS_PATH = "requests.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,o", "leave_out", show=False),
        Binding("q,escape", "leave", show=False),
        Binding("s", "order", show=False),
    ]

    def __init__(self, client: SessionClient, request: RequestView, kept: Material) -> None:
        super().__init__()
        self._client, self._request, self._kept = client, request, kept
        self._env = {**os.environ, "ANYCLAUDE_HOME": str(client.home)}
        self._settings = Settings()
        self._problem = ""
        self._by_size = True
        self._changed = False

    def compose(self) -> ComposeResult:
        box = Vertical(
            Static(id="head"),
            PickList(id="tools"),
            Static(id="saving", classes="advice"),
            Static(id="notes", classes="advice"),
            classes="box",
        )
        box.border_title = f"Tools for {self._request.backend or 'the model'}"
        box.border_subtitle = "Enter leave out / take back · s order · Esc back"
        yield box

    def on_mount(self) -> None:
        self._read()
        self.query_one(PickList).focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    # --- what is shown ----------------------------------------------------------------

    @property
    def tools(self) -> Tools:
        """As they are set now."""
        return tools_of(self._request, self._kept, self._settings, self._client)

    def _read(self) -> None:
        try:
            self._settings = config.load(self._env, Path.cwd())
        except ConfigError as error:
            self._problem = str(error)
        self._show()

    def _show(self) -> None:
        width = max(20, min(WIDTH, self.size.width - 10))
        tools, listed = self.tools, self.query_one(PickList)
        found = list(tools.tools)
        if self._by_size:
            found.sort(key=lambda tool: -tool.size_bytes)
        at = listed.highlighted
        keep = listed.get_option_at_index(at).id if at is not None and listed.option_count else None
        listed.clear_options()
        lines = {tool.name: tool_rows.row(tools, tool, width - 2) for tool in found}
        listed.add_options(Option(content(line), id=name) for name, line in lines.items())
        names = list(lines)
        listed.highlighted = names.index(keep) if keep in names else 0
        saving: list[Line] = tool_rows.summary(tools, width)
        where = f"[backends.{self._request.backend}]" if tools.own else "[tools]"
        notes = NOTES.format(file=f"config.toml, {where} leave_out")
        told = wrapped(self._problem or notes, width, 3, Tone.BAD if self._problem else Tone.LABEL)
        self._update("#head", [tool_rows.head(width - 1)])
        self._update("#saving", saving)
        self._update("#notes", told)

    def _update(self, name: str, lines: list[Line]) -> None:
        self.query_one(name, Static).update(Content("\n").join(map(content, lines)))

    # --- keys -------------------------------------------------------------------------

    def action_leave(self) -> None:
        self.dismiss(self._changed)

    def action_order(self) -> None:
        """The largest first, or in the prompt's order."""
        self._by_size = not self._by_size
        self._show()

    def action_leave_out(self) -> None:
        listed = self.query_one(PickList)
        if listed.highlighted is not None:
            self._toggle(str(listed.get_option_at_index(listed.highlighted).id))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._toggle(str(event.option_id))

    def _toggle(self, name: str) -> None:
        tools = self.tools
        tool = next(tool for tool in tools.tools if tool.name == name)
        patterns = tools.toggled(tool)
        if patterns is None:
            self._problem = (
                f"{name} is left out by a pattern for several tools, {', '.join(tools.patterns)}: "
                "change it in the settings."
            )
            self._show()
            return
        key: Key = ("tools", "leave_out")
        if tools.own:
            key = ("backends", self._request.backend, "leave_out")
        self._write({key: list(patterns) if patterns or tools.own else None})

    def _write(self, changes: Mapping[Key, Any]) -> None:
        app = app_commands(self.app)
        self._problem = ""
        try:
            editing.save(self._client.home, changes, self._env)
        except (ConfigError, OSError) as error:
            self._problem = f"Not saved: {error}"
            self._show()
            return
        self._changed = True
        self._read()
        app.apply(self._settings)
        app.follow(self._client.apply(self._settings), "Not applied")


def tools_of(
    request: RequestView, kept: Material, settings: Settings, client: SessionClient
) -> Tools:
    """The tools of a request with what is set for its backend."""
    backend = settings.backends.get(request.backend)
    own = backend is not None and backend.leave_out is not None
    patterns = backend.leave_out if backend is not None and own else settings.tools.leave_out
    return Tools(
        kept.tools,
        tuple(patterns or ()),
        request.prompt_tokens,
        kept.prompt.size_bytes if kept.prompt else 0,
        client.snapshot.prefill_speed(request.backend),
        own,
    )


async def open_last(client: SessionClient) -> tuple[RequestView, Material] | None:
    """The newest request of Claude Code's with tools that is kept."""
    for one in (*client.snapshot.in_flight, *client.snapshot.recent):
        if not one.role.is_work or not one.tool_count:
            continue
        kept = (await answer(client.request_material(one.id))).value
        if kept is not None and kept.tools:
            return one, kept
    return None
