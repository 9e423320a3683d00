"""Slots measured on the real mlx_lm and llama.cpp, as if nobody knew them by their names."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from anyclaude_tui.backends import flavours, machine
from anyclaude_tui.backends.recognitions import UNKNOWN
from anyclaude_tui.backends.slots.source import Slots, SlotsFrom
from anyclaude_tui.config.settings import BackendSettings, Settings
from anyclaude_tui.session import slot_probe
from anyclaude_tui.session.session import Session
from tests.e2e import theirs
from tests.support.waiting import until

pytestmark = pytest.mark.e2e
ENDLESS = ("-c", "8192", "--ignore-eos")
TOKENS = 200
"""The tiny model writes the usual eight in 4 ms, which a busy machine may see all at once."""
Server = Callable[[int], AbstractAsyncContextManager[str]]


@pytest.mark.parametrize(
    ("server", "model", "numbers"),
    [
        (lambda port: theirs.llama_cpp(port, *ENDLESS, "-np", "1"), "theirs", {1}),
        (lambda port: theirs.llama_cpp(port, *ENDLESS, "-np", "4"), "theirs", {4}),
        (theirs.mlx_lm, "default_model", {2, 3, 4}),  # it lets in now and then
    ],
    ids=["llama.cpp, one slot", "llama.cpp, four", "mlx_lm"],
)
async def test_a_real_server_that_nobody_knows_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server, model: str, numbers: set[int]
) -> None:
    async def nobody(*_: object, **__: object) -> object:
        return UNKNOWN

    monkeypatch.setattr(flavours, "recognise", nobody)
    monkeypatch.setattr(slot_probe, "PROBE_TOKENS", TOKENS)
    async with server(machine.free_port()) as url:
        known = BackendSettings(kind="openai", url=url, model=model)
        session = Session(Settings(backends={"theirs": known}, backend="theirs"), home=tmp_path)
        try:
            await session.start()
            await session.ready()

            def slots() -> Slots | None:
                status = session.snapshot().backend
                return status.slots if status else None

            wanted = {Slots(number, SlotsFrom.MEASURED) for number in numbers}
            await until(lambda: slots() in wanted)
        finally:
            await session.stop()
