"""The number of tokens of each piece of a chat, exact, as its template renders it.

Rendered and counted in a bounded child with the model's own template and `tokenizer.json`, as
mlx_lm does it, or by llama.cpp: `POST /apply-template` and `/tokenize` with `with_pieces` (its
server's README; tried with build 2026.10.11549 of the wheel). Never where a request waits for it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

import msgspec

from anyclaude_tui import bounded
from anyclaude_tui.backends import http
from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.http_client import Client, HttpError
from anyclaude_tui.backends.templates.pieces import Span, renderings_wanted, spans, tokens_in

CHILD = "anyclaude_tui.backends.templates.tokens_child"
SECONDS = 15.0
MEMORY_BYTES = 3 * 2**30
"""A `tokenizer.json` of 30 MB takes most of one when it is read."""
_RENDERED_BY = ("messages", "tools", "tool_choice", "chat_template_kwargs", "reasoning_effort")


@dataclass(frozen=True, slots=True)
class PieceTokens:
    """Tokens of a whole prompt and of its pieces, in the pieces' order."""

    total: int
    pieces: tuple[int, ...]
    ends: tuple[int, ...]
    """Of each piece, how many tokens of the prompt begin before its end; 0 where it is not
    rendered."""

    @property
    def template(self) -> int:
        """The tokens that are no piece's: the template's own words and signs."""
        return self.total - sum(self.pieces)


async def piece_tokens(
    endpoint: Endpoint,
    upstream: bytes,
    system_chars: Sequence[int],
    template: str | None = None,
    special: Mapping[str, str] | None = None,
) -> PieceTokens | None:
    """The tokens of a chat completions body: of the blocks of its first system message (each so
    many characters long), of its tools, of its other messages. None where nobody can tell.

    `template` and `special`: the text and the special tokens that it may name, where the
    endpoint has a folder with a tokenizer.
    """
    asked: dict[str, Any] = {"body": upstream.decode(), "system_chars": list(system_chars)}
    try:
        if endpoint.tokenizer_dir and template:
            tokenizer = f"{endpoint.tokenizer_dir}/tokenizer.json"
            asked |= {"template": template, "tokens": dict(special or {}), "tokenizer": tokenizer}
            told = await bounded.run(
                CHILD, json.dumps(asked).encode(), seconds=SECONDS, memory_bytes=MEMORY_BYTES
            )
            return _made(json.loads(told))
        if endpoint.tokenize_url:
            async with asyncio.timeout(SECONDS):
                return await _asked(endpoint, endpoint.tokenize_url, upstream, system_chars)
    except (
        bounded.BoundedError, HttpError, OSError, TimeoutError,
        ValueError, KeyError, TypeError, AttributeError,
    ):  # fmt: skip
        pass
    return None


def _made(told: Any) -> PieceTokens | None:
    return PieceTokens(told["total"], tuple(told["pieces"]), tuple(told["ends"])) if told else None


async def _asked(
    endpoint: Endpoint, url: str, upstream: bytes, system_chars: Sequence[int]
) -> PieceTokens | None:
    body, word = msgspec.json.decode(upstream), unused_word(upstream)
    body = {key: body[key] for key in _RENDERED_BY if key in body}
    route = f"{url.rsplit('/', 1)[0]}/apply-template"
    texts: list[str] = []
    async with http.client(url, headers=endpoint.headers, query=endpoint.query) as client:
        for wanted in renderings_wanted(body, word):
            text = (await _post(client, route, wanted)).get("prompt")
            if not isinstance(text, str):
                return None
            texts.append(text)
        text = texts[0]
        question = {"content": text, "add_special": True, "parse_special": True}
        answer = await _post(client, url, {**question, "with_pieces": True})
    found = spans(body, texts, word, system_chars)
    starts = _starts(http.parts(answer.get("tokens")), text)
    return None if found is None or starts is None else counted(found, starts)


async def _post(client: Client, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
    answer = await client.post(url, body, timeout_s=SECONDS)
    return http.object_of(answer) if answer.status_code == 200 else {}


def _starts(tokens: Sequence[Mapping[str, Any]], text: str) -> list[int] | None:
    """The number of the character in which each token begins, from the bytes of their pieces; what
    the tokenizer puts before the text (its first sign, a space) begins with it. None where the
    pieces are not the text."""
    pieces = [token["piece"] for token in tokens]
    made = [piece.encode() if isinstance(piece, str) else bytes(piece) for piece in pieces]
    whole = text.encode()
    before = sum(map(len, made)) - len(whole)
    if not made or before < 0 or b"".join(made)[before:] != whole:
        return None
    # Of each byte: the number of its character, from 1; and one more, for an empty last token.
    chars = [*accumulate((byte & 0xC0) != 0x80 for byte in whole), len(text) + 1]
    ends = accumulate(map(len, made))
    places = (end - len(piece) - before for end, piece in zip(ends, made, strict=True))
    return [chars[max(0, place)] - 1 for place in places]


def counted(found: Sequence[Span], starts: Sequence[int]) -> PieceTokens:
    """The tokens of pieces, from where each token begins."""
    pieces = tuple(tokens_in(span, starts) for span in found)
    return PieceTokens(len(starts), pieces, tuple(tokens_in((0, end), starts) for _, end in found))


def unused_word(body: bytes) -> str:
    """Letters and digits that stand nowhere in the body."""
    while (word := f"qx{secrets.token_hex(5)}").encode() in body:
        pass
    return word


def answer_to(asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """The child's work: the fields of PieceTokens."""
    from tokenizers import Tokenizer

    from anyclaude_tui.backends.templates.jinja import renderer

    body, word = json.loads(asked["body"]), unused_word(asked["body"].encode())
    render = renderer(asked["template"], asked["tokens"])
    texts = [render(wanted) for wanted in renderings_wanted(body, word)]
    found = spans(body, texts, word, asked["system_chars"])
    if found is None:
        return None
    tokenizer = Tokenizer.from_file(asked["tokenizer"])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    # The template writes the special tokens itself.
    encoded = tokenizer.encode(texts[0], add_special_tokens=False)
    starts = list(accumulate((start for start, _ in encoded.offsets), max))
    return asdict(counted(found, starts))
