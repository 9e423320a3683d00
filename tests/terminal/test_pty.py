"""The child on its PTY: a real shell, real signals."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from anyclaude_tui.terminal.pty import ExitStatus, PtyProcess


class Child:
    """A child with what it wrote and how it ended."""

    def __init__(self, argv: Sequence[str], cwd: Path) -> None:
        self.output = b""
        self._news = asyncio.Event()
        self.status: ExitStatus | None = None
        self.process = PtyProcess.spawn(
            argv,
            {"PATH": os.environ["PATH"], "HOME": str(cwd), "LC_ALL": "C"},
            str(cwd),
            24,
            80,
            on_data=self._received,
            on_exit=self._ended,
        )

    def _received(self, data: bytes) -> None:
        self.output += data
        self._news.set()

    def _ended(self, status: ExitStatus) -> None:
        assert self.status is None
        self.status = status
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def wrote(self, text: bytes) -> None:
        await self.until(lambda: text in self.output)

    async def ended(self) -> ExitStatus:
        await self.until(lambda: self.status is not None)
        assert self.status is not None
        return self.status


def sh(script: str, cwd: Path) -> Child:
    return Child(["sh", "-c", script], cwd)


def python(script: str, cwd: Path) -> Child:
    return Child([sys.executable, "-c", script], cwd)


async def test_it_has_a_controlling_terminal_and_a_session_of_its_own(tmp_path: Path) -> None:
    child = python(
        "import os, sys\n"
        "tty = os.open('/dev/tty', os.O_RDWR)\n"
        "print(os.getsid(0) == os.getpid(), os.tcgetpgrp(tty) == os.getpgrp(),\n"
        "      os.isatty(0) and os.isatty(1) and os.isatty(2), os.get_terminal_size(0))",
        tmp_path,
    )
    status = await child.ended()
    assert b"True True True os.terminal_size(columns=80, lines=24)" in child.output
    assert status == ExitStatus(0, None)
    assert not child.process.running


async def test_what_is_written_reaches_it_and_its_answer_comes_back(tmp_path: Path) -> None:
    child = sh("read line; echo got $line", tmp_path)
    child.process.write(b"hello\r")
    await child.wrote(b"got hello")
    await child.ended()


@pytest.mark.parametrize(
    ("script", "code", "number", "words"),
    [
        ("exit 0", 0, None, "ended"),
        ("exit 3", 3, None, "failed with exit code 3"),
        ("kill -TERM $$", None, signal.SIGTERM, "was ended by SIGTERM"),
        ("kill -KILL $$", None, signal.SIGKILL, "was ended by SIGKILL (often: the machine ran"),
    ],
)
async def test_how_it_ended(
    script: str, code: int | None, number: int | None, words: str, tmp_path: Path
) -> None:
    status = await sh(script, tmp_path).ended()
    assert (status.code, status.signal) == (code, number)
    assert status.words.startswith(words)


async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    child = Child(["no-such-program-anywhere"], tmp_path)
    status = await child.ended()
    assert status.code == 127
    assert "not found" in status.words
    assert b"no-such-program-anywhere: No such file" in child.output


async def test_a_folder_that_is_not_there_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sh("true", tmp_path / "missing")


async def test_large_final_output_is_complete(tmp_path: Path) -> None:
    child = sh("seq 1 50000; exit 5", tmp_path)
    assert (await child.ended()).code == 5
    assert child.output.endswith(b"49999\r\n50000\r\n")
    assert child.output.count(b"\r\n") == 50000


async def test_resize_is_seen(tmp_path: Path) -> None:
    child = sh("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done", tmp_path)
    await child.wrote(b"ready")
    child.process.resize(33, 111)
    await child.wrote(b"33 111")
    await child.ended()


async def test_reading_can_be_paused_and_then_the_child_waits(tmp_path: Path) -> None:
    child = sh("echo ready; read go; yes | head -c 1000000; echo; echo done", tmp_path)
    await child.wrote(b"ready")
    child.process.pause_reading()
    before = len(child.output)
    child.process.write(b"go\r")
    await asyncio.sleep(0.1)
    assert len(child.output) == before
    assert child.status is None
    child.process.resume_reading()
    await child.wrote(b"done")
    await child.ended()


async def test_a_large_write_does_not_block_and_arrives_whole(tmp_path: Path) -> None:
    child = python(
        "import os, sys, time, tty\n"
        "tty.setraw(0)\n"
        "print('ready', flush=True)\n"
        "time.sleep(0.2)\n"
        "seen = b''\n"
        "while len(seen) < 300000: seen += os.read(0, 65536)\n"
        "print('whole' if seen == b'0123456789' * 30000 else 'broken')",
        tmp_path,
    )
    await child.wrote(b"ready")
    child.process.write(b"0123456789" * 15000)
    child.process.write(b"0123456789" * 15000)
    assert child.process.queued_bytes > 0
    await child.wrote(b"whole")
    await child.ended()


async def test_closing_hangs_up(tmp_path: Path) -> None:
    child = sh(
        "trap 'echo gone > hup; exit' HUP; echo ready; while :; do sleep 0.05; done", tmp_path
    )
    await child.wrote(b"ready")
    await child.process.aclose()
    assert (tmp_path / "hup").read_text() == "gone\n"
    assert child.status is None  # whoever closes it knows


async def test_a_child_does_not_inherit_what_we_ignore(tmp_path: Path) -> None:
    """As under nohup: the pane's program still hears that its terminal was closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        await test_closing_hangs_up(tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_a_child_that_ignores_the_hang_up_is_killed(tmp_path: Path) -> None:
    child = sh("trap '' HUP; echo ready; while :; do sleep 0.05; done", tmp_path)
    await child.wrote(b"ready")
    await child.process.aclose(grace_s=0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(child.process.pid, 0)


async def test_an_exit_is_seen_though_a_grandchild_holds_the_terminal(tmp_path: Path) -> None:
    child = sh("trap '' HUP; (while :; do echo more; sleep 0.01; done) & exit 4", tmp_path)
    try:
        assert (await child.ended()).code == 4
    finally:
        os.killpg(child.process.pid, signal.SIGKILL)  # the grandchild


async def test_broken_pipes_are_as_in_a_shell(tmp_path: Path) -> None:
    child = sh("yes | head -n 1; echo end", tmp_path)
    await child.ended()
    assert child.output == b"y\r\nend\r\n"
