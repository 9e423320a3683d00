"""A fault of ours outside the pane: a sentence, and an exit code that says so."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.e2e.terminal import PtyTerminal

CODE = """
import logging, sys
from pathlib import Path
from anyclaude_tui import app
from anyclaude_tui.config.loading import Loaded
from anyclaude_tui.config.settings import Settings
from tests.screens.fakes import FakeClient, snapshot
def fails(self, *args):
    token = "value-of-a-secret"
    raise KeyError(token)
setattr(app.DashboardApp, sys.argv[1], fails)
logging.basicConfig(filename=sys.argv[2] + "/log")
client = FakeClient(Path(sys.argv[2]), snapshot())
sys.exit(app.run_dashboard(client, Loaded(Settings(), ()), True))
"""


@pytest.mark.parametrize("where", ["show_snapshot", "takes", "get_css_variables"])
async def test_a_crash_ends_with_a_sentence_and_exit_code_1(where: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CODE, where, str(tmp_path)]
    env = {**os.environ, "TERM": "xterm-256color"}
    async with PtyTerminal(command, cwd=Path.cwd(), env=env) as terminal:
        if where == "takes":
            await terminal.wait_for("gpt-oss-20b")
            terminal.send("x")
        assert await terminal.wait_ended() == 1
        assert "ended by a fault of its own (KeyError)" in terminal.history()
        assert "value-of-a-secret" not in terminal.history()
        assert "Traceback" not in terminal.history()
    assert "Traceback" in (tmp_path / "log").read_text()
