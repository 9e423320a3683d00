"""What all tests share: how hypothesis runs, and which signals reach what the tests start.

The suite always tries the same few examples, so that a red run can be repeated and nobody waits
for luck; the search for new ones is the fuzzer's (`make fuzz`, HYPOTHESIS_PROFILE=search).
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings

from anyclaude_tui.redaction import OWN
from tests.support.proxy import Proxy, running_proxy
from tests.support.upstream import Upstream

settings.register_profile(
    "suite",
    derandomize=True,
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "search", deadline=None, max_examples=5_000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

# Under nohup, or behind a shell's `&`, these are ignored, and by all that the tests start too.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two processes a core: most tests wait for sockets, children and terminals."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def no_secrets_of_other_tests() -> None:
    """What the process knows as its own secrets it would leave out of this test's texts too."""
    OWN.forget()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A scripted model server on a port of its own."""
    async with Upstream() as server:
        yield server


@pytest.fixture
async def proxy(upstream: Upstream) -> AsyncIterator[Proxy]:
    """The proxy in front of it, with the usual limits."""
    async with running_proxy(upstream.url) as running:
        yield running
