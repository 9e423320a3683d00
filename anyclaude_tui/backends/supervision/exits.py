"""The reason why a server ended, in words: from its exit code, last lines and usage. Pure."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

from anyclaude_tui.backends.machine import Memory, Usage
from anyclaude_tui.backends.supervision.serverlog import OURS
from anyclaude_tui.figures import percent, size
from anyclaude_tui.printable import printable
from anyclaude_tui.redaction import clean

SHORT_OF_MEMORY = 0.9
"""From this share of the machine's memory on, a kill may come from the system."""
_EXCEPTION = re.compile(
    r"^(?:[A-Za-z_][\w.]*\.)?([A-Za-z_]\w*(?:Error|Exception|Interrupt|Exit)): ?"
)
_PORT_TAKEN = re.compile(
    r"\[Errno (?:48|98)\]|address already in use|couldn't bind HTTP server socket", re.IGNORECASE
)
"""Python's servers and those in Rust; llama.cpp's."""
_GPU_MEMORY = re.compile(
    r"kIOGPUCommandBufferCallbackErrorOutOfMemory|Insufficient Memory|"
    r"\[metal::malloc\]|std::bad_alloc|CUDA out of memory",
    re.IGNORECASE,
)


def explain(
    code: int | None, tail: Sequence[str], usage: Usage | None = None, memory: Memory | None = None
) -> str:
    """The reason in words. `code` negative: a signal; None: the guard vanished with it."""
    if code is None:
        return "its guard process was killed, and it was ended with it"
    if any(_GPU_MEMORY.search(line) for line in tail[-40:]):
        return f"out of memory{_used(usage, memory)}: take a smaller model or a smaller context"
    if port_taken(tail):
        return "its port was taken by another process"
    if code == -signal.SIGKILL:
        return f"killed from outside (SIGKILL){_used(usage, memory)}: {_killer(usage)}"
    if code < 0:
        return f"ended by {_signal_name(-code)}{_last_words(tail)}"
    if code == 0:
        return f"ended by itself (exit 0){_last_words(tail)}"
    return f"exit {code}{_last_words(tail)}"


def port_taken(tail: Sequence[str]) -> bool:
    """True if the server said that its port is taken (mlx_lm then stays alive, serving nothing)."""
    return any(_PORT_TAKEN.search(line) for line in tail[-40:])


def last_error(tail: Sequence[str]) -> str:
    """The line that says most: the last exception of a traceback, else the last line."""
    for line in reversed(tail[-60:]):
        if _EXCEPTION.match(line):
            return line
    for line in reversed(tail):
        if f" {OURS} " not in line[:40]:
            return line
    return ""


def _last_words(tail: Sequence[str]) -> str:
    line = last_error(tail)
    return f": {clean(printable(line))[:300]}" if line else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _used(usage: Usage | None, memory: Memory | None) -> str:
    if usage is None or usage.memory_bytes is None:
        return ""
    of = f" of {size(memory.total_bytes)}" if memory else ""
    return f" while it used {size(usage.memory_bytes)}{of}"


def _killer(usage: Usage | None) -> str:
    """The probable sender of the signal: memory is named only where the figures allow it."""
    if usage is None or not usage.pressure:
        return "the system does that when memory runs out; its own log says so then"
    used = f"{percent(100 * usage.pressure)} of the memory was in use"
    if usage.pressure >= SHORT_OF_MEMORY:
        return f"{used}, and the system does that when memory runs out"
    return f"{used}, so memory was not short: somebody or another program did it"
