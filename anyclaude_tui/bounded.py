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

SECONDS = 10.0
MEMORY_BYTES = 512 * 2**20
OUTPUT_BYTES = 8 * 2**20


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
    """What `python -m module` writes to stdout when it is given `data` on stdin.

    The module calls `limit_myself` first. Raises BoundedError for a child that takes too long,
    writes too much, or fails.
    """
    # -P: the working directory is the user's project, and is not where modules come from.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", module, str(memory_bytes), str(int(seconds) + 1)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
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
