"""Comparisons on real simulated servers: the figures, failures, stops, what is left behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from anyclaude_tui.compare.measuring.comparer import GIVE_UP_AFTER, Comparer
from anyclaude_tui.compare.measuring.progress import (
    BringingUp,
    BroughtUp,
    Finished,
    Planned,
    Progress,
    RunEnded,
    Running,
    TargetFailed,
)
from anyclaude_tui.compare.report.table import sections
from anyclaude_tui.compare.samples import Prefix, Way, select
from anyclaude_tui.compare.workload import also_logged, builtin, from_prompt
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.settings import BackendSettings, Limits, Settings
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.events import Role
from tests.support import wire
from tests.support.upstream import CUT, Reply, Upstream
from tests.support.waiting import children_of_module

QUICK = "simulator:fast,speed=8"
SHORT = from_prompt("hello")


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


async def test_the_figures_are_those_of_the_profile(tmp_path: Path) -> None:
    _, long = builtin()
    told: list[Progress] = []
    spec = "simulator:fast,prefill_tokens_per_s=4000,decode_tokens_per_s=50"
    comparison = await Comparer(
        Settings(), tmp_path, [spec], [long], runs=2, listen=told.append
    ).run()
    assert not [sample for sample in comparison.samples if not sample.ok]
    assert len(select(comparison.samples)) == 8
    overall = {row.name: row.cells[0].value for row in sections(comparison)[0].rows}
    # How near these are to the profile is the machine's matter; that they are the runs' is ours.
    for name, way in (("through the proxy", Way.PROXY), ("direct", Way.DIRECT)):
        speeds = [s.view.tokens_per_s.value for s in select(comparison.samples, way=way)]
        assert min(filter(None, speeds)) <= (overall[f"decode, {name}, tokens/s"] or 0)
        assert (overall[f"decode, {name}, tokens/s"] or 0) <= max(filter(None, speeds))
    prefills = [s.view.prefill_tokens_per_s.value for s in select(comparison.samples)]
    assert min(filter(None, prefills)) <= (overall["prefill, tokens/s"] or 0)
    assert (overall["prefill, tokens/s"] or 0) <= max(filter(None, prefills))
    reuse = [s.view.reuse_percent.value for s in select(comparison.samples, prefix=Prefix.WARM)]
    assert all(share is not None and share > 99 for share in reuse)
    cold = [s.view.reuse_percent.value for s in select(comparison.samples, prefix=Prefix.COLD)]
    assert all(share is not None and share < 2 for share in cold)

    target = comparison.targets[0]
    assert target.simulated
    assert target.bring_up_s is not None
    assert target.window_tokens == 131_072
    kinds = [type(progress) for progress in told]
    assert kinds[:3] == [Planned, BringingUp, BroughtUp]
    assert kinds[-1] is Finished
    ended = [progress for progress in told if isinstance(progress, RunEnded)]
    assert [progress.number for progress in ended] == list(range(1, 10))
    assert all(progress.total == 9 for progress in ended)
    assert ended[-1].eta_s == 0
    running = [progress for progress in told if isinstance(progress, Running)]
    assert any(r.text and r.view is not None and r.view.tokens_per_s for r in running)
    assert not children()


async def test_a_target_that_does_not_start_is_left_out(tmp_path: Path) -> None:
    told: list[Progress] = []
    comparison = await Comparer(
        Settings(),
        tmp_path,
        ["openai:http://127.0.0.1:9/v1", QUICK],
        [SHORT],
        runs=1,
        listen=told.append,
    ).run()
    assert "127.0.0.1:9" in comparison.target("openai:http://127.0.0.1:9/v1").error
    assert len(select(comparison.samples, target=QUICK)) == 4
    assert any(isinstance(progress, TargetFailed) for progress in told)
    assert [p.eta_s for p in told if isinstance(p, RunEnded)][-1] == 0


async def test_a_wrong_name_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nonsense"):
        Comparer(Settings(), tmp_path, ["nonsense"], [SHORT])


async def test_a_failed_run_is_a_row_and_too_many_end_the_target(tmp_path: Path) -> None:
    settings = Settings(limits=Limits(retries=0))
    good, bad = Reply(wire.text("so ", "be it"), wire.ending()), Reply(wire.text("x"), CUT)
    async with Upstream() as upstream:
        name = f"openai:{upstream.url}"
        # The warm-up is as short as a probe, and no part of the script.
        upstream.script(good, bad, good, good)
        comparison = await Comparer(settings, tmp_path, [name], [SHORT], runs=1).run()
        assert [sample.ok for sample in comparison.samples] == [True, True, False, True, True]
        assert comparison.samples[2].view.reason
        upstream.reset()
        upstream.script(*[bad] * GIVE_UP_AFTER)
        comparison = await Comparer(settings, tmp_path, [name], [SHORT], runs=3).run()
        assert len(comparison.samples) == 1 + GIVE_UP_AFTER
        assert "in a row failed" in comparison.targets[0].error


async def test_a_stop_keeps_what_there_is_and_stops_what_was_started(tmp_path: Path) -> None:
    comparer: Comparer

    def listen(progress: Progress) -> None:
        if isinstance(progress, RunEnded) and progress.number == 3:
            comparer.stop()

    comparer = Comparer(Settings(), tmp_path, [QUICK], [SHORT], runs=50, listen=listen)
    comparison = await comparer.run()
    assert comparison.stopped
    assert len(comparison.samples) == 3
    assert not children()


async def test_cancelled_from_outside_nothing_is_left_behind(tmp_path: Path) -> None:
    up = asyncio.Event()

    def listen(progress: Progress) -> None:
        if isinstance(progress, Running):
            up.set()

    comparer = Comparer(Settings(), tmp_path, [QUICK], [SHORT], runs=50, listen=listen)
    task = asyncio.create_task(comparer.run())
    await up.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not children()


async def test_a_lent_session_is_used_and_goes_on_running(tmp_path: Path) -> None:
    session = Session(Settings(), home=tmp_path, backend=QUICK)
    await session.start()
    try:
        await session.ready()
        roles: list[Role] = []
        session.hub.ended_listeners.append(lambda record, view: roles.append(record.role))
        comparer = Comparer(Settings(), tmp_path, [QUICK], [SHORT], runs=1, lend={QUICK: session})
        comparison = await comparer.run()
        assert len(select(comparison.samples)) == 4
        assert comparison.targets[0].bring_up_s is None
        assert session.switchboard.statuses()[0].state == "ready"
        assert roles == [Role.COMPARE] * 3  # warm-up, cold and warm; not the direct
        seen = session.snapshot()  # nobody's work: in no figure of the session's
        assert (seen.totals.requests, seen.totals.output_tokens, seen.recent) == (0, 0, ())
        assert b'outcome="complete"' not in session.observers.prometheus_text()
    finally:
        await session.stop()


async def test_one_at_a_time_means_one_at_a_time(tmp_path: Path) -> None:
    settings = Settings(
        backends={
            name: BackendSettings(kind="simulator", profile="fast,speed=20,load_s=0")
            for name in ("a", "b")
        }
    )
    most = 0

    def listen(progress: Progress) -> None:
        nonlocal most
        module = "anyclaude_tui.backends.simulator.server"
        servers = children_of_module(module)
        most = max(most, len(servers))

    comparer = Comparer(
        settings, tmp_path, ["a", "b"], [SHORT], runs=1, listen=listen, together=False
    )
    comparison = await comparer.run()
    assert len(select(comparison.samples)) == 8
    assert most == 1


async def test_full_logging_is_a_way_of_its_own(tmp_path: Path) -> None:
    comparison = await Comparer(Settings(), tmp_path, [QUICK], [also_logged(SHORT)], runs=1).run()
    assert len(select(comparison.samples, way=Way.LOGGED)) == 1
    assert not list((tmp_path / "traces").glob("**/*.json"))
