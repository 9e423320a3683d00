"""A child process on a pseudo-terminal of its own: Claude Code, or a shell.

Reads are handed on one at a time, and the owner may pause them: the kernel then blocks
the child, so a flood costs no memory. Writes never block the loop: what the child does
not take now waits in a queue. Works on Linux and macOS; all calls belong to the thread of
the running loop.

The child starts through a one-line trampoline instead of `preexec_fn` or `pty.fork`,
which are unsafe in a process with threads: the trampoline takes the terminal as its
controlling one (TIOCSCTTY) and then becomes the program.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

READ_BYTES = 4096
"""One read. Linux hands out at most 4095 bytes, macOS often 1024."""
WRITE_BYTES = 1024
"""One write: macOS keeps a small input queue and drops or blocks on more."""
DRAIN_BYTES = 1 << 16
"""After the child has ended, at most this much of what it left behind is still read: the
kernel holds less, but a grandchild may keep the terminal open and write on for ever."""

# What is ignored stays so across exec, and a terminal starts its program with nothing ignored.
# Python ignores SIGPIPE and SIGXFSZ (`yes | head` would end in an error message), nohup SIGHUP
# (closing the pane would not reach the program), a shell's `&` SIGINT.
_TRAMPOLINE = """\
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
for number in signal.valid_signals():
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
try:
    os.execvp(sys.argv[1], sys.argv[1:])
except OSError as error:
    sys.stderr.write(f"{sys.argv[1]}: {error.strerror}\\r\\n")
    os._exit(127 if isinstance(error, FileNotFoundError) else 126)
"""

_SIGNAL_HINTS = {
    "SIGKILL": " (often: the machine ran out of memory)",
    "SIGHUP": " (its terminal was closed)",
}


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """The end of a child: its exit code, or the signal that ended it."""

    code: int | None
    signal: int | None

    @classmethod
    def of(cls, returncode: int) -> ExitStatus:
        """From subprocess's convention, where a signal is a negative number."""
        return cls(None, -returncode) if returncode < 0 else cls(returncode, None)

    @property
    def words(self) -> str:
        """One clause that follows a name: "ended", "failed with exit code 2", …"""
        if self.signal is not None:
            try:
                name = signal.Signals(self.signal).name
            except ValueError:
                name = f"signal {self.signal}"
            return f"was ended by {name}{_SIGNAL_HINTS.get(name, '')}"
        if self.code == 0:
            return "ended"
        if self.code == 127:
            return "could not start: command not found (exit code 127)"
        if self.code == 126:
            return "could not start: not executable (exit code 126)"
        return f"failed with exit code {self.code}"


