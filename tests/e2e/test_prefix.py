"""Two turns of a real session: the second upstream request starts with the bytes of the first, so
that the model server's prefix cache holds (`docs/protocol/claude-code.md`, "Prefix stability").
"""

from __future__ import annotations

import itertools

import msgspec
import pytest

from tests.e2e.claude import allow
from tests.e2e.conftest import Rig
from tests.e2e.terminal import PtyTerminal
from tests.support.upstream import Reply, Seen, say
from tests.support.wire import call, ending, reasoning, text

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


def assert_starts_with(second: Seen, first: Seen) -> None:
    """Tools byte for byte the same; messages of the first byte for byte at the front."""
    raw = [msgspec.json.decode(seen.body, type=dict[str, msgspec.Raw]) for seen in (first, second)]
    before, after = (bytes(members["messages"]).removesuffix(b"]") for members in raw)
    assert after.startswith(before + b","), parting(before, after)
    assert bytes(raw[0].get("tools", b"")) == bytes(raw[1].get("tools", b""))


def parting(before: bytes, after: bytes) -> str:
    """Where two prompts part."""
    place = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    start = max(0, place - 80)
    return f"at byte {place}: {before[start : place + 80]!r} became {after[start : place + 80]!r}"


def assert_all_stable(rig: Rig) -> None:
    requests = rig.upstream.requests
    for first, second in itertools.pairwise(requests):
        assert_starts_with(second, first)


# Arguments that Claude Code sends back rewritten: keys reordered, a default left out, a number
# as a string, white space.
ODD_EDIT = (
    '{"new_string": "b\\n", "old_string": "a\\n",  "file_path": "%s", "replace_all": "false"}'
)
ODD_READ = '{"limit": "5000", "file_path": "%s", "offset": "1"}'


async def test_the_prefix_of_a_session_with_tools(rig: Rig) -> None:
    claude = rig.claude()
    file = claude.cwd / "file.txt"
    file.write_text("a\n")
    rig.upstream.script(
        Reply(reasoning("Look first."), call("Read", ODD_READ % file), ending("tool_calls")),
        Reply(text("Now."), call("Edit", ODD_EDIT % file), ending("tool_calls")),
        Reply(text("\n\n"), call("Bash", '{"command": "ls  "}'), ending("tool_calls")),
        say("Edited."),
    )
    printed = await claude.ask("edit the file", *allow("Read", "Edit", "Bash"))
    assert (printed.code, printed.out) == (0, "Edited.\n")
    assert file.read_text() == "b\n"
    assert len(rig.upstream.requests) == 4
    assert_all_stable(rig)


async def test_the_prefix_of_an_interactive_session(rig: Rig) -> None:
    claude = rig.claude()
    command = claude.command("--allowedTools", "Bash")  # all tools, as users have them
    async with PtyTerminal(command, cwd=claude.cwd, env=claude.env, rows=60) as terminal:
        await terminal.wait_for("❯")
        rig.upstream.script(
            Reply(call("Bash", '{"command": "echo 1"}'), ending("tool_calls")), say("It says 1.")
        )
        await terminal.enter("run it")
        await terminal.wait_for("It says 1.")
        rig.upstream.script(say("Second answer."))
        await terminal.enter("and now?")
        await terminal.wait_for("Second answer.")
    assert len(rig.upstream.requests) == 3
    assert_all_stable(rig)


async def test_the_prefix_of_a_resumed_session(rig: Rig) -> None:
    claude = rig.claude()
    rig.upstream.script(say("First answer."), say("Second answer."))
    assert (await claude.ask("one", *allow("Bash"))).code == 0
    assert (await claude.ask("two", "-c", *allow("Bash"))).out == "Second answer.\n"
    assert_all_stable(rig)
