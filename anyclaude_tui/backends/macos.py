"""The facts about a machine and its processes that macOS alone tells: `machine.py` asks here.

Sizes and offsets are those of the system's headers. Nothing here could be tried on a Mac;
every function answers None where the system does not answer, and never raises.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from functools import cache
from typing import Any

LSOF_TIMEOUT_S = 5.0
LARGE_BYTES = 36 * 2**30
"""From this size of memory on the system gives the GPU three quarters instead of two thirds."""
_PROC_PIDTBSDINFO = 3
_BSDINFO_BYTES = 136
_BUFFER_BYTES = 512


def started(pid: int) -> str | None:
    """The start time of a process, as the kernel noted it then; None when there is none of ours.

    `pbi_start_tvsec` and `pbi_start_tvusec` of struct proc_bsdinfo in <sys/proc_info.h>.
    psutil's create_time is not asked because it moves when the clock is set.
    """
    call = _libproc("proc_pidinfo")
    if call is None:
        return None
    buffer = ctypes.create_string_buffer(_BUFFER_BYTES)
    arguments = (ctypes.c_int(pid), ctypes.c_int(_PROC_PIDTBSDINFO), ctypes.c_uint64(0), buffer)
    if call(*arguments, ctypes.c_int(_BSDINFO_BYTES)) != _BSDINFO_BYTES:
        return None
    return f"{_number(buffer.raw, 120)}.{_number(buffer.raw, 128):06d}"


def footprint_bytes(pid: int) -> int | None:
    """The memory that a process costs, with its Metal buffers, which RSS leaves out.

    `ri_phys_footprint` of struct rusage_info_v0 in <sys/resource.h>: uint8 uuid[16], then
    seven uint64 (user, system, two wakeups, pageins, wired, resident).
    """
    call = _libproc("proc_pid_rusage")
    buffer = ctypes.create_string_buffer(_BUFFER_BYTES)
    if call is None or call(ctypes.c_int(pid), ctypes.c_int(0), buffer) != 0:
        return None
    return _number(buffer.raw, 72)


def gpu_bytes(total_bytes: int) -> int:
    """The bytes of the machine's memory that the GPU gets: the user's limit, set with `sudo sysctl
    iogpu.wired_limit_mb=N`, else about what Metal recommends by itself (10.7 of 16 GiB, 48 of 64;
    newer systems give large machines a little more)."""
    limit_mb = sysctl("iogpu.wired_limit_mb")
    if limit_mb:
        return min(limit_mb * 2**20, total_bytes)
    return total_bytes * 3 // 4 if total_bytes >= LARGE_BYTES else total_bytes * 2 // 3


def listener(port: int) -> int | None:
    """The process that listens on a TCP port: psutil may list connections only as root."""
    command = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fp"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LSOF_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    for line in done.stdout.splitlines():
        if line.startswith("p") and line[1:].isdigit():
            return int(line[1:])
    return None


def sysctl(name: str) -> int | None:
    """A number that the kernel keeps under a name, of whatever width."""
    try:
        call = ctypes.CDLL(None).sysctlbyname
    except (OSError, AttributeError):
        return None
    buffer, size = ctypes.create_string_buffer(8), ctypes.c_size_t(8)
    if call(name.encode(), buffer, ctypes.byref(size), None, ctypes.c_size_t(0)) != 0:
        return None
    return int.from_bytes(buffer.raw[: size.value], sys.byteorder)


@cache
def _libproc(name: str) -> Any | None:
    try:
        return getattr(ctypes.CDLL("/usr/lib/libproc.dylib"), name)
    except (OSError, AttributeError):
        return None


def _number(raw: bytes, offset: int) -> int:
    return int.from_bytes(raw[offset : offset + 8], sys.byteorder)
