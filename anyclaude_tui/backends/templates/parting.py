"""The first difference between two renderings of a conversation: the prefix that a prompt keeps.

A template may render earlier turns anew once a new prompt follows them; then the messages only
grew, and the cached prompt is lost all the same. Rendered in a bounded child, or by the server.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from anyclaude_tui import bounded
from anyclaude_tui.backends import http
from anyclaude_tui.backends.base import Endpoint, Rendering
from anyclaude_tui.backends.http_client import Client, HttpError
from anyclaude_tui.common_prefix import common_prefix

CHILD = "anyclaude_tui.backends.templates.parting_child"
SECONDS = 5.0
_SNIPPET_CHARS = 200


@dataclass(frozen=True, slots=True)
class Parting:
    """The relation between two renderings; lengths in characters."""

    before: int
    """The earlier one, without what invites the reply at its end."""
    now: int
    shared: int
    """From the start up to the first difference."""
    message: int | None = None
    """The number of the earlier request's message in which they part."""

    @property
    def lost(self) -> int:
        """Of the earlier one, what stands behind the first difference."""
        return max(0, self.before - self.shared)


async def parting(endpoint: Endpoint, before: bytes, now: bytes) -> Parting | None:
    """Render two bodies of chat completions and compare; None where that cannot be had."""
    how = endpoint.rendering
    if how is None:
        return None
    try:
        if not how.url:
            return await _rendered_here(how, before, now)
        async with asyncio.timeout(SECONDS):
            async with http.client(how.url, headers=endpoint.headers) as client:
                was = await _asked(client, how.url, before)
                text = await _asked(client, how.url, now)
        return await asyncio.to_thread(compared, was, text, msgspec.json.decode(before)["messages"])
    except (bounded.BoundedError, HttpError, OSError, TimeoutError, ValueError, KeyError):
        return None


async def _rendered_here(how: Rendering, before: bytes, now: bytes) -> Parting | None:
    asked = {
        "template": how.template,
        "tokens": dict(how.tokens),
        "before": before.decode(),
        "now": now.decode(),
    }
    answer = await bounded.run(CHILD, json.dumps(asked).encode(), seconds=SECONDS)
    return Parting(**json.loads(answer))


async def _asked(client: Client, url: str, body: bytes) -> str:
    answer = await client.post(url, body, timeout_s=SECONDS)
    prompt = http.object_of(answer).get("prompt")
    if answer.status_code != 200 or not isinstance(prompt, str):
        raise ValueError(http.words(answer))
    return prompt


def compared(before: str, now: str, messages: list[dict[str, Any]]) -> Parting:
    """Two renderings; `messages`: those of the earlier one."""
    shared = common_prefix(before, now)
    end, message = 0, None
    for number, text in _texts(messages):
        at = before.find(text[:_SNIPPET_CHARS], end)
        if at < 0:
            continue  # not rendered, or not as it stands
        end = at + len(text)
        if message is None and end > shared:
            message = number
    return Parting(min(end, len(before)) or len(before), len(now), shared, message)


def _texts(messages: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    for number, message in enumerate(messages):
        content = message.get("content") or ""
        if not isinstance(content, str):
            content = "\n".join(str(part.get("text", "")) for part in content)
        thought = message.get("reasoning_content") or message.get("reasoning") or ""
        yield from ((number, text.strip()) for text in (thought, content) if text.strip())


def answer_to(asked: Mapping[str, Any]) -> str:
    """The child's work: JSON of the Parting."""
    from anyclaude_tui.backends.templates.jinja import renderer

    render = renderer(asked["template"], asked["tokens"])
    before, now = json.loads(asked["before"]), json.loads(asked["now"])
    return json.dumps(asdict(compared(render(before), render(now), before["messages"])))
