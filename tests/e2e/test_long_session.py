"""Sixty turns of one session: what each request adds stands behind all of the last one's bytes."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.e2e.claude import Claude, allow
from tests.e2e.conftest import Rig
from tests.e2e.terminal import end_group
from tests.e2e.test_prefix import ODD_READ, assert_starts_with
from tests.support.upstream import Reply, Seen, say
from tests.support.wire import call, ending, reasoning, text

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SUMMARY = "<summary>Thirty turns were had.</summary>"
COMPACTION = "/compact"


async def turns(claude: Claude, prompts: Sequence[str], *args: str) -> list[dict[str, Any]]:
    """One `claude -p` that reads a prompt a line, each when the one before is answered: results."""
    process = await asyncio.create_subprocess_exec(
        *claude.command("-p", "--input-format", "stream-json", "--output-format", "stream-json"),
        "--verbose", *args,
        cwd=claude.cwd, env=claude.env, start_new_session=True, limit=2**24,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    results = []
    try:
        async with asyncio.timeout(180):
            for prompt in prompts:
                message = {"role": "user", "content": prompt}
                line = json.dumps({"type": "user", "message": message})
                process.stdin.write(line.encode() + b"\n")
                async for answer in process.stdout:
                    event = json.loads(answer)
                    if event["type"] == "result":
                        results.append(event)
                        break
            process.stdin.close()
            assert await process.wait() == 0
    finally:
        await end_group(process)
    return results


def is_summary(seen: Seen) -> bool:
    return "<summary> block" in str(seen.messages[-1]["content"])


async def test_sixty_turns_resumed_and_forked(rig: Rig) -> None:
    claude = rig.claude()
    file = claude.cwd / "file.txt"
    file.write_text("a\n")

    def answer(seen: Seen) -> Reply:
        number = len(rig.upstream.requests)
        if is_summary(seen):
            return say(SUMMARY)
        if seen.messages[-1]["role"] == "tool":
            return say("It is read.")
        if number % 5 == 1:
            odd = call("Read", ODD_READ % file, id=f"r{number}")
            return Reply(reasoning("Look."), odd, ending("tool_calls"))
        if number % 5 == 3:
            odd = call("Bash", '{"command": "ls  ", "timeout": "5000"}', id=f"b{number}")
            return Reply(text("Now. "), odd, ending("tool_calls"))
        return Reply(reasoning("Hm.\n"), text(f"Answer {number}.\n"), ending("stop"))

    rig.upstream.when(lambda seen: True, answer)
    tools = allow("Read", "Bash")
    said = [f"Turn {number}" for number in range(60)]
    first = await turns(claude, said[:20], *tools)
    again = await turns(claude, [*said[20:30], COMPACTION, *said[30:40]], "--continue", *tools)
    session = str(again[-1]["session_id"])
    resumed = await turns(claude, said[40:50], "--resume", session, *tools)
    forked = await turns(claude, said[50:], "--resume", session, "--fork-session", *tools)
    results = [*first, *again, *resumed, *forked]
    assert len(results) == 61
    assert not any(result["is_error"] for result in results)
    assert {result["session_id"] for result in (*first, *again, *resumed)} == {session}
    assert session not in {result["session_id"] for result in forked}

    requests = rig.upstream.requests
    summaries = [place for place, seen in enumerate(requests) if is_summary(seen)]
    assert len(summaries) == 1
    for place, (one, next_one) in enumerate(itertools.pairwise(requests)):
        if place in summaries:
            assert next_one.messages[0] == one.messages[0]  # the system text stays
            assert next_one.json["tools"] == one.json["tools"]
            assert next_one.said("Thirty turns were had.")
        else:
            assert_starts_with(next_one, one)
