"""The small process between us and a server that we start: it leaves no orphan behind.

`python -ISP guard.py STATUS_FD COMMAND…` starts COMMAND in a session of its own, tells its
pid on STATUS_FD and then waits for one of three things:

- the child ends: the rest of its group is killed, `exit N` is told (negative: a signal);
- `stop SECONDS` on stdin: SIGTERM to the group, after SECONDS SIGKILL;
- stdin closes, because we died however it was (kill -9 too): the same with ORPHAN_GRACE_S.

The guard is the child's parent and stops signalling once it has reaped it, so a signal
never reaches a stranger with a reused pid. Standard library only, no site-packages, so
that it starts in milliseconds and works whatever state the environment is in.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

ORPHAN_GRACE_S = 1.0


def main(arguments: list[str]) -> int:
    """Run the command until it has ended. Returns the guard's own exit code, 0."""
    status, command = int(arguments[0]), arguments[1:]
    os.set_inheritable(status, False)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    for caught in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(caught, lambda *_: None)  # only to wake select()

    pid = _spawn(command, status)
    _tell(status, f"pid {pid}")
    code = _watch(pid, wake_read)
    _signal_group(pid, signal.SIGKILL)  # what the child has left behind in its group
    _tell(status, f"exit {code}")
    return 0


def _spawn(command: list[str], status: int) -> int:
    """Fork and exec; a failed exec is told as `error …` and ends the child with 127."""
    gate_read, gate_write = os.pipe()  # holds us until the child has its own group to signal
    pid = os.fork()
    if pid:
        os.close(gate_write)
        os.read(gate_read, 1)
        os.close(gate_read)
        return pid
    os.setsid()
    os.close(gate_write)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for changed in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM):
        signal.signal(changed, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        _tell(status, f"error {command[0]}: {error.strerror}")
        os._exit(127)


def _watch(pid: int, wake_read: int) -> int:
    """Wait for the child's end, ending it when asked. Returns its exit code."""
    commands = b""
    deadline: float | None = None
    listening = True
    while True:
        code = _ended(pid)
        if code is not None:
            return code
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        sources = [wake_read, 0] if listening else [wake_read]
        ready = select.select(sources, [], [], timeout)[0]
        if deadline is not None and time.monotonic() >= deadline:
            _signal_group(pid, signal.SIGKILL)
            deadline = None
        grace: float | None = None
        if wake_read in ready and signal.SIGTERM in os.read(wake_read, 512):
            grace = ORPHAN_GRACE_S
        if 0 in ready:
            data = os.read(0, 512)
            commands += data
            if not data:
                listening, grace = False, ORPHAN_GRACE_S
            while b"\n" in commands:
                line, _, commands = commands.partition(b"\n")
                grace = float(line.split()[1])
        if grace is not None:
            _signal_group(pid, signal.SIGTERM)
            until = time.monotonic() + grace
            deadline = until if deadline is None else min(deadline, until)


def _ended(pid: int) -> int | None:
    """The exit code (negative: a signal) of a child that has ended; reaps it."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _signal_group(pid: int, number: int) -> None:
    # No such group: it is empty. Not permitted: macOS says so of a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _tell(status: int, line: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        os.write(status, line.encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
