"""The keyboard in the pane: keys and pastes to the child, scrolling, restarting, and the
line in which a search is typed."""

from __future__ import annotations

from textual import events

from anyclaude_tui.terminal.keys import key_press
from anyclaude_tui.widgets.terminal.input_target import InputTarget
from anyclaude_tui.widgets.terminal.messages import RestartMode

WAKE_DELAY_S = 0.5
_RESTART_KEYS: dict[str, RestartMode] = {
    "r": "again",
    "enter": "again",
    "c": "continue",
    "s": "shell",
}


class KeyboardInput:
    """The keys and pastes that reach the pane, and what each does to its target.

    The leader chord never comes here: the dashboard takes it first.
    """

    def __init__(self, target: InputTarget) -> None:
        self._target = target
        self._query: str | None = None  # what is typed into the search line

    def find(self) -> None:
        """Open the search line: keys go into it until Escape."""
        self._query = ""
        self._show_query()

    def key(self, event: events.Key) -> None:
        """One key: the search line's, the scrollback's, the child's, or a choice after its end."""
        target = self._target
        target.boost()
        if self._query is not None:
            self._search_key(event)
        elif self._scroll_key(event.key):
            pass
        elif target.held.holding:
            target.held.keep(lambda: self._send(event))
        elif target.running:
            self._send(event)
        elif target.end_line is not None and (mode := _RESTART_KEYS.get(event.key)):
            target.restart(mode)

    def paste(self, text: str) -> None:
        """A paste goes to the child as one, between markers if it asked for them."""
        if self._query is not None:
            self._query += text.splitlines()[0] if text else ""
            self._target.view.find(self._query)
            self._show_query()
        elif self._target.held.holding:
            self._target.held.keep(lambda: self._paste(text))
        elif self._target.running:
            self._paste(text)

    def _paste(self, text: str) -> None:
        self._forget_overlays()
        self._target.emulator.paste(text)

    def _send(self, event: events.Key) -> None:
        press = key_press(event.key, event.character)
        if press is None:
            return
        self._forget_overlays()
        self._target.emulator.key(press)
        if event.key == "ctrl+z":
            # Claude Code suspends itself and waits for a shell's `fg`: there is none.
            self._target.wake(WAKE_DELAY_S)

    def _scroll_key(self, key: str) -> bool:
        """Shift+PageUp and its like scroll the history, as in other terminals; plain
        PageUp too while scrolled back. Else they are the child's, and always on its
        alternate screen, which has no history (Claude Code's default)."""
        target = self._target
        page = max(1, target.emulator.rows - 2)
        steps = {"pageup": page, "pagedown": -page, "home": 1 << 30, "end": -(1 << 30)}
        name = key.removeprefix("shift+")
        if name not in steps or (name == key and not target.view.offset):
            return False
        if target.emulator.alternate_screen:
            return False
        target.view.scroll(steps[name])
        target.request_frame()
        return True

    def _forget_overlays(self) -> None:
        view = self._target.view
        if view.selection is not None or view.search is not None or view.offset:
            view.selection = view.search = None
            view.invalidate()
            view.follow()
            self._target.request_frame()

    # --- the search line ---

    def _search_key(self, event: events.Key) -> None:
        assert self._query is not None
        view = self._target.view
        if event.key == "escape":
            self._query, view.line = None, self._target.end_line
            view.find("")
            view.follow()
            self._target.request_frame()
            return
        if event.key in ("enter", "up"):
            view.find_next(1)
        elif event.key in ("shift+enter", "down"):
            view.find_next(-1)
        elif event.key == "backspace":
            self._query = self._query[:-1]
            view.find(self._query)
        elif event.character and event.character.isprintable():
            self._query += event.character
            view.find(self._query)
        self._show_query()

    def _show_query(self) -> None:
        view = self._target.view
        found = ""
        if view.search is not None:
            total = len(view.search.matches)
            found = f"{total - view.search.index} of {total}" if total else "not found"
        asked = f" find: {self._query}▏ {found}"
        view.line = (f"{asked}   enter older · shift+enter newer · esc close", asked)
        self._target.request_frame()
