"""Whole replies of a target before the tests' strict judge. Nothing here is timed."""

from __future__ import annotations

import asyncio

import aiohttp

from benchmarks.bodies import body
from benchmarks.client import Target
from benchmarks.upstream import WORDS
from tests.support.validator import validate

WANTED = {f"flood {times * len(WORDS)}": "".join(WORDS) * times for times in (1, 10)}
PACED = "paced 40 200"
AT_ONCE = 16


async def violations(target: Target) -> list[str]:
    """The faults in 48 whole replies; empty for a target that does not speak Messages."""
    if not target.anthropic:
        return []
    headers = {"Authorization": f"Bearer {target.token}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{target.port}/v1/messages"
    async with aiohttp.ClientSession(headers=headers) as client:

        async def one(command: str) -> str | None:
            async with client.post(url, data=body(command)) as response:
                return _wrong(await response.read(), WANTED.get(command))

        found: list[str] = []
        for command in (*WANTED, PACED):
            said = await asyncio.gather(*(one(command) for _ in range(AT_ONCE)))
            found += [f"{command}: {words}" for words in said if words is not None]
    return found


def _wrong(data: bytes, text: str | None) -> str | None:
    """The reason why the stream is no proper message with that text; None when it is one."""
    try:
        message = validate(data)
    except (AssertionError, KeyError, UnicodeDecodeError) as error:
        return f"{error}"
    if message.stop_reason != "end_turn":
        return f"stop reason {message.stop_reason}"
    if text is not None and message.text != text:
        return f"{len(message.text)} characters of text, {len(text)} were sent"
    return None
