"""What the end-to-end tests share: one scripted upstream with one real `serve` before it.

All of them run on one loop, so that servers that are dear to start are started once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from anyclaude_tui.claude_code.launch import session_env
from tests.e2e.claude import Claude
from tests.e2e.servers import Serve, serve
from tests.support.upstream import Upstream

WINDOW_TOKENS = 200_000

CONFIG = """
[backends.scripted]
kind = "openai"
url = "{url}"
slots = 4
context_window = {window}
"""


@dataclass(slots=True)
class Rig:
    """A scripted upstream, and `serve` that translates for it."""

    upstream: Upstream
    serve: Serve
    root: Path
    """The running test's own folder."""

    def claude(self, **env: str) -> Claude:
        """Claude Code with the environment that the dashboard gives it."""
        serve = self.serve
        session = session_env(serve.url, serve.token, serve.model, WINDOW_TOKENS)
        return Claude(self.root, serve.url, serve.token, **(session | env))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """One for all tests; use `rig`."""
    home = tmp_path_factory.mktemp("serve")
    async with Upstream() as upstream:
        config = CONFIG.format(url=upstream.url, window=WINDOW_TOKENS)
        async with serve("scripted", home=home, config=config) as running:
            yield Rig(upstream, running, home)


@pytest_asyncio.fixture(loop_scope="session")
async def rig(shared_rig: Rig, tmp_path: Path) -> AsyncIterator[Rig]:
    """The shared rig with an empty script; at the end no request may have gone unanswered."""
    shared_rig.upstream.reset()
    shared_rig.root = tmp_path
    yield shared_rig
    unexpected = [seen.body[-2000:] for seen in shared_rig.upstream.unexpected]
    assert not unexpected, "requests that the test's script did not expect"
