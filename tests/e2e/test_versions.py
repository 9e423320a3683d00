"""The basics, with the oldest Claude Code that we promise and the newest that is tested.

All else in this folder runs with the newest alone.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anyclaude_tui.claude_code import version
from anyclaude_tui.claude_code.launch import session_env
from tests.e2e.claude import COMMAND, OLDEST, Claude, allow, require
from tests.e2e.conftest import WINDOW_TOKENS, Rig
from tests.e2e.servers import run
from tests.e2e.terminal import PtyTerminal
from tests.support.upstream import CUT, Reply, Seen, say, use
from tests.support.wire import text

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

BOTH = pytest.mark.parametrize("program", [OLDEST, COMMAND], ids=["oldest", "newest"])
SMALL_WINDOW_TOKENS = 32_768
TURNS = 5


def claude(rig: Rig, program: Path, window_tokens: int = WINDOW_TOKENS) -> Claude:
    """Claude Code of that version."""
    require(program)
    serve = rig.serve
    env = session_env(serve.url, serve.token, serve.model, window_tokens)
    made = Claude(rig.root, serve.url, serve.token, **env)
    made.program = program
    return made


def asks_for_a_summary(seen: Seen) -> bool:
    return "<summary>" in str(seen.messages[-2:])


@pytest.mark.parametrize(
    ("program", "wanted"),
    [(OLDEST, version.OLDEST_TESTED), (COMMAND, version.NEWEST_TESTED)],
    ids=["oldest", "newest"],
)
async def test_they_are_the_versions_that_are_named(program: Path, wanted: str) -> None:
    assert version.ask(str(program)) == version.read(str(program)) == wanted


@BOTH
async def test_a_tool_runs(rig: Rig, program: Path) -> None:
    command = {"command": "echo tiny > tiny.txt; cat tiny.txt", "description": "Write it"}
    rig.upstream.script(use("Bash", command), say("The file is there."))
    its = claude(rig, program)
    printed = await its.ask("write the file", *allow("Bash"))
    assert (printed.code, printed.out) == (0, "The file is there.\n")
    assert (its.cwd / "tiny.txt").read_text() == "tiny\n"


@BOTH
async def test_a_cut_in_the_text_is_carried_on(rig: Rig, program: Path) -> None:
    """The newest hears that it was a cut; neither model nor user reads of a token limit."""
    rig.upstream.script(Reply(text("Once upon"), CUT), say(" a time."))
    printed = await claude(rig, program).ask("tell", *allow("Bash"))
    assert printed.code == 0
    assert "a time." in printed.out
    again = rig.upstream.requests[1]
    assert again.said("Once upon")
    assert again.said("cut off mid-stream") == (program == COMMAND)
    assert again.said("token limit") == (program == OLDEST)


@BOTH
async def test_in_the_terminal_too(rig: Rig, program: Path) -> None:
    """An error behind a finished block would end the turn there (2.1.332)."""
    its = claude(rig, program)
    rig.upstream.script(Reply(text("Once upon"), CUT), say("a time there was a llama."))
    async with PtyTerminal(its.command(), cwd=its.cwd, env=its.env, rows=60) as terminal:
        await terminal.wait_for("❯")
        await terminal.enter("tell")
        screen = await terminal.wait_for("there was a llama.")
    assert "Once upon" in screen
    assert "token limit" not in screen.lower()
    assert "error" not in screen.lower()


@BOTH
async def test_a_small_window_needs_no_summaries(rig: Rig, program: Path) -> None:
    """Five turns are five requests: Claude Code would compact before each from the second on."""
    rig.upstream.when(asks_for_a_summary, say("<summary>Nothing.</summary>"))
    its = claude(rig, program, window_tokens=SMALL_WINDOW_TOKENS)
    async with PtyTerminal(its.command(), cwd=its.cwd, env=its.env, rows=60) as terminal:
        await terminal.wait_for("❯")
        for number in range(TURNS):
            rig.upstream.script(say(f"Answer {number}."))
            await terminal.enter(f"Turn {number}")
            await terminal.wait_for(f"● Answer {number}.")
    assert len(rig.upstream.requests) == TURNS
    assert not any(map(asks_for_a_summary, rig.upstream.requests))


@BOTH
async def test_run_starts_it_with_settings_that_it_takes(rig: Rig, program: Path) -> None:
    """The picker's rows, manual mode, WebFetch's check: what a version does not know it ignores."""
    require(program)
    its = claude(rig, program)
    rig.upstream.script(say("Said through run."))
    config = its.home / ".anyclaude" / "config.toml"
    config.parent.mkdir(mode=0o700)
    config.write_text(
        f"[claude]\ncommand = {json.dumps(str(program))}\n"
        f'[backends.mine]\nkind = "openai"\nurl = "{rig.upstream.url}"\n'
    )
    code, out, err = await run(
        "run", "--backend", "mine", "--", "-p", "hello",
        home=its.home, cwd=its.cwd, timeout=90, env={"IS_SANDBOX": "1"},
    )  # fmt: skip
    assert (code, out) == (0, "Said through run.\n"), err
    ours = [line for line in err.splitlines() if line.startswith("anyclaude-tui:")]
    told = "\n".join(ours)
    assert ("is old" in told) == (program == OLDEST)
    assert "131,072" in told  # the window, which this server does not tell
    rest = [line for line in err.splitlines() if line not in ours]
    assert [line for line in rest if "unrecognized_model" not in line] == []
