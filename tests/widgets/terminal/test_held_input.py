"""What is typed before the program in the pane reads reaches it once it does, in order."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.support.waiting import until_shown
from tests.widgets.terminal.test_pane import running

# Reads only once a file is there, and says so as Claude Code does; then logs what it reads.
LATE = """
import json, os, sys, time, tty
while not os.path.exists(sys.argv[2]):
    time.sleep(0.01)
tty.setraw(0)
sys.stdout.write(sys.argv[3].encode().decode("unicode_escape")); sys.stdout.flush()
with open(sys.argv[1], "w") as log:
    while data := os.read(0, 65536):
        log.write(json.dumps(data.decode("latin-1")) + "\\n"); log.flush()
"""
READS = "\\x1b[?2004h"


def got(log: Path) -> str:
    """All that the program has read."""
    if not log.exists():
        return ""
    return "".join(json.loads(line) for line in log.read_text().splitlines())


async def test_first_keys_wait_until_the_program_reads(tmp_path: Path) -> None:
    log, go = tmp_path / "log", tmp_path / "go"
    async with running() as (app, pilot):
        await pilot.press("h", "i")  # nothing has been launched yet
        argv = [sys.executable, "-c", LATE, str(log), str(go), READS]
        app.pane.launch(argv, os.environ, str(tmp_path), hold=True)
        await pilot.press("space", "y", "enter")
        assert app.pane.held.holding
        assert "hi" not in app.text  # no echo of the terminal's either
        go.touch()
        await until_shown(pilot, lambda: got(log) == "hi y\r")
        await pilot.press("z")
        await until_shown(pilot, lambda: got(log) == "hi y\rz")


async def test_a_program_that_never_says_that_it_reads_gets_them_after_a_while(
    tmp_path: Path,
) -> None:
    log, go = tmp_path / "log", tmp_path / "go"
    go.touch()
    async with running() as (app, pilot):
        app.pane.launch(
            [sys.executable, "-c", LATE, str(log), str(go), ""],
            os.environ,
            str(tmp_path),
            hold=True,
        )
        await pilot.press("a")
        await until_shown(pilot, log.exists)
        assert app.pane.held.holding
        app.pane.held.release()  # as the timer does
        await until_shown(pilot, lambda: got(log) == "a")


async def test_what_was_meant_for_a_program_that_ended_goes_to_nobody(tmp_path: Path) -> None:
    async with running() as (app, pilot):
        await pilot.press("r")
        app.pane.launch(["false"], os.environ, str(tmp_path), hold=True)
        await pilot.press("s")
        await until_shown(pilot, lambda: app.pane.end_line is not None)
        assert not [m for m in app.seen if "RestartRequested" in type(m).__name__]
        assert not app.pane.held.holding
