"""Interactive Claude Code on the proxy: `/context`, `/compact`, overflow, Esc."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.claude import allow
from tests.e2e.conftest import Rig
from tests.e2e.terminal import PtyTerminal, Terminal
from tests.support.upstream import STALL, Reply, Seen, fail, say
from tests.support.wire import text

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SUMMARY = "They asked about llamas twice."


def opened(rig: Rig) -> Terminal:
    """Claude Code in a terminal."""
    claude = rig.claude()
    return PtyTerminal(claude.command(*allow("Bash")), cwd=claude.cwd, env=claude.env, rows=60)


def asks_for_a_summary(seen: Seen) -> bool:
    return "<summary>" in str(seen.messages[-2:])


async def talk(rig: Rig, terminal: Terminal, *turns: tuple[str, str]) -> None:
    """Types each prompt and waits for its answer."""
    await terminal.wait_for("❯")
    for prompt, answer in turns:
        rig.upstream.script(say(answer))
        await terminal.enter(prompt)
        await terminal.wait_for(f"● {answer}")


async def test_context_and_compact(rig: Rig) -> None:
    rig.upstream.when(
        asks_for_a_summary, say(f"<analysis>Llamas.</analysis>\n<summary>{SUMMARY}</summary>")
    )
    async with opened(rig) as terminal:
        await talk(rig, terminal, ("one llama", "Yes."), ("two llamas", "Yes, two."))
        await terminal.enter("/context")
        await terminal.wait_for(lambda screen: "/200k tokens" in screen and "Free space" in screen)
        await terminal.enter("/compact")
        await terminal.wait_for("Compacted")
        await talk(rig, terminal, ("and three?", "Three too."))
        last = rig.upstream.requests[-1]
        assert last.said(SUMMARY)
        assert not last.said("one llama")


@pytest.mark.parametrize(
    "words",
    [
        "This model's maximum context length is 8192 tokens. However, your messages resulted in "
        "9000 tokens. Please reduce the length of the messages.",
        "the request exceeds the available context size. try increasing the context size",
        "Trying to keep the first 9000 tokens when context the overflows. However, the model is "
        "loaded with context length of only 4096 tokens, which is not enough.",
    ],
    ids=["vllm", "llama.cpp", "lm-studio"],
)
async def test_an_overflow_makes_claude_code_compact_and_go_on(rig: Rig, words: str) -> None:
    full = True

    def reply(seen: Seen) -> Reply:
        nonlocal full
        if asks_for_a_summary(seen):
            full = False
            return say(f"<analysis>Llamas.</analysis>\n<summary>{SUMMARY}</summary>")
        if full:
            return fail(400, {"error": {"message": words, "code": 400}})
        return say("Room again.")

    async with opened(rig) as terminal:
        await talk(rig, terminal, ("one llama", "Yes."), ("two llamas", "Yes, two."))
        rig.upstream.when(lambda seen: True, reply)
        await terminal.enter("three llamas")
        await terminal.wait_for("● Room again.")
        assert rig.upstream.requests[-1].said(SUMMARY)


async def test_escape_frees_the_upstream(rig: Rig) -> None:
    # A line is shown when it is whole.
    rig.upstream.script(Reply(text("Once upon a time\n\n", "there was"), STALL))
    async with opened(rig) as terminal:
        await terminal.wait_for("❯")
        await terminal.enter("tell me")
        await terminal.wait_for("Once upon a time")
        seen = await rig.upstream.received(1)
        assert not seen.done.is_set()
        await terminal.press("Escape")
        await asyncio.wait_for(seen.done.wait(), 10)
        assert seen.outcome == "left"
        await terminal.wait_for("Interrupted")
        await talk(rig, terminal, ("go on", "There was a llama."))
        assert rig.upstream.requests[-1].said("Once upon a time")


async def test_escape_in_prefill_frees_the_upstream(rig: Rig) -> None:
    rig.upstream.script(Reply(STALL))
    async with opened(rig) as terminal:
        await terminal.wait_for("❯")
        await terminal.enter("tell me")
        seen = await rig.upstream.received(1)
        await terminal.press("Escape")
        await asyncio.wait_for(seen.done.wait(), 10)
        assert seen.outcome == "left"
