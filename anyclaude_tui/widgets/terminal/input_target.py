"""The part of the pane that keyboard and mouse act on."""

from __future__ import annotations

from typing import Protocol

from anyclaude_tui.terminal.emulator import Emulator
from anyclaude_tui.widgets.terminal.held_input import HeldInput
from anyclaude_tui.widgets.terminal.messages import RestartMode
from anyclaude_tui.widgets.terminal.view import TerminalView


class InputTarget(Protocol):
    """A terminal that input goes to (`TerminalPane`)."""

    emulator: Emulator
    view: TerminalView
    held: HeldInput
    """The input typed while nobody reads."""
    end_line: tuple[str, ...] | None
    """Shown after the child's end, until the next one is launched: the widest that fits."""

    @property
    def running(self) -> bool:
        """True if a child is there to read the input."""

    def request_frame(self) -> None:
        """Ask for a frame: the content has changed."""

    def boost(self) -> None:
        """A key was pressed: frames come fast for a moment."""

    def wake(self, after_s: float) -> None:
        """Send SIGCONT, in `after_s`, to a child that has suspended itself."""

    def restart(self, mode: RestartMode) -> None:
        """Ask for the next child, after the end of the last."""

    def copy(self, text: str) -> None:
        """Put text on the user's clipboard."""

    def open_link(self, url: str) -> None:
        """Open a web page outside of the terminal."""
