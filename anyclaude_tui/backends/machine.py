"""Facts about this machine and its processes: the one place that knows the platforms.

Everything else asks here: who a process is, who holds a port, how much memory there is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import socket
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from anyclaude_tui.backends import macos

if TYPE_CHECKING:
    import psutil

MACOS = sys.platform == "darwin"
OPEN_FILES = 10_240
"""Two for each stream, and more for the pane and the files. A Mac's soft limit is 256, and a
higher one than this (OPEN_MAX) cannot be set there."""


@dataclass(frozen=True, slots=True)
class PortOwner:
    """The process that listens on a port."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f'PID {self.pid} "{self.name}"'

    def in_group(self, leader: int) -> bool:
        """True if the process belongs to the process group of `leader`."""
        try:
            return os.getpgid(self.pid) == leader
        except OSError:  # it has gone, or is not ours to ask about
            return False


@dataclass(frozen=True, slots=True)
class Memory:
    """The machine's memory."""

    total_bytes: int
    available_bytes: int

    @property
    def pressure(self) -> float:
        """The share in use, 0 to 1."""
        return 1 - self.available_bytes / self.total_bytes if self.total_bytes else 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU and memory of a group of processes; `cpu_percent` of one core."""

    cpu_percent: float | None
    memory_bytes: int | None
    pressure: float = 0.0
    """The share of the machine's memory in use, at the same moment."""


def memory() -> Memory:
    """Total and available memory now."""
    import psutil  # 2 MB, and no start needs it

    seen = psutil.virtual_memory()
    return Memory(seen.total, seen.available)


def usable_for_models_bytes(total_bytes: int) -> int:
    """The bytes of the machine's memory that a model may take at most."""
    return macos.gpu_bytes(total_bytes) if MACOS else total_bytes


def allow_open_files(wanted: int = OPEN_FILES) -> int:
    """Raise the number of files and sockets that this process may have open; the limit then.

    Children inherit it. Never lowers it, never raises: a system that refuses keeps its own.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft
    return wanted


def identity(pid: int) -> str | None:
    """A word that no later process with the same pid shares; None when there is no such process.

    Linux: boot id and start tick from /proc; macOS: the start time that the kernel noted.
    psutil's create_time, which serves elsewhere, moves when the clock is set.
    """
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()  # the name may hold blanks and brackets
        return f"{_boot_id()}:{fields[19]}"  # field 22, starttime
    if MACOS and (noted := macos.started(pid)) is not None:
        return noted
    import psutil

    try:
        return f"{psutil.Process(pid).create_time():.3f}"
    except psutil.Error:
        return None


@cache
def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_in_use(port: int) -> bool:
    """True if a process listens on the port, on loopback or on all addresses."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        # On macOS a bind can succeed beside a wildcard listener, so a connect is tried first.
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def port_owner(port: int) -> PortOwner | None:
    """The process that listens on the port; None when there is none or it is not ours to see."""
    pid = macos.listener(port) if MACOS else _listener_by_psutil(port)
    if pid is None:
        return None
    import psutil

    try:
        return PortOwner(pid, psutil.Process(pid).name())
    except psutil.Error:
        return None


def _listener_by_psutil(port: int) -> int | None:
    import psutil

    try:
        seen = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return None
    for connection in seen:
        address = connection.laddr
        if connection.status == psutil.CONN_LISTEN and address and address.port == port:
            return connection.pid
    return None


class UsageSampler:
    """CPU and memory of a process and all its descendants. `sample` blocks: call it in a thread."""

    def __init__(self, pid: int) -> None:
        self._root = pid
        self._known: dict[int, psutil.Process] = {}

    def sample(self) -> Usage | None:
        """The group's usage, CPU since the last call. None when the process is gone."""
        import psutil

        try:
            root = self._known.get(self._root) or psutil.Process(self._root)
            family = [root, *root.children(recursive=True)]
        except psutil.Error:
            return None
        # A psutil.Process keeps the last CPU reading, so the same objects are asked again.
        self._known = {process.pid: self._known.get(process.pid, process) for process in family}
        cpu, size, count = 0.0, 0, 0
        for process in self._known.values():
            with contextlib.suppress(psutil.Error):
                cpu += process.cpu_percent()
                size += _footprint(process)
                count += 1
        return Usage(cpu, size, memory().pressure) if count else None


def _footprint(process: psutil.Process) -> int:
    """The memory that a process costs."""
    found = macos.footprint_bytes(process.pid) if MACOS else None
    return int(process.memory_info().rss) if found is None else found


def give_back_memory() -> None:
    """Give what was freed back to the system, where the C library keeps it until it is told: on
    Linux with glibc, after large requests a tenth of the process. Takes a few ms."""
    if sys.platform != "linux":
        return
    import ctypes

    with contextlib.suppress(AttributeError, OSError):  # musl has no such function
        ctypes.CDLL(None).malloc_trim(0)
