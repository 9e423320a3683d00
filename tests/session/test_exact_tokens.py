"""Tokens piece by piece, said to be exact only where they are as many as the real server counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from anyclaude_tui.config.settings import BackendSettings, Settings
from anyclaude_tui.figures import Source, estimated, measured
from anyclaude_tui.prefix.counted import CountedPrompt
from anyclaude_tui.prefix.segments import Part, Prompt, Segment
from anyclaude_tui.screens.requests import prompt_tabs
from anyclaude_tui.session import request_material
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets.lines import plain
from tests.session.test_tool_sizes import BODY
from tests.support import chat_templates
from tests.support.assets import LLAMA_ARGS, TINY_GGUF, TINY_MODEL

HELLO = {"role": "user", "content": "hello"}
LOOP = [
    HELLO,
    {"role": "assistant", "content": [{"type": "text", "text": "Well."}]},
    {"role": "user", "content": [{"type": "text", "text": "and now?"}]},
]


async def ask(session: Session, messages: list[Any]) -> RequestView:
    headers = {"Authorization": f"Bearer {session.token}", "X-Claude-Code-Session-Id": "one"}
    body = {**BODY, "messages": messages, "max_tokens": 2}
    async with (
        aiohttp.ClientSession(session.url, headers=headers) as http,
        http.post("/v1/messages", json=body) as response,
    ):
        assert response.status == 200, await response.text()
        await response.read()
    return session.hub.recent[0]


@pytest.mark.e2e
async def test_as_many_as_the_server_counts_else_nothing(tmp_path: Path) -> None:
    backends = {
        "llama": BackendSettings(kind="llama_cpp", model=str(TINY_GGUF), args=LLAMA_ARGS),
        "mlx": BackendSettings(kind="mlx_lm", model=str(TINY_MODEL)),
        "other": BackendSettings(
            kind="mlx_lm",
            model=str(TINY_MODEL),
            args=("--chat-template", "more words" + chat_templates.PLAIN),
        ),
    }
    session = Session(Settings(backends=backends, backend="llama"), home=tmp_path, port=0)
    await session.start()
    try:
        await session.ready()
        for name in ("llama", "mlx"):
            await session.switch(name)
            for messages in ([HELLO], LOOP):
                view = await ask(session, messages)
                assert view.prompt_tokens.source is Source.REPORTED
                found = await request_material.exact_tokens(session, view.id)
                assert found is not None, name
                assert found.total == view.prompt_tokens.value
                assert sum(filter(None, found.tokens)) + found.template == found.total
                assert all(found.tokens)
                rows = prompt_tabs.sizes(view, found.prompt, None, 120, False, None, found)
                shown = "\n".join(map(plain, rows))
                assert "each piece exact" in shown
                assert "~" not in shown
                kept = await request_material.material(session, view.id)
                assert kept is not None
                rows = prompt_tabs.prefix(view, kept.comparison, 100, found)
                assert "as before" in "\n".join(map(plain, rows))
            again = await request_material.exact_tokens(session, view.id)
            assert again is found, "kept"
        await session.switch("other")
        view = await ask(session, [HELLO])
        assert await request_material.exact_tokens(session, view.id) is None, "not its template"
        assert await request_material.exact_tokens(session, "no such") is None
    finally:
        await session.stop()


def test_what_ends_within_a_piece_is_estimated() -> None:
    parts = (Part.SETTINGS, Part.SYSTEM, Part.MESSAGE)
    segments = tuple(Segment(part, part, "", b"x" * 10) for part in parts)
    found = CountedPrompt(Prompt(segments, 30), (None, 4, 5), (0, 6, 12), 13)
    assert found.template == 4
    assert found.up_to(10) == measured(0)
    assert found.up_to(15) == estimated(2)
    assert found.up_to(20) == measured(6)
    assert found.up_to(30) == measured(13)
    assert found.between(20, 30) == measured(7)
    assert found.between(15, 30) == estimated(11)
    assert not found.of(0)
