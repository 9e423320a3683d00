"""A short way for floods of plain lines, as `yes`, `seq` or a log on the run write them.

Almost all such lines scroll off before anybody sees them. Printing each into the core's
grid costs 10–20 µs a line, and what the program has written ahead then delays the echo of
a key by hundreds of milliseconds (measured under `yes`: 390 ms). Here the lines go to the
history as text, and only those that remain are put into the grid; about ten times faster.
Anything but plain lines in the plainest state is left to the core. `tests/terminal/
test_flood.py` holds both ways against each other.
"""

from __future__ import annotations

import re
from typing import Any

from anyclaude_tui.terminal.bittty_internals import (
    empty_cell,
    holds_part_of_a_character,
    touch,
)
from anyclaude_tui.terminal.scrollback import History

_LINES = re.compile(rb"(?:[ -~]*\r\n)+")
_SAMPLE = "`aqx~#"


def take_plain_lines(board: Any, history: History, data: bytes) -> int:
    """Take lines from the front of `data`; how many bytes were taken.

    The first may be anything: it goes to the core. Those after it must be plain, fill more
    than the scroll region, and start at the left of its bottom row.
    """
    blitter = board.blitter
    rows = blitter.scroll_bottom + 1
    start = data.find(b"\n") + 1
    if not start or data.count(b"\r\n") <= rows + 1:
        return 0
    found = _LINES.match(data, start)
    if found is None:
        return 0
    *lines, _ = found.group().decode("ascii").split("\r\n")
    width = blitter.width
    if len(lines) <= rows or max(map(len, lines)) > width:
        return 0
    board.feed_host_data(data[:start])  # the end of the line that the last read cut
    if not _is_plain(board):
        return start
    page = blitter.current_page
    for y in range(rows - 1):
        history.append(page.grid[y], page.is_line_wrapped(y))
    style = board.style.current
    leaving, staying = lines[: 1 - rows or None], lines[len(lines) - rows + 1 :]
    history.extend_text(leaving, style)
    blank = empty_cell(page)
    for y, text in enumerate(staying):
        page.grid[y] = [(style, char) for char in text] + [blank] * (width - len(text))
    page.grid[rows - 1] = [blank] * width
    page.wrapped_lines[:rows] = [False] * rows
    touch(page)
    return found.end()


def _is_plain(board: Any) -> bool:
    blitter = board.blitter
    parser = board.parser
    modes = board.modes
    return bool(
        parser.mode is None
        and not parser.buffer
        and not parser.vt52
        and not holds_part_of_a_character(board)
        and not blitter.in_alt_screen
        and blitter.scroll_top == 0
        and (board.cursor.x, board.cursor.y) == (0, blitter.scroll_bottom)
        and blitter.left_margin == 0
        and blitter.right_margin == blitter.width - 1
        and not modes.insert_mode
        and board.style.current.bg is None
        and board.style.current.hyperlink is None
        and board.charset.translate(_SAMPLE) == _SAMPLE
    )
