"""Claude Code's own picker in the pane: our backends by name, and a choice there switches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.claude import COMMAND, clean_environment, settle
from tests.e2e.servers import ANYCLAUDE
from tests.e2e.terminal import PtyTerminal
from tests.support.upstream import Upstream, say

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

BACKEND = '[backends.{name}]\nkind = "openai"\nurl = "{url}"\nmodel = "{name}-model"\n'


async def test_a_choice_switches_and_leaves_no_name_behind(tmp_path: Path) -> None:
    home, cwd = tmp_path / "home", tmp_path / "project"
    cwd.mkdir()
    env = clean_environment(home) | {"IS_SANDBOX": "1"}
    settle(home, cwd)
    files = home / ".anyclaude"
    files.mkdir(mode=0o700)
    async with Upstream() as alpha, Upstream() as beta:
        (files / "config.toml").write_text(
            f'backend = "alpha"\n[claude]\ncommand = {json.dumps(str(COMMAND))}\n'
            + BACKEND.format(name="alpha", url=alpha.url)
            + BACKEND.format(name="beta", url=beta.url)
        )
        async with PtyTerminal(ANYCLAUDE, cwd=cwd, env=env, columns=160, rows=50) as terminal:
            await terminal.wait_for("❯")
            await terminal.enter("/model")
            screen = await terminal.wait_for("Select model")
            assert "alpha" in screen
            assert "beta-model" in screen
            await terminal.press("Down")
            await terminal.wait_for(lambda screen: "❯ 3. beta" in screen)
            await terminal.press("Enter")  # the default for all new sessions
            await terminal.wait_for("Set model to beta")
            beta.script(say("Beta speaks."), say("Beta again."))
            for words, answer in (("who is it", "Beta speaks."), ("and now", "Beta again.")):
                await terminal.enter(words)
                await terminal.wait_for(answer)
            saved = home / ".claude" / "settings.json"
            assert "model" not in json.loads(saved.read_text())
        assert [seen.json["model"] for seen in beta.requests] == ["beta-model"] * 2
        assert not alpha.requests
