"""Errors of every kind of backend, as Claude Code must get them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.proxy.errors import ERROR_STATUS, ApiError
from anyclaude_tui.proxy.reply.error_answers import (
    MAX_WORDS,
    from_payload,
    from_upstream,
    is_no_reply,
)


def of(status: int, payload: Any, **known: Any) -> ApiError:
    return from_upstream(status, "application/json", json.dumps(payload).encode(), **known)


@pytest.mark.parametrize(
    ("words", "prompt", "window"),
    [
        # OpenAI, DeepSeek, vLLM
        (
            "This model's maximum context length is 8192 tokens. However, your messages resulted "
            "in 9000 tokens. Please reduce the length of the messages.",
            9000,
            8192,
        ),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 8222 "
            "tokens (5222 in the messages, 3000 in the completion).",
            5222,
            4096,
        ),
        (
            "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
            5000,
            4096,
        ),
        (
            "You passed 8193 input tokens and requested 0 output tokens. However, the model's "
            "context length is only 8192 tokens, resulting in a maximum input length of 8192.",
            8193,
            8192,
        ),
        # llama.cpp
        ("request (5000 tokens) exceeds the available context size (4096 tokens)", 5000, 4096),
        # LM Studio
        (
            "Trying to keep the first 111490 tokens when context the overflows. However, the model "
            "is loaded with context length of only 32768 tokens, which is not enough.",
            111490,
            32768,
        ),
        ("Cannot truncate prompt with n_keep (24012) >= n_ctx (16384)", 24012, 16384),
        # gateways
        ("prompt token count of 81000 exceeds the limit of 72000", 81000, 72000),
        # llama-cpp-python, ctransformers, mlx servers, SGLang, TGI
        ("Requested tokens (5000) exceed context window of 4096", 5000, 4096),
        ("Number of tokens (757) exceeded maximum context length (512).", 757, 512),
        ("Prompt too long: 5000 tokens exceeds max context window of 4096 tokens", 5000, 4096),
        ("The input (5000 tokens) is longer than the model's context length (4096).", 5000, 4096),
        ("`inputs` must have less than 4095 tokens. Given: 5000", 5000, 4095),
        # routers and clouds
        (
            "This endpoint's maximum context length is 131072 tokens. However, you requested about "
            "200000 tokens (190000 of text input, 10000 in the output).",
            190000,
            131072,
        ),
        (
            "The input token count (1,200,000) exceeds the maximum number of tokens allowed "
            "(1,048,576).",
            1200000,
            1048576,
        ),
        (
            "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 "
            "maximum context length",
            40000,
            32768,
        ),
        ("prompt is too long: 210000 tokens > 200000 maximum", 210000, 200000),
    ],
)
def test_overflow_in_any_words_makes_claude_code_compact(
    words: str, prompt: int, window: int
) -> None:
    for status in (400, 404, 422, 500):
        error = of(status, {"error": {"message": words}})
        assert error.type == "invalid_request_error"
        assert error.status == 400
        assert error.message == f"prompt is too long: {prompt} tokens > {window} maximum"


@pytest.mark.parametrize(
    "words",
    [
        "the request exceeds the available context size. try increasing the context size",
        "The number of tokens to keep from the initial prompt is greater than the context length",
        "Context size has been exceeded.",
        "the input length exceeds the context length",
        "Your input exceeds the context window of this model.",
        "Input is too long for requested model.",
    ],
)
def test_overflow_without_numbers_takes_ours_or_keeps_the_words(words: str) -> None:
    known = of(400, {"error": words}, prompt_tokens=9000, window_tokens=8192)
    assert known.message == "prompt is too long: 9000 tokens > 8192 maximum"
    unknown = of(400, {"error": words})
    assert unknown.message == f"prompt is too long: {words}"
    # An estimate below the window contradicts the backend: no number is shown.
    contradicted = of(400, {"error": words}, prompt_tokens=100, window_tokens=8192)
    assert contradicted.message == f"prompt is too long: {words}"


def test_llama_cpp_numbers_come_from_their_fields() -> None:
    error = of(
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 5011,
                "n_ctx": 4096,
            }
        },
    )
    assert error.message == "prompt is too long: 5011 tokens > 4096 maximum"


def test_only_max_tokens_too_large_makes_claude_code_ask_for_less() -> None:
    error = of(
        400,
        {
            "object": "error",
            "message": "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's "
            "maximum context length is 40960 tokens and your request has 20104 input tokens "
            "(32000 > 40960 - 20104).",
        },
    )
    assert error.message.startswith(
        "input length and `max_tokens` exceed context limit: 20104 + 32000 > 40960"
    )
    assert error.status == 400


def test_almost_no_room_left_compacts_rather_than_shrinks() -> None:
    error = of(
        400,
        {
            "message": "This model's maximum context length is 4096 tokens. However, you requested "
            "7000 tokens (4000 in the messages, 3000 in the completion)."
        },
    )
    assert error.message.startswith("prompt is too long: This model's")


@pytest.mark.parametrize(
    "words",
    [
        "max_tokens exceeds server limit (32768)",
        "Only 'text' content type is supported.",
        "System message must be at the beginning.",
        "image exceeds 5 MB maximum: 5316852 bytes > 5242880 bytes",
        "Invalid tool_choice type: 'object'. Supported string values: none, auto, required",
    ],
)
def test_other_refusals_are_no_overflow(words: str) -> None:
    error = of(400, {"error": words})
    assert (error.status, error.message) == (424, words)


PARSE = "Failed to parse input at pos 184: <tool_call>Write<arg_key>content</arg_key><arg_value>"


@pytest.mark.parametrize(
    "words",
    [
        f"{PARSE}Raise the maximum context length if the prompt is too long.",
        "Parsing error in the tool call: the model wrote 'prompt is too long: 9 > 8 maximum'",
        "Error parsing tool call: {'text': 'maximum context length is 4096 tokens'}",
        "The reply held no call. <tool_call>grep 'prompt is too long' src/</tool_call>",
        "The template failed. " + "x" * 600 + " the prompt is too long",
    ],
)
def test_an_error_that_quotes_the_models_output_is_no_overflow(words: str) -> None:
    """Else a healthy conversation would be compacted."""
    for payload in (
        {"error": {"message": words, "code": 500, "type": "server_error"}},
        {"error": words},
    ):
        for error in (of(500, payload), of(400, payload), from_payload(payload)):
            assert not error.message.startswith("prompt is too long")
            assert error.status != 400
            assert error.message == words


def test_a_servers_own_word_for_an_overflow_counts_whatever_it_says() -> None:
    payload = {"error": {"message": "Failed to parse the request", "type": "exceed_context_size"}}
    assert of(400, payload).message.startswith("prompt is too long")


@pytest.mark.parametrize("status", [401, 402, 403, 408, 429, 503, 504, 529])
def test_a_status_of_another_kind_is_no_overflow(status: int) -> None:
    words = "prompt is too long: 210000 tokens > 200000 maximum"
    assert of(status, {"error": words}).message == words
    assert of(status, {"error": words}).status != 400


def test_a_native_servers_400_is_for_claude_code_to_negotiate_about() -> None:
    body = b'{"type":"error","error":{"type":"invalid_request_error","message":"no such beta"}}'
    for status, ours in ((400, 400), (422, 422), (404, 424), (500, 500)):
        error = from_upstream(status, "application/json", body, native=True)
        assert (error.status, error.message) == (ours, "no such beta")


def test_a_rate_limit_that_speaks_of_tokens_stays_one() -> None:
    error = of(429, {"error": {"message": "too many tokens per minute; maximum context length"}})
    assert (error.type, error.status) == ("rate_limit_error", 429)


@pytest.mark.parametrize(
    ("status", "type_", "ours"),
    [
        # Claude Code negotiates about a 400 or 422: six requests, and its tools are no longer
        # loaded on demand for the rest of the session.
        (400, "invalid_request_error", 424),
        (401, "authentication_error", 401),
        (402, "billing_error", 402),
        # A 403 it takes for its own login's fault, and sends it twice.
        (403, "permission_error", 424),
        # It hides a 404's words behind "issue with the selected model", and a 413's.
        (404, "not_found_error", 424),
        (413, "request_too_large", 424),
        (418, "invalid_request_error", 424),
        (422, "invalid_request_error", 424),
        (429, "rate_limit_error", 429),
        (500, "api_error", 500),
        (502, "api_error", 500),
        (503, "api_error", 503),
        (504, "timeout_error", 504),
        # Claude Code repeats a 529 for three minutes, whatever is asked.
        (529, "api_error", 503),
    ],
)
def test_statuses(status: int, type_: str, ours: int) -> None:
    error = of(status, {"error": {"message": "its own words"}})
    assert (error.type, error.status, error.message) == (type_, ours, "its own words")
    assert error.retry is False


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error": "generation thread died"}', "generation thread died"),
        ('{"detail": "The model `x` does not exist."}', "The model `x` does not exist."),
        (
            '{"detail": {"error": "text_generation_busy", "message": "one at a time"}}',
            "one at a time",
        ),
        ('{"detail": {"error": "text_generation_busy"}}', "text_generation_busy"),
        (
            '{"detail": [{"loc": ["body", "model"], "msg": "Field required", "type": "missing"}]}',
            "body.model: Field required",
        ),
        ('{"type":"error","error":{"type":"api_error","message":"native"}}', "native"),
        ('{"object":"error","message":"old vLLM","code":400}', "old vLLM"),
        ('[{"error":{"code":400,"message":"in a list"}}]', "in a list"),
        ('{"error":{"message":"{\\"error\\":{\\"message\\":\\"inner\\"}}"}}', "inner"),
        ('{"error":{"code":"model_not_found","message":null}}', "model_not_found"),
        ('"just a string"', "just a string"),
        ("Bad Gateway\n", "Bad Gateway"),
        ("{not json", "{not json"),
        ("{}", "{}"),
        (
            "<html><head><title>502 Bad Gateway</title><style>p{}</style></head><body>"
            "<h1>502 Bad Gateway</h1><p>nginx &amp; co</p></body></html>",
            "502 Bad Gateway nginx & co",
        ),
        ("<html><head><title>Only a title</title></head></html>", "Only a title"),
    ],
)
def test_words_are_found_in_every_form(body: str, words: str) -> None:
    assert from_upstream(500, "", body.encode()).message == words


def test_an_empty_body_says_where_to_look() -> None:
    assert "500" in from_upstream(500, "", b"").message


def test_secrets_and_control_characters_do_not_get_through() -> None:
    error = of(401, {"error": "Incorrect key \x1b[31msk-abcdef1234567890\x07 given\nsee docs"})
    assert "abcdef1234567890" not in error.message
    assert "\x1b" not in error.message
    assert error.message.endswith("given see docs")


@pytest.mark.parametrize(
    ("payload", "type_", "status"),
    [
        ({"error": {"message": "m", "type": "InternalServerError", "code": 500}}, "api_error", 500),
        ({"error": {"message": "m", "code": "429"}}, "rate_limit_error", 429),
        ({"error": {"message": "m", "type": "rate_limit_exceeded"}}, "rate_limit_error", 429),
        ({"error": {"message": "m", "type": "BadRequestError"}}, "invalid_request_error", 424),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "m"}},
            "api_error",
            503,
        ),
        ({"error": {"message": "m", "code": True}}, "api_error", 500),
        ({"error": "m"}, "api_error", 500),
    ],
)
def test_errors_inside_a_stream(payload: Any, type_: str, status: int) -> None:
    error = from_payload(payload)
    assert (error.type, error.status, error.message) == (type_, status, "m")


def test_an_overflow_inside_a_stream() -> None:
    error = from_payload(
        {"error": {"message": "Context size has been exceeded."}},
        prompt_tokens=40_000,
        window_tokens=32_768,
    )
    assert error.message == "prompt is too long: 40000 tokens > 32768 maximum"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "type", "code", "msg", "loc"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


def check(error: ApiError) -> None:
    assert error.type in ERROR_STATUS
    assert 400 <= error.status < 600
    assert error.message
    assert len(error.message) <= MAX_WORDS + 200
    error.message.encode()


@given(st.integers(300, 700), st.text(max_size=20), st.binary(max_size=200) | st.just(b"<" * 3000))
def test_any_answer_gives_an_error(status: int, content_type: str, body: bytes) -> None:
    check(from_upstream(status, content_type, body))


@given(json_values)
def test_any_payload_gives_an_error(payload: Any) -> None:
    check(from_payload(payload))
    check(from_upstream(400, "application/json", json.dumps(payload).encode()))


def test_a_huge_page_is_read_in_time_and_cut() -> None:
    for body in (b"<" * 300_000, b"<script" * 50_000, b"a" * 1_000_000, b"[" * 100_000):
        check(from_upstream(502, "text/html", body))


@pytest.mark.parametrize(
    "words",
    [
        "Prompt length 9000 is greater than max_seq_len 8192",  # TabbyAPI
        "The prompt length exceeds the session_len 8192",  # LMDeploy
    ],
)
def test_overflows_of_servers_with_their_own_name_for_the_window(words: str) -> None:
    assert of(400, {"detail": words}).message.startswith("prompt is too long")


def test_output_that_does_not_match_is_no_overflow() -> None:
    words = 'output that does not match the expected peg-native format: "exceeds maximum context"'
    error = of(500, {"error": {"code": 500, "message": f"The model produced {words}"}})
    assert (error.status, error.message.startswith("prompt is too long")) == (500, False)


def test_a_gateways_raw_words_are_said() -> None:
    raw = json.dumps({"error": {"message": "maximum context length is 65536 tokens"}})
    error = {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw}}
    assert of(400, {"error": error}).message.startswith("prompt is too long")
    error["metadata"] = {"raw": "no such model here"}
    assert of(400, {"error": error}).message == "Provider returned error: no such model here"


@pytest.mark.parametrize(
    ("payload", "no_reply"),
    [
        ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, True),
        ({"choices": [], "base_resp": {"status_code": 1004, "status_msg": "x"}}, True),
        ({"choices": [], "base_resp": {"status_code": 0, "status_msg": ""}}, False),
        ({"message": "no Route matched with those values"}, True),  # Kong
        ({"choices": []}, False),
    ],
)
def test_a_200_that_is_no_reply(payload: Any, no_reply: bool) -> None:
    assert is_no_reply(payload) is no_reply
