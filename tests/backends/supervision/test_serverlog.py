"""A server's log: lines split anywhere, bounded in memory and on disk."""

from __future__ import annotations

import re
from pathlib import Path

from anyclaude_tui.backends.supervision.serverlog import (
    LINE_CHARS,
    LINES_KEPT,
    ServerLog,
    is_written,
)
from anyclaude_tui.redaction import OWN


def test_lines_split_anywhere_and_progress_bars(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "a.log")
    for part in (b"load", b"ing\r\nshard 1/2\rshard 2/2\rdo", b"ne\n\n"):
        log.feed(part)
    log.close()
    assert log.tail() == ("loading", "shard 1/2", "shard 2/2", "done")
    assert log.tail(1) == ("done",)


def test_our_own_health_questions_are_left_out(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "a.log")
    log.feed(b'127.0.0.1 - - "GET /health HTTP/1.1" 200 -\n"POST /v1/chat/completions" 200\n')
    log.close()
    assert log.tail() == ('"POST /v1/chat/completions" 200',)


def test_memory_is_bounded(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "a.log")
    log.feed(b"x" * 100_000 + b"\n" + b"line\n" * 1000)
    log.close()
    assert len(log.tail()) == LINES_KEPT
    assert all(len(line) <= LINE_CHARS for line in log.tail())


def test_files_rotate(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "a.log", file_bytes=100, files_kept=3)
    for number in range(99):  # two lines of 51 bytes fill a file
        log.feed(b"%04d %s\n" % (number, b"." * 45))
    log.close()
    kept = {file.name: file.read_text().split() for file in tmp_path.iterdir()}
    assert kept.keys() == {"a.log", "a.log.1", "a.log.2"}
    assert kept["a.log"][0] == "0098"
    assert kept["a.log.1"][::2] == ["0096", "0097"]


def test_two_sessions_write_a_file_each(tmp_path: Path) -> None:
    one, other = ServerLog(tmp_path / "fast.log"), ServerLog(tmp_path / "fast.log")
    one.feed(b"of the first\n")
    other.feed(b"of the second\n")
    assert is_written(one.path)
    assert (one.path.name, other.path.name) == ("fast.log", "fast-2.log")
    one.close()
    assert not is_written(one.path)
    assert one.path.read_text() == "of the first\n"
    assert other.path.read_text() == "of the second\n"
    later = ServerLog(tmp_path / "fast.log")
    later.note("$ server")
    other.close()
    later.close()
    assert re.search(
        r"first\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[anyclaude\] \$ server\n", one.path.read_text()
    )


def test_a_disk_that_fails_costs_only_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    log = ServerLog(tmp_path / "file" / "a.log")
    log.feed(b"kept in memory\n")
    assert log.tail() == ("kept in memory",)


def test_neither_memory_nor_file_has_this_runs_keys_or_commands_a_terminal(tmp_path: Path) -> None:
    """Wherever the output is split."""
    OWN.add("the-key-of-this-run")
    said = b"\x1b[31mstarted\x1b[0m with \x1b]0;title\x07--api-key the-key-of-this-run\r\n"
    for size in (1, 7, len(said)):
        log = ServerLog(tmp_path / f"{size}.log")
        for start in range(0, len(said), size):
            log.feed(said[start : start + size])
        log.close()
        assert log.tail() == ("started with --api-key [redacted]",)
        assert log.path.read_text() == "started with --api-key [redacted]\n"
