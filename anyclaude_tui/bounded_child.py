"""Work on what a stranger has made (a PDF, a model's chat template) in a process of its own.

It has a limit of time and one of memory, nothing of our environment, and ends with the request
that waits for it. `call` blocks and is for threads: `in_thread` is how the loop gets there.
What runs in the child is a function of ours, `bytes` in and `bytes` out, named by its module.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import IO, TypeVar

T = TypeVar("T")

_LOOK_S = 0.05
_WITHOUT_MEMORY = 77
"""The exit code that tells that the limit of memory was met."""
_WORDS = 500
_STOP: ContextVar[threading.Event | None] = ContextVar("stop", default=None)


class ChildError(Exception):
    """The work was not done; the text says why, without its subject: `took more than 10 s`."""


async def in_thread(work: Callable[..., T], *arguments: object) -> T:
    """`work(*arguments)` in a thread; when this is cancelled, the child in it is ended."""
    stop = threading.Event()
    outer = _STOP.set(stop)  # `to_thread` takes it along
    try:
        return await asyncio.to_thread(work, *arguments)
    finally:
        stop.set()
        _STOP.reset(outer)


def stopped() -> bool:
    """Whether whoever waits for this thread's work has gone."""
    stop = _STOP.get()
    return stop is not None and stop.is_set()


@contextlib.contextmanager
def held(lock: threading.Lock) -> Iterator[None]:
    """`with lock`, given up when nobody waits for the work any more. Raises ChildError."""
    while not lock.acquire(timeout=_LOOK_S):
        if stopped():
            raise ChildError("nobody waits for it any more")
    try:
        yield
    finally:
        lock.release()


def call(target: str, data: bytes, *, seconds: float, memory_bytes: int) -> bytes:
    """What `target` ("package.module:function") makes of `data`, in a process of its own.

    Raises ChildError: it took too long or too much memory, raised something, or was stopped.
    """
    begun = time.monotonic()
    ours = Path(__file__).resolve().parent.parent
    # Behind Python's own and the installed packages, and never the folder that we stand in:
    # a module there must not come before, or be, what is asked for.
    paths = [str(ours), *(p for p in sys.path if p and not _is_here(p))]
    child = subprocess.Popen(
        [sys.executable, "-I", __file__, target, str(seconds), str(memory_bytes), *paths],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"LC_ALL": "C.UTF-8"},
        cwd="/",
        start_new_session=True,
    )
    given, child.stdin = child.stdin, None  # `communicate` would forget it after a timeout
    assert given is not None
    giving = threading.Thread(target=_give, args=(given, data), daemon=True)
    giving.start()
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                out, _ = child.communicate(timeout=_LOOK_S)
                break
            if stopped():
                raise ChildError("nobody waits for it any more")
            if time.monotonic() - begun > seconds:
                raise ChildError(f"took more than {seconds:g} s")
    finally:
        if child.poll() is None:
            child.kill()
        with child:  # closes the pipes and reaps it
            giving.join()
    if child.returncode == _WITHOUT_MEMORY:
        raise ChildError(f"took more than {memory_bytes // 2**20} MB of memory")
    if child.returncode:
        raise ChildError(f"ended with exit code {child.returncode}")
    kind, result = out[:1], out[1:]
    if kind != b"=":
        raise ChildError(result.decode(errors="replace"))
    return result


def _give(pipe: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError), pipe:  # it has ended before it read all
        pipe.write(data)


def _is_here(path: str) -> bool:
    return os.path.realpath(path) == os.path.realpath(os.getcwd())


def _main(target: str, seconds: str, memory: str, *paths: str) -> None:
    """The child: reads stdin, writes `=` and the result, or `!` and what was raised."""
    sys.path = [path for path in sys.path if path != str(Path(__file__).resolve().parent)]
    sys.path += [path for path in paths if path not in sys.path]
    _limit(float(seconds), int(memory))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print is no answer
    try:
        module, _, name = target.partition(":")
        answer = b"=" + getattr(importlib.import_module(module), name)(sys.stdin.buffer.read())
    except MemoryError:
        os._exit(_WITHOUT_MEMORY)
    except Exception as error:
        answer = b"!" + f"{type(error).__name__}: {error}"[:_WORDS].encode(errors="replace")
    out.write(answer)
    out.close()


def _limit(seconds: float, memory_bytes: int) -> None:
    """Limits of the kernel's, for a parent that is gone; macOS does not keep that of memory."""
    whole = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_watch, args=(memory_bytes,), daemon=True).start()


def _watch(memory_bytes: int) -> None:
    unit = 1 if sys.platform == "darwin" else 1024
    while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit <= memory_bytes:
        time.sleep(_LOOK_S)
    os._exit(_WITHOUT_MEMORY)


if __name__ == "__main__":
    _main(*sys.argv[1:])
