"""The prefix explainer to the token: the prompts that somebody looks at, counted piece by piece.

Exact only where the count is the server's own (`usage`): with another tokenizer, another template
or an argument that we do not know of, the two differ, and then nothing is told. Asked for by the
screen, when the request has ended; one at a time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from pathlib import Path

import msgspec

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.models import files
from anyclaude_tui.backends.templates.tokens import PieceTokens, piece_tokens
from anyclaude_tui.figures import Source
from anyclaude_tui.prefix.counted import CountedPrompt
from anyclaude_tui.prefix.segments import Part, Prompt, prompt_of
from anyclaude_tui.telemetry.captures import Capture
from anyclaude_tui.telemetry.events import RequestRecord

COUNTS_KEPT = 32
UPSTREAM_BYTES = 4 * 2**20
"""A larger body is not counted."""


class ExactTokens:
    """Used on the session's loop."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, CountedPrompt | None] = OrderedDict()
        self._one = asyncio.Lock()

    async def counted(
        self, record: RequestRecord, capture: Capture, endpoint: Endpoint
    ) -> CountedPrompt | None:
        """The prompt's tokens; None where they cannot be told to the token. `endpoint`: the one
        of the request's backend now."""
        reported = record.attempt.prompt_tokens
        if (
            record.outcome is None
            or reported.source is not Source.REPORTED
            or endpoint.native
            or len(capture.upstream) > UPSTREAM_BYTES
        ):
            return None
        async with self._one:
            if record.id not in self._known:
                self._known[record.id] = await _counted(capture, endpoint, reported.value)
                while len(self._known) > COUNTS_KEPT:
                    self._known.popitem(last=False)
            return self._known[record.id]


async def _counted(
    capture: Capture, endpoint: Endpoint, reported: float | None
) -> CountedPrompt | None:
    found = await asyncio.to_thread(_looked_at, capture, endpoint)
    if found is None:
        return None
    prompt, system_chars, template, special = found
    told = await piece_tokens(endpoint, capture.upstream, system_chars, template, special)
    return None if told is None or told.total != reported else _placed(prompt, told)


def _looked_at(
    capture: Capture, endpoint: Endpoint
) -> tuple[Prompt, list[int], str | None, dict[str, str]] | None:
    """The prompt, the lengths of its system blocks, and the model's template. Blocks."""
    try:
        sent = msgspec.json.decode(capture.upstream)
        if sent.get("model") != endpoint.model:
            return None  # the backend has another one now
        prompt = prompt_of(sent, msgspec.json.decode(capture.body))
    except (msgspec.DecodeError, AttributeError, TypeError, ValueError):
        return None
    system = [s.text for s in prompt.segments if s.part is Part.SYSTEM]
    chars = [len(text.decode(errors="surrogatepass")) for text in system]
    template, special = None, {}
    if endpoint.tokenizer_dir:
        model = files.read(Path(endpoint.tokenizer_dir))
        template, special = model.chat_template, model.special_tokens
        if endpoint.rendering is not None and endpoint.rendering.template:
            template = endpoint.rendering.template  # the server was started with another
    return prompt, chars, template, special


def _placed(prompt: Prompt, told: PieceTokens) -> CountedPrompt | None:
    """The counts beside the segments. Settings are no text of the messages."""
    tokens: list[int | None] = []
    ends: list[int] = []
    counts = iter(zip(told.pieces, told.ends, strict=True))
    for segment in prompt.segments:
        if segment.part is Part.SETTINGS:
            tokens.append(None)
            ends.append(0)
            continue
        own, end = next(counts, (None, 0))
        if own is None:
            return None
        tokens.append(own)
        ends.append(end)
    if next(counts, None) is not None:
        return None
    return CountedPrompt(prompt, tuple(tokens), tuple(ends), told.total)
