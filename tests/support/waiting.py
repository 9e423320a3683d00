"""Waiting for what another process, thread or timer does: nothing signals it, so it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psutil
from textual.pilot import Pilot

ASK_S = 0.01


async def until(condition: Callable[[], object], timeout_s: float = 20) -> None:
    """Returns when the condition holds; fails the test when it does not in time."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(ASK_S)


async def until_shown(
    pilot: Pilot[Any], condition: Callable[[], object], timeout_s: float = 60
) -> None:
    """The same, with the app's messages and its screen done before each look."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await pilot.pause(ASK_S)


def alive(pid: int) -> bool:
    """Whether the process exists and is no zombie (its reaper may be slow in a container)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def children_of_module(module: str) -> list[psutil.Process]:
    """Our descendants that run `python … -m module`; the guards that hold them are left out."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            words = child.cmdline()
        except psutil.Error:
            continue
        guarded = any(word.endswith("guard.py") for word in words)
        if not guarded and module in words and words[words.index(module) - 1] == "-m":
            found.append(child)
    return found
