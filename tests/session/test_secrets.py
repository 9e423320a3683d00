"""A backend that repeats what it should not: on no screen, in no file, before no client.

A real session with everything that it writes turned on; the backend is scripted.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.config.settings import BackendSettings, LogSettings, Settings
from anyclaude_tui.proxy.wire.safe_json import canonical_json
from anyclaude_tui.session.session import Session
from tests.support import wire
from tests.support.proxy import ask_body
from tests.support.replies import Reply, fail
from tests.support.upstream import HEADERS, Upstream

OWN_KEY = "three plain words, 'quoted'"
"""Of no known form."""
OTHERS = (
    "AK" + "IA" + "IOSFODNN7EXAMPLE",  # in parts, so that no scanner takes it for a real one
    "gh" + "p_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "sk" + "-proj-" + "Zq81" * 6,
)
WORDS = f"wrong key {OWN_KEY}; did you mean {', '.join(OTHERS)}?"


@asynccontextmanager
async def session(upstream: Upstream, home: Path, key: str = OWN_KEY) -> AsyncIterator[Session]:
    box = BackendSettings(kind="openai", url=upstream.url, api_key=key)
    settings = Settings(backend="box", backends={"box": box}, logs=LogSettings(debug=3))
    made = Session(settings, home=home, log_file=home / "proxy.log")
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def ask(made: Session, **changes: Any) -> str:
    headers = {"Authorization": f"Bearer {made.token}"}
    url = f"{made.url}/v1/messages"
    async with (
        aiohttp.ClientSession() as client,
        client.post(url, json=ask_body(**changes), headers=headers) as response,
    ):
        return await response.text()


def everywhere(made: Session, home: Path) -> str:
    """What the screens may show and what is on the disk."""
    files = [path.read_text() for path in home.rglob("*") if path.is_file()]
    return "\n".join([repr(made.snapshot()), *files])


def has_none(text: str) -> None:
    for secret in (OWN_KEY, *OTHERS):
        for written in (secret, canonical_json(secret)[1:-1], repr(secret)[1:-1]):
            assert written not in text


@pytest.mark.parametrize(
    "reply",
    [
        fail(401, {"error": {"message": WORDS}}),
        fail(500, {"error": {"message": f"request failed: {json.dumps({'key': WORDS})}"}}),
        Reply(wire.text("Hel"), wire.event({"error": {"message": WORDS, "code": 500}})),
        Reply(HEADERS, wire.event({"error": {"message": WORDS, "code": 401}})),
    ],
    ids=["refused", "failed", "in mid-stream", "in the stream"],
)
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_the_key_that_a_backend_repeats_reaches_nobody(
    upstream: Upstream, tmp_path: Path, reply: Reply, streamed: bool
) -> None:
    upstream.script(reply)
    async with session(upstream, tmp_path) as made:
        await made.ready()
        assert upstream.probes[0].headers["authorization"] == f"Bearer {OWN_KEY}"
        has_none(await ask(made, stream=streamed))
        made.hub.notice("error", WORDS)
    kept = everywhere(made, tmp_path)
    has_none(kept)
    assert "[redacted]" in kept
    assert len(list(tmp_path.rglob("trace-*.json"))) == 1
    assert len(list(tmp_path.glob("request-logs/*.jsonl"))) == 1


async def test_a_key_from_the_environment_is_as_secret(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOX_KEY", OWN_KEY)
    upstream.script(fail(401, {"error": {"message": WORDS}}))
    async with session(upstream, tmp_path, "env:BOX_KEY") as made:
        await made.ready()
        has_none(await ask(made))
    has_none(everywhere(made, tmp_path))


async def test_nor_when_it_refuses_the_first_question(upstream: Upstream, tmp_path: Path) -> None:
    upstream.when(lambda _: True, fail(401, {"error": {"message": WORDS}}))
    upstream.models = {"error": WORDS}
    async with session(upstream, tmp_path) as made:
        with pytest.raises(BackendError) as refused:
            await made.ready()
        has_none(str(refused.value))
        has_none(await ask(made))
    has_none(everywhere(made, tmp_path))


async def test_the_sessions_token_and_the_secrets_of_a_url(
    upstream: Upstream, tmp_path: Path
) -> None:
    place = upstream.url.replace("://", "://me:horse-battery@") + "?api_key=staple-correct"
    settings = Settings(
        backends={"box": BackendSettings(kind="openai", url=place)}, logs=LogSettings(debug=3)
    )
    made = Session(settings, home=tmp_path, backend="box", log_file=tmp_path / "proxy.log")
    words = f"no: horse-battery, staple-correct, {made.token}"
    upstream.script(fail(403, {"detail": words}))
    await made.start()
    try:
        await made.ready()
        said = await ask(made)
    finally:
        await made.stop()
    for text in (said, everywhere(made, tmp_path)):
        assert "horse-battery" not in text
        assert "staple-correct" not in text
        assert made.token not in text


async def test_the_name_of_a_thing_is_no_secret(upstream: Upstream, tmp_path: Path) -> None:
    """LM Studio and their like take any key, and their pages tell one to write such a word."""
    upstream.script(fail(400, {"error": {"message": "lm-studio says no"}}))
    async with session(upstream, tmp_path, "lm-studio") as made:
        await made.ready()
        assert "lm-studio says no" in await ask(made)
