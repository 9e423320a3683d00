"""`anyclaude-tui serve` as a real child process, and what it must leave behind: nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.e2e.claude import clean_environment
from tests.e2e.terminal import end_group

ANYCLAUDE = [sys.executable, "-m", "anyclaude_tui"]


@dataclass(slots=True)
class Serve:
    """A running `serve`; the fields of its JSON line."""

    url: str
    token: str
    backend: str
    model: str
    pid: int
    settings: list[str]
    process: asyncio.subprocess.Process
    home: Path
    """Its ANYCLAUDE_HOME."""
    log: list[str] = field(default_factory=list)
    """Its stderr so far, line by line."""

    def family(self) -> list[psutil.Process]:
        """It and all of its descendants now."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    async def terminate(self, timeout: float = 30) -> int:
        """SIGTERM; its exit code. Raises AssertionError when a process of it is left."""
        family = self.family()
        self.process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(self.process.wait(), timeout)
        _, alive = await asyncio.to_thread(psutil.wait_procs, family, timeout=20)
        assert not alive, f"serve has left {alive}"
        return code


async def run(
    *args: str,
    home: Path,
    cwd: Path | None = None,
    timeout: float = 30,
    env: Mapping[str, str] | None = None,
) -> tuple[int, str, str]:
    """Runs `anyclaude-tui args…` to its end: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        *ANYCLAUDE, *args,
        cwd=cwd or home, env=clean_environment(home) | dict(env or {}),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), timeout)
    finally:
        await end_group(process)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@contextlib.asynccontextmanager
async def serve(
    backend: str, *args: str, home: Path, config: str = "", timeout: float = 90, **env: str
) -> AsyncIterator[Serve]:
    """Starts `serve --backend BACKEND args…`, waits for its JSON line, stops it at the end.

    `config` becomes its `config.toml`. At the end it must stop on SIGTERM with exit code 0 and
    leave no process (unless the test has ended it already).
    """
    environment = clean_environment(home) | env
    files = Path(environment["ANYCLAUDE_HOME"])
    files.mkdir(parents=True, exist_ok=True, mode=0o700)
    if config:
        (files / "config.toml").write_text(config, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *ANYCLAUDE, "serve", "--backend", backend, *args,
        cwd=home, env=environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout
    assert process.stderr
    log: list[str] = []
    logging = asyncio.create_task(_collect(process.stderr, log))
    try:
        async with asyncio.timeout(timeout):
            line = await process.stdout.readline()
        if not line:
            await logging
            raise AssertionError(f"serve has ended before it was ready:\n{''.join(log)}")
        running = Serve(**json.loads(line), process=process, home=files, log=log)
        assert running.pid == process.pid
        yield running
        if process.returncode is None:
            code = await running.terminate()
            assert code == 0, f"serve ended with {code}:\n{''.join(log)}"
        rest = await process.stdout.read()
        assert not rest, f"serve wrote more than its one line to stdout: {rest!r}"
    finally:
        await end_group(process)
        await logging


async def _collect(stream: asyncio.StreamReader, lines: list[str]) -> None:
    while line := await stream.readline():
        lines.append(line.decode(errors="replace"))
