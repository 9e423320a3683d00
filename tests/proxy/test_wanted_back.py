"""What a backend wants back with its calls, over sockets: it gets it as it came, and nobody else.

The servers are scripted; each judges the history as the one that it is named after does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.templates.call_forms import FOREIGN_CALL, NO_THINKING
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.wire.wanted_back import WantedBack, whole_details
from tests.support import wire
from tests.support.proxy import READ_TOOL, Proxy, ask_body, running_proxy
from tests.support.upstream import Reply, Seen, Upstream, fail, say
from tests.support.validator import validate

Message = dict[str, Any]


def blocks(data: bytes, *, keep_thinking: bool = True) -> list[Message]:
    """The reply's blocks as Claude Code puts them into its history."""
    said = validate(data).blocks
    return [one for one in said if keep_thinking or one["type"] != "thinking"]


async def turns(proxy: Proxy, count: int, **options: bool) -> list[Message]:
    """A tool loop of so many calls; the conversation at its end."""
    messages: list[Message] = [{"role": "user", "content": "go"}]
    for _ in range(count):
        status, data = await proxy.ask(ask_body(messages=messages, tools=[READ_TOOL]))
        assert status == 200, data
        said = blocks(data, **options)
        results = [
            {"type": "tool_result", "tool_use_id": one["id"], "content": "a"}
            for one in said
            if one["type"] == "tool_use"
        ]
        messages += [{"role": "assistant", "content": said}]
        if results:
            messages += [{"role": "user", "content": results}]
    return messages


def refused(words: str) -> Reply:
    return fail(400, {"error": {"message": words, "type": "invalid_request_error"}})


def judged(faulty: Callable[[Message], bool], words: str, *replies: Reply) -> Any:
    """A server that refuses a history with a faulty assistant's message, else replies."""
    script = list(replies)

    def answer(seen: Seen) -> Reply:
        said = [one for one in seen.messages if one.get("tool_calls")]
        return refused(words) if any(map(faulty, said)) else script.pop(0)

    return answer


def thinks_and_calls(*thoughts: str) -> Reply:
    return Reply(
        wire.reasoning(*thoughts), wire.call("Read", {"file_path": "/a"}), wire.ending("tool_calls")
    )


MISSING = "thinking is enabled but reasoning_content is missing in assistant tool call message at 2"


@pytest.mark.parametrize("kept", [True, False], ids=["in the history", "dropped by the client"])
async def test_a_tool_loop_with_a_server_that_wants_its_thinking_back(
    upstream: Upstream, proxy: Proxy, kept: bool
) -> None:
    """DeepSeek, Moonshot: refused once; from then on each call has its own thinking, with the
    bytes that came."""
    server = judged(
        lambda said: not said.get("reasoning_content"),
        MISSING,
        thinks_and_calls("I look.\n", "\n  Then"),
        thinks_and_calls("Once more. "),
        thinks_and_calls("And again."),
        say("Done."),
    )
    upstream.when(lambda seen: True, server)
    await turns(proxy, 4, keep_thinking=kept)
    sent = [one["reasoning_content"] for one in upstream.requests[-1].messages[1::2]]
    assert sent == ["I look.\n\n  Then", "Once more. ", "And again."]
    assert len(upstream.requests) == 5, "four turns, one refusal"


async def test_after_a_restart_thinking_that_the_client_kept_goes_back(
    upstream: Upstream, proxy: Proxy
) -> None:
    """And a call of which nothing is known has the least that Moonshot takes."""
    upstream.script(thinks_and_calls("I look."), thinks_and_calls("Again."))
    first = await turns(proxy, 1)
    second = await turns(proxy, 1, keep_thinking=False)
    proxy.services.memory = CallMemory()
    server = judged(lambda said: not said.get("reasoning_content"), MISSING, say("Done."))
    upstream.when(lambda seen: True, server)
    body = ask_body(messages=[*first, *second], tools=[READ_TOOL])
    assert (await proxy.ask(body))[0] == 200
    said = [one for one in upstream.requests[-1].messages if one["role"] == "assistant"]
    assert [one["reasoning_content"] for one in said] == ["I look.", NO_THINKING]


SIGNATURE = {"google": {"thought_signature": "CkIB0/+=="}}


def signed_call() -> Reply:
    function = {"name": "Read", "arguments": '{"file_path": "/a"}'}
    entry = {"index": 0, "id": "f", "type": "function", "function": function}
    return Reply(
        wire.chunk({"tool_calls": [entry | {"extra_content": SIGNATURE}]}), wire.ending("stop")
    )


UNSIGNED = "Function call is missing a thought_signature in functionCall parts. `Read`, position 2"


def is_unsigned(said: Message) -> bool:
    return not said["tool_calls"][0].get("extra_content")


async def test_a_signature_goes_back_with_its_call(upstream: Upstream, proxy: Proxy) -> None:
    """Gemini 3: not a single refusal."""
    server = judged(is_unsigned, UNSIGNED, signed_call(), signed_call(), say("Done."))
    upstream.when(lambda seen: True, server)
    await turns(proxy, 3)
    said = upstream.requests[-1].messages[1::2]
    assert [one["tool_calls"][0]["extra_content"] for one in said] == [SIGNATURE, SIGNATURE]
    assert len(upstream.requests) == 3


