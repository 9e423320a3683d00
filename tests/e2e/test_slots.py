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
TOKENS, MLX_TOKENS = 250, 500
"""The tiny model writes the usual eight in 4 ms, which a busy machine may see all at once; and
mlx_lm lets a request in half a second after the one that runs."""
NO_END = {"logit_bias": {"0": -100, "2": -100}}
Server = Callable[[int], AbstractAsyncContextManager[str]]


@pytest.mark.parametrize(
    ("server", "model", "tokens", "numbers"),
    [
        (lambda port: theirs.llama_cpp(port, *ENDLESS, "-np", "1"), "theirs", TOKENS, {1}),
        (lambda port: theirs.llama_cpp(port, *ENDLESS, "-np", "4"), "theirs", TOKENS, {4}),
        (theirs.mlx_lm, "default_model", MLX_TOKENS, {3, 4}),
    ],
    ids=["llama.cpp, one slot", "llama.cpp, four", "mlx_lm"],
)
async def test_a_real_server_that_nobody_knows_is_measured(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    server: Server,
    model: str,
    tokens: int,
    numbers: set[int],
) -> None:
    async def nobody(*_: object, **__: object) -> object:
        return UNKNOWN

    monkeypatch.setattr(flavours, "recognise", nobody)
    monkeypatch.setattr(slot_probe, "PROBE_TOKENS", tokens)
    monkeypatch.setattr(slot_probe, "LONGEST_S", 90.0)
    async with server(machine.free_port()) as url:
        known = BackendSettings(kind="openai", url=url, model=model, extra_body=NO_END)
        session = Session(Settings(backends={"theirs": known}, backend="theirs"), home=tmp_path)
        try:
            await session.start()
            await session.ready()

            def slots() -> Slots | None:
                status = session.snapshot().backend
                return status.slots if status else None

            wanted = {Slots(number, SlotsFrom.MEASURED) for number in numbers}
            # On a machine that is held up all the while one in line cannot be told, and is left.
            probe = session._slot_probe
            assert probe is not None
            if numbers == {1}:
                await until(lambda: any(one.over for one in probe._servers.values()), 100)
                wanted.add(Slots(1, SlotsFrom.ASSUMED))
            await until(lambda: slots() in wanted, 100)
        finally:
            await session.stop()
