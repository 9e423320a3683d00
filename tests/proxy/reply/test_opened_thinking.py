"""Replies that begin inside the thinking block that their prompt opened, and that the server
does not read itself (`Dialect.thinks_until`)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.backends.base import Dialect
from anyclaude_tui.telemetry.events import Truncation
from tests.proxy.making import request_for
from tests.proxy.streams import DONE, Run, chunk, run

CALL = '<tool_call>{"name": "Bash", "arguments": {"command": "ls"}}</tool_call>'
LS = ("Bash", {"command": "ls"})


def reply(*pieces: str, until: str = "</think>", fast: bool = True, finish: str = "stop") -> Run:
    content = [chunk(content=piece) for piece in pieces]
    return run(*content, chunk(finish), DONE, thinks_until=until, fast=fast)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("until", ["</think>", "</mm:think>", "[/THINK]", "<|END_THINKING|>"])
def test_it_is_thinking_up_to_the_lone_closing_tag(until: str, fast: bool) -> None:
    got = reply(
        "I ", "think ", "< so.", f"\n{until[:4]}", f"{until[4:]}\n\nHi", until=until, fast=fast
    )
    assert got.message.kinds == ["thinking", "text"]
    assert (got.message.thinking, got.message.text) == ("I think < so.\n", "Hi")


def test_a_call_that_was_only_thought_about_is_not_run() -> None:
    got = reply("I will call ", CALL, " maybe. No, better not.\n", "</think>", "\n\nI did not.")
    assert got.message.calls == []
    assert got.message.text == "I did not."
    assert got.message.stop_reason == "end_turn"


def test_a_call_behind_the_closing_tag_is_run() -> None:
    got = reply("I will call ", CALL, ".\n</think>\n\n", CALL)
    assert got.message.calls == [LS]
    assert got.message.kinds == ["thinking", "tool_use"]


def test_without_any_closing_tag_a_call_that_ends_the_reply_was_made() -> None:
    assert reply("I call ", CALL, "\n").message.calls == [LS]
    assert reply("I call ", CALL, " or not").message.calls == []
    cut = run(chunk(content=f"I call {CALL}"), thinks_until="</think>", cause=Truncation.CUT)
    assert cut.message.calls == []
    assert reply("I call ", CALL, finish="length").message.calls == []


def test_the_opening_tag_may_be_repeated() -> None:
    got = reply("\n<th", "ink>", "Hm", "</think>Hi")
    assert (got.message.thinking, got.message.text) == ("Hm", "Hi")
    assert reply("<thanks", "</think>").message.thinking == "<thanks"


def test_a_server_that_reads_the_block_after_all_is_believed() -> None:
    chunks = [chunk(reasoning_content="Hm."), chunk(content="Hi "), chunk(content=CALL)]
    got = run(*chunks, chunk("stop"), DONE, thinks_until="</think>")
    assert (got.message.thinking, got.message.text) == ("Hm.", "Hi ")
    assert got.message.calls == [LS]


@given(
    st.text("ab <[/think>\n", max_size=30),
    st.text("ab <\n", max_size=30),
    st.integers(1, 7),
    st.booleans(),
)
def test_nothing_is_lost_however_it_is_cut(thought: str, text: str, size: int, fast: bool) -> None:
    if "</think>" in thought or thought.lstrip().startswith("<think>"):
        return
    whole = f"{thought}</think>{text}"
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    got = reply(*pieces, fast=fast)
    assert got.message.thinking.strip() == thought.strip()
    assert got.message.text.strip() == text.strip()


def test_the_request_tells_whether_its_reply_begins_in_thinking() -> None:
    dialect = Dialect(enable_thinking=True, thinks_until=("</think>", ""))
    assert request_for(dialect, thinking={"type": "adaptive"}).thinks_until == "</think>"
    assert request_for(dialect).thinks_until == ""
