"""What the tests of backends share: backends that are stopped whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from anyclaude_tui.backends.base import Backend, BackendState
from anyclaude_tui.backends.registry import create
from anyclaude_tui.config.settings import BackendSettings
from tests.support.waiting import until

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


async def until_state(backend: Backend, state: BackendState, timeout_s: float = 20.0) -> None:
    """Wait until the backend is in the state."""
    await until(lambda: backend.status().state is state, timeout_s)
