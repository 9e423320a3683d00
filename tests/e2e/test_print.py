"""Claude Code with `-p` against `serve`: plain text and the tool loop, for a scripted model and
for the real mlx_lm.server with a tiny model on this machine's CPU.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anyclaude_tui.backends.templates.jinja import renderer
from anyclaude_tui.claude_code.launch import session_env
from tests.backends.templates import small
from tests.e2e.claude import Claude, allow
from tests.e2e.conftest import Rig
from tests.e2e.servers import run, serve
from tests.support.assets import TINY_MODEL
from tests.support.upstream import Upstream, say, use

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_plain_text(rig: Rig) -> None:
    rig.upstream.script(say("Good ", "morning, ", "世界 🌍."))
    printed = await rig.claude().ask("hello")
    assert (printed.code, printed.out) == (0, "Good morning, 世界 🌍.\n")
    seen = rig.upstream.requests[0]
    assert seen.json["stream"] is True
    assert seen.json["model"] == rig.serve.model == "scripted-model"
    assert {"Bash", "Read", "Edit"} <= set(seen.tools)
    assert seen.messages[0]["role"] == "system"
    assert not seen.said("x-anthropic-billing-header")
    assert seen.said("hello")
    assert rig.serve.token not in json.dumps(seen.headers)


async def test_the_environment_reaches_a_model_whose_template_drops_late_system_messages(
    rig: Rig,
) -> None:
    """12 of 158 templates do; Claude Code's working directory stood in such a message."""
    rig.upstream.script(say("Seen."))
    await rig.claude().ask("hello")
    rendered = renderer(small.LATE_LOST, {})(rig.upstream.requests[0].json)
    assert "Primary working directory" in rendered


async def test_the_tool_loop(rig: Rig) -> None:
    rig.upstream.script(
        use("Bash", {"command": "echo tiny > tiny.txt; cat tiny.txt", "description": "Write it"}),
        say("The file is there."),
    )
    claude = rig.claude()
    printed = await claude.ask("write the file", *allow("Bash"))
    assert (printed.code, printed.out) == (0, "The file is there.\n")
    assert (claude.cwd / "tiny.txt").read_text() == "tiny\n"
    call, result = (
        m for m in rig.upstream.requests[1].messages if m["role"] in ("assistant", "tool")
    )
    assert call["tool_calls"][0]["id"] == result["tool_call_id"]
    assert result["content"] == "tiny"


async def test_run_starts_claude_code_on_a_backend(tmp_path: Path) -> None:
    claude = Claude(tmp_path, "", "")  # for its prepared home
    async with Upstream() as upstream:
        upstream.script(say("Said through run."))
        config = claude.home / ".anyclaude" / "config.toml"
        config.parent.mkdir(mode=0o700)
        config.write_text(f"[claude]\ncommand = {json.dumps(claude.command()[0])}\n")
        code, out, err = await run(
            "run", "--backend", f"openai:{upstream.url}", "--", "-p", "hello",
            home=claude.home, cwd=claude.cwd, timeout=90, env={"IS_SANDBOX": "1"},
        )  # fmt: skip
        assert (code, out) == (0, "Said through run.\n"), err
        assert not upstream.unexpected


async def test_a_real_local_model_runs_a_tool(tmp_path: Path) -> None:
    home = tmp_path / "serve"
    home.mkdir()
    async with serve(f"mlx_lm:{TINY_MODEL}", home=home) as running:
        env = session_env(running.url, running.token, running.model, None)
        # The tiny model looks only at the end of the prompt; for other names than this one
        # Claude Code puts a system message after the user's words.
        env["ANTHROPIC_MODEL"] = "claude-sonnet-4-5"
        claude = Claude(tmp_path, running.url, running.token, **env)
        printed = await claude.ask(
            "shell", "--tools", "Bash", "--allowedTools", "Bash", timeout=240
        )
        assert printed.code == 0, printed
        assert (claude.cwd / "tiny.txt").read_text() == "tiny\n"
        assert await running.terminate() == 0
