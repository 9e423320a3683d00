"""Files stay private, whole and small, and a disk that fails costs a notice and nothing else."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

from anyclaude_tui import private
from anyclaude_tui.telemetry.files import Writer, append_line, heal, prune


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_and_files_are_the_owners(tmp_path: Path) -> None:
    append_line(tmp_path / "home" / "logs" / "a.jsonl", b"{}")
    private.write(tmp_path / "home" / "traces" / "b" / "t.json", b"{}")
    for folder in ("home", "home/logs", "home/traces", "home/traces/b"):
        assert mode(tmp_path / folder) == 0o700
    assert mode(tmp_path / "home/logs/a.jsonl") == 0o600
    assert mode(tmp_path / "home/traces/b/t.json") == 0o600
    assert [p.name for p in (tmp_path / "home/traces/b").iterdir()] == ["t.json"]


def test_lines_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for line in (b"one", b"two"):
        append_line(path, line)
    assert path.read_bytes() == b"one\ntwo\n"


def test_half_a_line_that_a_crash_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b'{"n":1}\n{"n":')
    append_line(path, b'{"n":2}')
    assert path.read_bytes() == b'{"n":1}\n{"n":2}\n'
    path.write_bytes(b"no line end at all")
    append_line(path, b"one")
    assert path.read_bytes() == b"one\n"


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    """A file size limit makes the kernel write half of it, as a full disk does."""
    path = tmp_path / "a"
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from anyclaude_tui.telemetry.files import append_line\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "path = Path(sys.argv[1])\n"
        "append_line(path, b'x' * 99)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (150, 150))\n"
        "for _ in range(2):\n"
        "    try:\n"
        "        append_line(path, b'y' * 99)\n"
        "    except OSError as error:\n"
        "        print('failed')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert done.stdout.split() == ["failed", "failed"], done.stderr
    assert path.read_bytes() == b"x" * 99 + b"\n"
    append_line(path, b"z")
    assert path.read_bytes().splitlines()[-1] == b"z"


def test_two_sessions_write_into_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    lines = [bytes([65 + n]) * 5000 for n in range(4)]

    def work(line: bytes) -> None:
        for _ in range(50):
            append_line(path, line)

    threads = [threading.Thread(target=work, args=(line,)) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_bytes().splitlines()) == sorted(lines * 50)


def make_files(folder: Path, count: int, size: int = 10) -> list[Path]:
    """Files of growing age: the first is the newest, one day between two."""
    made = []
    for number in range(count):
        path = folder / f"{number}"
        path.write_bytes(b"x" * size)
        os.utime(path, (1_000_000 - number * 86_400,) * 2)
        made.append(path)
    return made


def test_pruning_by_size_and_by_age(tmp_path: Path) -> None:
    files = make_files(tmp_path, 6)
    assert prune(files, max_bytes=35, max_days=30, now=1_000_000) == 30
    assert [path.exists() for path in files] == [True] * 3 + [False] * 3
    assert prune(files, max_bytes=1000, max_days=1.5, now=1_000_000) == 20


def test_the_newest_is_never_pruned(tmp_path: Path) -> None:
    newest, older = make_files(tmp_path, 2)
    assert prune([older, newest], max_bytes=0, max_days=0, now=9_000_000) == 10
    assert newest.exists()
    assert not older.exists()
    assert prune([tmp_path / "gone"], 0, 0, 0) == 0


def test_the_writer_does_the_jobs_in_order_and_all_of_them_before_it_stops() -> None:
    done: list[int] = []
    writer = Writer(lambda *_: None)
    for number in range(100):
        assert writer.submit("x", lambda number=number: done.append(number))  # type: ignore[misc]
    writer.start()
    writer.stop()
    assert done == list(range(100))


def test_failures_are_told_once_until_it_works_again(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    writer = Writer(lambda kind, error: told.append((kind, type(error).__name__)), again_s=0)
    blocked = tmp_path / "file"
    blocked.write_text("in the way")

    def fail() -> None:
        append_line(blocked / "log", b"x")

    def bug() -> None:
        raise ValueError("a fault")

    for job in (fail, fail, lambda: None, fail):
        writer.submit("a", job)
    writer.submit("b", bug)
    done = threading.Event()
    writer.submit("b", done.set)
    writer.start()
    writer.stop()
    assert [kind for kind, _ in told] == ["a", "a", "b"]
    assert done.is_set()


def test_a_disk_that_works_and_fails_by_turns_is_told_about_once() -> None:
    told: list[str] = []
    writer = Writer(lambda kind, _: told.append(kind))

    def fail() -> None:
        raise OSError("full")

    for _ in range(10):
        writer.submit("a", fail)
        writer.submit("a", lambda: None)
    writer.start()
    writer.stop()
    assert told == ["a"]


def test_a_disk_that_hangs_drops_jobs_and_blocks_nobody() -> None:
    told: list[Exception | None] = []
    hanging, go_on = threading.Event(), threading.Event()
    writer = Writer(lambda _, error: told.append(error), jobs=2)

    def hang() -> None:
        hanging.set()
        go_on.wait(10)

    writer.start()
    writer.submit("a", hang)
    assert hanging.wait(10)
    taken = [writer.submit("a", lambda: None) for _ in range(5)]
    assert taken == [True, True, False, False, False]
    assert writer.dropped == 3
    assert told == [None]
    go_on.set()
    writer.stop()


def test_stopping_a_writer_that_never_ran() -> None:
    Writer(lambda *_: None).stop()


def test_whole_lines_after_a_kill(tmp_path: Path) -> None:
    """kill -9 while it writes: complete up to the last line, and that is removed if it is not."""
    path = tmp_path / "a"
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from anyclaude_tui.telemetry.files import append_line\n"
        "path = Path(sys.argv[1])\n"
        "print('go', flush=True)\n"
        "while True:\n"
        "    append_line(path, b'w' * 3000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        while not path.exists() or path.stat().st_size < 100_000:
            assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    heal(path)
    data = path.read_bytes()
    assert data.endswith(b"\n")
    assert {len(line) for line in data.splitlines()} == {3000}
