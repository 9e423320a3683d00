"""Every way a reply can end: complete, an honest limit, or an error that says what happened."""

from __future__ import annotations

import pytest

from anyclaude_tui.proxy.errors import ApiError, overflow
from anyclaude_tui.proxy.wire.sse import SSEReader
from anyclaude_tui.telemetry.events import Outcome, Truncation
from tests.proxy.streams import DONE, call, chunk, new, run, sse, usage_chunk
from tests.support.validator import validate

TEXT = chunk(content="Hello")
THOUGHT = chunk(reasoning="Hm")
CALL = chunk(tool_calls=[call("Bash", '{"command": "ls"}')])
HALF_CALL = chunk(tool_calls=[call("Bash", '{"comm')])


@pytest.mark.parametrize(
    ("finish", "stop_reason", "outcome", "truncation"),
    [
        ("stop", "end_turn", Outcome.COMPLETE, None),
        ("eos", "end_turn", Outcome.COMPLETE, None),
        ("length", "max_tokens", Outcome.LIMIT, Truncation.MAX_TOKENS),
        ("content_filter", "refusal", Outcome.COMPLETE, None),
        ("abort", "max_tokens", Outcome.LIMIT, Truncation.CUT),
    ],
)
def test_finish_reasons(
    finish: str, stop_reason: str, outcome: Outcome, truncation: Truncation | None
) -> None:
    got = run(TEXT, chunk(finish), DONE)
    assert got.message.stop_reason == got.ending.stop_reason == stop_reason
    assert (got.ending.outcome, got.ending.truncation) == (outcome, truncation)
    assert got.message.text == "Hello"
    assert not got.ending.retry


FULL = "model_context_window_exceeded"


def test_a_reply_that_fills_the_window_makes_a_client_compact_that_can() -> None:
    got = run(TEXT, chunk(FULL), DONE, compacts=True, resumes=True)
    assert got.message.error is not None
    assert got.message.error["type"] == "invalid_request_error"
    assert got.message.error["message"].startswith("prompt is too long")
    assert (got.ending.outcome, got.ending.retry) == (Outcome.LIMIT, False)
    assert run(TEXT, chunk(FULL), DONE).message.stop_reason == "max_tokens"
    # A whole call carries the conversation on: its result meets the server's own refusal.
    with_call = run(CALL, chunk(FULL), DONE, compacts=True)
    assert with_call.message.error is None
    assert [name for name, _ in with_call.message.calls] == ["Bash"]
    # The model's own limit of output tokens is none of the window's.
    assert run(TEXT, chunk("length"), DONE, compacts=True).message.error is None


@pytest.mark.parametrize("tail", [b"", DONE, usage_chunk(5, 6), usage_chunk(5, 6) + DONE])
def test_a_finish_reason_is_enough(tail: bytes) -> None:
    for cause in (None, Truncation.STALL, Truncation.CUT):
        got = run(TEXT, chunk("stop"), tail, cause=cause)
        assert (got.ending.outcome, got.ending.stop_reason) == (Outcome.COMPLETE, "end_turn")


@pytest.mark.parametrize("cause", [None, Truncation.CUT, Truncation.STALL, Truncation.MALFORMED])
@pytest.mark.parametrize("tail", [b"", DONE, usage_chunk(5, 6), b"data: {"])
@pytest.mark.parametrize("front", [TEXT, THOUGHT, THOUGHT + TEXT])
def test_a_cut_in_what_was_shown_makes_the_model_go_on(
    front: bytes, tail: bytes, cause: Truncation | None
) -> None:
    got = run(front, tail, cause=cause, reason="it broke" if cause else "")
    assert got.message.stop_reason == "max_tokens"
    assert (got.ending.outcome, got.ending.truncation) == (Outcome.LIMIT, cause or Truncation.CUT)
    assert got.ending.reason
    assert (got.ending.reason == "it broke") == bool(cause)
    assert not got.ending.retry


