"""The dashboard as its user has it: the real Claude Code in the pane, typed by keys, numbers beside
it, and nothing left behind.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import psutil
import pytest

from tests.e2e.claude import COMMAND, clean_environment, require, settle
from tests.e2e.servers import ANYCLAUDE
from tests.e2e.terminal import PtyTerminal, Terminal, TmuxTerminal

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

CALL = '{"command": "echo tiny >tiny.txt"}'
FAST = "simulator:fast,speed=20"


class Dashboard:
    """The folders of one dashboard, and the dashboard in a terminal."""

    def __init__(self, root: Path) -> None:
        require()
        self.home, self.cwd = root / "home", root / "project"
        self.cwd.mkdir()
        self.env = clean_environment(self.home) | {"IS_SANDBOX": "1"}
        settle(self.home, self.cwd)
        files = self.home / ".anyclaude"
        files.mkdir(mode=0o700)
        (files / "config.toml").write_text(f"[claude]\ncommand = {json.dumps(str(COMMAND))}\n")

    def opened(self, kind: type[Terminal], columns: int, rows: int, *args: str) -> Terminal:
        command = [*ANYCLAUDE, "--backend", FAST, "--", *args]
        return kind(command, cwd=self.cwd, env=self.env, columns=columns, rows=rows)

    def processes(self) -> list[psutil.Process]:
        """All processes that have this dashboard's HOME."""
        mine = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("HOME") == str(self.home):
                    mine.append(process)
            except psutil.Error:
                continue
        return [process for process in mine if process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(("columns", "rows"), [(160, 48), (80, 24)])
async def test_claude_code_runs_a_tool_in_the_dashboard(
    tmp_path: Path, columns: int, rows: int
) -> None:
    board = Dashboard(tmp_path)
    # The real tmux where there is one; a PTY of our own is the same to the dashboard.
    kind = TmuxTerminal if shutil.which("tmux") else PtyTerminal
    async with board.opened(kind, columns, rows, "--allowedTools", "Bash") as terminal:
        await terminal.wait_for("❯")
        await terminal.enter("tool Bash " + CALL)
        screen = await terminal.wait_for("This is a simulated answer.")
        assert (board.cwd / "tiny.txt").exists()
        assert "simulated" in screen
        await terminal.wait_for(lambda screen: "TTFT" in screen and "tok/s" in screen)
        await terminal.quit_dashboard()
    _, alive = psutil.wait_procs(board.processes(), timeout=10)
    assert not alive


async def test_without_claude_code_the_chat_client_takes_its_place(tmp_path: Path) -> None:
    board = Dashboard(tmp_path)
    (board.home / ".anyclaude" / "config.toml").unlink()
    board.env["PATH"] = str(tmp_path)
    async with board.opened(PtyTerminal, 120, 40) as terminal:
        await terminal.wait_for("npm install -g @anthropic-ai/claude-code")
        await terminal.wait_for("ready")
        await terminal.wait_for("›")
        await terminal.enter("hello")
        await terminal.wait_for("no model runs here")
        await terminal.wait_for("end_turn")  # while the request runs, quitting asks
        assert isinstance(terminal, PtyTerminal)
        await terminal.press("C-]")
        await terminal.type_text("q")
        assert await terminal.wait_ended() == 0


async def test_a_killed_dashboard_leaves_no_process(tmp_path: Path) -> None:
    board = Dashboard(tmp_path)
    async with board.opened(PtyTerminal, 120, 40) as terminal:
        await terminal.wait_for("❯")
        assert isinstance(terminal, PtyTerminal)
        assert len(board.processes()) >= 3  # the dashboard, the simulator, Claude Code
        terminal.process.kill()
        await terminal.process.wait()
        _, alive = psutil.wait_procs(board.processes(), timeout=15)
        assert not alive
