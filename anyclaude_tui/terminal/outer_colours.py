"""Ask the outer terminal for its colours, before Textual owns it.

Programs in the pane ask the pane for its background (OSC 11) to choose a dark or a light
theme. The pane shows default colours as the outer terminal has them, so only that one
knows. A device-attributes query behind the others tells when no answer will come.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import termios
import time
import tty
from typing import NamedTuple

RGB = tuple[int, int, int]
TIMEOUT_S = 0.3
_QUERY = b"\x1b]10;?\x1b\\\x1b]11;?\x1b\\\x1b[c"
_ANSWER = re.compile(rb"\x1b\]1([01]);([^\x07\x1b]{1,64})")
_COLOUR = re.compile(r"rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})(?:/.*)?")
_END = re.compile(rb"\x1b\[\?[0-9;]*c")


class OuterColours(NamedTuple):
    """The default colours of the terminal that we run in."""

    foreground: RGB
    background: RGB


def outer_colours(timeout_s: float = TIMEOUT_S) -> OuterColours | None:
    """The outer terminal's default colours; None where there is no terminal or no answer."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return None
    try:
        before = termios.tcgetattr(terminal)
        tty.setraw(terminal)
        try:
            os.write(terminal, _QUERY)
            return parse_colours(_read(terminal, timeout_s))
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
    except (OSError, termios.error):
        return None
    finally:
        with contextlib.suppress(OSError):
            os.close(terminal)


def is_dark(colour: RGB) -> bool:
    """True if what is written on this ground is light, by its luminance (ITU-R BT.601)."""
    red, green, blue = colour
    return red * 299 + green * 587 + blue * 114 < 128_000


def _read(terminal: int, timeout_s: float) -> bytes:
    answer = b""
    end_s = time.monotonic() + timeout_s
    while not _END.search(answer) and (left_s := end_s - time.monotonic()) > 0:
        if select.select([terminal], [], [], left_s)[0]:
            answer += os.read(terminal, 1024)
    return answer


def parse_colours(answer: bytes) -> OuterColours | None:
    """The colours in what a terminal answered to OSC 10 and OSC 11."""
    found = {
        which: parse_colour(value.decode("ascii", "replace"))
        for which, value in _ANSWER.findall(answer)
    }
    foreground, background = found.get(b"0"), found.get(b"1")
    if foreground is None or background is None:
        return None
    return OuterColours(foreground, background)


def parse_colour(value: str) -> RGB | None:
    """A colour as X11 spells it (`rgb:ff/ff/ff`, with one to four digits each)."""
    match = _COLOUR.fullmatch(value)
    if match is None:
        return None
    red, green, blue = (
        round(int(part, 16) * 255 / (16 ** len(part) - 1)) for part in match.groups()
    )
    return (red, green, blue)
