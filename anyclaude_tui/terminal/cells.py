"""The content of the emulator's screen, in terms that no emulator or screen library owns.

The emulator translates its own cells into these; the widget translates these into its
strips. So either side can be replaced without the other noticing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Colour = int | tuple[int, int, int]
"""A palette index (0–255), or red, green, blue. None stands for the default colour."""

Underline = Literal["", "single", "double", "curly", "dotted", "dashed"]
CursorShape = Literal["block", "underline", "bar"]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """The looks of a cell. Interned by the emulator: compare and hash by identity."""

    fg: Colour | None = None
    bg: Colour | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: Underline = ""
    underline_colour: Colour | None = None
    blink: bool = False
    reverse: bool = False
    conceal: bool = False
    strike: bool = False
    overline: bool = False
    link: str | None = None
    link_id: str = ""


class Run(NamedTuple):
    """Neighbouring cells that look the same."""

    text: str
    columns: int
    look: Look | None
    """None: the terminal's own default, nothing set."""


class Cell(NamedTuple):
    """One column. A wide character's second column has the text ""."""

    text: str
    look: Look | None


class Cursor(NamedTuple):
    """The cursor's place, whether it is shown, and as what."""

    x: int
    y: int
    visible: bool
    shape: CursorShape


# --- what the emulator reports besides the screen ---


@dataclass(frozen=True, slots=True)
class TitleSet:
    """The program set the window title (OSC 0 or 2)."""

    title: str


@dataclass(frozen=True, slots=True)
class BellRang:
    """The program rang the bell."""


@dataclass(frozen=True, slots=True)
class ProgressSet:
    """OSC 9;4: `state` is 0 none, 1 percent, 2 error, 3 busy without a percentage, 4 paused."""

    state: int
    percent: int | None


@dataclass(frozen=True, slots=True)
class ClipboardSet:
    """The program asks that this text goes to the clipboard (OSC 52)."""

    text: str


@dataclass(frozen=True, slots=True)
class Notified:
    """The program posted a desktop notification (OSC 9, 777 or 99)."""

    text: str


@dataclass(frozen=True, slots=True)
class FrameEnded:
    """Synchronized output ended (CSI ? 2026 l): what is on the grid now is a whole frame."""


@dataclass(frozen=True, slots=True)
class Faulted:
    """The emulator failed at something and goes on; it tells so the first time."""


ScreenEvent = TitleSet | BellRang | ProgressSet | ClipboardSet | Notified | FrameEnded | Faulted
