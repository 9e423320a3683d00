"""The real Claude Code at a native server, which is a scripted fake of the Messages API."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyclaude_tui.claude_code.launch import session_env
from tests.e2e.claude import Claude, allow
from tests.support.native_streams import (
    Event,
    block,
    closed,
    delta,
    ending,
    json_of,
    opened,
    signed,
    sse,
    start,
    text,
    thought,
)
from tests.support.proxy import TOKEN, running_proxy
from tests.support.upstream import Reply, Upstream

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

IDS = ("toolu_01T1x1fJ34qAmk2tNTrN7Up6", "toolu_01A09q90qw90lq917835lq9A")


def bash(index: int) -> Event:
    return opened(index, "tool_use", id=IDS[index - 1], name="Bash", input={})


async def test_a_tool_loop_with_blocks_that_interleave(tmp_path: Path) -> None:
    """Two calls beside thinking that is not signed; the service knows its calls again by their
    ids, and has its thinking back."""
    calls = [
        start(),
        opened(0, "thinking"),
        delta(0, thought("I run ")),
        bash(1),
        delta(0, thought("both.")),
        bash(2),
        *(delta(at, one) for one in json_of('{"command": ') for at in (1, 2)),
        *(delta(at, one) for at in (2, 1) for one in json_of(f'"echo {at}"', "}")),
        delta(0, signed("")),
        closed(0),
        closed(2),
        closed(1),
        *ending("tool_use"),
    ]
    done = [start(id="msg_01Other"), *block(0, "text", text("Both ran.")), *ending()]
    async with Upstream() as upstream, running_proxy(upstream.url) as proxy:
        proxy.backend.now(native=True, url=f"{upstream.url}/messages", model="")
        upstream.script(Reply(*sse(calls)), Reply(*sse(done)))
        given = session_env(proxy.url, TOKEN, "claude-scripted", 200_000)
        claude = Claude(tmp_path, proxy.url, TOKEN, **given)
        printed = await claude.ask("go", *allow("Bash"))
        assert (printed.code, printed.out) == (0, "Both ran.\n"), printed
        assert len(upstream.requests) == 2
        *_, said, results = [
            one for one in upstream.requests[1].json["messages"] if one["role"] != "system"
        ]
    thinking, *called = said["content"]
    assert thinking == {"type": "thinking", "thinking": "I run both.", "signature": ""}
    ran = {one["id"]: one["input"]["command"] for one in called}
    assert ran == {IDS[0]: "echo 1", IDS[1]: "echo 2"}
    kept = [one for one in results["content"] if one["type"] == "tool_result"]
    assert {one["tool_use_id"]: one["content"] for one in kept} == {IDS[0]: "1", IDS[1]: "2"}
