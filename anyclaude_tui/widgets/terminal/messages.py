"""The messages from the pane to the dashboard, in the pane's namespace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.message import Message

from anyclaude_tui.terminal.pty import ExitStatus

RestartMode = Literal["again", "continue", "shell"]


class Exited(Message, namespace="terminal_pane"):
    """The child ended. `words` is a clause for a name: "failed with exit code 2"."""

    def __init__(self, status: ExitStatus) -> None:
        super().__init__()
        self.code = status.code
        self.signal = status.signal
        self.words = status.words


@dataclass
class TitleChanged(Message, namespace="terminal_pane"):
    """The child set its window title."""

    title: str

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, TitleChanged)


@dataclass
class Busy(Message, namespace="terminal_pane"):
    """The child told its progress (OSC 9;4); `percent` may be unknown while busy."""

    busy: bool
    percent: int | None

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Busy)


class Touched(Message, namespace="terminal_pane"):
    """The mouse was pressed in it."""


class Bell(Message, namespace="terminal_pane"):
    """The child rang the bell."""


@dataclass
class Notification(Message, namespace="terminal_pane"):
    """The child asks to notify the user."""

    text: str


@dataclass
class RestartRequested(Message, namespace="terminal_pane"):
    """After the end: a key asked for the same again, for `-c`, or for a shell."""

    mode: RestartMode


@dataclass
class Copied(Message, namespace="terminal_pane"):
    """The selection went to the clipboard."""

    characters: int


class Faulted(Message, namespace="terminal_pane"):
    """Something in the pane failed for the first time; it goes on."""


@dataclass
class ProgramCopied(Message, namespace="terminal_pane"):
    """The child put this text on the clipboard."""

    text: str
