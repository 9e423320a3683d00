"""Both directions of the pane: mutated recordings and random sizes against the emulator and
the pane's view of it; keys in every form through the parser to the emulator.

`python -m tests.terminal.fuzz 10` runs 10 MB of each (another seed as the second argument); the
suite runs ANYCLAUDE_FUZZ_MB (2) of output.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from textual import events
from textual._xterm_parser import XTermParser
from textual.message import Message

from anyclaude_tui.terminal.emulator import Emulator
from anyclaude_tui.terminal.keys import KeyPress, key_press
from anyclaude_tui.widgets.terminal.view import TerminalView
from anyclaude_tui.widgets.textual_internals import prepare_textual
from tests.terminal.cases import CASES
from tests.terminal.keyboard_input import fuzzed_input
from tests.terminal.recordings import Recording, recordings

_KEY_MODES = (
    *(b"", b"\x1b[?1h", b"\x1b=", b"\x1b[?67h", b"\x1b[?2004h", b"\x1b[20h", b"\x1b[?1036l"),
    *(b"\x1b[>4;1m", b"\x1b[>4;2m", b"\x1b[>4;2f", b"\x1b[>1;4m", b"\x1b[>2;3m"),
    *(b"\x1b[>%du" % flags for flags in range(32)),
)
_FRAGMENTS = [
    *(case.data for case in CASES),
    *(b"\x1b[", b"\x1b]", b"\x1bP", b"\x1b_", b"\x1bO", b"\x1b", b"\x9b", b"\xc2\x9b", b"\x18"),
    *(b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?2026h", b"\x1b[?2026l", b"\x1b[?6h", b"\x1b[?69h"),
    *(b"\x1b[99999999999999999999m", b"\x1b[0;0H", b"\x1b[999999999;999999999H", b"\x1b[3J"),
    *(b"\x1b[2147483648@", b"\x1b[65536L", b"\x1b[99999b", b"\x1b[10000S", b"\x1b[10000T"),
    *(b"\x1b[8;9999;9999t", b"\x1b[?3h", b"\x1b[5i", b"\x1b[?2l", b"\x1b[12l", b"\x1b[2h"),
    *(b"\xf0\x9f\x91\xa9\xe2\x80\x8d", b"\xe2\x80\x8d" * 50, b"\xcc\x81" * 300, b"\xef\xb8\x8f"),
    *(b"\r\n" * 40, b"\t" * 20, b"\x08" * 20, b"x" * 500, "漢".encode() * 100, b"\x00\xff\xfe"),
]


@dataclass
class Report:
    """What a run did and saw."""

    fed_bytes: int = 0
    resizes: int = 0
    recoveries: int = 0
    faults: int = 0
    seconds: float = 0.0
    peak_mb: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.fed_bytes / 1e6:.1f} MB, {self.resizes} resizes, {self.recoveries} recoveries, "
            f"{self.faults} faults, {self.seconds:.0f} s, peak memory {self.peak_mb:.0f} MB"
        )


def mutate(chance: random.Random, sources: list[bytes]) -> bytes:
    """A piece of a recording with a few things done to it."""
    source = chance.choice(sources)
    start = chance.randrange(len(source))
    data = bytearray(source[start : start + chance.randrange(1, 8000)])
    for _ in range(chance.choice((0, 1, 1, 3, 10, 40))):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[at : at + chance.randrange(1, 30)]
            case 2:
                data[at:at] = data[at : at + chance.randrange(1, 200)]
            case 3 | 4:
                data[at:at] = chance.choice(_FRAGMENTS)
            case _:
                data[at:at] = chance.randbytes(chance.randrange(1, 30))
    return bytes(data)


def run(megabytes: float, seed: int = 1) -> Report:
    """Feed that much; raises AssertionError where the pane does not hold what it promises."""
    chance = random.Random(seed)
    sources = [
        b"".join(part for part in Recording.load(path).parts if isinstance(part, bytes))
        for path in recordings()
    ]
    sent: list[bytes] = []
    emulator = Emulator(24, 80, send=sent.append, report=lambda event: None)
    view = TerminalView(emulator)
    report = Report()
    began = time.monotonic()
    while report.fed_bytes < megabytes * 1e6:
        data = mutate(chance, sources)
        report.fed_bytes += len(data)
        while data:
            size = chance.randrange(1, 4096)
            emulator.feed(data[:size])
            data = data[size:]
        if chance.random() < 0.2:
            emulator.resize(chance.randrange(1, 60), chance.randrange(1, 180))
            view.selection = view.search = None
            report.resizes += 1
        if chance.random() < 0.3:
            look(emulator, view, chance)
        if chance.random() < 0.02:
            emulator.key(KeyPress("up", ctrl=chance.random() < 0.5))
            emulator.mouse("press", 3, 3, "left", frozenset())
            emulator.paste("pasted")
            recovers(emulator)
            report.recoveries += 1
        assert emulator.faults == 0
        sent.clear()
    recovers(emulator)
    report.recoveries += 1
    report.faults = emulator.faults
    report.seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report.peak_mb = peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return report


def run_keys(megabytes: float, seed: int = 1) -> Report:
    """Feed that much of what terminals send for keys, in every mode a program may set."""
    chance = random.Random(seed)
    sent: list[bytes] = []
    emulator = Emulator(24, 80, send=sent.append, report=lambda event: None)
    parser = XTermParser()
    report = Report()
    began = time.monotonic()
    while report.fed_bytes < megabytes * 1e6:
        emulator.feed(b"\x1bc" + chance.choice(_KEY_MODES) + chance.choice(_KEY_MODES))
        text = fuzzed_input(chance, 4000)
        report.fed_bytes += len(text.encode("utf-8", "replace"))
        for message in [*parser.feed(text), *_after_a_wait(parser)]:
            if isinstance(message, events.Key):
                press = key_press(message.key, message.character)
                if press is not None:
                    emulator.key(press)
            elif isinstance(message, events.Paste):
                emulator.paste(message.text)
        assert emulator.faults == 0
        sent.clear()
    report.seconds = time.monotonic() - began
    return report


def _after_a_wait(parser: XTermParser) -> Iterator[Message]:
    while parser._timeout_time is not None:
        parser._timeout_time = 0.0
        yield from parser.tick()


def look(emulator: Emulator, view: TerminalView, chance: random.Random) -> None:
    """What the widget does for a frame, and what must hold for it."""
    view.scroll(chance.choice((0, 0, 5, -5, 1000, -1000)))
    view.refresh()
    assert len(view.strips) == emulator.rows
    assert all(strip.cell_length == emulator.columns for strip in view.strips)
    cursor = emulator.cursor
    assert 0 <= cursor.x < emulator.columns
    assert 0 <= cursor.y < emulator.rows
    for y in (0, emulator.rows - 1, -1):
        if y >= 0 or emulator.history.count(emulator.columns):
            assert len(emulator.cells(y)) == emulator.columns
            text = "".join(run.text for run in emulator.runs(y))
            assert not any(c < " " or "\x7f" <= c <= "\x9f" for c in text)


def recovers(emulator: Emulator) -> None:
    """After a reset the terminal works as new, whatever came before."""
    emulator.feed(b"\x18\x1b\\\x1bc")
    size = emulator.rows, emulator.columns
    emulator.feed(b"ok\r\n\x1b[6n")
    assert (emulator.rows, emulator.columns) == size
    if size[0] > 1 and size[1] > 1:
        assert emulator.text(0) == "ok"
        assert emulator.cursor[:3] == (0, 1, True)


if __name__ == "__main__":
    prepare_textual()
    numbers = [float(word) for word in sys.argv[1:]]
    print("output:", run(numbers[0], *map(int, numbers[1:])))
    print("keys:", run_keys(numbers[0], *map(int, numbers[1:])))
