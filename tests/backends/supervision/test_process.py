"""One run of a child: its output, its end, and that nothing of it is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from anyclaude_tui.backends.supervision.process import ServerProcess
from anyclaude_tui.backends.supervision.serverlog import ServerLog
from tests.support.waiting import alive, until

Start = Callable[[str], ServerProcess]


@pytest.fixture
async def child(tmp_path: Path) -> AsyncIterator[Start]:
    """`child(code)` makes a process that runs Python code; stopped after the test."""
    made: list[ServerProcess] = []

    def build(code: str) -> ServerProcess:
        log = ServerLog(tmp_path / "server-logs" / "child.log")
        command = [sys.executable, "-SE", "-u", "-c", code]
        made.append(ServerProcess("child", command, os.environ, log, tmp_path / "state"))
        return made[-1]

    yield build
    for process in made:
        await process.stop(0.2)


SLEEP = "import time; print('up', flush=True); time.sleep(60)"


async def test_output_goes_to_the_ring_and_to_a_private_file(child: Start, tmp_path: Path) -> None:
    process = child("import sys; print('one'); print('two', file=sys.stderr); print('end', end='')")
    await process.start()
    await process.wait()
    assert process.log.tail() == ("one", "two", "end")
    file = tmp_path / "server-logs" / "child.log"
    assert file.read_text() == "one\ntwo\nend\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert process.exit_code == 0
    assert not list((tmp_path / "state").glob("server-*.json"))


async def test_it_leads_a_group_of_its_own_and_has_a_pid_file(child: Start, tmp_path: Path) -> None:
    process = child(SLEEP)
    await process.start()
    assert process.pid is not None
    assert process.running
    assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
    assert (tmp_path / "state" / f"server-{process.pid}.json").exists()


async def test_usage_is_sampled_while_it_runs(child: Start) -> None:
    process = child(SLEEP)
    await process.start()
    await until(lambda: process.usage is not None)
    assert process.usage is not None
    assert process.usage.memory_bytes
    assert 0 < process.usage.pressure < 1


async def test_stop_ends_the_children_of_the_child_too(child: Start) -> None:
    process = child(
        "import subprocess, sys, time\n"
        "command = [sys.executable, '-SE', '-c', 'import time; time.sleep(60)']\n"
        "print(subprocess.Popen(command).pid)\n"
        "time.sleep(60)"
    )
    await process.start()
    await until(lambda: bool(process.log.tail()))
    grandchild = int(process.log.tail()[0])
    assert alive(grandchild)
    await process.stop()
    assert process.exit_code == -signal.SIGTERM
    assert process.reason == ""
    await until(lambda: not alive(grandchild))


async def test_a_child_that_will_not_end_is_killed_after_the_grace(child: Start) -> None:
    process = child(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf');"
        "time.sleep(60)"
    )
    await process.start()
    await until(lambda: bool(process.log.tail()))
    await process.stop(grace_s=0.1)
    assert process.exit_code == -signal.SIGKILL


async def test_a_grandchild_that_outlives_the_child_is_ended(child: Start) -> None:
    process = child(
        "import subprocess, sys\n"
        "print(subprocess.Popen([sys.executable, '-SE', '-c', 'import time; time.sleep(60)']).pid)"
    )
    await process.start()
    await process.wait()
    assert process.exit_code == 0
    await until(lambda: not alive(int(process.log.tail()[0])))


async def test_a_kill_from_outside_is_told_with_its_likely_cause(child: Start) -> None:
    process = child(SLEEP)
    await process.start()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    assert "killed from outside (SIGKILL)" in process.reason
    assert "memory" in process.reason


async def test_a_traceback_is_told_by_its_last_line(child: Start) -> None:
    process = child("raise RuntimeError('weights are corrupt')")
    await process.start()
    await process.wait()
    assert process.reason == "exit 1: RuntimeError: weights are corrupt"


async def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "x.log")
    process = ServerProcess("x", ["no-such-launcher"], os.environ, log, tmp_path / "state")
    await process.start()
    await process.wait()
    assert process.reason == "exit 127: no-such-launcher: No such file or directory"


async def test_when_the_guard_is_killed_the_child_is_ended_by_us(child: Start) -> None:
    process = child(SLEEP)
    await process.start()
    assert process.pid is not None
    guard = psutil.Process(process.pid).parent()
    assert guard is not None
    guard.kill()
    await process.wait()
    await until(lambda: not alive(process.pid or 0))
    assert "guard" in process.reason


async def test_a_cancelled_stop_still_ends_the_child(child: Start) -> None:
    process = child(SLEEP)
    await process.start()
    stopping = asyncio.create_task(process.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    await process.wait()
    assert not alive(process.pid or 0)


OWNER = """
import asyncio, os, sys
from pathlib import Path
from anyclaude_tui.backends.supervision.process import ServerProcess
from anyclaude_tui.backends.supervision.serverlog import ServerLog

async def main():
    home = Path(sys.argv[1])
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    command = [sys.executable, "-SE", "-c", code]
    process = ServerProcess("x", command, os.environ, ServerLog(home / "x.log"), home / "state")
    await process.start()
    print(process.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_kill_9_of_the_owner_leaves_no_child_after_3_seconds(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        guard = psutil.Process(pid).parent()
        assert guard is not None
        assert alive(pid)
        owner.kill()
    deadline = time.monotonic() + 3
    while (alive(pid) or alive(guard.pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)
    assert not alive(guard.pid)