@pytest.mark.parametrize("cause", [None, Truncation.CUT, Truncation.STALL, Truncation.MALFORMED])
@pytest.mark.parametrize("front", [TEXT, THOUGHT, THOUGHT + TEXT, TEXT + HALF_CALL])
def test_a_client_that_resumes_is_told_of_the_cut_as_an_error(
    front: bytes, cause: Truncation | None
) -> None:
    got = run(front, cause=cause, reason="it broke" if cause else "", resumes=True)
    assert got.message.stop_reason is None
    assert got.message.error is not None  # and the validator saw every block closed before it
    assert got.message.error["message"] == got.ending.reason
    assert (got.ending.outcome, got.ending.truncation) == (Outcome.LIMIT, cause or Truncation.CUT)
    assert not got.ending.retry


def test_a_client_that_resumes_hears_of_a_real_limit_and_gets_a_whole_call() -> None:
    assert run(TEXT, chunk("length"), resumes=True).message.stop_reason == "max_tokens"
    got = run(TEXT, CALL, chunk(tool_calls=[call("Bash", '{"x', index=1)]), resumes=True)
    assert got.message.stop_reason == "tool_use"
    lost = run(TEXT, chunk("tool_calls"), DONE, resumes=True)
    assert lost.message.error is not None
    assert "tool" in lost.message.error["message"]


@pytest.mark.parametrize("cause", [None, Truncation.CUT, Truncation.STALL, Truncation.MALFORMED])
@pytest.mark.parametrize(
    "front", [b"", DONE, chunk(role="assistant"), chunk(content="\n"), HALF_CALL, b": hi\n\n"]
)
def test_a_cut_with_nothing_shown_is_sent_again(front: bytes, cause: Truncation | None) -> None:
    got = run(front, cause=cause)
    assert got.ending.retry
    assert got.ending.outcome is Outcome.ERROR
    assert got.ending.error is not None
    assert got.message.error is not None
    assert got.message.error["message"] == got.ending.error.message
    assert got.message.blocks == []
    assert got.translator.facts.tool_calls == 0


def test_a_cut_inside_a_call_gives_no_call() -> None:
    got = run(TEXT, HALF_CALL)
    assert got.message.kinds == ["text"]
    assert got.message.stop_reason == "max_tokens"
    assert got.translator.facts.dropped_calls == 1


def test_a_cut_after_a_whole_call_gives_the_call() -> None:
    for front in (b"", TEXT):
        got = run(front, CALL, chunk(tool_calls=[call("Bash", '{"x', index=1)]))
        assert got.message.calls == [("Bash", {"command": "ls"})]
        assert got.message.stop_reason == "tool_use"
        assert (got.ending.outcome, got.ending.truncation) == (Outcome.LIMIT, Truncation.CUT)
        assert not got.ending.retry


def test_a_cut_does_not_take_broken_or_invalid_json_for_a_call() -> None:
    for text in ('{"command": "ls"', "{}", '{"command": "ls"}}'):
        got = run(TEXT, chunk(tool_calls=[call("Bash", text)]))
        assert got.message.calls == []


def test_the_token_limit_inside_a_call_gives_no_call() -> None:
    got = run(TEXT, HALF_CALL, chunk("length"))
    assert got.message.kinds == ["text"]
    assert got.message.stop_reason == "max_tokens"
    assert got.ending.truncation is Truncation.MAX_TOKENS
    got = run(HALF_CALL, chunk("length"))
    assert got.message.kinds == ["text"]  # without a block, Claude Code blames its own limit
    assert "inside a tool call" in got.message.text
    assert got.message.stop_reason == "max_tokens"
    assert not got.ending.retry


@pytest.mark.parametrize(
    "garbage",
    [
        b"data: {not json}\n\n",
        b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n',
        b"data: 7\n\n",
        b"data: <html>\n\n",
        b"data: " + b"[" * 100_000 + b"\n\n",
    ],
)
def test_nonsense(garbage: bytes) -> None:
    got = run(TEXT, garbage, chunk(content="never"))
    assert got.message.text == "Hello"
    assert (got.ending.outcome, got.ending.truncation) == (Outcome.LIMIT, Truncation.MALFORMED)
    assert got.message.stop_reason == "max_tokens"
    got = run(garbage)
    assert got.ending.retry
    assert got.ending.truncation is Truncation.MALFORMED


@pytest.mark.parametrize("finish", ["tool_calls", "function_call", "tool_use"])
def test_a_call_that_the_backend_lost(finish: str) -> None:
    got = run(chunk(finish), DONE)
    assert got.ending.retry
    assert got.message.error is not None
    assert "tool" in got.message.error["message"]
    got = run(TEXT, chunk(finish), DONE)
    assert got.message.stop_reason == "max_tokens"
    assert "tool" in got.ending.reason


