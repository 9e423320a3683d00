"""A log that grows, is rotated, is cleared, is huge; and the levels of its lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyclaude_tui.backends.supervision.serverlog import ServerLog
from anyclaude_tui.telemetry.logtail import Level, Levels, LogTail


def lines(tail: LogTail) -> list[str]:
    return [entry.text for entry in tail.read()]


def test_lines_come_once_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"one\ntwo\nthr")
    tail = LogTail(path)
    assert lines(tail) == ["one", "two"]
    assert lines(tail) == []
    with path.open("ab") as file:
        file.write(b"ee\r\nfour\rfi\xc3")
    assert lines(tail) == ["three", "four"]
    with path.open("ab") as file:
        file.write(b"\xa9ve\n")
    assert lines(tail) == ["fi\u00e9ve"]


def test_of_a_big_file_only_the_tail_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"".join(b"line %d\n" % n for n in range(10_000)))
    tail = LogTail(path, tail_bytes=1000)
    found = tail.read()
    assert found[0].ours
    assert str(path) in found[0].text
    assert found[-1].text == "line 9999"
    assert found[1].text.startswith("line ")  # no half a line
    assert len(found) < 120


def test_of_a_flood_only_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"start\n")
    tail = LogTail(path, tail_bytes=1000)
    tail.read()
    with path.open("ab") as file:
        file.write(b"".join(b"line %d\n" % n for n in range(10_000)))
    found = tail.read()
    assert "more came" in found[0].text
    assert found[-1].text == "line 9999"


def test_nothing_is_lost_when_a_server_log_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    log = ServerLog(path, file_bytes=400)
    tail = LogTail(path)
    seen: list[str] = []
    for number in range(200):
        log.feed(f"INFO: line {number}\n".encode())
        if number % 7 == 0:
            seen += [entry.text for entry in tail.read() if not entry.ours]
    log.close()
    seen += [entry.text for entry in tail.read() if not entry.ours]
    assert seen == [f"INFO: line {number}" for number in range(200)]


def test_a_log_that_was_cleared_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"a long first line\n")
    tail = LogTail(path)
    tail.read()
    path.write_bytes(b"new\n")
    assert lines(tail) == ["the log was cleared", "new"]


def test_a_log_that_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    tail = LogTail(path)
    assert lines(tail) == []
    assert "not there yet" in tail.problem
    path.write_bytes(b"now\n")
    assert lines(tail) == ["now"]
    assert not tail.problem


def test_a_log_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.mkdir()
    tail = LogTail(path)
    assert lines(tail) == []
    assert "cannot be read: Is a directory" in tail.problem


def test_colours_and_titles_of_a_terminal_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"\x1b[32mINFO\x1b[0m:     up\n\x1b]0;title\x07ready\n")
    assert lines(LogTail(path)) == ["INFO:     up", "ready"]


def test_a_line_without_an_end_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"x" * 100_000)
    (found,) = LogTail(path).read()
    assert len(found.text) == 4000


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("INFO:     Started server process [1]", Level.INFO),
        ("2026-11-21 03:15:01,204 - WARNING - not for production", Level.WARNING),
        ("/usr/lib/x.py:3: UserWarning: odd", Level.WARNING),
        ("error: no model", Level.ERROR),
        ("2026-11-21T03:15:02.123Z [Error] req_1 cut: the backend died", Level.ERROR),
        ("2026-11-21T03:15:02.123Z [Keepalive] req_1 sent keepalive 1", Level.DEBUG),
        ("2026-11-21T03:15:02.123Z [Request] req_1 complete in 20 ms", Level.INFO),
        ('127.0.0.1 - - [x] "POST /v1/chat/completions HTTP/1.1" 200 -', Level.INFO),
        ('INFO: 127.0.0.1:5 - "POST /v1/chat/completions HTTP/1.1" 500 Oh', Level.ERROR),
        ('127.0.0.1 - - [x] "POST /v1/chat/completions HTTP/1.1" 404 -', Level.WARNING),
        ('127.0.0.1 - - [x] "GET /health HTTP/1.1" 200 -', Level.DEBUG),
        ("the error count is zero", Level.INFO),
        ("loading weights", Level.INFO),
    ],
)
def test_levels(text: str, level: Level) -> None:
    assert Levels().entry(text).level is level


def test_a_traceback_is_one_with_its_line() -> None:
    levels = Levels()
    text = (
        "ERROR: it failed\n"
        "Traceback (most recent call last):\n"
        '  File "a.py", line 1, in <module>\n'
        "    f()\n"
        "mlx.MetalError: out of memory\n"
        "INFO: next"
    )
    found = [levels.entry(line) for line in text.splitlines()]
    assert [entry.level for entry in found] == [Level.ERROR] * 5 + [Level.INFO]
    assert [entry.continues for entry in found] == [False, False, True, True, True, False]
