"""The profile of the template behind a server, at start: asked where it costs the least.

In this order: the text on this disk, rendered in a bounded child while the model loads; the
server's own rendering (llama.cpp's `/apply-template`); a count (vLLM's `/tokenize`, else
`usage.prompt_tokens` of chats of one token). A profile that cannot be had is no reason not to
start: the requests then go in the form that the fewest templates mind.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from anyclaude_tui import bounded
from anyclaude_tui.backends import http
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.http_client import Client, HttpError
from anyclaude_tui.backends.templates import profile_store
from anyclaude_tui.backends.templates.profile import Profile, Source, applied, examine
from anyclaude_tui.backends.templates.switches import KEEP_THINKING

CHILD = "anyclaude_tui.backends.templates.child"
READ_TIMEOUT_S = 60.0
SERVER_TIMEOUT_S = 20.0
"""A server that is slow to answer is not asked on: a start must not wait for it."""
_KEPT = 32
_known: OrderedDict[str, Profile] = OrderedDict()
_ASKED_OF = ("enable_thinking", "reasoning_history")
"""The fields of a dialect that change what a template is asked."""


class NoTemplateError(Exception):
    """The text cannot be judged; the words say why."""


async def of_text(
    template: str,
    tokens: Mapping[str, str],
    base: Dialect,
    *,
    trims: bool = False,
    home: Path | None = None,
) -> Profile:
    """The profile of a template's text; kept by the text's hash, in our folder `home` too.

    Raises NoTemplateError.
    """
    asked = {
        "template": template,
        "tokens": dict(tokens),
        "dialect": {name: getattr(base, name) for name in _ASKED_OF},
        "trims": trims,
    }
    data = json.dumps(asked)
    key = profile_store.key_of(data)
    found = await _remembered(key, home)
    if found is None:
        try:
            answer = json.loads(await bounded.run(CHILD, data.encode()))
        except (bounded.BoundedError, OSError, ValueError) as error:
            raise NoTemplateError(f"the chat template cannot be judged: {error}") from None
        if "error" in answer:
            raise NoTemplateError(answer["error"])
        found = profile_store.profile_from(answer["profile"])
        await _remember(key, found, home)
    return found


async def _remembered(key: str, home: Path | None) -> Profile | None:
    if key not in _known and home is not None:
        found = await asyncio.to_thread(profile_store.load, home, key)
        if found is not None:
            _known[key] = found
    return _known.get(key)


async def _remember(key: str, profile: Profile, home: Path | None) -> None:
    _known[key] = profile
    while len(_known) > _KEPT:
        _known.popitem(last=False)
    if home is not None:
        await asyncio.to_thread(profile_store.save, home, key, profile)


async def of_server(
    source: Source, base: Dialect, *, stamp: str = "", home: Path | None = None
) -> Profile | None:
    """The profile that a server's answers give; None where it does not answer as hoped,
    or not soon. `stamp`: the template's text with what renders it, where the server tells;
    the profile is kept by that."""
    from anyclaude_tui.backends.templates.sources import UncountedError

    fields = json.dumps({name: getattr(base, name) for name in _ASKED_OF})
    key = profile_store.key_of(stamp, fields, source.name)
    if stamp and (found := await _remembered(key, home)) is not None:
        return found
    try:
        async with asyncio.timeout(SERVER_TIMEOUT_S):
            found = await examine(source, base)
    except (HttpError, TimeoutError, UncountedError):
        return None
    if stamp:
        await _remember(key, found, home)
    return found


async def followed(
    profile: Profile | None, base: Dialect, client: Client, path: str, model: str
) -> Dialect:
    """The dialect that follows from a profile, and from who reads the thinking block that the
    template opens: asked of the server where there is one."""
    how = applied(profile, base)
    if profile is None:
        return how
    unasked, on, off = profile.opens
    until = (on, off) if base.enable_thinking else (unasked, unasked)
    if not any(until) or await _reads_thinking(client, path, model, how) is not False:
        return how
    return replace(how, thinks_until=until)


async def _reads_thinking(client: Client, path: str, model: str, how: Dialect) -> bool | None:
    """True if the first token of a reply that begins in thinking comes as reasoning; None where the
    server does not say."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [http.TOOL],
        "max_tokens": 4,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if how.enable_thinking:
        body["chat_template_kwargs"] = {**how.thinking_on, **KEEP_THINKING}
    try:
        async with aclosing(client.lines(path, body, timeout_s=READ_TIMEOUT_S)) as lines:
            async for line in lines:
                delta = _delta(line)
                if delta.get("reasoning_content") or delta.get("reasoning"):
                    return True
                content = delta.get("content")
                if isinstance(content, str) and content.strip():
                    return False
    except HttpError:
        pass
    return None


def _delta(line: str) -> dict[str, Any]:
    """The first choice's delta in a line of a stream; empty for any other."""
    try:
        event = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
    except ValueError:
        return {}
    choices = http.parts(http.part(event).get("choices"))
    return http.part(choices[0].get("delta")) if choices else {}
