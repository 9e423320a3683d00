"""What model Claude Code is told to ask for."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from anyclaude_tui.config.settings import BackendSettings, ClaudeSettings, LogSettings, Settings
from anyclaude_tui.session import session as session_module
from anyclaude_tui.session.session import Session
from tests.backends.fakes import Fake, serving

MODELS = {"object": "list", "data": [{"id": "m", "object": "model"}]}


async def told(tmp_path: Path, backend: str, **backends: BackendSettings) -> str | None:
    """The model's name in Claude Code's environment."""
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    settings = Settings(
        backends=backends,
        claude=ClaudeSettings(command=str(program)),
        logs=LogSettings(requests=False),
    )
    session = Session(settings, home=tmp_path / "home", backend=backend)
    await session.start()
    try:
        return (await session.claude()).env.get("ANTHROPIC_MODEL")
    finally:
        await session.stop()


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_MODEL", raising=False)
    monkeypatch.setattr(session_module, "LAUNCH_PATIENCE_S", 1.0)


async def test_a_messages_api_without_a_model_is_asked_for_the_clients(tmp_path: Path) -> None:
    async with serving(Fake({"GET /v1/models": MODELS})) as fake:
        assert await told(tmp_path, f"anthropic:{fake.url}") is None
        its = BackendSettings(kind="anthropic", url=fake.url, model="claude-of-theirs")
        assert await told(tmp_path, "theirs", theirs=its) == "claude-of-theirs"


async def test_a_server_that_is_down_is_not_called_by_its_url(tmp_path: Path) -> None:
    assert await told(tmp_path, "openai:http://127.0.0.1:9/v1") == "local-model"
    its = BackendSettings(kind="openai", url="http://127.0.0.1:9/v1")
    assert await told(tmp_path, "mine", mine=its) == "mine"
