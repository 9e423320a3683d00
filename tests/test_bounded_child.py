"""Work in a process of its own: its answer, its limits, and its end with whoever waits."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from anyclaude_tui import bounded_child
from anyclaude_tui.bounded_child import ChildError, call, held, in_thread
from tests.support.waiting import until

HERE = __name__


def upper(data: bytes) -> bytes:
    print("a word on stdout is no part of the answer")
    return data.upper()


def fails(data: bytes) -> bytes:
    raise ValueError(data.decode())


def sleeps(data: bytes) -> bytes:
    time.sleep(60)
    return data


def hoards(data: bytes) -> bytes:
    kept = []
    while True:
        kept.append(bytearray(8 * 2**20))


def environment(_: bytes) -> bytes:
    return repr((sorted(os.environ), os.getcwd(), os.environ.get("HOME"))).encode()


def children() -> list[psutil.Process]:
    own = psutil.Process()
    return [p for p in own.children() if "bounded_child" in " ".join(p.cmdline())]


def run(name: str, data: bytes = b"", *, seconds: float = 30, memory_mb: int = 512) -> bytes:
    return call(f"{HERE}:{name}", data, seconds=seconds, memory_bytes=memory_mb * 2**20)


def test_the_answer() -> None:
    long = b"abc" * 1_000_000
    assert run("upper", long) == long.upper()


def test_what_it_raises_is_told() -> None:
    with pytest.raises(ChildError, match="ValueError: no such page"):
        run("fails", b"no such page")


def test_it_may_not_take_long() -> None:
    with pytest.raises(ChildError, match=r"took more than 0.5 s"):
        run("sleeps", seconds=0.5)
    assert children() == []


def test_it_may_not_take_much_memory() -> None:
    with pytest.raises(ChildError, match="took more than 128 MB of memory"):
        run("hoards", memory_mb=128)


def test_it_knows_nothing_of_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "hunter2hunter2")
    names, folder, home = eval(run("environment"))
    assert (folder, home) == ("/", None)
    assert "ANTHROPIC_API_KEY" not in names


def test_modules_of_the_folder_that_we_stand_in_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "resource.py").write_text("raise SystemExit('from here')")
    (tmp_path / "pypdf.py").write_text("raise SystemExit('from here')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), "", *sys.path])
    assert run("upper", b"a") == b"A"


async def test_it_ends_when_nobody_waits_any_more() -> None:
    waiting = asyncio.create_task(in_thread(run, "sleeps"))
    await until(lambda: children() != [])
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: children() == [])


async def test_who_waits_for_a_lock_gives_up_too() -> None:
    lock, begun = threading.Lock(), threading.Event()

    def work() -> None:
        begun.set()
        with held(lock):
            raise AssertionError("it was never free")

    threads = threading.active_count()
    with lock:
        waiting = asyncio.create_task(in_thread(work))
        await asyncio.to_thread(begun.wait)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.sleep(3 * bounded_child._LOOK_S)
        assert lock.locked()
    assert threading.active_count() <= threads + 2
