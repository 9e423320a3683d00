"""The real llama.cpp as a server that somebody else has started, and starts anew."""

from __future__ import annotations

import asyncio

import pytest

from anyclaude_tui.backends import attached, machine
from anyclaude_tui.backends.discovery import discover
from tests.backends.conftest import Make
from tests.e2e import theirs

pytestmark = pytest.mark.e2e


async def test_it_is_named_and_looked_at_again_when_it_was_started_anew(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached, "RECOVER_POLL_S", 0.05)
    port = machine.free_port()
    async with theirs.llama_cpp(port, "-c", "8192", "-np", "2") as url:
        (offer,) = (
            one for one in (await discover(ports=[port], app_ports=[])).offers if one.running
        )
        assert (offer.title, offer.model) == (f"llama.cpp at 127.0.0.1:{port}", "theirs")
        assert offer.window_tokens == 8192
        backend = make(kind="openai", url=url)
        await backend.start()
        assert (backend.endpoint.window_tokens, backend.endpoint.slots.number) == (8192, 2)
    recovering = asyncio.create_task(backend.recover())  # a request has met a dead server
    async with theirs.llama_cpp(port, "-c", "65536", "-np", "4"):
        await recovering
        assert (backend.endpoint.window_tokens, backend.endpoint.slots.number) == (65_536, 4)
        assert backend.status().server == "llama.cpp"
