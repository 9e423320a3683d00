"""The keyboard in the pane: keys and pastes to the child, scrolling, restarting, and the
line in which a search is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events

from anyclaude_tui.terminal.keys import key_press
from anyclaude_tui.widgets.terminal.messages import Leader, RestartMode, RestartRequested

if TYPE_CHECKING:
    from anyclaude_tui.widgets.terminal.pane import TerminalPane

WAKE_DELAY_S = 0.5
_RESTART_KEYS: dict[str, RestartMode] = {
    "r": "again",
    "enter": "again",
    "c": "continue",
    "s": "shell",
}


class TerminalKeyboard:
    """A part of TerminalPane."""

    leader: str
    end_line: tuple[str, ...] | None = None
    """Shown after the child's end, until the next one is launched."""
    leader_armed = False
    """Whether the leader was the last key: pressed again it is the child's."""
    _prompt: str | None = None  # what is typed into the search line

    @property
    def _pane(self) -> TerminalPane:
        return cast("TerminalPane", self)

    def find(self) -> None:
        """Open the search line: keys go into it until Escape."""
        self._prompt = ""
        self._show_prompt()

    def on_key(self, event: events.Key) -> None:
        """All keys are the child's, except the leader."""
        pane = self._pane
        event.stop()
        event.prevent_default()
        if event.key == self.leader and not self.leader_armed:
            self.leader_armed = True
            pane.post_message(Leader())
            return
        self.leader_armed = False
        pane.boost()
        if self._prompt is not None:
            self._prompt_key(event)
        elif self._scroll_key(event.key):
            pass
        elif pane.running:
            self._send(event)
        elif self.end_line is not None and (mode := _RESTART_KEYS.get(event.key)):
            pane.post_message(RestartRequested(mode))

    def on_paste(self, event: events.Paste) -> None:
        """A paste goes to the child as one, between markers if it asked for them."""
        event.stop()
        event.prevent_default()
        if self._prompt is not None:
            self._prompt += event.text.splitlines()[0] if event.text else ""
            self._pane.view.find(self._prompt)
            self._show_prompt()
        elif self._pane.running:
            self._forget_overlays()
            self._pane.emulator.paste(event.text)

    def _send(self, event: events.Key) -> None:
        press = key_press(event.key, event.character)
        if press is None:
            return
        self._forget_overlays()
        self._pane.emulator.key(press)
        if event.key == "ctrl+z":
            # Claude Code suspends itself and waits for a shell's `fg`: there is none.
            self._pane.set_timer(WAKE_DELAY_S, self._pane.wake)

    def _scroll_key(self, key: str) -> bool:
        """Shift+PageUp and its like scroll the history, as in other terminals; plain
        PageUp too while scrolled back. Else they are the child's, and always on its
        alternate screen, which has no history (Claude Code's default)."""
        pane = self._pane
        page = max(1, pane.emulator.rows - 2)
        steps = {"pageup": page, "pagedown": -page, "home": 1 << 30, "end": -(1 << 30)}
        name = key.removeprefix("shift+")
        if name not in steps or (name == key and not pane.view.offset):
            return False
        if pane.emulator.alternate_screen:
            return False
        pane.view.scroll(steps[name])
        pane.request_frame()
        return True

    def _forget_overlays(self) -> None:
        view = self._pane.view
        if view.selection is not None or view.search is not None or view.offset:
            view.selection = view.search = None
            view.invalidate()
            view.follow()
            self._pane.request_frame()

    # --- the search line ---

    def _prompt_key(self, event: events.Key) -> None:
        assert self._prompt is not None
        view = self._pane.view
        if event.key == "escape":
            self._prompt, view.line = None, self.end_line
            view.find("")
            view.follow()
            self._pane.request_frame()
            return
        if event.key in ("enter", "up"):
            view.find_next(1)
        elif event.key in ("shift+enter", "down"):
            view.find_next(-1)
        elif event.key == "backspace":
            self._prompt = self._prompt[:-1]
            view.find(self._prompt)
        elif event.character and event.character.isprintable():
            self._prompt += event.character
            view.find(self._prompt)
        self._show_prompt()

    def _show_prompt(self) -> None:
        view = self._pane.view
        found = ""
        if view.search is not None:
            total = len(view.search.matches)
            found = f"{total - view.search.index} of {total}" if total else "not found"
        asked = f" find: {self._prompt}▏ {found}"
        view.line = (f"{asked}   enter older · shift+enter newer · esc close", asked)
        self._pane.request_frame()
