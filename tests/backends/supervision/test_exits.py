"""Reasons in words."""

from __future__ import annotations

import signal

import pytest

from anyclaude_tui.backends.machine import Memory, Usage
from anyclaude_tui.backends.supervision import exits

GB = 10**9


@pytest.mark.parametrize(
    ("code", "tail", "expected"),
    [
        (0, [], "ended by itself (exit 0)"),
        (3, ["Address already in use"], "its port was taken by another process"),
        (
            1,
            ["Traceback", "  File x", "ValueError: bad rope", "note"],
            "exit 1: ValueError: bad rope",
        ),
        (1, ["only this", "2026-11-21 03:15:01 [anyclaude] $ mlx_lm"], "exit 1: only this"),
        (-signal.SIGSEGV, [], "ended by SIGSEGV"),
        (-99, [], "ended by signal 99"),
        (None, [], "its guard process was killed, and it was ended with it"),
    ],
)
def test_reasons(code: int | None, tail: list[str], expected: str) -> None:
    assert exits.explain(code, tail) == expected


def test_memory_is_named_with_what_it_used() -> None:
    reason = exits.explain(-signal.SIGKILL, [], Usage(1, 12 * GB, 0.97), Memory(16 * GB, GB))
    assert reason.startswith("killed from outside (SIGKILL) while it used 12.0 GB of 16.0 GB: 97 %")
    assert "when memory runs out" in reason


def test_memory_is_not_suspected_against_the_figures() -> None:
    reason = exits.explain(-signal.SIGKILL, [], Usage(1, 2 * GB, 0.41), Memory(16 * GB, 9 * GB))
    assert "41 % of the memory was in use, so memory was not short" in reason
    assert "runs out" not in reason


def test_metal_out_of_memory_is_known() -> None:
    line = "libc++abi: [METAL] Command buffer execution failed: Insufficient Memory (00000008:kIO…)"
    assert exits.explain(-signal.SIGABRT, [line]).startswith("out of memory")
