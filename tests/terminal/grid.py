"""Contexts × starts × operations: 9 × 11 × 66 inputs on a screen of 8 rows by 20 columns.

`python -m tests.terminal.grid` prints what differs from Ghostty's core, with the number of
inputs; `test_grid.py` holds the differences to those that are named there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

ROWS, COLUMNS = 8, 20
_FILL = b"".join(b"\x1b[%d;1H%s" % (n, bytes([64 + n]) * COLUMNS) for n in range(1, ROWS + 1))

CONTEXTS: dict[str, bytes] = {
    "plain": b"",
    "scroll region": b"\x1b[3;6r",
    "left and right margins": b"\x1b[?69h\x1b[5;15s",
    "all margins": b"\x1b[?69h\x1b[5;15s\x1b[3;6r",
    "origin mode": b"\x1b[3;6r\x1b[?6h",
    "origin mode, all margins": b"\x1b[?69h\x1b[5;15s\x1b[3;6r\x1b[?6h",
    "alternate screen": b"\x1b[?1049h" + _FILL,
    "background, insert mode": b"\x1b[44;4m\x1b[4h",
    "no autowrap, protected": b'\x1b[?7l\x1b[4;5H\x1bV12345\x1bW\x1b[5;5H\x1b[1"q67890\x1b[0"q',
}
STARTS: dict[str, bytes] = {
    "home": b"\x1b[H",
    "middle": b"\x1b[4;8H",
    "top margin": b"\x1b[3;8H",
    "bottom margin": b"\x1b[6;8H",
    "above the region": b"\x1b[2;8H",
    "below the region": b"\x1b[7;8H",
    "last row": b"\x1b[8;10H",
    "last column": b"\x1b[4;20H",
    "left margin": b"\x1b[4;5H",
    "right margin": b"\x1b[4;15H",
    "a wrap pending": b"\x1b[4;20HW",
}
OPERATIONS: dict[str, bytes] = {
    "text": b"xyz",
    "wide text": "漢字".encode(),
    "long text": b"w" * 25,
    "BS": b"\x08",
    "HT": b"\t",
    "LF": b"\n",
    "CR": b"\r",
    "NEL": b"\x1bE",
    "IND": b"\x1bD",
    "RI": b"\x1bM",
    "CUU 1": b"\x1b[A",
    "CUU 9": b"\x1b[9A",
    "CUD 1": b"\x1b[B",
    "CUD 9": b"\x1b[9B",
    "CUF 3": b"\x1b[3C",
    "CUF 99": b"\x1b[99C",
    "CUB 3": b"\x1b[3D",
    "CUB 99": b"\x1b[99D",
    "CNL": b"\x1b[9E",
    "CPL": b"\x1b[9F",
    "CHA": b"\x1b[7G",
    "CUP": b"\x1b[2;2H",
    "HVP": b"\x1b[99;99f",
    "HPA": b"\x1b[17`",
    "HPR": b"\x1b[9a",
    "VPA": b"\x1b[5d",
    "VPR": b"\x1b[9e",
    "CHT": b"\x1b[2I",
    "CBT": b"\x1b[2Z",
    "TBC 0": b"\x1b[9G\x1b[0g\x1b[1G\t",
    "TBC 1": b"\x1b[9G\x1b[1g\x1b[1G\t",
    "TBC 3": b"\x1b[3g\r\t",
    "HTS": b"\x1bH\r\t",
    "ED 0": b"\x1b[J",
    "ED 1": b"\x1b[1J",
    "ED 2": b"\x1b[2J",
    "EL 0": b"\x1b[K",
    "EL 1": b"\x1b[1K",
    "EL 2": b"\x1b[2K",
    "DECSED": b"\x1b[?2J",
    "DECSEL": b"\x1b[?K",
    "DECSED 3": b"\x1b[?3J",
    "ECH": b"\x1b[4X",
    "ICH": b"\x1b[3@",
    "DCH": b"\x1b[3P",
    "IL": b"\x1b[2L",
    "DL": b"\x1b[2M",
    "SU": b"\x1b[2S",
    "SD": b"\x1b[2T",
    "REP": b"r\x1b[4b",
    "DECALN": b"\x1b#8",
    "DECSC, DECRC": b"\x1b7\x1b[H\x1b[31m\x1b8z",
    "DECSTBM": b"\x1b[2;5r",
    "DECSTBM reset": b"\x1b[r",
    "DECSTBM wrong": b"\x1b[5;2r",
    "DECOM set": b"\x1b[?6h",
    "DECOM reset": b"\x1b[?6l",
    "1049": b"\x1b[?1049hq\x1b[?1049l",
    "1049 twice": b"\x1b[?1049h\x1b[2;2Hq\x1b[?1049l\x1b[?1049h",
    "1047": b"\x1b[?1047hq\x1b[?1047l\x1b[?1047h",
    "47": b"\x1b[?47hq\x1b[?47l",
    "DEC graphics": b"\x1b(0bcdehi0qx_\x1b(B",
    "SGR": b"\x1b[1;4;7;31ms\x1b[0mt",
    "RIS": b"\x1bcok",
    "CPR": b"\x1b[6n",
    "DECRQSS r": b"\x1bP$qr\x1b\\",
}


@dataclass(frozen=True, slots=True)
class Input:
    """One cell of the grid; `data` begins on a filled screen."""

    context: str
    start: str
    operation: str

    @property
    def data(self) -> bytes:
        before = CONTEXTS[self.context] + STARTS[self.start]
        return _FILL + before + OPERATIONS[self.operation]

    def __str__(self) -> str:
        return f"{self.operation} | {self.context} | {self.start}"


def inputs() -> Iterator[Input]:
    """All of them."""
    for operation in OPERATIONS:
        for context in CONTEXTS:
            for start in STARTS:
                yield Input(context, start, operation)


def differences(which: Iterator[Input]) -> Iterator[tuple[Input, list[str]]]:
    """What differs from Ghostty's core, input by input."""
    from anyclaude_tui.terminal.emulator import Emulator
    from tests.terminal.oracle import Oracle, screen_of

    sent: list[bytes] = []
    emulator = Emulator(ROWS, COLUMNS, send=sent.append, report=lambda event: None)
    with Oracle(ROWS, COLUMNS) as oracle:
        for one in which:
            emulator.reset()
            sent.clear()
            emulator.feed(one.data)
            theirs = oracle.shown(ROWS, COLUMNS, one.data)
            found = [
                f"row {y}: {a} ≠ {b}"
                for y, (a, b) in enumerate(zip(screen_of(emulator), theirs.rows, strict=True))
                if a != b
            ]
            cursor = emulator.cursor
            if (cursor.x, cursor.y) != theirs.cursor:
                found.append(f"cursor {(cursor.x, cursor.y)} ≠ {theirs.cursor}")
            if b"".join(sent) != theirs.replies:
                found.append(f"replies {sent} ≠ {theirs.replies!r}")
            if found:
                yield one, found


def main() -> None:
    """Print the differences, with a count for each operation."""
    import sys
    from collections import Counter

    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = (one for one in inputs() if wanted in str(one))
    counts: Counter[str] = Counter()
    for one, found in differences(chosen):
        counts[one.operation] += 1
        if wanted or counts[one.operation] <= 2:
            print(one, *found[:3], sep="\n   ")
    print(dict(counts), sum(counts.values()))


if __name__ == "__main__":
    main()
