"""Work on what somebody else wrote (a model's template, a document), in a child process that
is bounded in time, memory and output, and ends with whoever waits for it.

A child that goes wrong costs itself; the session's loop and its streams never wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

SECONDS = 10.0
MEMORY_BYTES = 512 * 2**20
OUTPUT_BYTES = 8 * 2**20
_LOOK_S = 0.05
_TOO_MUCH_MEMORY = 77
"""The exit code of a child that has met its limit of memory by its own look at it."""
_ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "PATH", "PYTHONPATH", "TMPDIR")
"""The variables that a child needs to start; keys and tokens are not among them."""


class BoundedError(Exception):
    """The child came to no result; the text says why, for a person."""


async def run(
    module: str,
    data: bytes,
    *,
    seconds: float = SECONDS,
    memory_bytes: int = MEMORY_BYTES,
    output_bytes: int = OUTPUT_BYTES,
) -> bytes:
    """Run `python -m module` with `data` on stdin; its stdout is the result.

    The module calls `limit_myself` first. Raises BoundedError for a child that takes too long,
    writes too much, or fails.
    """
    # -P: the working directory is the user's project, and is not where modules come from.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", module, str(memory_bytes), str(int(seconds) + 1)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(seconds):
            writing = asyncio.create_task(_write(process.stdin, data))
            try:
                output = await _read(process.stdout, output_bytes)
            finally:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
            code = await process.wait()
    except TimeoutError:
        raise BoundedError(f"it was not done in {seconds:g} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if code == _TOO_MUCH_MEMORY:
        raise BoundedError(f"it took more than {memory_bytes >> 20} MB of memory")
    if code:
        raise BoundedError(f"it failed (exit {code}) within {memory_bytes >> 20} MB of memory")
    return output


def limit_myself(arguments: list[str]) -> None:
    """In the child: take the limits that `run` gave on the command line."""
    memory_bytes, cpu_s = int(arguments[0]), int(arguments[1])
    for what, limit in (
        (resource.RLIMIT_AS, memory_bytes),  # macOS knows it, and does not keep it
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (limit, limit))
    if sys.platform == "darwin":
        threading.Thread(target=_watch, args=(memory_bytes,), daemon=True).start()


def _watch(memory_bytes: int) -> None:
    while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss <= memory_bytes:  # bytes, on macOS
        time.sleep(_LOOK_S)
    os._exit(_TOO_MUCH_MEMORY)


@dataclass(slots=True)
class _Waiting:
    """The waiter for a thread's work: its event loop, and the children of that work."""

    loop: asyncio.AbstractEventLoop
    children: list[Future[bytes]] = field(default_factory=list)
    gone: bool = False

    def leave(self) -> None:
        self.gone = True
        for child in self.children:
            child.cancel()


_WAITING: ContextVar[_Waiting | None] = ContextVar("waiting", default=None)


async def in_thread(work: Callable[..., T], *arguments: object) -> T:
    """`work(*arguments)` in a thread; when this is cancelled, a child that it `call`s is ended."""
    waiting = _Waiting(asyncio.get_running_loop())
    outer = _WAITING.set(waiting)  # `to_thread` takes it along
    try:
        return await asyncio.to_thread(work, *arguments)
    finally:
        waiting.leave()
        _WAITING.reset(outer)


def call(module: str, data: bytes, *, seconds: float = SECONDS) -> bytes:
    """`run`, for a thread: it blocks. Raises BoundedError, also when nobody waits any more."""
    work = run(module, data, seconds=seconds)
    waiting = _WAITING.get()
    if waiting is None:
        return asyncio.run(work)
    child = asyncio.run_coroutine_threadsafe(work, waiting.loop)
    waiting.children.append(child)
    if waiting.gone:
        child.cancel()
    try:
        return child.result()
    except CancelledError:
        raise BoundedError("nobody waits for it any more") from None


def abandoned() -> bool:
    """True if nobody waits for this thread's work any more."""
    waiting = _WAITING.get()
    return waiting is not None and waiting.gone


async def _write(stdin: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(OSError):  # it may have ended without reading all
        stdin.write(data)
        await stdin.drain()
        stdin.close()


async def _read(stdout: asyncio.StreamReader, most: int) -> bytes:
    output = bytearray()
    while data := await stdout.read(65536):
        output += data
        if len(output) > most:
            raise BoundedError(f"it wrote more than {most >> 20} MB")
    return bytes(output)
