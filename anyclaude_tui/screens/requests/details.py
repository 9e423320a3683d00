"""All about one request: waterfall, sizes, prefix, what was said; copied, saved, sent again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import msgspec
from textual import events
from textual.binding import BindingType

from anyclaude_tui.prefix.counted import CountedPrompt
from anyclaude_tui.screens.app_commands import app_commands
from anyclaude_tui.screens.common.key_help import bound
from anyclaude_tui.screens.common.keys_and_tabs import match_words, tabs_lines
from anyclaude_tui.screens.common.session_calls import answer
from anyclaude_tui.screens.common.tabs_screen import SearchScreen
from anyclaude_tui.screens.requests import as_curl, editor, prompt_tabs, tabs
from anyclaude_tui.screens.requests.dialogs import Pick, Replay
from anyclaude_tui.screens.requests.tools_dialog import ToolsDialog, tools_of
from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.session.request_material import Material
from anyclaude_tui.telemetry.files import save
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.terminal.clipboard import copy_to_system
from anyclaude_tui.widgets import format
from anyclaude_tui.widgets.lines import Line, Tone, joined, plain, text, wrapped
from anyclaude_tui.widgets.panels import rule

REFRESH_S = 0.2
LOOK_AGAIN_S = 1.0
"""While a request runs, its events are asked for this often."""
TABS = ("Overview", "Sizes", "Prefix", "Request", "Upstream", "Response", "Trace")
OVERVIEW, SIZES, PREFIX, REQUEST, UPSTREAM, RESPONSE, TRACE = range(7)
OSC52_BYTES = 74_000
"""More than this many terminals do not take through OSC 52 (xterm's limit is 100 kB of
base64)."""


class RequestDetailsScreen(SearchScreen):
    """Tabs over lines; the lines are made in a thread, because a body can be large."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bound("request", "l", "tab(1)", "the next tab"),
        bound("request", "h", "tab(-1)", "the tab before"),
        bound("request", "s", "order", "Sizes: the largest first, or as in the prompt"),
        bound("request", "y", "copy", "copy what the tab shows"),
        bound("request", "w", "save", "save it to a file"),
        bound("request", "v", "raw", "Response: as it came, or put together"),
        bound("request", "u", "curl", "copy it as a curl command"),
        bound("request", "e", "edit", "open the tab in your editor ($EDITOR)"),
        bound("request", "r", "replay", "send it again, to any backend"),
        bound("request", "c", "compare", "compare backends on it"),
        bound("request", "o", "tools", "Sizes: leave tools out, or take them back"),
    ]
    TABS_ROW = 1
    """Under the line about the request."""

    def __init__(
        self, client: SessionClient, request_id: str, view: RequestView | None = None
    ) -> None:
        """`view`: of an earlier day's, which the session does not know."""
        super().__init__("search in this tab")
        self._client = client
        self._request_id = request_id
        self._view = self._look() or view
        self._material: Material | None = None
        self._counted: CountedPrompt | None = None
        """Its tokens, where they can be told exactly."""
        self._moments: list[dict[str, Any]] = []
        """The events of one that runs."""
        self._looked_at = 0.0
        self._reading = False
        self._read_again = False
        self._asked = False
        """True once the session has answered."""
        self._tab = OVERVIEW
        self._by_size = False
        self._raw = False
        """The response as the client got it, not put together."""
        self._made: dict[tuple[int, int], list[Line]] = {}
        self._lines: list[Line] = []

    def on_mount(self) -> None:
        self.set_interval(REFRESH_S, self._tick)
        self._read()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._show)

    @property
    def tab_names(self) -> tuple[str, ...]:
        return TABS

    @property
    def tab_shown(self) -> int:
        return self._tab

    # --- what is known ----------------------------------------------------------------

    def _look(self) -> RequestView | None:
        """The request in the session's last snapshot."""
        snapshot = self._client.snapshot
        both = (*snapshot.in_flight, *snapshot.recent)
        return next((view for view in both if view.id == self._request_id), None)

    @property
    def running(self) -> bool:
        """True while it is in flight."""
        return self._view is not None and self._view.outcome is None

    def _tick(self) -> None:
        """While it runs its numbers change, and what is kept of it grows."""
        was_running = self.running
        if not was_running:
            return
        self._view = self._look() or self._view
        now = asyncio.get_running_loop().time()
        if not self.running:
            self._read()
        elif self._tab in (OVERVIEW, PREFIX):
            self._show()
            if now - self._looked_at > LOOK_AGAIN_S:
                self._looked_at = now
                self.run_worker(self._ask_moments(), exit_on_error=False)

    def _read(self) -> None:
        self._read_again = self._reading
        if not self._reading:
            self._reading = True
            self.run_worker(self._ask(), exit_on_error=False)

    async def _ask(self) -> None:
        """Ask the session for what it keeps of the request."""
        found = await answer(self._client.request_material(self._request_id))
        self._reading, self._asked = False, True
        if found.cancelled:
            return
        if found.done:
            self._material = found.value
        else:
            self.say(f"the request could not be read: {found.problem}", Tone.BAD)
        self._made.clear()
        await self._make()
        if self._read_again:  # it has gone on meanwhile
            self._read()
        elif self._counted is None and not self.running and self._material is not None:
            self._counted = (await answer(self._client.request_tokens(self._request_id))).value
            if self._counted is not None:
                self._forget(SIZES)
                self._show()

    async def _ask_moments(self) -> None:
        """The body may be large and stays what it is: only the events are asked for."""
        found = (await answer(self._client.request_moments(self._request_id))).value
        if self.running and found:
            self._moments = found

    # --- what is shown ----------------------------------------------------------------

    def _show(self) -> None:
        """Show the tab; what has to be made first is shown when it is there."""
        width = self._body.inner_width - 1
        if self._tab in (OVERVIEW, PREFIX):  # small, and it changes
            self._set(self._builder(width)())
        elif (self._tab, width) in self._made:
            self._set(self._made[self._tab, width])
        else:
            self._set([text("Reading…", Tone.LABEL)])
            self.run_worker(self._make(), exclusive=True, group="make", exit_on_error=False)

    async def _make(self) -> None:
        """Make the tab's lines in a thread."""
        width = self._body.inner_width - 1
        tab = self._tab
        lines = await asyncio.to_thread(self._builder(width))
        self._made[tab, width] = lines
        if tab == self._tab and self.is_attached:
            self._set(lines)

    def _builder(self, width: int) -> Callable[[], list[Line]]:
        """A function that makes the lines of the tab; it may be called in another thread."""
        request, kept = self._view, self._material
        if request is None:
            words = "This request is no longer among those that the session remembers."
            return lambda: wrapped(words, width, 3, Tone.LABEL)
        trace = kept.trace if kept else None
        comparison = kept.comparison if kept else None
        if self._tab == OVERVIEW:
            events = self._moments if self.running else []
            events = events or (trace or {}).get("timeline") or []
            return partial(tabs.overview, request, events, width)
        if kept is None:
            words = prompt_tabs.NOT_KEPT if self._asked else "Reading…"
            return lambda: wrapped(words, width, 6, Tone.LABEL)
        if self._tab == SIZES:
            tools = tools_of(request, kept, app_commands(self.app).settings, self._client)
            about = (request, kept.prompt, comparison, width)
            return partial(prompt_tabs.sizes, *about, self._by_size, tools, self._counted)
        if self._tab == PREFIX:
            return partial(prompt_tabs.prefix, request, comparison, width, self._counted)
        if self._tab == RESPONSE:
            return partial(tabs.response, kept.trace, width, self._raw)
        return partial(tabs.json_tab, self._value(kept), width)

    def _value(self, kept: Material) -> Any:
        """The JSON value that the tab is about; overview, sizes and prefix: the trace."""
        request = kept.trace.get("request") or {}
        answer = kept.trace.get("response") or {}
        return {
            REQUEST: request.get("body"),
            UPSTREAM: request.get("upstream"),
            RESPONSE: answer.get("message") or answer.get("events"),
        }.get(self._tab, kept.trace)

    def _set(self, lines: list[Line]) -> None:
        self._lines = lines
        margin: Line = text(" ")
        self._body.show(len(lines), lambda number: (*margin, *lines[number]))
        self._show_title_and_keys()
        self.call_after_refresh(self._show_title_and_keys)  # how far it scrolls is known then

    def _show_title_and_keys(self) -> None:
        width = self.size.width
        request = self._view
        head = "Request" if request is None else f"Request {format.clock(request.accepted_wall)}"
        self._title.set_lines([rule(head, self._position(), width, "─")])
        about = tabs.heading(request, width - 2) if request else ()
        self._tabs.set_lines([(*text(" "), *about), *tabs_lines(TABS, self._tab, width)])
        keys = [
            ("y", "copy"),
            ("w", "save"),
            ("r", "replay"),
            ("c", "compare"),
            ("e", "editor"),
            ("u", "curl"),
            ("/", "search"),
            ("Tab", "next tab"),
        ]
        if self._tab == SIZES:
            keys.insert(0, ("s", "prompt order" if self._by_size else "largest first"))
            keys.insert(0, ("o", "leave tools out"))
        if self._tab == RESPONSE:
            keys.insert(0, ("v", "put together" if self._raw else "raw"))
        if self._body.hit is not None:
            keys.insert(0, ("n N", "matches"))
        self._keys.set_lines([self._last_line([*keys, ("Esc", "back")])])

    def _position(self) -> Line:
        """`req_0123 · 412 lines · 37 %`."""
        body = self._body
        name = text(self._request_id, Tone.FAINT)
        if body.max_scroll_y <= 0:
            return joined([match_words(body), name])
        share = 100 * body.scroll_offset.y / body.max_scroll_y
        words = f"{format.count(body.count)} lines · {format.percent(share)}"
        return joined([match_words(body), text(words, Tone.LABEL), name])

    def _forget(self, tab: int) -> None:
        """Forget the lines of a tab, which are made anew."""
        self._made = {key: made for key, made in self._made.items() if key[0] != tab}

    # --- keys -------------------------------------------------------------------------

    def action_go(self, tab: int) -> None:
        if tab >= len(TABS) or tab == self._tab:
            return
        self._tab = tab
        self._body.unmark()
        self._body.scroll_home(animate=False)
        self._show()
        if self.running and tab in (RESPONSE, TRACE):  # it has grown
            self._read()

    def action_order(self) -> None:
        """Sizes by their place in the prompt, or the largest first."""
        if self._tab == SIZES:
            self._by_size = not self._by_size
            self._forget(SIZES)
            self._show()

    def action_raw(self) -> None:
        """The response put together, or the events as they came."""
        if self._tab == RESPONSE:
            self._raw = not self._raw
            self._forget(RESPONSE)
            self._show()

    # --- what is done with it ---------------------------------------------------------

    def _content(self) -> tuple[str, bytes]:
        """The tab as a file: its ending and its bytes. JSON exactly, the others as shown."""
        kept = self._material
        if self._tab in (OVERVIEW, SIZES, PREFIX) or kept is None:
            words = "\n".join(plain(line).rstrip() for line in self._lines)
            return "txt", words.encode()
        value = self._value(kept)
        if isinstance(value, str):
            return "txt", value.encode()
        return "json", msgspec.json.format(msgspec.json.encode(value), indent=2)

    def action_copy(self) -> None:
        self.run_worker(self._copy(), exit_on_error=False)

    async def _copy(self) -> None:
        _, data = await asyncio.to_thread(self._content)
        words = data.decode(errors="replace")
        if len(data) <= OSC52_BYTES:
            self.app.copy_to_clipboard(words)
        taken = await copy_to_system(words)
        size = format.size(len(data))
        if taken or len(data) <= OSC52_BYTES:
            self.say(f"copied {TABS[self._tab].lower()}, {size}")
        else:
            self.say(f"{size} is too much for this terminal's clipboard: w saves it", Tone.WARN)

    def action_save(self) -> None:
        self.run_worker(self._save(), exit_on_error=False)

    async def _save(self) -> None:
        """The tab's content; from the first three tabs the whole trace."""
        if self._material is not None and self._tab in (OVERVIEW, SIZES, PREFIX):
            name, value = "trace", self._material.trace
            data = await asyncio.to_thread(
                lambda: msgspec.json.format(msgspec.json.encode(value), indent=2)
            )
            ending = "json"
        else:
            name = TABS[self._tab].lower()
            ending, data = await asyncio.to_thread(self._content)
        await self._write(f"{self._request_id}-{name}.{ending}", data)

    async def _write(self, name: str, data: bytes) -> None:
        try:
            path = await save(self._client.home, name, data)
        except OSError as error:
            self.say(f"it could not be saved: {error}", Tone.BAD)
        else:
            self.say(f"saved {path}")

    def action_tools(self) -> None:
        """Leave tools out of the next conversation, or take them back."""
        kept, request = self._material, self._view
        if self._tab != SIZES:
            return
        if kept is None or request is None or not kept.tools:
            self.say("its tools are not kept, or it had none", Tone.WARN)
            return
        self.app.push_screen(ToolsDialog(self._client, request, kept), self._tools_changed)

    def _tools_changed(self, changed: bool | None) -> None:
        self._forget(SIZES)
        self._show()

    def action_curl(self) -> None:
        self.run_worker(self._curl(), exit_on_error=False)

    async def _curl(self) -> None:
        """The command that sends it again, on the clipboard."""
        kept = self._material
        if kept is None:
            self.say("its body is not kept, so there is nothing to send", Tone.WARN)
            return
        command = as_curl.command(self._client.snapshot.proxy_url, kept.trace)
        if len(command.encode()) <= OSC52_BYTES:
            self.app.copy_to_clipboard(command)
        elif not await copy_to_system(command):
            name = f"{self._request_id}-curl.sh"
            await self._write(name, command.encode())
            return
        await copy_to_system(command)
        self.say("copied as curl; it takes the token from $ANTHROPIC_AUTH_TOKEN")

    def action_edit(self) -> None:
        self.run_worker(self._edit(), exclusive=True, group="again", exit_on_error=False)

    async def _edit(self) -> None:
        """The tab in the user's own editor, from a file that is gone afterwards."""
        argv = editor.command(os.environ)
        if not argv:
            self.say("no editor: set EDITOR (or VISUAL) to a program", Tone.WARN)
            return
        ending, data = await asyncio.to_thread(self._content)
        name = f"{self._request_id}-{TABS[self._tab].lower()}.{ending}"
        try:
            problem = editor.open_in(self.app, argv, name, data)
        except OSError as error:
            problem = str(error)
        self.refresh(layout=True)
        if problem:
            self.say(f"{argv[0]} could not be run: {problem}", Tone.BAD)

    def action_replay(self) -> None:
        self.run_worker(self._replay(), exclusive=True, group="again", exit_on_error=False)

    async def _replay(self) -> None:
        kept, then = self._material, self._view
        if kept is None or then is None:
            self.say("its body is not kept, so it cannot be sent again", Tone.WARN)
            return
        chosen = await self.app.push_screen_wait(Pick("Send it again to", self._client))
        if chosen:
            self.app.push_screen(Replay(self._client, then, kept.body, chosen))

    def action_compare(self) -> None:
        self.run_worker(self._compare(), exclusive=True, group="again", exit_on_error=False)

    async def _compare(self) -> None:
        kept = self._material
        if kept is None:
            self.say("its body is not kept, so it cannot be compared", Tone.WARN)
            return
        from anyclaude_tui.screens.compare.setup_screen import CompareScreen

        self.app.push_screen(CompareScreen(self._client, body=msgspec.json.decode(kept.body)))
