"""Asking the outer terminal for its colours: the pane's own emulator plays it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from anyclaude_tui.terminal.emulator import Emulator
from anyclaude_tui.terminal.outer_colours import OuterColours, parse_colours
from anyclaude_tui.terminal.pty import ExitStatus, PtyProcess
from tests.support.assets import ROOT

CODE = "from anyclaude_tui.terminal.outer_colours import outer_colours; print(outer_colours({}))"


async def ask(folder: Path, emulator_answers: bool, timeout_s: float) -> str:
    """What a program in a terminal with colours of its own finds out."""
    ended: asyncio.Future[ExitStatus] = asyncio.get_running_loop().create_future()
    output = b""
    process: PtyProcess | None = None

    def send(data: bytes) -> None:
        if process is not None and emulator_answers:
            process.write(data)

    emulator = Emulator(
        5, 100, send=send, report=lambda event: None, colours=((1, 2, 3), (250, 251, 252))
    )

    def received(data: bytes) -> None:
        nonlocal output
        output += data
        emulator.feed(data)

    process = PtyProcess.spawn(
        [sys.executable, "-c", CODE.format(timeout_s)],
        {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        str(folder),
        5,
        100,
        on_data=received,
        on_exit=ended.set_result,
    )
    async with asyncio.timeout(30):
        assert (await ended).code == 0
    return output.decode()


async def test_colours_are_asked_for_and_answered(tmp_path: Path) -> None:
    output = await ask(tmp_path, emulator_answers=True, timeout_s=20)
    assert "OuterColours(foreground=(1, 2, 3), background=(250, 251, 252))" in output


async def test_a_terminal_that_does_not_answer(tmp_path: Path) -> None:
    assert "None" in await ask(tmp_path, emulator_answers=False, timeout_s=0.05)


@pytest.mark.parametrize(
    ("answer", "colours"),
    [
        (
            b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\\x1b]11;rgb:1e1e/2e2e/0000\x07\x1b[?62c",
            OuterColours((255, 255, 255), (30, 46, 0)),
        ),
        (
            b"\x1b]10;rgb:f/8/0\x1b\\\x1b]11;rgba:ff/00/80/ff\x1b\\",
            OuterColours((255, 136, 0), (255, 0, 128)),
        ),
        (b"\x1b]11;rgb:0/0/0\x1b\\\x1b[?6c", None),
        (b"garbage", None),
    ],
)
def test_answers(answer: bytes, colours: OuterColours | None) -> None:
    assert parse_colours(answer) == colours
