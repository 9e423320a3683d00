"""What a scripted model server says, as bytes: the chunks of an OpenAI chat completions stream.

Every function returns server-sent events as local servers write them. The shapes are those of
`docs/protocol/mlx-lm.md` ("The stream") and of `docs/protocol/vllm-mlx.md`; the model is a fake and
says so in `system_fingerprint`. JSON strings escape their line ends, so every LF in these bytes is
framing (`upstream.Reply` can turn it into CRLF).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

FINGERPRINT = "scripted-fake"
MODEL = "scripted-model"
DONE = b"data: [DONE]\n\n"


def event(data: Mapping[str, Any] | str) -> bytes:
    """One `data:` event; a string goes in as it is (also when it is no JSON)."""
    return b"data: " + (data if isinstance(data, str) else _json(data)).encode() + b"\n\n"


def comment(words: str) -> bytes:
    """A comment line, such as mlx_lm's prefill progress: `comment("keepalive 512/2048")`."""
    return f": {words}\n\n".encode()


def chunk(delta: Mapping[str, Any], finish: str | None = None, **more: Any) -> bytes:
    """One chunk with one choice; `more` adds members beside `choices` (usage, …)."""
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish}
    return event(_envelope([choice]) | more)


def text(*pieces: str) -> bytes:
    """One content delta for each piece."""
    return b"".join(chunk({"role": "assistant", "content": piece}) for piece in pieces)


def reasoning(*pieces: str, key: str = "reasoning_content") -> bytes:
    """One reasoning delta for each piece; mlx_lm's key is `reasoning`, vllm-mlx's the default."""
    return b"".join(chunk({"role": "assistant", key: piece}) for piece in pieces)


def call(
    name: str | None,
    arguments: Mapping[str, Any] | str,
    *,
    id: str | None = "call_1",
    index: int | None = 0,
) -> bytes:
    """A tool call whole in one delta, as mlx_lm and vllm-mlx send it.

    Arguments that are a string go in as they are (broken JSON, a fragment). None leaves
    the name, id or index out.
    """
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    function: dict[str, Any] = {"arguments": raw}
    if name is not None:
        function["name"] = name
    entry: dict[str, Any] = {"type": "function", "function": function}
    if id is not None:
        entry["id"] = id
    if index is not None:
        entry["index"] = index
    return chunk({"role": "assistant", "tool_calls": [entry]})


def call_in_pieces(
    name: str, pieces: Iterable[str], *, id: str = "call_1", index: int = 0
) -> list[bytes]:
    """A tool call as OpenAI streams it: id and name first, then fragments of the arguments."""
    first = call(name, "", id=id, index=index)
    return [first, *(call(None, piece, id=None, index=index) for piece in pieces)]


def finish(reason: str = "stop") -> bytes:
    """The last chunk with a choice."""
    return chunk({}, reason)


def usage(prompt: int = 100, output: int = 10, cached: int | None = None) -> bytes:
    """The usage chunk, with `choices: []`, as mlx_lm sends it after the finish chunk."""
    counts: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
    }
    if cached is not None:
        counts["prompt_tokens_details"] = {"cached_tokens": cached}
    return event(_envelope([]) | {"usage": counts})


def error_event(message: str = "Internal server error", code: int = 500) -> bytes:
    """An error in the stream after HTTP 200, as vllm-mlx writes it."""
    error = {"message": message, "type": "InternalServerError", "param": None, "code": code}
    return event({"error": error})


def ending(reason: str = "stop", prompt: int = 100, output: int = 10) -> bytes:
    """Finish chunk, usage chunk and `[DONE]`: how a stream ends when all is well."""
    return finish(reason) + usage(prompt, output) + DONE


def completion(content: str) -> dict[str, Any]:
    """The body of an answer that is not streamed (a backend's 1-token readiness chat)."""
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "length"}
    counts = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return _envelope([choice]) | {"object": "chat.completion", "usage": counts}


def _envelope(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": MODEL,
        "system_fingerprint": FINGERPRINT,
        "choices": choices,
    }


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