class PtyProcess:
    """One child on one PTY. `spawn` makes it; `on_exit` comes once, after its last output."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        master: int,
        on_data: Callable[[bytes], None],
        on_exit: Callable[[ExitStatus], None],
    ) -> None:
        self._process = process
        self._master = master
        self._on_data = on_data
        self._on_exit = on_exit
        self._loop = asyncio.get_running_loop()
        self._reading = False
        self._writing = False
        self._queue: deque[memoryview] = deque()
        self._queued_bytes = 0
        self._closed = False
        self.resume_reading()
        threading.Thread(target=self._wait, name="pty-wait", daemon=True).start()

    @classmethod
    def spawn(
        cls,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        rows: int,
        columns: int,
        *,
        on_data: Callable[[bytes], None],
        on_exit: Callable[[ExitStatus], None],
    ) -> PtyProcess:
        """Start `argv` as the leader of its own session, with the PTY as its terminal.

        `env` is the whole environment. Raises OSError when the folder does not exist or no
        PTY is free; a program that is not there shows as exit code 127.
        """
        master, slave = os.openpty()
        try:
            _set_size(slave, rows, columns)
            os.set_blocking(master, False)
            process = subprocess.Popen(
                [sys.executable, "-SEIc", _TRAMPOLINE, *argv],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        return cls(process, master, on_data, on_exit)

    @property
    def pid(self) -> int:
        """The child's process id, which is also its process group and session."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """True while the child lives (or its end was not yet reported)."""
        return not self._closed

    @property
    def queued_bytes(self) -> int:
        """Bytes written that the child has not taken yet."""
        return self._queued_bytes

    # --- reading ---

    def pause_reading(self) -> None:
        """Leave what the child writes in the kernel; it blocks when that is full."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._master)

    def resume_reading(self) -> None:
        """Hand on what the child writes."""
        if not self._reading and not self._closed:
            self._reading = True
            self._loop.add_reader(self._master, self._read)

    def _read(self) -> None:
        data = self._take()
        if data:
            self._on_data(data)
        elif data is not None:
            self.pause_reading()  # else the selector reports the end again and again

    def _take(self) -> bytes | None:
        """One read: b"" at the end, None when there is nothing now."""
        try:
            return os.read(self._master, READ_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:  # Linux: EIO once every slave is closed; macOS reads b""
            if error.errno != errno.EIO:
                raise
            return b""

    # --- writing ---

    def write(self, data: bytes) -> None:
        """Send `data` to the child; never blocks, keeps the order."""
        if self._closed or not data:
            return
        self._queue.append(memoryview(bytes(data)))
        self._queued_bytes += len(data)
        if not self._writing:
            self._flush()

    def _flush(self) -> None:
        while self._queue:
            chunk = self._queue[0]
            try:
                sent = os.write(self._master, chunk[:WRITE_BYTES])
            except BlockingIOError:
                sent = 0
            except OSError:  # the child is gone; its end is reported by the wait
                self._queue.clear()
                self._queued_bytes = 0
                break
            self._queued_bytes -= sent
            if sent == len(chunk):
                self._queue.popleft()
            else:
                self._queue[0] = chunk[sent:]
            if sent < min(len(chunk), WRITE_BYTES):
                if not self._writing:
                    self._writing = True
                    self._loop.add_writer(self._master, self._flush)
                return
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._master)

    # --- size, signals, end ---

    def resize(self, rows: int, columns: int) -> None:
        """Set the window size; the kernel sends SIGWINCH to the foreground job."""
        if not self._closed:
            with contextlib.suppress(OSError):
                _set_size(self._master, rows, columns)

    def hang_up(self) -> None:
        """Send SIGHUP to the child's session, as a terminal that is closed does.

        SIGCONT comes with it so that a stopped job sees it too.
        """
        for number in (signal.SIGHUP, signal.SIGCONT):
            self._signal(number)

    def wake(self) -> None:
        """Send SIGCONT to the child itself: it has no shell that could bring it back."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End the child's process group at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def close(self) -> None:
        """Hang up and give the terminal back; `on_exit` does not come after this."""
        if self._closed:
            return
        self.hang_up()
        self._release()

    async def aclose(self, grace_s: float = 3.0) -> None:
        """Close, and kill the child if it does not go within `grace_s`."""
        self.close()
        deadline = self._loop.time() + grace_s
        while self._process.returncode is None:
            if self._loop.time() > deadline:
                self.kill()
                deadline = float("inf")
            await asyncio.sleep(0.01)

    def _release(self) -> None:
        self.pause_reading()
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._master)
        self._queue.clear()
        self._queued_bytes = 0
        self._closed = True
        os.close(self._master)

    def _wait(self) -> None:
        """In a thread of its own: portable, and no SIGCHLD handler to fight over."""
        returncode = self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop has gone
            self._loop.call_soon_threadsafe(self._ended, ExitStatus.of(returncode))

    def _ended(self, status: ExitStatus) -> None:
        if self._closed:
            return
        left_bytes = DRAIN_BYTES
        while left_bytes > 0 and (data := self._take()):
            left_bytes -= len(data)
            self._on_data(data)
            if self._closed:  # what it wrote made the owner close us
                return
        self._release()
        self._on_exit(status)


def _set_size(fd: int, rows: int, columns: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", max(1, rows), max(1, columns), 0, 0))
