"""Replies that begin inside the thinking block that their prompt opened, and that the server
does not read itself (`Dialect.thinks_until`)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.telemetry.events import Truncation
from tests.proxy.making import request_for
from tests.proxy.streams import DONE, Run, call, chunk, run

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


LS_CALL = chunk(tool_calls=[call("Bash", '{"command": "ls"}', id="c")])


def parsed(*parts: bytes, until: str = "</think>", finish: str = "tool_calls", **how: Any) -> Run:
    """A server that reads calls wherever they stand, and no thinking."""
    return run(*parts, chunk(finish), DONE, thinks_until=until, **how)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("finish", ["tool_calls", "stop"])
def test_a_call_that_the_server_found_in_thinking_waits_for_what_follows(
    finish: str, fast: bool
) -> None:
    against = [chunk(content=" maybe. No, "), chunk(content="better not.\n</think>\n\nI did not.")]
    got = parsed(chunk(content="I call "), LS_CALL, *against, finish=finish, fast=fast)
    assert got.message.calls == []
    assert got.message.text == "I did not."
    assert got.message.stop_reason == "end_turn"
    assert got.translator.facts.dropped_calls == 0


def test_it_counts_where_nothing_follows_it() -> None:
    assert parsed(chunk(content="I call "), LS_CALL).message.calls == [LS]
    assert parsed(LS_CALL, chunk(content="\n</think>\n")).message.calls == [LS]
    assert parsed(LS_CALL, chunk(content=" or not")).message.calls == []
    assert parsed(LS_CALL, finish="length").message.calls == []
    cut = run(chunk(content="I call "), LS_CALL, thinks_until="</think>", cause=Truncation.CUT)
    assert cut.message.calls == []
    assert cut.translator.facts.dropped_calls == 1


def test_a_call_behind_the_block_is_the_one_that_counts() -> None:
    real = chunk(tool_calls=[call("Bash", '{"command": "pwd"}', id="d")])
    pwd = ("Bash", {"command": "pwd"})
    assert parsed(LS_CALL, chunk(content="</think>"), real).message.calls == [pwd]
    got = parsed(LS_CALL, chunk(content=" no.</think>Now:"), real)
    assert got.message.calls == [pwd]
    two = chunk(tool_calls=[call("Bash", '{"command": "pwd"}', id="d", index=1)])
    assert parsed(chunk(content="a</think>"), LS_CALL, two).message.calls == [LS, pwd]


@pytest.mark.parametrize("opener", ["<think>", "<think>So.</think>Hi\n<think>"])
def test_the_same_where_the_model_opened_the_block(opener: str) -> None:
    parts = [chunk(content=opener), chunk(content="I call "), LS_CALL]
    got = parsed(*parts, chunk(content=" no.</think>I did not."), until="")
    assert got.message.calls == []
    assert got.message.text.endswith("I did not.")


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
