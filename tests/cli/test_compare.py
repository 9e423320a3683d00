"""`anyclaude-tui compare` as a user runs it: a real process, real simulated servers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.support import wire
from tests.support.upstream import Reply, Upstream

TARGETS = ("simulator:fast,speed=8", "simulator:slow,speed=8")


async def start(home: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "anyclaude_tui",
        "compare",
        *arguments,
        cwd=home,
        env={**os.environ, "ANYCLAUDE_HOME": str(home / "home"), "COLUMNS": "120"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(home: Path, *arguments: str) -> tuple[int | None, str, str]:
    process = await start(home, *arguments)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_report_on_stdout_progress_on_stderr_and_files(tmp_path: Path) -> None:
    options = ("--runs", "2", "--prompt", "hello", "--max-tokens", "60")
    files = ("--json", "out.json", "--markdown", "out.md", "--svg", "out.svg")
    code, out, err = await run(tmp_path, *TARGETS, *options, *files)
    assert code == 0, err
    assert "the backend is the bottleneck" in out
    assert "SIMULATED" in out
    assert "[18/18]" in err
    assert "left" in err
    saved = json.loads((tmp_path / "out.json").read_bytes())
    assert len(saved["comparison"]["samples"]) == 18
    assert all(sample["view"]["outcome"] for sample in saved["comparison"]["samples"])
    assert "## Report your findings" in (tmp_path / "out.md").read_text()
    assert (tmp_path / "out.svg").read_text().startswith("<svg")
    assert len(list((tmp_path / "home" / "comparisons").glob("*.json"))) == 1


async def test_interrupted_it_reports_what_there_is(tmp_path: Path) -> None:
    process = await start(tmp_path, TARGETS[0], "--runs", "500", "--prompt", "hello")
    assert process.stderr is not None
    while b"run 2" not in await process.stderr.readline():
        pass
    servers = psutil.Process(process.pid).children(recursive=True)
    assert servers
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert process.returncode == 130
    assert b"stopped before the end" in out
    assert b"Traceback" not in err
    gone, alive = psutil.wait_procs(servers, timeout=20)
    assert gone
    assert not alive


async def test_a_target_that_fails_gives_1_and_the_others_figures(
    tmp_path: Path, upstream: Upstream
) -> None:
    """Its server tells its speed: none can be measured where all deltas are read at once."""
    bad = "openai:http://127.0.0.1:9/v1"
    speed = wire.chunk({}, timings={"predicted_per_second": 50.0})
    upstream.when(lambda _: True, Reply(wire.text("Hello ", "you"), speed, wire.ending()))
    good = f"openai:{upstream.url}"
    code, out, _ = await run(tmp_path, good, bad, "--runs", "1", "--prompt", "hello")
    assert code == 1
    assert "openai:127.0.0.1:9 could not be measured" in out
    assert "decode, direct" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonsense",), "no backend called 'nonsense'"),
        ((TARGETS[0], "--trace", "none.json"), "none.json"),
        ((TARGETS[0], "--workload", "tall"), "no workload 'tall'"),
        ((TARGETS[0], "--runs", "0"), "not a whole number of 1 or more"),
        ((TARGETS[0], "--json", "no/such/folder/out.json"), "there is no folder"),
        ((TARGETS[0], "--prompt", " "), "prompt is empty"),
        ((), "required"),
    ],
)
async def test_mistakes_are_told_at_once(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = await run(tmp_path, *arguments)
    assert code in (1, 2)
    assert words in err
    assert "Traceback" not in err
    assert not out
