"""What the tests of backends share: backends that are stopped whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from anyclaude_tui.backends.base import Backend, BackendState
from anyclaude_tui.backends.registry import create
from anyclaude_tui.config import BackendSettings

TINY_MODEL = Path(__file__).parents[1] / "assets" / "tiny-model"

Make = Callable[..., Any]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """`make(kind=…, …)` creates a backend that is stopped after the test."""
    async with AsyncExitStack() as stack:

        def build(**settings: Any) -> Backend:
            name = settings.pop("name", settings["kind"])
            backend = create(name, BackendSettings(**settings), tmp_path)
            stack.push_async_callback(backend.stop)
            return backend

        yield build


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait until the condition holds; fails the test when it does not in time."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - other processes set no Event
            await asyncio.sleep(0.01)


async def until_state(backend: Backend, state: BackendState, timeout_s: float = 20.0) -> None:
    """Wait until the backend is in the state."""
    await until(lambda: backend.status().state is state, timeout_s)


def alive(pid: int) -> bool:
    """Whether the process exists and is no zombie (its reaper may be slow in a container)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