async def test_calls_of_another_model_are_marked_as_such(upstream: Upstream, proxy: Proxy) -> None:
    """As Google's documentation says; once it has asked for a signature."""
    upstream.script(thinks_and_calls("I look."))
    messages = await turns(proxy, 1)
    proxy.backend.now(model="gemini-3")
    upstream.when(lambda seen: True, judged(is_unsigned, UNSIGNED, say("Done.")))
    assert (await proxy.ask(ask_body(messages=messages, tools=[READ_TOOL])))[0] == 200
    (call,) = upstream.requests[-1].messages[1]["tool_calls"]
    assert call["extra_content"] == {"google": {"thought_signature": FOREIGN_CALL}}


PIECES = [
    {"type": "reasoning.text", "text": "Let me ", "index": 0, "format": "x-v1", "signature": None},
    {"type": "reasoning.text", "text": "see.", "index": 0, "signature": "c2ln"},
    {"type": "reasoning.encrypted", "data": "AAA=", "id": "rs_1", "index": 1},
    {"type": "reasoning.encrypted", "data": "BBB=", "id": "rs_2", "index": 1},
]
DETAILS = [
    {
        "type": "reasoning.text",
        "text": "Let me see.",
        "index": 0,
        "format": "x-v1",
        "signature": "c2ln",
    },
    *PIECES[2:],
]


def detailed() -> Reply:
    return Reply(
        *(wire.chunk({"reasoning": one.get("text"), "reasoning_details": [one]}) for one in PIECES),
        wire.call("Read", {"file_path": "/a"}),
        wire.chunk({"reasoning_details": []}),
        wire.ending("tool_calls"),
    )


async def test_details_of_the_thinking_go_back_whole(upstream: Upstream, proxy: Proxy) -> None:
    """OpenRouter: what is encrypted too, in the order in which it came."""
    upstream.script(detailed(), say("Done."))
    messages = await turns(proxy, 2)
    assert messages[1]["content"][0]["thinking"] == "Let me see."
    said = upstream.requests[-1].messages[1]
    assert said["reasoning_details"] == DETAILS


@pytest.mark.parametrize("changed", [{"model": "another"}, {"url": "elsewhere"}], ids=str)
async def test_nothing_of_it_reaches_another_server(
    upstream: Upstream, proxy: Proxy, changed: dict[str, str]
) -> None:
    upstream.script(detailed(), signed_call(), say("Done."))
    messages = await turns(proxy, 2)
    if "url" in changed:
        changed = {"url": f"{upstream.url}/other/chat/completions"}
    proxy.backend.now(**changed)
    await proxy.ask(ask_body(messages=messages, tools=[READ_TOOL]))
    sent = json.dumps(upstream.requests[-1].json)
    assert "AAA=" not in sent
    assert "reasoning_details" not in sent
    assert "thought_signature" not in sent


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning_details", "extra_content"])
async def test_one_that_refuses_it_does_not_get_it_again(upstream: Upstream, name: str) -> None:
    """A gateway may send what it does not take."""

    def answer(seen: Seen) -> Reply:
        has = name in json.dumps(seen.messages)
        return refused(f"messages.1.{name}: Extra inputs are not permitted") if has else say("Done")

    reply = {"extra_content": signed_call, "reasoning_details": detailed}.get(
        name, lambda: thinks_and_calls("Hm.")
    )()
    dialect = Dialect(reasoning_history="reasoning_content")
    async with running_proxy(upstream.url, dialect=dialect) as proxy:
        upstream.script(reply)
        messages = await turns(proxy, 1)
        upstream.when(lambda seen: True, answer)
        for _ in range(2):
            assert (await proxy.ask(ask_body(messages=messages, tools=[READ_TOOL])))[0] == 200
        assert len(upstream.requests) == 4


def test_the_memory_of_it_is_bounded() -> None:
    memory = CallMemory(max_bytes=50_000)
    for number in range(100):
        memory.remember(str(number), "T", "{}")
        memory.keep(str(number), WantedBack("s", "x" * 2_000))
        assert memory.size_bytes <= 50_000
    assert memory.wanted_back("0", "s") is None
    assert memory.wanted_back("99", "s") == WantedBack("s", "x" * 2_000)
    memory.keep("99", WantedBack("s", "x" * 50_000))
    assert memory.wanted_back("99", "s") == WantedBack("s", "x" * 2_000), "too large to keep"
    memory.remember("99", "T", "{}")
    assert memory.wanted_back("99", "s") is None, "another call under the same id"
    for number in range(60, 100):
        memory.remember(str(number), "T", "{}")
    before = memory.size_bytes
    memory.keep("99", WantedBack("s", "x" * 10))
    memory.keep("99", WantedBack("s", "y" * 10))
    assert memory.size_bytes - before < 400


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        (PIECES, DETAILS),
        ([5, None, {"type": "a", "text": "b"}, "c"], [{"type": "a", "text": "b"}]),
        (
            [{"type": "s", "summary": "a", "index": 0}, {"type": "s", "summary": "b", "index": 1}],
            [{"type": "s", "summary": "a", "index": 0}, {"type": "s", "summary": "b", "index": 1}],
        ),
        (
            [{"type": "t", "text": "a", "signature": "x"}, {"type": "t", "text": "b"}],
            [{"type": "t", "text": "a", "signature": "x"}, {"type": "t", "text": "b"}],
        ),
    ],
    ids=["OpenRouter", "no objects", "two summaries", "behind a signature"],
)
def test_details_are_put_together(pieces: list[Any], whole: list[Message]) -> None:
    assert list(whole_details(pieces)) == whole
