"""What is changed in Textual: fails when a new version has moved it."""

from __future__ import annotations

import subprocess
import sys

from textual import constants, screen
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.drivers import _writer_thread

from anyclaude_tui.widgets.textual_internals import (
    ESCAPE_DELAY_MS,
    FPS,
    QUEUED_WRITES,
    alt_keys,
    prepare_textual,
)


def run(code: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_it_does_not_import_textual_before_it_is_called() -> None:
    code = (
        "import sys, anyclaude_tui.widgets.textual_internals as setup\n"
        "before = 'textual' in sys.modules\n"
        "setup.prepare_textual()\n"
        "from textual import constants\n"
        "print(before, constants.ESCAPE_DELAY, constants.MAX_FPS)"
    )
    assert run(code) == f"False {ESCAPE_DELAY_MS / 1000} {FPS}"
    assert run(code, ESCDELAY="70", TEXTUAL_FPS="30") == "False 0.07 30"


def test_the_terminal_alone_says_how_large_it_is() -> None:
    """With COLUMNS exported the panels stayed blank in a window of another size."""
    code = (
        "import os\n"
        "from anyclaude_tui.widgets.textual_internals import prepare_textual\n"
        "prepare_textual()\n"
        "print('COLUMNS' in os.environ, 'LINES' in os.environ)"
    )
    assert run(code, COLUMNS="80", LINES="24") == "False False"


def test_it_works_after_textual_was_imported() -> None:
    prepare_textual()
    prepare_textual()
    assert constants.MAX_FPS == FPS
    assert screen.UPDATE_PERIOD == 1 / FPS
    assert constants.ESCAPE_DELAY == ESCAPE_DELAY_MS / 1000
    assert _writer_thread.WriterThread(sys.__stdout__)._queue.maxsize == QUEUED_WRITES  # type: ignore[arg-type]


def test_alt_keys_are_told_apart() -> None:
    prepare_textual()
    keys = {sequence: key.value for sequence, key in alt_keys().items()}
    assert keys["\x1b\r"] == "alt+enter"
    assert keys["\x1bb"] == "alt+b"
    assert keys["\x1bB"] == "alt+shift+b"
    assert keys["\x1b."] == "alt+full_stop"
    assert keys["\x1b\x03"] == "ctrl+alt+c"
    assert "\x1b[" not in keys
    assert "\x1bO" not in keys
    assert all(ANSI_SEQUENCES_KEYS[sequence] for sequence in keys)
