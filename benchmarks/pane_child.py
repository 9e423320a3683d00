"""The program in the pane while it is measured: answers keys with a mark on the last row,
and meanwhile is silent, repaints, or floods.

    python benchmarks/pane_child.py idle|repaint|diff|yes|seq
"""

from __future__ import annotations

import itertools
import os
import select
import sys
import time
import tty
from collections.abc import Iterator

FRAME_S = 1 / 30


def main() -> None:
    """Run until stdin ends."""
    mode = sys.argv[1]
    tty.setraw(0)
    columns, rows = os.get_terminal_size(0)
    # The last row stays out of what scrolls.
    os.write(1, b"\x1b[2J\x1b[1;%dr\x1b[H" % (rows - 1))
    output = {"yes": yes(), "seq": seq(), "repaint": repaint(columns, rows), "diff": diff(rows)}
    chunks = output.get(mode)
    pause_s = FRAME_S if mode in ("repaint", "diff") else 0.0
    next_s = time.monotonic()
    while True:
        wait_s = None if chunks is None else max(0.0, next_s - time.monotonic())
        if select.select([0], [], [], wait_s)[0]:
            keys = os.read(0, 1024)
            if not keys:
                return
            os.write(1, b"\x1b7\x1b[%d;1H<<%s>>\x1b8" % (rows, keys[-1:]))
        if chunks is not None and time.monotonic() >= next_s:
            os.write(1, next(chunks))
            next_s = time.monotonic() + pause_s


def yes() -> Iterator[bytes]:
    """As `yes` writes."""
    while True:
        yield b"y\r\n" * 1300


def seq() -> Iterator[bytes]:
    """As `seq 1 1000000` writes, again and again."""
    for start in itertools.cycle(range(1, 1_000_000, 500)):
        yield b"".join(b"%d\r\n" % n for n in range(start, start + 500))


def repaint(columns: int, rows: int) -> Iterator[bytes]:
    """Whole frames, every word in a colour of its own, synchronized."""
    words = columns // 8
    for frame in itertools.count():
        lines = [
            b"\x1b[%d;1H" % y
            + b"".join(
                b"\x1b[38;5;%dm%07d " % (16 + (frame + y + word) % 200, frame * y + word)
                for word in range(words)
            )
            for y in range(1, rows)
        ]
        yield b"\x1b[?2026h" + b"".join(lines) + b"\x1b[0m\x1b[?2026l"


def diff(rows: int) -> Iterator[bytes]:
    """The output of Claude Code while it streams: a spinner, a counter, a few words."""
    for frame in itertools.count():
        spinner = "·✢✳✶✻✽"[frame % 6].encode()
        y = 1 + frame // 40 % (rows - 4)
        yield (
            b"\x1b[?2026h\x1b[%d;%dHword\x1b[%d;1H\x1b[38;2;215;119;87m%s\x1b[39m Thinking (%ds)"
            b"\x1b[K\x1b[?2026l" % (y, 1 + frame % 40 * 2, rows - 2, spinner, frame // 30)
        )


if __name__ == "__main__":
    main()
