"""One run of a server that we start: its process group, output, usage and end.

It knows nothing of readiness or restarts: that is `supervised.py`. The child is started
and ended by `guard.py`, which does so too when we are killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from anyclaude_tui import private
from anyclaude_tui.backends import machine
from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.backends.machine import Usage, UsageSampler
from anyclaude_tui.backends.supervision import exits, guard, pidfiles
from anyclaude_tui.backends.supervision.serverlog import ServerLog

STOP_GRACE_S = 10.0
"""SIGTERM to SIGKILL: vllm-mlx needs up to 8.3 s when busy (docs/protocol/vllm-mlx.md)."""
SAMPLE_S = 1.0
LAST_OUTPUT_S = 0.5


class ServerProcess:
    """A child in its own process group. `start` once, then `wait` or `stop`; then discard it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        log: ServerLog,
        state_folder: Path,
    ) -> None:
        self.name = name
        self.command = tuple(command)
        self.log = log
        self.pid: int | None = None
        self.usage: Usage | None = None
        """CPU and memory of the whole group, about once a second."""
        self.exit_code: int | None = None
        self._env = dict(env)
        self._state_folder = state_folder
        self._folder = state_folder / "servers"
        """Its working folder: an empty one of ours."""
        self._guard: subprocess.Popen[bytes] | None = None
        self._spawned = asyncio.Event()
        self._ended = asyncio.Event()
        self._asked = False
        self._tasks: list[asyncio.Task[None]] = []
        self._note: Path | None = None
        self._identity: str | None = None
        self._words = b""

    @property
    def running(self) -> bool:
        """True if the child was started and has not ended."""
        return self.pid is not None and not self._ended.is_set()

    @property
    def reason(self) -> str:
        """The reason why it ended, in words; empty while it runs or when we stopped it."""
        if not self._ended.is_set() or self._asked:
            return ""
        return exits.explain(self.exit_code, self.log.tail(), self.usage, machine.memory())

    async def start(self) -> None:
        """Start the child. Raises BackendError when the command cannot be run."""
        status_fd, output_fd = self._spawn()
        self._tasks = [
            asyncio.create_task(self._follow(status_fd, output_fd), name=f"{self.name} follow")
        ]
        await self._spawned.wait()
        if self.pid is not None:
            self._tasks.append(asyncio.create_task(self._sample(), name=f"{self.name} sample"))

    async def wait(self) -> None:
        """Return when the child has ended and all its output has been read."""
        await self._ended.wait()

    async def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """End the whole group: SIGTERM, SIGKILL after `grace_s`. Safe to call at any time."""
        process = self._guard
        if process is None:
            return
        self._asked = self._asked or not self._ended.is_set()
        if not self._ended.is_set():
            self._command_guard(f"stop {grace_s}")
        try:
            await self._ended.wait()
        except asyncio.CancelledError:
            self._let_go()  # the closed pipe makes the guard end the group by itself
            raise
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _command_guard(self, line: str) -> None:
        process = self._guard
        if process is not None and process.stdin is not None and not process.stdin.closed:
            with contextlib.suppress(OSError):
                process.stdin.write(f"{line}\n".encode())

    def _let_go(self) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            with contextlib.suppress(OSError):
                self._guard.stdin.close()

    def _spawn(self) -> tuple[int, int]:
        """Start the guard; returns the reading ends of its status and output pipes."""
        try:
            private.folder(self._folder)
        except OSError as error:
            raise BackendError(f"the server could not be started: {error}") from None
        status_read, status_write = os.pipe()
        output_read, output_write = os.pipe()
        starter = [sys.executable, "-ISP", guard.__file__, str(status_write), *self.command]
        try:
            # Not asyncio's: its transport kills the guard with SIGKILL when it is let go of.
            self._guard = subprocess.Popen(
                starter,
                stdin=subprocess.PIPE,
                stdout=output_write,
                stderr=output_write,
                env=self._env,
                cwd=self._folder,  # not where we were started: its modules would come first
                pass_fds=(status_write,),
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            os.close(status_read)
            os.close(output_read)
            raise BackendError(f"the server could not be started: {error}") from None
        finally:
            os.close(status_write)
            os.close(output_write)
        return status_read, output_read

    async def _follow(self, status_fd: int, output_fd: int) -> None:
        """Read the output and the guard's words until the guard is gone."""
        process = self._guard
        assert process is not None
        reading = asyncio.create_task(_each_chunk(output_fd, self.log.feed))
        try:
            await _each_chunk(status_fd, self._hear)
            # The status pipe is closed: the guard has ended, its child in the usual case too.
            await asyncio.to_thread(process.wait)
            self._clean_after_guard()
            # A process that left the group may hold the output open: it is not waited for.
            await asyncio.wait([reading], timeout=LAST_OUTPUT_S)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            self._let_go()
            self.log.finish()
            self.log.close()
            pidfiles.remove(self._note)
            self._spawned.set()
            self._ended.set()

    def _hear(self, data: bytes) -> None:
        """The guard's words, whole lines or parts of them: `pid N`, `error TEXT`, `exit N`."""
        *lines, self._words = (self._words + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode(errors="replace").partition(" ")
            if word == "pid":
                self.pid = int(rest)
                self._identity = machine.identity(self.pid)
                self._note = pidfiles.write(self._state_folder, self.name, self.pid, self.command)
                self._spawned.set()
            elif word == "exit":
                self.exit_code = int(rest)
            elif word == "error":
                self.log.feed(f"{rest}\n".encode())

    def _clean_after_guard(self) -> None:
        """The guard was killed before it told the end: its child is ended here."""
        if self.exit_code is not None or self.pid is None:
            return
        if self._identity and machine.identity(self.pid) == self._identity:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    async def _sample(self) -> None:
        """Keep `usage` fresh, off the loop: a walk over all processes takes milliseconds."""
        if self.pid is None:
            return
        sampler = UsageSampler(self.pid)
        while not self._ended.is_set():
            seen = await asyncio.to_thread(sampler.sample)
            if seen is None:
                return
            self.usage = seen
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), SAMPLE_S)


async def _each_chunk(fd: int, take: Callable[[bytes], None]) -> None:
    """Hand over what comes out of a pipe until it is closed; closes the descriptor."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", buffering=0)
    )
    try:
        while data := await reader.read(65536):
            take(data)
    finally:
        transport.close()
