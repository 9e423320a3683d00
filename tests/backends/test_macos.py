"""What macOS tells, as far as it can be tried elsewhere: structures laid out by ctypes from
the headers' fields, an `lsof` that is a script, and a kernel that is a FAKE."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anyclaude_tui.backends import machine, macos

GIB = 2**30


class BsdInfo(ctypes.Structure):
    """struct proc_bsdinfo of <sys/proc_info.h>."""

    _fields_ = (
        ("head", ctypes.c_uint32 * 12),
        ("comm", ctypes.c_char * 16),
        ("name", ctypes.c_char * 32),
        ("nfiles_to_tpgid", ctypes.c_uint32 * 5),
        ("nice", ctypes.c_int32),
        ("start_s", ctypes.c_uint64),
        ("start_us", ctypes.c_uint64),
    )


class Rusage(ctypes.Structure):
    """struct rusage_info_v0 of <sys/resource.h>."""

    _fields_ = (
        ("uuid", ctypes.c_uint8 * 16),
        ("user_to_resident", ctypes.c_uint64 * 7),
        ("phys_footprint", ctypes.c_uint64),
    )


def kernel(monkeypatch: pytest.MonkeyPatch, call: Callable[..., int]) -> None:
    monkeypatch.setattr(macos, "_libproc", lambda _name: call)


def test_when_a_process_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def pidinfo(pid: Any, flavour: Any, _: Any, buffer: Any, size: Any) -> int:
        assert (pid.value, flavour.value, size.value) == (7, 3, ctypes.sizeof(BsdInfo))
        info = BsdInfo(start_s=1_700_000_000, start_us=42)
        ctypes.memmove(buffer, ctypes.byref(info), size.value)
        return int(size.value)

    kernel(monkeypatch, pidinfo)
    assert macos.started(7) == "1700000000.000042"
    kernel(monkeypatch, lambda *_: 0)
    assert macos.started(7) is None


def test_the_footprint_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def rusage(_pid: Any, flavour: Any, buffer: Any) -> int:
        info = Rusage(phys_footprint=12_345_678_901)
        ctypes.memmove(buffer, ctypes.byref(info), ctypes.sizeof(info))
        return int(flavour.value)

    kernel(monkeypatch, rusage)
    assert macos.footprint_bytes(7) == 12_345_678_901
    kernel(monkeypatch, lambda *_: -1)
    assert macos.footprint_bytes(7) is None


@pytest.mark.parametrize(
    ("limit_mb", "total_gib", "usable_gib"),
    [(None, 18, 12), (0, 64, 48), (58 * 1024, 64, 58), (99 * 1024, 64, 64)],
)
def test_what_the_gpu_gets(
    monkeypatch: pytest.MonkeyPatch, limit_mb: int | None, total_gib: int, usable_gib: int
) -> None:
    monkeypatch.setattr(macos, "sysctl", lambda _name: limit_mb)
    assert macos.gpu_bytes(total_gib * GIB) == usable_gib * GIB
    monkeypatch.setattr(machine, "MACOS", True)
    assert machine.usable_for_models_bytes(total_gib * GIB) == usable_gib * GIB


def test_who_listens_is_asked_of_lsof(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    lsof = tmp_path / "lsof"
    lsof.write_text(f'#!/bin/sh\n[ "$2" = -iTCP:80 ] && printf "p{os.getpid()}\\nf3\\n"\n')
    lsof.chmod(0o755)
    assert macos.listener(80) == os.getpid()
    assert macos.listener(81) is None
    monkeypatch.setattr(machine, "MACOS", True)
    owner = machine.port_owner(80)
    assert owner is not None
    assert owner.pid == os.getpid()
    lsof.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert macos.listener(80) is None


def test_a_system_without_these_answers_none() -> None:
    assert macos.sysctl("no.such.thing") is None
    assert macos.started(2**22 + 1) is None
