"""Text, reasoning and usage through the translator."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anyclaude_tui.proxy.wire import anthropic_events
from anyclaude_tui.proxy.wire.sse import SSEReader
from anyclaude_tui.telemetry.events import Outcome, Truncation
from tests.proxy.streams import DONE, TOOLS, call, chunk, new, run, sse, usage_chunk
from tests.support.validator import validate, validate_part


def test_text() -> None:
    got = run(
        chunk(role="assistant", content=""),
        chunk(content="Hel"),
        chunk(content="lo 🦙"),
        chunk("stop"),
        usage_chunk(50, 2, cached=30),
        DONE,
    )
    assert got.message.blocks == [{"type": "text", "text": "Hello 🦙"}]
    assert got.message.stop_reason == "end_turn"
    assert got.message.usage == {
        "input_tokens": 20,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 30,
        "output_tokens": 2,
    }
    assert got.ending.outcome is Outcome.COMPLETE
    facts = got.translator.facts
    assert (facts.chunks, facts.deltas, facts.text_started) == (5, 2, True)
    assert (facts.prompt_tokens, facts.cached_tokens, facts.output_tokens) == (50, 30, 2)
    assert facts.finish_reason == "stop"


def test_each_delta_goes_out_at_once() -> None:
    translator, reader = new(), SSEReader()
    for word in ("So", " b", "\n", " c"):
        message = validate_part(translator.start())
        data = translator.feed(reader.feed(chunk(content=word)))
        assert data.count(b"text_delta") == 1
        assert word in json.loads(data.split(b"data: ")[-1])["delta"]["text"]
        assert message.blocks == []


@pytest.mark.parametrize("size", [1, 2, 5, 64, None])
@pytest.mark.parametrize("form", ["reasoning", "reasoning_content", "details", "tags"])
def test_reasoning_in_all_forms(form: str, size: int | None) -> None:
    forms: dict[str, list[dict[str, Any]]] = {
        "reasoning": [{"reasoning": "I "}, {"reasoning": "think."}, {"content": "\n\nSo."}],
        "reasoning_content": [
            {"reasoning_content": "I "},
            {"reasoning_content": "think.", "content": None},
            {"content": "\n\n"},
            {"content": "So."},
        ],
        "details": [
            {"reasoning_details": [{"type": "reasoning.text", "text": "I "}]},
            {"reasoning_details": [{"type": "reasoning.summary", "summary": "think."}]},
            {"reasoning_details": [{"type": "reasoning.encrypted", "data": "xx"}]},
            {"content": "So."},
        ],
        "tags": [
            {"content": piece} for piece in ("\n<th", "ink>I ", "think.", "</thi", "nk>\n\nSo.")
        ],
    }
    got = run(*(chunk(**delta) for delta in forms[form]), chunk("stop"), size=size)
    assert got.message.kinds == ["thinking", "text"]
    assert (got.message.thinking, got.message.text) == ("I think.", "So.")
    assert got.message.blocks[0]["signature"].startswith(anthropic_events.SIGNATURE_PREFIX)
    assert got.translator.facts.thinking_deltas >= 2


def test_reasoning_sent_under_two_names_is_shown_once() -> None:
    got = run(
        chunk(reasoning="Hm.", reasoning_details=[{"text": "Hm."}]),
        chunk(reasoning="Ah.", reasoning_content="Ah."),
        chunk("stop", content="Yes"),
    )
    assert got.message.thinking == "Hm.Ah."


@pytest.mark.parametrize(
    "text",
    [
        "a <think>b</think> c",
        "b</think> c",
        "<thin air",
        "<think",
        "  indented",
        "x\n\n\n",
        "<",
        "[THIN]",
        "`<think>`",
    ],
)
@pytest.mark.parametrize("size", [1, None])
def test_text_that_only_looks_like_a_tag_is_untouched(text: str, size: int | None) -> None:
    got = run(*(chunk(content=letter) for letter in text), chunk("stop"), size=size)
    assert got.message.blocks == [{"type": "text", "text": text}]


def test_empty_thinking_is_not_shown() -> None:
    got = run(chunk(content="<think>\n\n</think>\n\nHi"), chunk("stop"))
    assert got.message.blocks == [{"type": "text", "text": "Hi"}]


def test_white_space_alone_between_blocks_is_not_shown() -> None:
    got = run(
        chunk(reasoning="Hm."),
        chunk(content="\n\n"),
        chunk(tool_calls=[call("Ping", "{}", index=0, id="a")]),
        chunk(content="\n"),
        chunk(tool_calls=[call("Ping", "{}", index=1, id="b")]),
        chunk("tool_calls"),
    )
    assert got.message.kinds == ["thinking", "tool_use", "tool_use"]


def test_white_space_inside_text_is_kept() -> None:
    got = run(chunk(content="a\n"), chunk(content="\n "), chunk(content="b\n"), chunk("stop"))
    assert got.message.text == "a\n\n b\n"


def test_text_after_thinking_after_text() -> None:
    got = run(
        chunk(content="One."),
        chunk(content="\n"),
        chunk(reasoning="Hm."),
        chunk(content="\n Two.", reasoning="Ha."),
        chunk("stop"),
    )
    assert got.message.kinds == ["text", "thinking", "text"]
    assert (got.message.thinking, got.message.text) == ("Hm.Ha.", "One.\n Two.")


def test_usage_in_every_place() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    for parts in (
        [chunk(content="x"), chunk("stop", usage=usage), DONE],
        [chunk(content="x"), chunk("stop"), usage_chunk(9, 3), DONE],
        [chunk(content="x"), chunk("stop"), usage_chunk(9, 3)],
        [chunk(content="x", usage=usage), chunk("stop", usage=usage)],
        [chunk(content="x"), usage_chunk(9, 3), chunk("stop"), DONE],
    ):
        got = run(*parts)
        assert (got.message.usage["input_tokens"], got.message.usage["output_tokens"]) == (9, 3)
        assert got.translator.facts.cached_tokens is None


def test_unknown_usage_is_estimated_for_the_client_only() -> None:
    got = run(chunk(content="a"), chunk(content="b"), chunk("stop"), DONE)
    assert got.message.usage["input_tokens"] == 100
    assert got.message.usage["output_tokens"] == 2
    assert got.translator.facts.prompt_tokens is None
    assert got.translator.facts.output_tokens is None


def test_usage_of_other_servers() -> None:
    odd = {"prompt_tokens": 9.0, "completion_tokens": "3", "prompt_cache_hit_tokens": 4}
    got = run(chunk(content="x"), chunk("stop", usage=odd))
    assert got.message.usage["input_tokens"] == 5
    assert got.message.usage["cache_read_input_tokens"] == 4
    timings = {"prompt_n": 5, "cache_n": 7, "predicted_n": 2, "prompt_ms": 1.5}
    got = run(chunk(content="x"), chunk("stop"), sse({"choices": [], "timings": timings}), DONE)
    assert got.message.usage["input_tokens"] == 5
    assert got.message.usage["cache_read_input_tokens"] == 7


def test_prefill_progress() -> None:
    translator, reader = new(), SSEReader()
    assert translator.feed(reader.feed(b": keepalive 2048/3015\n\n")) == b""
    assert (translator.facts.prefill_done, translator.facts.prefill_total) == (2048, 3015)
    assert translator.facts.chunks == 0
    progress = {"total": 100, "cache": 20, "processed": 60, "time_ms": 5}
    assert translator.feed(reader.feed(sse({"choices": [], "prompt_progress": progress}))) == b""
    assert (translator.facts.prefill_done, translator.facts.prefill_total) == (40, 80)
    translator.feed(reader.feed(b": heartbeat\n\n"))
    assert translator.facts.prefill_done == 40


def test_keepalives_at_every_moment() -> None:
    translator, reader = new(), SSEReader()
    data = translator.keepalive() + translator.keepalive()
    for part in (chunk(reasoning="Hm"), chunk(content="\n"), chunk(content="Hi"), chunk("stop")):
        data += translator.feed(reader.feed(part)) + translator.keepalive()
    data += translator.close().data + translator.keepalive()
    message = validate(data)
    assert message.keepalives == 6
    assert (message.thinking, message.text) == ("Hm", "Hi")


def test_start_comes_once() -> None:
    translator = new()
    assert not translator.started
    first = translator.start()
    assert translator.started
    assert translator.start() == b""
    message = validate(first + translator.close(Truncation.STALL).data)
    assert (message.id, message.model) == ("msg_1", "claude-test")


def test_a_second_try_goes_on_with_the_first_ones_start() -> None:
    first = new()
    data = first.start()
    second = new()
    second.started = first.started
    data += second.feed(SSEReader().feed(chunk(content="Hi") + chunk("stop")))
    assert validate(data + second.close().data).text == "Hi"


def test_gathered_message_is_what_the_stream_says() -> None:
    parts = (
        chunk(reasoning="Hm"),
        chunk(content="\n\nHi "),
        chunk(content="you"),
        chunk(tool_calls=[call("Bash", '{"command": "ls"}')]),
        chunk("tool_calls"),
        usage_chunk(7, 8),
    )
    got = run(*parts, gather=True)
    whole = got.translator.message()
    assert whole["content"] == got.message.blocks == run(*parts).message.blocks
    assert whole["usage"] == got.message.usage
    assert (whole["stop_reason"], whole["stop_sequence"]) == ("tool_use", None)
    assert (whole["id"], whole["model"], whole["role"]) == ("msg_1", "claude-test", "assistant")


def test_only_the_first_choice_counts() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": "stop"}]}
    got = run(chunk(content="yes"), sse(other), chunk(content="!"), chunk("stop"))
    assert got.message.text == "yes!"


def test_odd_chunks_of_odd_servers() -> None:
    got = run(
        sse({"choices": None}),
        sse(None),
        sse({"choices": [None, {"delta": None}, {"index": "0", "delta": {"content": "a"}}]}),
        sse({"choices": [{"delta": {"content": [{"type": "text", "text": "b"}, "c"]}}]}),
        sse({"choices": [{"delta": {"content": 5, "tool_calls": [None, {"function": 3}]}}]}),
        b"data:\n\n",
        chunk(content="d").rstrip() + b"\n" + chunk(content="e"),
        sse({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": [1]}),
    )
    assert got.message.text == "abcde"
    assert got.ending.outcome is Outcome.COMPLETE


def test_a_whole_message_instead_of_deltas() -> None:
    payload = {"choices": [{"message": {"content": "All"}, "finish_reason": "stop"}]}
    assert run(json.dumps(payload).encode()).message.text == "All"


@pytest.mark.parametrize("fast", [True, False])
def test_surrogate_pairs_in_two_halves(fast: bool) -> None:
    def half(text: str) -> bytes:
        return b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % text.encode()

    got = run(
        half("a\\ud83e"), half("\\udd99b"), half("\\ud83e"), half("c"), chunk("stop"), fast=fast
    )
    assert got.message.text == "a🦙b\ufffdc"
    got = run(half("a\\ud83e"), chunk("stop"), fast=fast)
    assert got.message.text == "a\ufffd"
    got = run(
        b'data: {"choices":[{"delta":{"refusal":"\\ud83e","reasoning":"\\udd99"}}]}\n\n',
        chunk(tool_calls=[call("\ud83e", "x")]),
        chunk("stop"),
        fast=fast,
    )
    assert "\ufffd" in got.message.text


def test_no_tools_no_holding_back() -> None:
    got = run(
        chunk(content="<tool_call>"), chunk(content='{"name":"Bash"}'), chunk("stop"), tools={}
    )
    assert got.message.text == '<tool_call>{"name":"Bash"}'
    assert TOOLS


@pytest.mark.parametrize(
    ("content", "thinking"),
    [
        ("<think>so</thi", "so"),
        ("<thi", ""),
        (" \n<|channel|>", ""),
        ("<|channel|>analysis<|message|>so<|en", "so"),
    ],
)
def test_of_a_reply_that_was_cut_no_half_tag_is_shown(content: str, thinking: str) -> None:
    got = run(chunk(content=content), cause=Truncation.CUT)
    assert (got.message.thinking, got.message.text) == (thinking, "")
    whole = run(chunk(content=content), chunk("stop"), DONE)
    assert whole.ending.outcome is Outcome.COMPLETE
