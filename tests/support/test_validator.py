"""The judge itself: what it must refuse."""

from __future__ import annotations

from typing import Any

import pytest

from anyclaude_tui.proxy.wire import anthropic_events
from tests.support.validator import validate, validate_part

START = anthropic_events.message_start("msg_1", "m", anthropic_events.usage(1, 0, 0))
TEXT = anthropic_events.block_start(0, {"type": "text", "text": ""})
DELTA = anthropic_events.delta(0, "text_delta", "text", "Hi")
OTHER = anthropic_events.delta(1, "text_delta", "text", "x")
STOP = anthropic_events.block_stop(0)
END = anthropic_events.message_delta("end_turn", None, anthropic_events.usage(1, 0, 1))
THINK = anthropic_events.block_start(0, {"type": "thinking", "thinking": "", "signature": ""})
THOUGHT = anthropic_events.delta(0, "thinking_delta", "thinking", "Hm")
SIGNED = anthropic_events.delta(0, "signature_delta", "signature", "s")


def tool(index: int = 0, id: str = "toolu_1", **more: Any) -> bytes:
    return anthropic_events.block_start(
        index, {"type": "tool_use", "id": id, "name": "T", "input": {}, **more}
    )


def arguments(text: str, index: int = 0) -> bytes:
    return anthropic_events.delta(
        index, "input_json_delta", "partial_json", text
    ) + anthropic_events.block_stop(index)


def whole(*parts: bytes) -> bytes:
    return START + b"".join(parts) + END + anthropic_events.MESSAGE_STOP


GOOD = whole(TEXT, DELTA, STOP)


def test_good_streams() -> None:
    message = validate(GOOD)
    assert (message.text, message.stop_reason) == ("Hi", "end_turn")
    assert validate(whole(THINK, THOUGHT, SIGNED, STOP)).thinking == "Hm"
    assert validate(whole(tool(), arguments('{"a":1}'))).calls == [("T", {"a": 1})]
    assert validate(whole()).blocks == []
    ping = anthropic_events.event({"type": "ping"})
    assert validate(whole(ping, b": c\n\n", TEXT, DELTA, ping, STOP)).pings == 2
    assert validate_part(START + TEXT).blocks == [{"type": "text", "text": ""}]


@pytest.mark.parametrize(
    ("words", "data"),
    [
        ("no message_start", b""),
        ("just ends", START + TEXT + DELTA + STOP),
        ("just ends", START + TEXT + DELTA + STOP + END),
        ("second message_start", START + GOOD),
        ("after the end", GOOD + STOP),
        ("before message_start", TEXT + GOOD),
        ("not ended", GOOD[:-1]),
        ("index 1, not 0", whole(anthropic_events.block_start(1, {"type": "text", "text": ""}))),
        ("while another is open", whole(TEXT, DELTA, TEXT)),
        ("a block that is not open", whole(TEXT, OTHER)),
        ("without an open block", whole(DELTA)),
        ("without an open block", whole(STOP)),
        ("text_delta in a block of type thinking", whole(THINK, DELTA)),
        ("without a signature", whole(THINK, THOUGHT, STOP)),
        ("after the signature", whole(THINK, SIGNED, THOUGHT)),
        ("without thinking", whole(THINK, SIGNED, STOP)),
        ("white space only", whole(TEXT, STOP)),
        ("message_delta inside a block", whole(TEXT, DELTA)),
        ("a second stop reason", whole(TEXT, DELTA, STOP, END)),
        ("without a stop reason", START + anthropic_events.MESSAGE_STOP),
        ("not JSON", whole(tool(), arguments('{"a":'))),
        ("not JSON", whole(tool(), arguments(""))),
        ("no object", whole(tool(), arguments("[1]"))),
        ("NaN", whole(tool(), arguments('{"a":NaN}'))),
        ("into its deltas", whole(tool(input={"a": 1}))),
        ("used twice", whole(tool(), arguments("{}"), tool(1), arguments("{}", 1))),
        ("not an id of ours", whole(tool(id="call_1"))),
        ("no event: line", GOOD.replace(b"event: message_stop", b"event message_stop")),
        ("carries type", GOOD.replace(b"event: message_stop", b"event: message_end")),
        ("one event: and one data:", GOOD.replace(b"event: message_stop\n", b"")),
        ("unknown event", whole(anthropic_events.event({"type": "odd"}))),
        ("stop reason tool_use without", START + END.replace(b"end_turn", b"tool_use")),
        ("which stop sequence", START + END.replace(b"end_turn", b"stop_sequence")),
        ("unknown stop reason", START + END.replace(b"end_turn", b"odd")),
        ("usage.output_tokens", START + END.replace(b'"output_tokens":1', b'"output_tokens":-1')),
        ("fields", START + END.replace(b'"output_tokens"', b'"x"').replace(b'"usage"', b'"use"')),
        ("an error inside a block", START + TEXT + anthropic_events.event({"type": "error"})),
        ("CR", GOOD.replace(b"\n", b"\r\n")),
    ],
)  # fmt: skip
def test_bad_streams(words: str, data: bytes) -> None:
    with pytest.raises(AssertionError, match=words):
        validate(data)


def test_half_a_character() -> None:
    with pytest.raises(UnicodeDecodeError):
        validate(GOOD.replace(b"Hi", b"\xc3"))
