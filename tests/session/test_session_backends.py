"""What a session tells about backends: those configured, those in use, and what can be found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from anyclaude_tui.backends import discovery
from anyclaude_tui.backends.base import BackendError, BackendState
from anyclaude_tui.config.settings import BackendSettings, Settings
from anyclaude_tui.session.session import Session
from tests.support.assets import TINY_MODEL
from tests.support.waiting import until

CONFIGURED = {
    "slow": BackendSettings(kind="simulator", profile="slow,speed=100"),
    "tiny": BackendSettings(kind="mlx_lm", model=str(TINY_MODEL), context_window=8192),
    "cloud": BackendSettings(kind="openai", url="http://127.0.0.1:9/v1"),
}


@pytest.fixture
async def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Session]:
    """A session on an ad-hoc simulator, with three configured backends; nobody's HOME."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HF_HOME", raising=False)
    session = Session(Settings(backends=CONFIGURED), home=tmp_path, backend="simulator")
    await session.start()
    try:
        await session.ready()
        yield session
    finally:
        await session.stop()


async def test_every_backend_keeps_its_place(made: Session) -> None:
    names = [status.name for status in made.snapshot().backends]
    assert names == ["slow", "tiny", "cloud", "simulator"]
    await made.switch("slow")
    await until(lambda: not made.snapshot().backends[3].pid)  # the simulator has been stopped
    shown = made.snapshot()
    assert [status.name for status in shown.backends] == names  # and can be chosen again
    assert shown.active == "slow"
    unused = shown.backends[1]
    assert (unused.state, unused.model, unused.window_tokens) == (
        BackendState.STOPPED,
        "tiny-model",
        8192,
    )


async def test_our_own_servers_are_not_looked_at(
    made: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = discovery.discover

    async def on_our_ports(
        configured: Mapping[str, BackendSettings],
        *,
        ports: Collection[int],
        not_ports: Collection[int],
        model_folders: Sequence[str],
    ) -> discovery.Discovery:
        """As if the random ports of our servers were usual ones."""
        simulator = made.snapshot().backends[-1].url
        ours = [urlsplit(url or "").port or 0 for url in (made.url, simulator)]
        assert set(ours) == set(not_ports)
        assert set(ports) >= set(discovery.USUAL_PORTS)
        return await look(configured, ports=ours, not_ports=not_ports, model_folders=model_folders)

    monkeypatch.setattr(discovery, "discover", on_our_ports)
    found = await made.discover()
    assert not found.offers
    assert {tool.kind for tool in found.tools} >= {"mlx_lm", "lmstudio"}


async def test_the_memory_of_a_model_on_disk_is_estimated(made: Session) -> None:
    for name in ("tiny", f"mlx_lm:{TINY_MODEL}"):
        estimate = await made.estimate(name)
        assert estimate is not None
        assert estimate.weight_bytes > 100_000
        assert estimate.fits
    assert await made.estimate("simulator") is None
    assert await made.estimate("mlx_lm:/no/such/model") is None
    assert await made.estimate("nonsense") is None


async def test_models_of_a_backend_that_does_not_run_are_an_error_in_words(made: Session) -> None:
    with pytest.raises(BackendError, match=r"127\.0\.0\.1:9"):
        await made.models("cloud")
    assert [model.id for model in await made.models("simulator")] == ["simulated gpt-oss-20b"]
