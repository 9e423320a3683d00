"""One chunk of an OpenAI stream, typed.

Pure. `decode_fast` is msgspec straight into structs; whatever does not fit them (a server
that writes arguments as an object, content as a list of parts, numbers as strings, half a
surrogate pair …) goes through `from_raw`, which takes any JSON value.
Source: `docs/protocol/messages.md`, "OpenAI side".
"""

from __future__ import annotations

import json
from typing import Any

import msgspec


class FunctionDelta(msgspec.Struct, gc=False):
    """A fragment of a call: its name, or part of its arguments' JSON text."""

    name: str | None = None
    arguments: str | None = None


class CallDelta(msgspec.Struct, gc=False):
    """A fragment of one tool call; index and id may be absent, repeated or wrong."""

    index: int | None = None
    id: str | None = None
    function: FunctionDelta | None = None
    extra_content: dict[str, Any] | None = None
    """Gemini: the signature of the thinking behind the call, which it wants back."""


class Delta(msgspec.Struct, gc=False):
    """The piece of the reply that a chunk adds."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Any] | None = None
    tool_calls: list[CallDelta] | None = None
    function_call: FunctionDelta | None = None
    refusal: str | None = None


class PromptDetails(msgspec.Struct, gc=False):
    """The number of prompt tokens that came from the cache."""

    cached_tokens: int | None = None


class Usage(msgspec.Struct, gc=False):
    """Token counts as the backend reports them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    prompt_cache_hit_tokens: int | None = None
    """DeepSeek's name for cached tokens."""
    cached_tokens: int | None = None
    """Moonshot's."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    """The Messages API's names, which gateways forget to translate."""


class Choice(msgspec.Struct, gc=False):
    """One of the answers; we only ask for one, index 0."""

    delta: Delta | None = None
    finish_reason: str | None = None
    index: int = 0
    message: Delta | None = None
    stop_reason: Any = None
    """vLLM: the stop sequence that ended it."""
    usage: Usage | None = None
    """Moonshot: where others have it beside the choices."""
    error: Any = None
    """OpenRouter: why the provider behind it broke off, with the finish reason `error`."""


