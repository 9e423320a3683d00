"""Recordings of the real Claude Code: the same screens as the reference, however the bytes
are split, and nothing breaks when they are mutated."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from anyclaude_tui.terminal.emulator import Emulator
from tests.terminal import fuzz
from tests.terminal.oracle import Oracle, screen_of, texts_of
from tests.terminal.recordings import Recording, recordings


def emulator_for(recording: Recording) -> Emulator:
    return Emulator(
        recording.rows, recording.columns, send=lambda data: None, report=lambda event: None
    )


@pytest.mark.parametrize("path", recordings(), ids=lambda path: path.stem)
def test_a_recording_in_random_splits_gives_the_screens_of_the_reference(path: Path) -> None:
    recording = Recording.load(path)
    chance = random.Random(path.name)
    emulator = emulator_for(recording)
    compared = 0
    with Oracle(recording.rows, recording.columns) as oracle:
        for part in recording.parts:
            if isinstance(part, tuple):
                emulator.resize(*part)
                oracle.resize(*part)
                assert texts_of(emulator) == oracle.texts()
                continue
            while part:
                size = chance.randrange(1, 300)
                emulator.feed(part[:size])
                oracle.feed(part[:size])
                part = part[size:]
                assert texts_of(emulator) == oracle.texts()
                compared += 1
            assert screen_of(emulator) == oracle.screen()
            state = oracle.state()
            assert [emulator.cursor.x, emulator.cursor.y] == state["cursor"]
            assert emulator.kitty_flags == state["kitty"]
    assert compared > 20
    assert emulator.faults == 0


@pytest.mark.parametrize("path", recordings(), ids=lambda path: path.stem)
def test_the_end_does_not_depend_on_the_splits(path: Path) -> None:
    recording = Recording.load(path)
    whole, single = emulator_for(recording), emulator_for(recording)
    for part in recording.parts:
        if isinstance(part, tuple):
            whole.resize(*part)
            single.resize(*part)
            continue
        whole.feed(part)
        for byte in part:
            single.feed(bytes([byte]))
        assert screen_of(whole) == screen_of(single)
    assert whole.title == single.title


@pytest.mark.parametrize("seed", range(1, 5))
def test_mutated_recordings_and_resizes_break_nothing(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sample, in parts that run side by side; `make fuzz` feeds many times as much."""
    report = fuzz.run(float(os.environ.get("ANYCLAUDE_FUZZ_MB", "0.2")), seed)
    with capsys.disabled():
        print(f"\nfuzz: {report}")
    assert report.faults == 0
    assert report.recoveries > 0
