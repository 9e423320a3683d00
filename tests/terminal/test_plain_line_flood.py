"""The short way for floods gives what the core gives, on the screen and in the history."""

from __future__ import annotations

import random
from typing import Any

import pytest

from anyclaude_tui.terminal import emulator as emulator_module
from anyclaude_tui.terminal import plain_line_flood
from anyclaude_tui.terminal.emulator import Emulator
from tests.terminal.oracle import Oracle, screen_of, texts_of

PLAIN = [b"y\r\n" * 3000, b"".join(b"%d\r\n" % n for n in range(2500))]
ODD = [
    b"\x1b[1;7r" + b"in a region\r\n" * 500,
    b"\x1b[3;7r" + b"not from the top\r\n" * 500,
    b"\x1b[32mgreen\r\n" * 400 + b"\x1b[0m",
    b"\x1b[32m" + b"green\r\n" * 700 + b"\x1b[0mend",
    b"\x1b[44m" + b"on blue\r\n" * 300 + b"\x1b[0m",
    b"\x1b[?1049h" + b"alternate\r\n" * 300 + b"\x1b[?1049l",
    b"\x1b[?7l" + b"w" * 70 + b"\r\n" + b"short\r\n" * 300 + b"\x1b[?7h",
    b"\x1b(0" + b"lqk\r\n" * 300 + b"\x1b(B",
    b"\x1b[4h" + b"insert\r\n" * 300 + b"\x1b[4l",
    b"long " * 30 + b"\r\n" + b"short \r\n" * 400,
    b"exactly forty columns wide, to the last.\r\n" * 300,
    "ä\r\n".encode() * 600,
    b"\t tab\r\n" * 400,
    b"only newlines\n" * 300 + b"\r",
    b"no end" * 1000,
    b"\x1b[H" + b"from the top\r\n" * 300,
    b"\x1b[20h" + b"newline mode\r\n" * 300 + b"\x1b[20l",
]


def feed_in_pieces(emulator: Emulator, data: bytes, chance: random.Random) -> None:
    while data:
        size = chance.randrange(1, 5000)
        emulator.feed(data[:size])
        data = data[size:]


def history_of(emulator: Emulator) -> list[tuple[str, bool]]:
    count = emulator.history.count(emulator.columns)
    return [(emulator.text(y), emulator.wrapped(y)) for y in range(-count, 0)]


@pytest.mark.parametrize("seed", range(6))
def test_both_ways_give_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    pieces = [*PLAIN, *chance.sample(ODD, 8), b"partial"]
    chance.shuffle(pieces)
    data = b"\x1b[0m\x1b[r\x1b[8;1H".join(pieces)
    taken = 0

    def counted(*arguments: Any) -> int:
        nonlocal taken
        size = plain_line_flood.take_plain_lines(*arguments)
        taken += size
        return size

    def new() -> Emulator:
        return Emulator(8, 40, send=lambda data: None, report=lambda event: None)

    with monkeypatch.context() as patch:
        patch.setattr(emulator_module, "take_plain_lines", counted)
        short = new()
        feed_in_pieces(short, data, chance)
    with monkeypatch.context() as patch:
        patch.setattr(emulator_module, "take_plain_lines", lambda *arguments: 0)
        long = new()
        feed_in_pieces(long, data, chance)
    assert screen_of(short) == screen_of(long)
    assert short.cursor == long.cursor
    assert history_of(short) == history_of(long)
    assert taken > 10_000
    short.resize(8, 23)
    long.resize(8, 23)
    assert history_of(short) == history_of(long)
    with Oracle(8, 40) as oracle:
        oracle.feed(data)
        oracle.resize(8, 23)
        assert texts_of(short) == oracle.texts()


def test_memory_stays_bounded_and_the_newest_lines_are_kept() -> None:
    emulator = Emulator(8, 40, send=lambda data: None, report=lambda event: None)
    for start in range(0, 600_000, 1000):
        emulator.feed(b"".join(b"%d\r\n" % n for n in range(start, start + 1000)))
    assert emulator.history.size_cells <= 1_000_000
    assert emulator.text(-1) == "599992"
    count = emulator.history.count(40)
    assert 50_000 < count < 200_000
    assert int(emulator.text(-count)) == 600_000 - 7 - count