class Chunk(msgspec.Struct, gc=False):
    """One data event of the stream."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Any = None
    timings: dict[str, Any] | None = None
    """llama.cpp: its own measurements, on the last chunk."""
    prompt_progress: dict[str, Any] | None = None
    """llama.cpp: `{total, cache, processed, time_ms}` during prefill."""


class Malformed(ValueError):
    """A data event that is not a JSON object."""


_NO_REASONS = ("", "null", "none", "nil", "undefined", "in_progress")

decode_fast = msgspec.json.Decoder(Chunk).decode
_decode_any = msgspec.json.Decoder().decode


def load(data: bytes) -> Any:
    """Any JSON, also with lone surrogates and NaN. Raises `Malformed`."""
    try:
        return _decode_any(data)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None


def from_raw(raw: Any) -> Chunk:
    """A chunk from any JSON value: what is of no known shape is left out.

    Raises `Malformed` if `raw` is not an object (null is an empty chunk).
    """
    if raw is None:
        return Chunk()
    if not isinstance(raw, dict):
        raise Malformed(f"a JSON object was expected, not {type(raw).__name__}")
    choices = raw.get("choices")
    return Chunk(
        choices=[_choice(one) for one in choices if isinstance(one, dict)]
        if isinstance(choices, list)
        else None,
        usage=_usage(raw.get("usage")),
        error=raw.get("error"),
        timings=_dict(raw.get("timings")),
        prompt_progress=_dict(raw.get("prompt_progress")),
    )


def plain_delta(chunk: Chunk) -> Delta | None:
    """The delta of a chunk that holds nothing but text or reasoning; None for all others."""
    choices = chunk.choices
    if (
        choices is None
        or len(choices) != 1
        or chunk.usage is not None
        or chunk.error is not None
        or chunk.timings is not None
        or chunk.prompt_progress is not None
    ):
        return None
    choice = choices[0]
    delta = choice.delta
    if (
        delta is None
        or choice.index
        or choice.finish_reason
        or choice.error is not None
        or choice.usage is not None
        or delta.tool_calls
        or delta.function_call is not None
        or delta.refusal
        or delta.reasoning_details
    ):
        return None
    return delta


def real_reason(reason: str | None) -> str | None:
    """The finish reason, if it is one, in small letters (Gemini's are in capitals): some servers
    write "null" or nothing into each chunk."""
    reason = (reason or "").partition(":")[0].strip().lower().removeprefix("finish_reason_")
    return None if reason in _NO_REASONS else reason


def details_text(details: list[Any]) -> str:
    """The readable text in OpenRouter's `reasoning_details`."""
    found: list[str] = []
    for one in details:
        if isinstance(one, dict):
            text = one.get("text") or one.get("summary")
            if isinstance(text, str):
                found.append(text)
    return "".join(found)


def _choice(raw: dict[str, Any]) -> Choice:
    finish = raw.get("finish_reason")
    return Choice(
        delta=_delta(raw.get("delta")),
        finish_reason=finish if isinstance(finish, str) else None,
        index=_int(raw.get("index")) or 0,
        message=_delta(raw.get("message")),
        stop_reason=raw.get("stop_reason"),
        usage=_usage(raw.get("usage")),
        error=raw.get("error"),
    )


def _delta(raw: Any) -> Delta | None:
    if not isinstance(raw, dict):
        return None
    content, thinking = _content(raw.get("content"))
    calls = raw.get("tool_calls")
    details = raw.get("reasoning_details")
    function = raw.get("function_call")
    return Delta(
        content=content,
        reasoning_content=_str(raw.get("reasoning_content")) or thinking,
        reasoning=_str(raw.get("reasoning")),
        reasoning_details=details if isinstance(details, list) else None,
        tool_calls=[_call(one) for one in calls if isinstance(one, dict)]
        if isinstance(calls, list)
        else None,
        function_call=_function(function) if isinstance(function, dict) else None,
        refusal=_str(raw.get("refusal")),
    )


def _content(raw: Any) -> tuple[str | None, str | None]:
    """Text and reasoning of `content`: a string, or a list of parts (Mistral)."""
    if isinstance(raw, str):
        return raw, None
    if not isinstance(raw, list):
        return None, None
    text: list[str] = []
    thinking: list[str] = []
    for part in raw:
        if isinstance(part, str):
            text.append(part)
        elif isinstance(part, dict):
            text.append(_str(part.get("text")) or "")
            thoughts = part.get("thinking")
            thinking.append(_content(thoughts)[0] or "")
    return "".join(text), "".join(thinking) or None


def _call(raw: dict[str, Any]) -> CallDelta:
    function = raw.get("function")
    id_ = raw.get("id")
    return CallDelta(
        index=_int(raw.get("index")),
        id=str(id_) if isinstance(id_, str | int) else None,
        function=_function(function) if isinstance(function, dict) else None,
        extra_content=_dict(raw.get("extra_content")),
    )


def _function(raw: dict[str, Any]) -> FunctionDelta:
    arguments = raw.get("arguments")
    if arguments is not None and not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return FunctionDelta(name=_str(raw.get("name")), arguments=arguments)


def _usage(raw: Any) -> Usage | None:
    if not isinstance(raw, dict):
        return None
    details = raw.get("prompt_tokens_details")
    return Usage(
        prompt_tokens=_int(raw.get("prompt_tokens")),
        completion_tokens=_int(raw.get("completion_tokens")),
        prompt_tokens_details=PromptDetails(_int(details.get("cached_tokens")))
        if isinstance(details, dict)
        else None,
        prompt_cache_hit_tokens=_int(raw.get("prompt_cache_hit_tokens")),
        cached_tokens=_int(raw.get("cached_tokens")),
        input_tokens=_int(raw.get("input_tokens")),
        output_tokens=_int(raw.get("output_tokens")),
    )


def _int(raw: Any) -> int | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, str):
        raw = raw.strip()
        return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 19 else None
    if isinstance(raw, float):
        return int(raw) if abs(raw) < 1e18 else None
    return raw if isinstance(raw, int) else None


def _str(raw: Any) -> str | None:
    return raw if isinstance(raw, str) else None


def _dict(raw: Any) -> dict[str, Any] | None:
    return raw if isinstance(raw, dict) else None
