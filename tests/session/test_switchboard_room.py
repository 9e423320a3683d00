"""Two models that do not fit into memory: the old one makes room before the new one starts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from anyclaude_tui.backends import machine, registry
from anyclaude_tui.backends.base import Backend, BackendError, BackendState
from anyclaude_tui.backends.models.memory import fit_together
from anyclaude_tui.config.settings import BackendSettings
from anyclaude_tui.session.switchboard import Switchboard
from anyclaude_tui.telemetry.events import Role
from anyclaude_tui.telemetry.hub import Hub
from tests.session.test_switchboard import Puppet, settle
from tests.support.assets import TINY_MODEL


async def never(old: Backend, new: Backend) -> bool:
    return False


async def board(**given: object) -> tuple[Switchboard, dict[str, Puppet], Hub]:
    puppets, hub = {name: Puppet(name) for name in "ab"}, Hub()
    made = Switchboard(puppets.__getitem__, hub, fit=never, **given)  # type: ignore[arg-type]
    await made.switch("a")
    return made, puppets, hub


def states(puppets: dict[str, Puppet]) -> list[BackendState]:
    return [puppet.state for puppet in puppets.values()]


@pytest.mark.parametrize("keep", [False, True])
async def test_the_old_one_is_gone_before_the_new_one_starts(keep: bool) -> None:
    switchboard, puppets, _ = await board(keep=keep)
    route = await switchboard.route(Role.MAIN)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def request() -> None:
        async with route.gate.enter(Role.MAIN, lambda place: None):
            entered.set()
            await leave.wait()

    running = asyncio.create_task(request())
    await entered.wait()
    puppets["b"].may_start.clear()
    switch = asyncio.create_task(switchboard.switch("b"))
    await settle()
    # What runs ends first, and is not disturbed.
    assert switchboard.switching == "a and b do not fit into memory: a makes room"
    assert states(puppets) == [BackendState.READY, BackendState.STOPPED]
    asked = asyncio.create_task(switchboard.route(Role.MAIN))
    leave.set()
    await running
    await settle()
    assert states(puppets) == [BackendState.STOPPED, BackendState.STARTING]
    assert switchboard.switching == "starting b"
    assert not asked.done()
    puppets["b"].may_start.set()
    await switch
    assert (await asked).backend is puppets["b"]
    assert [status.name for status in switchboard.statuses()] == ["b"]
    await switchboard.switch("a")
    assert (await switchboard.route(Role.MAIN)).backend is puppets["a"]
    await switchboard.stop()


async def test_the_old_one_comes_back_when_the_new_one_does_not_start() -> None:
    switchboard, puppets, hub = await board()
    puppets["b"].refuses = "no model at /nowhere"
    with pytest.raises(BackendError, match="no model"):
        await switchboard.switch("b")
    assert (puppets["a"].starts, puppets["a"].stops) == (2, 1)
    route = await asyncio.wait_for(switchboard.route(Role.MAIN), 20)
    assert route.backend is puppets["a"]
    assert any("still on a" in notice.text for notice in hub.notices)
    async with route.gate.enter(Role.MAIN, lambda place: None):
        pass
    await switchboard.stop()


async def test_a_switch_that_is_given_up_while_it_waits_changes_nothing() -> None:
    switchboard, puppets, _ = await board()
    route = await switchboard.route(Role.MAIN)
    async with route.gate.enter(Role.MAIN, lambda place: None):
        switch = asyncio.create_task(switchboard.switch("b"))
        await settle()
        switch.cancel()
        await settle()
        assert switch.cancelled()
    assert (puppets["a"].starts, puppets["a"].stops) == (1, 0)
    assert (await asyncio.wait_for(switchboard.route(Role.MAIN), 20)).backend is puppets["a"]
    await switchboard.stop()


async def test_a_backend_with_a_role_stays_and_it_is_said() -> None:
    switchboard, puppets, hub = await board(roles={Role.BACKGROUND: "a"})
    await switchboard.switch("b")
    assert puppets["a"].state is BackendState.READY
    assert [notice.text for notice in hub.notices] == ["a and b may not both fit into memory"]
    await switchboard.stop()


async def test_what_is_weighed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights and overhead of a model on disk, against the memory of this machine."""
    settings = BackendSettings(kind="mlx_lm", model=str(TINY_MODEL))
    old, new = (registry.create(name, settings, tmp_path) for name in ("old", "new"))
    needed = await new.start_bytes()
    assert needed is not None
    assert needed > 2**30
    for usable, fits in ((2 * needed, True), (2 * needed - 1, False)):
        monkeypatch.setattr(machine, "usable_for_models_bytes", lambda total, n=usable: n)
        assert await fit_together(old, new) is fits
    missing = BackendSettings(kind="mlx_lm", model=str(tmp_path / "nothing"))
    assert await fit_together(old, registry.create("missing", missing, tmp_path))
    url = BackendSettings(kind="openai", url="http://127.0.0.1:9/v1")
    attached = registry.create("attached", url, tmp_path)
    assert await fit_together(old, attached)
    assert await fit_together(attached, new)
