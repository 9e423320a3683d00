"""A bell when it is worth one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.config.settings import DashboardSettings
from anyclaude_tui.screens.dashboard.notifier import Notifier, sequence
from anyclaude_tui.telemetry.events import Role
from anyclaude_tui.telemetry.hub import Snapshot
from tests.screens import fakes
from tests.screens.dashboard.test_screen import dashboard

WANTED = DashboardSettings()
BEFORE = fakes.snapshot(history=())
LONG = fakes.ended(1, ended_at=fakes.NOW + 40)


def news(after: Snapshot, focused: bool = False, **wanted: object) -> list[str]:
    teller = Notifier()
    look = DashboardSettings(**wanted)  # type: ignore[arg-type]
    assert teller.see(BEFORE, focused, look) == []
    found = teller.see(after, focused, look)
    assert teller.see(after, focused, look) == [], "told once"
    return found


def test_a_long_answer_is_told_to_who_looks_elsewhere() -> None:
    after = fakes.snapshot(history=(LONG,))
    assert news(after) == ["the answer is there, after 1m 00s"]
    assert news(after, focused=True) == []
    assert news(after, notify_answer_s=90) == []
    assert news(after, notify_answer_s=0) == []
    assert news(after, notify="off") == []
    sub = fakes.ended(1, ended_at=fakes.NOW + 40, role=Role.SUBAGENT)
    assert news(fakes.snapshot(history=(sub,))) == []


@pytest.mark.parametrize("focused", [False, True])
def test_a_dead_backend_is_told_anyway(focused: bool) -> None:
    dead = replace(fakes.FAST, state=BackendState.FAILED, reason="out of memory\x1b]0;x\x07")
    after = fakes.snapshot(history=(), backends=(dead, fakes.QWEN))
    (words,) = news(after, focused)
    assert words.startswith("fast has died: out of memory")
    assert "\x1b" not in words
    again = replace(fakes.FAST, state=BackendState.STARTING, reason="restart 1 after: killed")
    assert news(fakes.snapshot(history=(), backends=(again,)), focused)
    by_hand = replace(fakes.FAST, state=BackendState.STARTING)
    assert news(fakes.snapshot(history=(), backends=(by_hand,)), focused) == []
    assert news(after, focused, notify_backend=False) == []


def test_a_switch_that_is_done_is_told() -> None:
    teller = Notifier()
    teller.see(replace(BEFORE, switching="qwen: loading"), True, WANTED)
    done = replace(BEFORE, active="qwen")
    assert teller.see(done, True, WANTED) == ["switched to qwen"]


def test_what_a_terminal_gets() -> None:
    assert sequence("a;b", "bell") == "\x07"
    assert sequence("a;b", "osc9") == "\x1b]9;anyclaude-tui: a;b\x07"
    assert sequence("a;b", "osc777") == "\x1b]777;notify;anyclaude-tui;a,b\x07"
    assert sequence("a", "off") == ""


async def test_the_dashboard_writes_it_to_its_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    async with dashboard(tmp_path, BEFORE) as (app, client, _):
        monkeypatch.setattr(app, "write_to_terminal", written.append)
        app.show_snapshot()
        app.app_focus = False
        client.shown = fakes.snapshot(history=(LONG,))
        app.show_snapshot()
        assert written == ["\x07"]
