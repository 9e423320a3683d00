"""The leader chord and the key after it: every other key is Claude Code's."""

from __future__ import annotations

from typing import Protocol

from anyclaude_tui.screens import actions
from anyclaude_tui.screens.actions import Action


class LeaderTarget(Protocol):
    """The receiver of the leader's commands (the app)."""

    def run_action_of(self, action: Action) -> None:
        """Do what a command of the table says."""

    def switch_to(self, number: int) -> bool:
        """Switch to the backend on a digit's key; False where there is none."""

    def show_menu(self, shown: bool) -> None:
        """Show or hide the menu of keys."""

    def send_leader(self, key: str, character: str | None) -> None:
        """The leader twice: it is for the program in the pane."""

    def say(self, words: str) -> None:
        """Tell the user something in a few words."""


class LeaderKeys:
    """The keys that are the dashboard's, and their commands."""

    def __init__(self, leader: str, target: LeaderTarget) -> None:
        """`leader`: the chord, as a key of Textual's."""
        self.leader = leader
        self.table: tuple[Action, ...] = actions.ACTIONS
        """The commands with the user's keys."""
        self.pressed = False
        """The leader was the last key: the next one is a command."""
        self._target = target

    def takes(self, key: str, character: str | None, pane_wants_keys: bool) -> bool:
        """True if the key is the leader or follows it; its command has then been run.

        Where no pane wants the keys, the commands need no leader.
        """
        if not self.pressed:
            if key != self.leader:
                return not pane_wants_keys and self.run(character or key)
            self._press(True)
            return True
        self._press(False)
        if key == self.leader:
            self._target.send_leader(key, character)
        elif key != "escape" and not self.run(character or key):
            words = actions.key_words(key, character)
            leader = actions.chord_name(self.leader)
            if character and character in actions.DIGITS:
                self._target.say(f"There is no backend {words}: {leader} b lists them, a adds one")
            else:
                self._target.say(f"{leader} then {words} is not a command; ? lists them")
        return True

    def cancel(self) -> None:
        """The menu goes; what was clicked in it is done by `run`."""
        if self.pressed:
            self._press(False)

    def run(self, key: str) -> bool:
        """Do what the key after the leader asks for; False when it is not a command's."""
        if key and key in actions.DIGITS:
            return self._target.switch_to(actions.DIGITS.index(key) + 1)
        action = actions.find(key, self.table)
        if action is None and key in ("tab", "\t"):
            action = next(one for one in self.table if one.method == "focus_panels")
        if action is None:
            return False
        self._target.run_action_of(action)
        return True

    def _press(self, pressed: bool) -> None:
        self.pressed = pressed
        self._target.show_menu(pressed)
