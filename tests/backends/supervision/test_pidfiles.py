"""What an earlier start has left behind: ended when it is certain, else not touched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from anyclaude_tui.backends import machine
from anyclaude_tui.backends.supervision import pidfiles

COMMAND = [sys.executable, "-SE", "-c", "import time; time.sleep(60)"]


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own."""
    with subprocess.Popen(COMMAND, start_new_session=True) as process:
        yield process
        process.kill()


def note(folder: Path, **changes: object) -> Path:
    """A note of a session that is gone."""
    folder.mkdir(exist_ok=True)
    owner_gone = {"owner_pid": os.getpid(), "owner_identity": "an earlier process"}
    path = folder / "server-1.json"
    path.write_bytes(msgspec.json.encode({"backend": "x", **owner_gone, **changes}))
    return path


def test_a_reused_pid_is_not_signalled(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    path = note(tmp_path, pid=stranger.pid, identity="an earlier process")
    assert pidfiles.clear_left_over(tmp_path) == []
    assert stranger.poll() is None
    assert not path.exists()


def test_a_server_whose_session_is_gone_is_ended(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    its = {"identity": machine.identity(stranger.pid), "command": ["nice", "-n", "1", *COMMAND]}
    path = note(tmp_path, pid=stranger.pid, **its)
    ended = pidfiles.clear_left_over(tmp_path, wait_s=0.3)
    assert [left.pid for left in ended] == [stranger.pid]
    assert stranger.wait(20) < 0  # by a signal
    assert not path.exists()


@pytest.mark.parametrize("command", [[], ["other"], [*COMMAND[:-1], "import other"]])
def test_a_process_that_runs_something_else_is_not_signalled(
    command: list[str], tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    """A note that somebody else has written names any process."""
    its = {"identity": machine.identity(stranger.pid), "command": command}
    path = note(tmp_path, pid=stranger.pid, **its)
    assert pidfiles.clear_left_over(tmp_path) == []
    assert stranger.poll() is None
    assert not path.exists()


def test_a_note_behind_a_link_is_none_of_ours(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    its = {"identity": machine.identity(stranger.pid), "command": COMMAND}
    path = note(tmp_path, pid=stranger.pid, **its).rename(tmp_path / "elsewhere.json")
    (tmp_path / "server-1.json").symlink_to(path)
    assert pidfiles.clear_left_over(tmp_path) == []
    assert stranger.poll() is None
    assert path.exists()


def test_the_server_of_another_live_session_is_left_alone(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    path = pidfiles.write(tmp_path, "x", stranger.pid, ())
    assert pidfiles.clear_left_over(tmp_path) == []
    assert stranger.poll() is None
    assert path is not None
    assert path.exists()


def test_a_broken_note_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "server-7.json"
    path.write_text("{")
    assert pidfiles.clear_left_over(tmp_path) == []
    assert not path.exists()