def test_an_empty_reply_is_sent_again_or_told_as_it_is() -> None:
    for parts in ((chunk("stop"),), (chunk(content=""), chunk(content="\n"), chunk("stop"))):
        got = run(*parts, usage_chunk(5, 0))
        assert got.ending.retry
        assert (got.message.blocks, got.message.stop_reason) == ([], "end_turn")


def test_thinking_alone_is_a_reply() -> None:
    got = run(THOUGHT, chunk("stop"))
    assert (got.message.stop_reason, got.ending.retry) == ("end_turn", False)


def test_a_refusal_in_its_own_field() -> None:
    got = run(chunk(refusal="I "), chunk(refusal="won't."), chunk("stop"))
    assert (got.message.text, got.message.stop_reason) == ("I won't.", "refusal")


ERRORS = [
    sse({"error": {"message": "busy", "type": "InternalServerError", "code": 500}}),
    sse({"error": "busy"}),
    b'event: error\ndata: {"error":{"message":"busy"}}\n\n',
    b'error: {"error":{"message":"busy"}}\n\n',
    b'{"error":{"message":"busy"}}\n\n',
    sse({"object": "error", "error": {"message": "busy"}}),
    sse({"choices": [], "error": {"message": "busy"}}),
]


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_in_the_stream(error: bytes) -> None:
    got = run(error, DONE)
    assert got.ending.retry
    assert got.message.error == {"type": "api_error", "message": "busy"}
    got = run(TEXT, error, DONE)
    assert not got.ending.retry
    assert got.message.text == "Hello"
    assert got.message.error == {"type": "api_error", "message": "busy"}
    assert (got.ending.outcome, got.ending.truncation) == (Outcome.ERROR, None)
    assert got.ending.error is not None


def test_an_error_after_the_finish_reason_changes_nothing() -> None:
    for error in ERRORS:
        got = run(TEXT, chunk("stop"), error, DONE)
        assert (got.message.stop_reason, got.ending.outcome) == ("end_turn", Outcome.COMPLETE)


def test_errors_without_the_word() -> None:
    got = run(sse({"detail": "no"}))
    assert got.message.error is not None
    assert "no" in got.message.error["message"]


def test_an_error_of_the_request_is_not_sent_again() -> None:
    translator = new()
    ending = translator.fail(overflow(9, 8))
    assert not ending.retry
    assert validate(ending.data).error == {
        "type": "invalid_request_error",
        "message": "prompt is too long: 9 tokens > 8 maximum",
    }
    assert new().fail(ApiError("api_error", "x")).retry
    for waits in ("overloaded_error", "rate_limit_error", "timeout_error"):
        assert not new().fail(ApiError(waits, "x")).retry


def test_an_ending_is_given_once() -> None:
    translator = new()
    data = translator.feed(SSEReader().feed(TEXT))
    first = translator.fail(ApiError("api_error", "gone"))
    assert validate(data + first.data).error is not None
    for again in (translator.close(), translator.fail(ApiError("api_error", "again"))):
        assert again.data == b""
        assert again.reason == "gone"
    assert translator.feed(SSEReader().feed(TEXT)) == b""
    assert translator.keepalive() == b""


def test_finished_as_soon_as_nothing_more_is_needed() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    for tail, finished in (
        (chunk("stop"), False),
        (chunk("stop") + DONE, True),
        (chunk("stop") + usage_chunk(1, 1), True),
        (chunk("stop", usage=usage), False),  # some servers do so with each call
        (chunk(content="x", usage=usage), False),
        (usage_chunk(1, 1), False),
    ):
        translator = new()
        translator.feed(SSEReader().feed(TEXT + tail))
        assert translator.finished is finished


@pytest.mark.parametrize("size", [1, 3, None])
def test_stop_sequences(size: int | None) -> None:
    parts = [chunk(content=piece) for piece in ("One, t", "wo, S", "TO", "P, three")]
    got = run(*parts, chunk("stop"), stop_sequences=["STOP", "STOPS"], size=size)
    assert got.message.text == "One, two, "
    assert (got.message.stop_reason, got.message.stop_sequence) == ("stop_sequence", "STOP")
    assert got.ending.outcome is Outcome.COMPLETE
    assert got.translator.finished


