"""The compare screen of the real dashboard in a real terminal: simulators, and a real turn."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import psutil
import pytest

from anyclaude_tui.compare.report import history
from anyclaude_tui.compare.samples import Way
from tests.e2e.terminal import PtyTerminal, Terminal, TmuxTerminal
from tests.e2e.test_dashboard import Dashboard

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

FAST = "simulator:fast,speed=20,load_s=0"
SLOW = "slow,speed=20,load_s=0"


class Comparing(Dashboard):
    """A dashboard that has a slow backend configured beside the fast one that it starts with."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        path = self.home / ".anyclaude" / "config.toml"
        slow = f'\n[backends.slow]\nkind = "simulator"\nprofile = {json.dumps(SLOW)}\n'
        path.write_text(path.read_text() + slow)

    def terminal(self, columns: int, rows: int) -> Terminal:
        kind = TmuxTerminal if shutil.which("tmux") else PtyTerminal
        return self.opened(kind, columns, rows)


async def leave(board: Dashboard, terminal: Terminal) -> None:
    """Back to the dashboard and out of it; nothing is left behind."""
    await terminal.press("Escape")
    await terminal.wait_for(lambda screen: "Ctrl+]" in screen)
    await terminal.quit_dashboard()
    _, alive = psutil.wait_procs(board.processes(), timeout=10)
    assert not alive


@pytest.mark.parametrize(("columns", "rows"), [(160, 48), (80, 24)])
async def test_fast_against_slow(tmp_path: Path, columns: int, rows: int) -> None:
    board = Comparing(tmp_path)
    async with board.terminal(columns, rows) as terminal:
        await terminal.wait_for("❯")
        await terminal.press("C-]")
        await terminal.press("v")
        await terminal.wait_for("stopped afterwards: slow")
        await terminal.type_text("-")
        await terminal.press("Enter")
        await terminal.wait_for("measuring")
        screen = await terminal.wait_for("the backend is the bottleneck")
        assert "Evidence" in screen
        await terminal.type_text("m")
        await terminal.wait_for("saved /")
        (report,) = (board.home / ".anyclaude" / "saved").glob("*.md")
        assert "## Report your findings" in report.read_text()
        (entry,) = history.entries(board.home / ".anyclaude")
        verdict = history.load(entry.path).verdict
        assert verdict.slowest == "slow"
        await terminal.press("Escape")
        await terminal.wait_for("Space choose")
        await leave(board, terminal)


async def test_a_real_turn_of_claude_code_on_two_backends(tmp_path: Path) -> None:
    board = Comparing(tmp_path)
    async with board.terminal(120, 40) as terminal:
        await terminal.wait_for("❯")
        await terminal.enter("say something")
        await terminal.wait_for("simulated")
        await terminal.press("C-]")
        await terminal.press("i")
        await terminal.wait_for("Enter open")
        await terminal.wait_for("main")
        await terminal.press("Enter")
        await terminal.wait_for("1 Overview")
        await terminal.press("c")
        screen = await terminal.wait_for("a captured turn")
        assert "stopped afterwards: slow" in screen
        await terminal.type_text("--")
        await terminal.press("Enter")
        await terminal.wait_for("measuring")
        await terminal.wait_for("What to do", timeout=120)
        (entry,) = history.entries(board.home / ".anyclaude")
        comparison = history.load(entry.path).comparison
        for target in comparison.targets:
            samples = [s for s in comparison.samples if s.target == target.name]
            assert all(sample.ended_well for sample in samples)
            sent = next(s.view for s in samples if s.way is Way.PROXY and s.run)
            assert sent.tool_count > 10
            assert sent.prompt_bytes > 50_000
        await terminal.press("Escape")
        await terminal.wait_for("Space choose")
        await terminal.press("Escape")
        await terminal.wait_for("1 Overview")
        await terminal.press("Escape")
        await terminal.wait_for("Enter open")
        await leave(board, terminal)
