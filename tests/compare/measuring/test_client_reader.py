"""What a client sees of a stream, whatever the pieces in which it comes."""

from __future__ import annotations

import pytest

from anyclaude_tui.compare.measuring.client_reader import ANSWER, THINKING, ClientReader
from anyclaude_tui.compare.measuring.delta_line import POINTS, Timeline
from anyclaude_tui.proxy.wire import anthropic_events

STREAM = b"".join(
    (
        anthropic_events.message_start("m", "x", {}),
        anthropic_events.event({"type": "ping"}),
        anthropic_events.message_delta(None, None, {}),
        anthropic_events.block_start(0, {"type": "thinking", "thinking": ""}),
        anthropic_events.event(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "thinking_delta", "thinking": "hm, "},
            }
        ),
        anthropic_events.event(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "signature_delta", "signature": "s"},
            }
        ),
        anthropic_events.block_start(1, {"type": "text", "text": ""}),
        anthropic_events.event(
            {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "text_delta", "text": "yes"},
            }
        ),
        anthropic_events.event(
            {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "text_delta", "text": ""},
            }
        ),
        anthropic_events.block_start(
            2, {"type": "tool_use", "id": "t", "name": "Bash", "input": {}}
        ),
        anthropic_events.event(
            {
                "type": "content_block_delta",
                "index": 2,
                "delta": {"type": "input_json_delta", "partial_json": '{"a"'},
            }
        ),
        anthropic_events.event(
            {
                "type": "content_block_delta",
                "index": 2,
                "delta": {"type": "input_json_delta", "partial_json": ": 1}"},
            }
        ),
        anthropic_events.message_delta("tool_use", None, {}),
        anthropic_events.MESSAGE_STOP,
    )
)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_everything_is_counted(size: int) -> None:
    reader = ClientReader()
    for start in range(0, len(STREAM), size):
        reader.feed(STREAM[start : start + size])
    assert reader.text == f"hm, \n{ANSWER}\nyes"
    assert reader.answer == "yes"
    assert (reader.deltas, reader.text_deltas) == (3, 1)
    assert reader.keepalives == 3  # ping, message_delta without a reason, empty delta
    assert reader.tool_calls == [("Bash", '{"a": 1}')]
    assert reader.stop_reason == "tool_use"
    assert reader.stopped
    assert not reader.error


def _delta(kind: str, words: str) -> bytes:
    delta = {"type": f"{kind}_delta", kind: words}
    return anthropic_events.event({"type": "content_block_delta", "index": 0, "delta": delta})


def test_thinking_and_answer_do_not_run_together() -> None:
    reader = ClientReader()
    for kind, words in (
        ("thinking", "one "),
        ("thinking", "two"),
        ("text", ""),
        ("text", "three"),
        ("thinking", "four"),
        ("text", "five"),
    ):
        reader.feed(_delta(kind, words))
    assert reader.text.splitlines() == [
        "one two",
        ANSWER,
        "three",
        THINKING,
        "four",
        ANSWER,
        "five",
    ]
    assert reader.answer == "threefive"


def test_errors_and_nonsense_are_told() -> None:
    reader = ClientReader()
    reader.feed(anthropic_events.event({"type": "error", "error": {"message": "gone"}}))
    assert reader.error == "gone"
    for data in (b"data: {no\n\n", b"data: []\n\n", b'data: {"type":"content_block_delta"}\n\n'):
        reader = ClientReader()
        reader.feed(data)
        assert reader.error


def test_a_timeline_stays_small_and_keeps_its_end() -> None:
    line = Timeline()
    assert not line.points
    for number in range(1, 10_001):
        line.add(number / 100, number)
        line.add(number / 100, number)
    assert len(line.points) <= 2 * POINTS + 1
    assert line.points[-1] == (100.0, 10_000)
    assert list(line.points) == sorted(line.points)
