"""Each override has an input, what xterm shows for it, and proof that the core does not.

When a newer core gives the right answer by itself, the last test says so: the override goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import pytest
from bittty import Board, MemoryConnection  # type: ignore[import-untyped]

from anyclaude_tui.terminal.bittty_board import MODEL
from anyclaude_tui.terminal.core_overrides import CORE
from anyclaude_tui.terminal.emulator import Emulator

ROWS, COLUMNS = 6, 12
_FILL = b"".join(b"\x1b[%d;1H%s" % (n, bytes([64 + n]) * COLUMNS) for n in range(1, ROWS + 1))
_BLACK = b"\x1b]4;0;rgb:0000/0000/0000\x1b\\"
_MARGINS = b"\x1b[?69h\x1b[3;8s\x1b[2;5r"


@dataclass(frozen=True)
class Override:
    """What is put right: after `data` the row `y` reads `text`, the cursor is there, or the
    answers are these; None is not looked at."""

    name: str
    data: bytes
    row: tuple[int, str] | None = None
    cursor: tuple[int, int] | None = None
    replies: bytes | None = None


OVERRIDES = (
    Override("1049 clears on entry", b"\x1b[?1049hold\x1b[?1049l\x1b[?1049h", (0, "")),
    Override("1047 clears on leaving", b"\x1b[?1047hold\x1b[?1047l\x1b[?47h", (0, "")),
    Override("CUU stops at the margin", b"\x1b[2;5r\x1b[4;1H\x1b[9A", cursor=(0, 1)),
    Override("CUD stops at the margin", b"\x1b[2;5r\x1b[4;1H\x1b[9B", cursor=(0, 4)),
    Override("CNL stops at the margin", b"\x1b[2;5r\x1b[4;4H\x1b[9E", cursor=(0, 4)),
    Override("CPL stops at the margin", b"\x1b[2;5r\x1b[4;4H\x1b[9F", cursor=(0, 1)),
    Override("ICH outside the region", _FILL + b"\x1b[3;5r\x1b[1;3H\x1b[2@", (0, "AA  AAAAAAAA")),
    Override("DCH outside the region", _FILL + b"\x1b[3;5r\x1b[1;3H\x1b[9P", (0, "AAA")),
    Override("DECOM goes home", b"\x1b[2;5r\x1b[4;4H\x1b[?6h", cursor=(0, 1)),
    Override("CPR in origin mode", b"\x1b[2;5r\x1b[?6h\x1b[2;3H\x1b[6n", replies=b"\x1b[2;3R"),
    Override("DECXCPR", b"\x1b[2;3H\x1b[?6n", replies=b"\x1b[?2;3;1R"),
    Override("DECALN homes", b"\x1b[2;5r\x1b[4;4H\x1b#8", cursor=(0, 0)),
    Override("DECALN resets the margins", b"\x1b[2;5r\x1b#8\x1b[6H\n", (5, "")),
    Override("colours answered as asked", b"\x1b]4;0;?\x1b\\", replies=_BLACK),
    Override("control pictures", b"\x1b(0bcdehi", (0, "␉␌␍␊␤␋")),
    Override("TBC 1 is ignored", b"\x1b[9G\x1b[1g\r\t", cursor=(8, 0)),
    Override("TBC 2 is ignored", b"\x1b[9G\x1b[2g\r\t", cursor=(8, 0)),
    Override("DECSED 3 is ignored", _FILL + b"\x1b[?3J", (0, "A" * 12)),
    Override("swapped corners, DECERA", _FILL + b"\x1b[4;4;2;2$z", (3, "D" * 12)),
    Override("swapped corners, DECFRA", _FILL + b"\x1b[88;4;4;2;2$x", (3, "D" * 12)),
    Override("swapped corners, DECCRA", _FILL + b"\x1b[4;4;2;2;1;1;1;1$v", (0, "A" * 12)),
    Override("DECERA, origin", _FILL + b"\x1b[3;5r\x1b[?6h\x1b[1;1;1;3$z", (2, "   " + "C" * 9)),
    Override("SPA: ED spares it", b"\x1bVab\x1bWcd\x1b[2J", (0, "ab")),
    Override("SPA: EL spares it", b"\x1bVab\x1bWcd\x1b[2K", (0, "ab")),
    Override("SPA: ECH spares it", b"\x1bVab\x1bWcd\r\x1b[4X", (0, "ab")),
    Override("CUF stops at the margin", _MARGINS + b"\x1b[3;4H\x1b[9C", cursor=(7, 2)),
    Override("CUB from right of the region", _MARGINS + b"\x1b[3;11H\x1b[99D", cursor=(2, 2)),
    Override("RI beside the region", _MARGINS + b"\x1b[2;11H\x1bM", cursor=(10, 1)),
    Override("IND beside the region", _MARGINS + b"\x1b[5;11H\x1bD", cursor=(10, 4)),
    Override("CBT goes across the margin", _MARGINS + b"\x1b[3;5H\x1b[Z", cursor=(0, 2)),
    Override("CHA in origin mode", _MARGINS + b"\x1b[?6h\x1b[2G", cursor=(3, 1)),
    Override("a marked CHA is none", b"\x1b[?5G", cursor=(0, 0)),
    Override("a graphics query is no scroll", b"one\x1b[?2;1;0S", (0, "one")),
    Override("sizes in pixels are not known", b"\x1b[14t\x1b[16t", replies=b""),
    Override("DECRQSS refuses without an echo", b"\x1bP$qhello\x1b\\", replies=b"\x1bP0$r\x1b\\"),
    Override("XTGETTCAP refuses without an echo", b"\x1bP+q5a5a\x1b\\", replies=b"\x1bP0+r\x1b\\"),
    Override("OSC 52 is not read", b"\x1b]52;c;aGk=\x07\x1b]52;c;?\x07", replies=b""),
    Override("OSC 50 is not read", b"\x1b]50;hello\x07\x1b]50;?\x07", replies=b""),
)  # fmt: skip


def shown(one: Override, text: str, cursor: tuple[int, int], replies: bytes) -> bool:
    return (
        (one.row is None or text == one.row[1])
        and (one.cursor is None or cursor == one.cursor)
        and (one.replies is None or replies == one.replies)
    )


@pytest.mark.parametrize("one", OVERRIDES, ids=lambda one: one.name)
def test_it_is_put_right(one: Override) -> None:
    sent: list[bytes] = []
    emulator = Emulator(ROWS, COLUMNS, send=sent.append, report=lambda event: None)
    emulator.feed(one.data)
    cursor = emulator.cursor
    text = emulator.text(one.row[0] if one.row else 0)
    assert shown(one, text, (cursor.x, cursor.y), b"".join(sent)), (text, cursor, sent)


@pytest.mark.parametrize("one", OVERRIDES, ids=lambda one: one.name)
def test_the_core_alone_does_not_have_it(one: Override) -> None:
    """Fails where a newer core is right by itself: then take the override out."""
    board: Any = Board(width=COLUMNS, height=ROWS, model=MODEL)
    answers = MemoryConnection()
    board.host.attach(answers)
    board.feed_host_data(one.data)
    page = board.blitter.main_page
    text = page.get_line_text(one.row[0] if one.row else 0).rstrip()
    cursor = (board.cursor.display_x, board.cursor.y)
    assert not shown(one, text, cursor, answers.text.encode()), f"bittty {version('bittty')} has it"


def test_the_version_is_the_one_they_were_written_against() -> None:
    assert version("bittty") == CORE
