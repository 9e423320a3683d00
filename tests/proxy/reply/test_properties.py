"""What holds for every stream, whatever is in it and however it is cut."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from anyclaude_tui.proxy.reply.endings import Ending
from anyclaude_tui.proxy.wire.sse import SSEReader
from anyclaude_tui.telemetry.events import Outcome, Truncation
from tests.proxy.streams import DONE, Run, call, chunk, new, run, sse, usage_chunk
from tests.support.validator import validate, validate_part

# Text that no rule of ours takes for anything else: no tags, no leading white space.
CAUSES = st.sampled_from([None, Truncation.CUT, Truncation.STALL, Truncation.MALFORMED])
PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<[`{"), max_size=12)
WORDS = PLAIN.filter(lambda text: bool(text.strip()))
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(ANY_TEXT, VALUES, max_size=4)
TOOLS: dict[str, dict[str, Any]] = {"Free": {"type": "object"}, "Other": {}}
CALLS = st.lists(st.tuples(st.sampled_from([*TOOLS]), ARGUMENTS), max_size=3)


@st.composite
def replies(draw: st.DrawFn) -> tuple[str, str, list[tuple[str, Any]], list[dict[str, Any]]]:
    """(thinking, text, calls, the deltas that a server makes of them)."""
    thinking = "".join(draw(st.lists(WORDS, max_size=3)))
    text = "".join(draw(st.lists(WORDS, max_size=4)))
    if thinking:
        text = text.lstrip("\r\n")  # the separator after reasoning is not part of the text
    calls = draw(CALLS)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    field = draw(st.sampled_from(["reasoning", "reasoning_content", "details", "tags"]))
    if thinking and field == "tags" and "</" not in thinking:
        deltas += [{"content": part} for part in split(draw, f"<think>{thinking}</think>")]
    elif thinking:
        for part in split(draw, thinking):
            if field == "details":
                deltas.append({"reasoning_details": [{"type": "reasoning.text", "text": part}]})
            else:
                deltas.append({"reasoning" if field == "tags" else field: part})
    deltas += [{"content": part} for part in split(draw, text)]
    deltas += call_deltas(draw, calls)
    return thinking, text, calls, deltas


def split(draw: st.DrawFn, text: str) -> list[str]:
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=4))
    edges = sorted({0, len(text), *cuts})
    return [text[start:end] for start, end in pairwise(edges)]


def call_deltas(draw: st.DrawFn, calls: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    """The calls in one of the ways in which servers send them."""
    fragments: list[list[dict[str, Any]]] = []
    way = draw(st.sampled_from(["fragments", "whole", "index 0", "no index", "named each time"]))
    for at, (name, arguments) in enumerate(calls):
        raw = json.dumps(arguments, ensure_ascii=draw(st.booleans()))
        index = {"index 0": 0, "no index": None}.get(way, at)
        id_ = f"call_{at}"
        if way in ("whole", "index 0"):
            fragments.append([call(name, raw, index=index, id=id_)])
            continue
        first, *rest = split(draw, raw)
        named = name if way == "named each time" else None
        one = [call(name, first, index=index, id=id_)]
        one += [call(named, part, index=index, id=id_ if named else None) for part in rest]
        fragments.append(one)
    flat = [piece for one in fragments for piece in one]
    if way == "fragments" and draw(st.booleans()) and len(fragments) > 1:
        first_call, second = fragments[0], fragments[1]  # interleaved
        mixed = [first_call[0], second[0], *first_call[1:], *second[1:]]
        flat = mixed + [piece for one in fragments[2:] for piece in one]
    if draw(st.booleans()):
        return [{"tool_calls": flat}] if flat else []
    return [{"tool_calls": [piece]} for piece in flat]


def pieces(draw_cuts: list[int], data: bytes) -> list[bytes]:
    edges = sorted({min(cut, len(data)) for cut in draw_cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(edges)]


@settings(max_examples=3 * settings().max_examples)
@given(reply=replies(), cuts=st.lists(st.integers(0, 3000), max_size=20), crlf=st.booleans())
def test_what_was_sent_is_what_is_shown(reply: Any, cuts: list[int], crlf: bool) -> None:
    thinking, text, calls, deltas = reply
    finish = "tool_calls" if calls else "stop"
    stream = b"".join(chunk(**delta) for delta in deltas) + chunk(finish) + usage_chunk(5, 7) + DONE
    if crlf:
        stream = stream.replace(b"\n", b"\r\n")
    translator, reader = new(tools=TOOLS), SSEReader()
    out = b""
    for piece in pieces(cuts, stream):
        out += translator.feed(reader.feed(piece))
        validate_part(out)
    ending = translator.close()
    message = validate(out + ending.data)
    assert message.thinking == thinking
    assert message.text == text
    assert message.calls == calls
    assert message.usage["output_tokens"] == 7
    if thinking or text or calls:
        assert ending.outcome is Outcome.COMPLETE
        assert message.stop_reason == ("tool_use" if calls else "end_turn")


@settings(max_examples=3 * settings().max_examples)
@given(reply=replies(), cut=st.integers(0, 3000), cause=CAUSES)
def test_a_cut_anywhere_ends_properly(reply: Any, cut: int, cause: Truncation | None) -> None:
    thinking, text, calls, deltas = reply
    stream = b"".join(chunk(**delta) for delta in deltas)
    got = run(stream[:cut], tools=TOOLS, cause=cause)
    message, ending = got.message, got.ending
    assert thinking.startswith(message.thinking)
    assert text.startswith(message.text)
    assert message.calls == calls[: len(message.calls)]
    assert ending.outcome in (Outcome.LIMIT, Outcome.ERROR)
    assert ending.truncation is not None
    assert ending.retry == (not message.blocks)
    assert ending.reason


HARMLESS = st.sampled_from(
    [
        "text",
        "\n",
        " ",
        "<",
        "<think>",
        "</think>",
        "<tool_call>",
        '{"name": "Free", "arguments": {"a": 1}}',
        "</tool_call>",
        "```json\n",
        "\n```",
        "STOP",
        "🦙",
        "\x00\x7f\u2028",
        '"\\',
    ]
)
DELTAS = st.fixed_dictionaries(
    {},
    optional={
        "role": st.just("assistant"),
        "content": HARMLESS | st.none() | st.lists(st.fixed_dictionaries({"text": HARMLESS})),
        "reasoning": HARMLESS | st.none(),
        "reasoning_content": HARMLESS | st.none(),
        "reasoning_details": st.none() | st.lists(st.fixed_dictionaries({"text": HARMLESS})),
        "refusal": st.none() | HARMLESS,
        "tool_calls": st.none()
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "index": st.none() | st.integers(0, 2) | st.just("1"),
                    "id": st.none() | st.sampled_from(["", "a", "b"]),
                    "function": st.fixed_dictionaries(
                        {},
                        optional={
                            "name": st.none() | st.sampled_from(["", "Free", "Fr", "Nope"]),
                            "arguments": st.none()
                            | st.sampled_from(["", "{", "}", '{"a": 1}', '"a": ', "1", "{}"])
                            | st.just({"a": 1}),
                        },
                    ),
                },
            ),
            max_size=2,
        ),
    },
)
USAGE = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": st.integers(0, 9) | st.none() | st.just("7"),
        "completion_tokens": st.integers(0, 9) | st.floats(0, 9),
        "prompt_tokens_details": st.none() | st.just({"cached_tokens": 3}),
    },
)
CHUNKS = st.fixed_dictionaries(
    {
        "choices": st.lists(
            st.fixed_dictionaries(
                {"delta": DELTAS},
                optional={
                    "index": st.sampled_from([0, 0, 0, 1, "0"]),
                    "finish_reason": st.sampled_from(
                        [None, None, None, "", "stop", "length", "tool_calls", "odd", "abort"]
                    ),
                },
            ),
            max_size=2,
        )
    },
    optional={"usage": st.none() | USAGE, "error": st.none() | st.just({"message": "no"})},
)


def whole(stream: bytes, size: int, **options: Any) -> Run:
    return run(stream, size=size, tools=TOOLS, **options)


def told(ending: Ending) -> tuple[Any, ...]:
    error = None if ending.error is None else ending.error.message
    return (ending.outcome, ending.truncation, ending.stop_reason, error, ending.retry)


@settings(max_examples=3 * settings().max_examples)
@given(
    payloads=st.lists(CHUNKS, max_size=8),
    size=st.integers(1, 400),
    stops=st.sampled_from([(), ("STOP",)]),
    done=st.booleans(),
)
def test_both_lanes_agree(payloads: list[Any], size: int, stops: Any, done: bool) -> None:
    stream = b"".join(map(sse, payloads)) + (DONE if done else b"")
    fast = whole(stream, size, stop_sequences=stops)
    slow = whole(stream, 10**6, stop_sequences=stops, fast=False)
    gathered = whole(stream, 10**6, stop_sequences=stops, gather=True)
    assert fast.message == slow.message
    assert fast.translator.facts == slow.translator.facts
    assert told(fast.ending) == told(slow.ending) == told(gathered.ending)
    assert gathered.translator.message()["content"] == fast.message.blocks


KEYS = (
    *("choices", "delta", "message", "content", "reasoning", "reasoning_details", "tool_calls"),
    *("function", "name", "arguments", "index", "id", "finish_reason"),
    *("usage", "prompt_tokens", "timings", "error"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=3 * settings().max_examples)
@given(
    st.lists(JSON.map(lambda value: sse({"choices": [value]} if value else value)) | st.binary())
)
def test_no_input_makes_it_raise(parts: list[bytes]) -> None:
    for fast in (True, False):
        run(*parts, tools=TOOLS, fast=fast, size=50)
