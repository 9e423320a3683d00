"""The program in the pane while what the screen costs is counted: it writes as Claude Code does.

    python benchmarks/screen_child.py SECONDS

By a fixed script, ten frames a second, each synchronized: a spinner with its seconds, text that
streams word by word and scrolls, a box with a diff now and then, a status line. It answers keys in
its prompt. After its seconds it is silent.
"""

from __future__ import annotations

import os
import select
import sys
import time
import tty
from collections.abc import Iterator

FRAME_S = 0.1
WORDS = [
    "The",
    "parser",
    "reads",
    "one",
    "header",
    "at",
    "a",
    "time",
    "and",
    "hands",
    "what",
    "is",
    "left",
    "to",
    "the",
    "next",
    "stage",
    "of",
    "the",
    "reader",
    "so",
    "that",
    "a",
    "long",
    "body",
    "never",
    "stands",
    "in",
    "memory",
    "as",
    "a",
    "whole",
    "and",
    "the",
    "tests",
    "can",
    "say",
    "where",
    "it",
    "was",
    "cut",
]
FOOTER = 5
"""Rows at the bottom that are drawn anew at each frame: the spinner, the prompt, the status."""


def diff_box(number: int, columns: int) -> list[str]:
    """The lines of an edit, as Claude Code shows one."""
    wide = min(columns - 4, 90)
    lines = [
        f"\x1b[38;2;78;186;101m●\x1b[39m \x1b[1mUpdate\x1b[22m(src/reader_{number}.py)",
        "  ⎿  Updated with 3 additions and 2 removals",
    ]
    for row in range(5):
        ground, sign = (("48;2;34;92;43", "+"), ("48;2;122;41;54", "-"))[row % 2]
        code = f"{number * 7 + row:4} {sign}    header = self.take({number}, {row}) or None"
        lines.append(f"\x1b[{ground}m\x1b[38;2;248;248;242m{code:<{wide}}\x1b[0m")
    return lines


def session(columns: int, rows: int) -> Iterator[str]:
    """Frames: what is new scrolls up from above the footer, then the footer is drawn."""
    top = rows - FOOTER
    line, frame, word = "", 0, 0
    while True:
        scrolled: list[str] = []
        if frame % 150 == 75:
            scrolled = diff_box(frame // 150, columns)
        elif frame % 100 < 70:  # it speaks, and then thinks for three seconds
            line += ("" if line else "  ") + WORDS[word % len(WORDS)] + " "
            word += 1
            if len(line) > min(columns - 12, 90):
                scrolled, line = [line], ""
        out = [f"\x1b[?2026h\x1b[1;{top}r\x1b[{top};1H"]
        out.extend(f"\r\x1b[K{one}\r\n" for one in scrolled)
        out.append(f"\r{line}\x1b[r")
        glyph = "·✢✳✶✻✽"[frame % 6]
        out.append(
            f"\x1b[{top + 1};1H\x1b[38;2;215;119;87m{glyph} Considering… \x1b[38;2;153;153;153m"
            f"({frame // 10}s · ↓ {word * 3} tokens · esc to interrupt)\x1b[39m\x1b[K"
            f"\x1b[{top + 2};1H\x1b[38;2;153;153;153m{'─' * columns}\x1b[39m"
            f"\x1b[{top + 4};1H\x1b[38;2;153;153;153m{'─' * columns}\x1b[39m"
            f"\x1b[{top + 5};3H\x1b[2m? for shortcuts\x1b[22m"
        )
        yield "".join(out)
        frame += 1


def main() -> None:
    """Run until stdin ends."""
    tty.setraw(0)
    left_s, typed = float(sys.argv[1]), ""
    size = os.get_terminal_size(0)
    frames = session(size.columns, size.lines)
    os.write(1, b"\x1b[2J")
    start, count = time.monotonic(), 0
    while True:
        due_s = start + count * FRAME_S - time.monotonic()
        wait_s = max(0.0, due_s) if count * FRAME_S < left_s else None
        if select.select([0], [], [], wait_s)[0]:
            keys = os.read(0, 1024)
            if not keys:
                return
            typed += keys.decode("ascii", "ignore")
        if wait_s is not None and time.monotonic() >= start + count * FRAME_S:
            prompt = f"\x1b[{size.lines - 2};1H> {typed[-60:]}\x1b[7m \x1b[27m\x1b[K\x1b[?2026l"
            os.write(1, (next(frames) + prompt).encode())
            count += 1


if __name__ == "__main__":
    main()
