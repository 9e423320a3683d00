"""The judge itself: what it must refuse."""

from __future__ import annotations

from typing import Any

import pytest

from anyclaude_tui.proxy import wire
from tests.support.validator import validate, validate_part

START = wire.message_start("msg_1", "m", wire.usage(1, 0, 0))
TEXT = wire.block_start(0, {"type": "text", "text": ""})
DELTA = wire.delta(0, "text_delta", "text", "Hi")
STOP = wire.block_stop(0)
END = wire.message_delta("end_turn", None, wire.usage(1, 0, 1))
THINK = wire.block_start(0, {"type": "thinking", "thinking": "", "signature": ""})
THOUGHT = wire.delta(0, "thinking_delta", "thinking", "Hm")
SIGNED = wire.delta(0, "signature_delta", "signature", "s")


def tool(index: int = 0, id: str = "toolu_1", **more: Any) -> bytes:
    return wire.block_start(index, {"type": "tool_use", "id": id, "name": "T", "input": {}, **more})


def arguments(text: str, index: int = 0) -> bytes:
    return wire.delta(index, "input_json_delta", "partial_json", text) + wire.block_stop(index)


def whole(*parts: bytes) -> bytes:
    return START + b"".join(parts) + END + wire.MESSAGE_STOP


GOOD = whole(TEXT, DELTA, STOP)


def test_good_streams() -> None:
    message = validate(GOOD)
    assert (message.text, message.stop_reason) == ("Hi", "end_turn")
    assert validate(whole(THINK, THOUGHT, SIGNED, STOP)).thinking == "Hm"
    assert validate(whole(tool(), arguments('{"a":1}'))).calls == [("T", {"a": 1})]
    assert validate(whole()).blocks == []
    ping = wire.event({"type": "ping"})
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
        ("index 1, not 0", whole(wire.block_start(1, {"type": "text", "text": ""}))),
        ("while another is open", whole(TEXT, DELTA, TEXT)),
        ("a block that is not open", whole(TEXT, wire.delta(1, "text_delta", "text", "x"))),
        ("without an open block", whole(DELTA)),
        ("without an open block", whole(STOP)),
        ("text_delta in a block of type thinking", whole(THINK, DELTA)),
        ("without a signature", whole(THINK, THOUGHT, STOP)),
        ("after the signature", whole(THINK, SIGNED, THOUGHT)),
        ("without thinking", whole(THINK, SIGNED, STOP)),
        ("white space only", whole(TEXT, STOP)),
        ("message_delta inside a block", whole(TEXT, DELTA)),
        ("a second stop reason", whole(TEXT, DELTA, STOP, END)),
        ("without a stop reason", START + wire.MESSAGE_STOP),
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
        ("unknown event", whole(wire.event({"type": "odd"}))),
        ("stop reason tool_use without", START + END.replace(b"end_turn", b"tool_use")),
        ("which stop sequence", START + END.replace(b"end_turn", b"stop_sequence")),
        ("unknown stop reason", START + END.replace(b"end_turn", b"odd")),
        ("usage.output_tokens", START + END.replace(b'"output_tokens":1', b'"output_tokens":-1')),
        ("fields", START + END.replace(b'"output_tokens"', b'"x"').replace(b'"usage"', b'"use"')),
        ("an error inside a block", START + TEXT + wire.event({"type": "error"})),
        ("CR", GOOD.replace(b"\n", b"\r\n")),
    ],
)  # fmt: skip
def test_bad_streams(words: str, data: bytes) -> None:
    with pytest.raises(AssertionError, match=words):
        validate(data)


def test_half_a_character() -> None:
    with pytest.raises(UnicodeDecodeError):
        validate(GOOD.replace(b"Hi", b"\xc3"))
