"""A choice in Claude Code's picker: the change of its model's name, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anyclaude_tui.claude_code.picker import Offer
from anyclaude_tui.session.picked import Picked
from anyclaude_tui.telemetry.events import RequestRecord, Role

OFFERS = [Offer("coder", "Qwen3"), Offer("lmstudio", None)]


class Board:
    """Stands for the switchboard."""

    def __init__(self, tmp_path: Path) -> None:
        self.active = "coder"
        self.settings = tmp_path / ".claude" / "settings.json"
        self.settings.parent.mkdir()
        self.picked = Picked(
            lambda: self.active, self.switch, tmp_path / "note.json", {"HOME": str(tmp_path)}
        )

    async def switch(self, name: str) -> None:
        self.active = name

    async def ask(self, model: str, role: Role = Role.MAIN, session: str = "s") -> str:
        """The active backend after a request for this model."""
        record = RequestRecord("r", "", 0.0, 0.0, role=role)
        record.session_id, record.requested_model = session, model
        await self.picked.requested(record)
        return self.active


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


async def test_a_choice_switches_once(board: Board) -> None:
    board.picked.offer(OFFERS, launched="models/Qwen3")
    assert await board.ask("Qwen3") == "coder"
    assert await board.ask("lmstudio") == "lmstudio"
    board.active = "coder"  # the user has switched back in the dashboard
    assert await board.ask("lmstudio") == "coder"
    assert await board.ask("Qwen3") == "coder"
    assert await board.ask("lmstudio") == "lmstudio"


async def test_what_is_told_at_the_start_is_no_choice(board: Board) -> None:
    board.picked.offer(OFFERS, launched="Qwen3")
    board.active = "lmstudio"  # switched before the first request
    assert await board.ask("Qwen3") == "lmstudio"
    assert await board.ask("lmstudio", session="--model lmstudio") == "lmstudio"


async def test_other_requests_choose_nothing(board: Board) -> None:
    board.picked.offer(OFFERS, launched="Qwen3")
    assert await board.ask("lmstudio", Role.SUBAGENT) == "coder"
    assert await board.ask("lmstudio", Role.BACKGROUND) == "coder"
    assert await board.ask("lmstudio", session="") == "coder"
    assert await board.ask("claude-haiku-4-5") == "coder"


async def test_the_saved_default_is_put_back_at_the_choice_and_at_the_end(board: Board) -> None:
    board.settings.write_text('{"model": "opus"}')
    board.picked.offer(OFFERS, launched="Qwen3")
    board.settings.write_text('{"model": "lmstudio"}')
    await board.ask("lmstudio")
    assert json.loads(board.settings.read_text()) == {"model": "opus"}
    board.settings.write_text('{"model": "Qwen3"}')
    await board.picked.stop()
    assert json.loads(board.settings.read_text()) == {"model": "opus"}
