"""The keys that the panels have while the user is among them: every key but the leader, until Esc.

A state machine: which panel has the focus is all that it knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from anyclaude_tui.widgets.lines import Line, Tone, fit, text, width_of

HINTS = (
    ("Tab 1-6", "panel"),
    ("Enter", "open"),
    ("↑ ↓", "row"),
    ("+ -", "rows"),
    ("[ ]", "area"),
    ("< >", "order"),
    ("x", "hide"),
    ("w", "right/below"),
    ("p", "preset"),
    ("0", "as it was"),
    ("Esc", "back"),
)


class PanelTarget(Protocol):
    """The receiver of the panels' keys (the dashboard's screen)."""

    def open_panel(self, name: str) -> None:
        """Open what the panel is about: its row, its request, its backend."""

    def step_row(self, name: str, step: int) -> None:
        """Another row of it."""

    def resize_panel(self, name: str, step: int) -> None:
        """Higher or lower."""

    def widen_panels(self, step: int) -> None:
        """All of them."""

    def move_panel(self, name: str, step: int) -> None:
        """Earlier or later in the order."""

    def toggle(self, name: str) -> bool:
        """Hide it or show it again."""

    def turn_panels(self) -> None:
        """At the right, below, or where there is room."""

    def next_preset(self) -> None:
        """The next arrangement of ours."""

    def usual_panels(self) -> None:
        """As it was before anything was arranged."""


class PanelKeys:
    """`focus` is the panel's name; None while the pane has the keys."""

    def __init__(self, target: PanelTarget) -> None:
        self.focus: str | None = None
        self._target = target

    def enter(self, shown: Sequence[str], name: str | None = None) -> bool:
        """Go among the panels, to one by name or to the first; False where none is shown."""
        self.focus = name if name in shown else (shown[0] if shown else None)
        return self.focus is not None

    def leave(self) -> None:
        """Give the keys back."""
        self.focus = None

    def takes(self, key: str, character: str | None, shown: Sequence[str]) -> bool:
        """Do what the key asks for; False once the panels have no keys (any more)."""
        name = self.focus
        if name is None or name not in shown:
            self.leave()
            return False
        pressed = character if character and character.isprintable() else key
        at = shown.index(name)
        target = self._target
        if key in ("escape", "q"):
            self.leave()
        elif key in ("tab", "right", "l"):
            self.focus = shown[(at + 1) % len(shown)]
        elif key in ("shift+tab", "left", "h"):
            self.focus = shown[(at - 1) % len(shown)]
        elif pressed.isdigit() and pressed != "0":
            self.focus = shown[min(int(pressed), len(shown)) - 1]
        elif key in ("down", "j", "up", "k"):
            target.step_row(name, 1 if key in ("down", "j") else -1)
        elif key == "enter":
            target.open_panel(name)
        elif pressed in ("+", "=", "-"):
            target.resize_panel(name, -1 if pressed == "-" else 1)
        elif pressed in ("[", "]"):
            target.widen_panels(1 if pressed == "]" else -1)
        elif pressed in ("<", ">"):
            target.move_panel(name, 1 if pressed == ">" else -1)
        elif pressed == "x":
            self.focus = shown[at - 1] if len(shown) > 1 else None
            target.toggle(name)
        elif pressed == "w":
            target.turn_panels()
        elif pressed == "p":
            target.next_preset()
        elif pressed == "0":
            target.usual_panels()
        return True


def hints(width: int) -> Line:
    """The footer while the panels have the keys; the way out stays."""
    *others, last = [((f" {key}", Tone.KEY), (f" {words} ", Tone.LABEL)) for key, words in HINTS]
    line: Line = text(" ")
    for entry in others:
        if width_of(line) + width_of(entry) + width_of(last) > width:
            break
        line = (*line, *entry)
    return fit((*line, *last), width)