def test_a_stop_sequence_that_does_not_come() -> None:
    got = run(chunk(content="One S"), chunk(content="TO"), chunk("stop"), stop_sequences=["STOP"])
    assert (got.message.text, got.message.stop_reason) == ("One STO", "end_turn")


def test_a_stop_sequence_at_the_very_start() -> None:
    got = run(chunk(content="STOP it"), stop_sequences=["STOP"])
    assert (got.message.blocks, got.message.stop_sequence) == ([], "STOP")
    assert not got.ending.retry


def test_thinking_and_calls_know_no_stop_sequence() -> None:
    got = run(
        chunk(reasoning="STOP"),
        chunk(tool_calls=[call("Bash", '{"command": "STOP"}')]),
        chunk("tool_calls"),
        stop_sequences=["STOP"],
    )
    assert (got.message.thinking, got.message.stop_reason) == ("STOP", "tool_use")


def test_a_stop_sequence_that_the_backend_met() -> None:
    def stopped(by: str) -> bytes:
        return sse({"choices": [{"delta": {}, "finish_reason": "stop", "stop_reason": by}]})

    got = run(TEXT, stopped("END"), stop_sequences=["END"])
    assert (got.message.stop_reason, got.message.stop_sequence) == ("stop_sequence", "END")
    got = run(TEXT, stopped("</s>"), stop_sequences=["END"])
    assert got.message.stop_reason == "end_turn"


@pytest.mark.parametrize("finish", ["stop", "eos"])
def test_all_tokens_used_is_the_limit_whatever_the_server_calls_it(finish: str) -> None:
    """mlx-openai-server and mlx-omni-server say `stop`: Claude Code stopped in mid-answer."""
    tail = usage_chunk(100, 40) + DONE
    got = run(TEXT, chunk(finish), tail, max_tokens=40)
    assert (got.message.stop_reason, got.ending.outcome) == ("max_tokens", Outcome.LIMIT)
    assert run(TEXT, chunk(finish), tail, max_tokens=41).message.stop_reason == "end_turn"
    assert run(TEXT, chunk(finish), tail).message.stop_reason == "end_turn"
    assert run(TEXT, chunk(finish), DONE, max_tokens=1).message.stop_reason == "end_turn"
    assert run(TEXT, CALL, chunk(finish), tail, max_tokens=40).message.stop_reason == "tool_use"


@pytest.mark.parametrize(
    "words",
    [
        "Expecting value: line 1 column 46 (char 45)",
        "Generation ended with an incomplete tool call.",
        "Failed to parse tool call: x",
    ],
)
@pytest.mark.parametrize("front", [b"", TEXT, HALF_CALL])
def test_an_error_about_a_call_in_the_stream_is_a_lost_call(words: str, front: bytes) -> None:
    """mlx-vlm: three tries, and then these words for the user."""
    got = run(front, sse({"error": words}))
    assert got.message.stop_reason == "max_tokens"  # the model is made to go on
    assert (got.ending.outcome, got.ending.truncation) == (Outcome.LIMIT, Truncation.MALFORMED)
    assert not got.ending.retry
    assert words in got.message.text
    assert got.translator.facts.dropped_calls > 0
    plain = run(front, sse({"error": "CUDA error"}))
    assert plain.ending.outcome is Outcome.ERROR
    assert run(sse({"error": words}), tools={}).ending.outcome is Outcome.ERROR


def test_tokens_of_which_nothing_came_are_a_call_that_the_server_kept() -> None:
    """vllm-mlx: `stop`, 20 tokens, and not one delta."""
    got = run(chunk("stop"), usage_chunk(100, 20) + DONE)
    assert got.message.stop_reason == "max_tokens"
    assert "kept all of the 20 tokens" in got.message.text
    assert got.ending.truncation is Truncation.MALFORMED
    assert got.translator.facts.dropped_calls == 1
    for few in (run(chunk("stop"), usage_chunk(100, 1) + DONE), run(chunk("stop"), DONE)):
        assert few.ending.retry
        assert few.translator.facts.dropped_calls == 0
    assert run(chunk("stop"), usage_chunk(100, 20), tools={}).ending.retry
