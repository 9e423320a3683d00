"""What is said of tools left out is so: in a real session, and counted by a real tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.config.request_settings import RequestSettings
from anyclaude_tui.config.settings import Settings, ToolSettings
from anyclaude_tui.figures import Source
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.local_tokenizer import count_locally
from anyclaude_tui.proxy.request.openai import translate
from anyclaude_tui.proxy.request.passthrough import native_request
from anyclaude_tui.screens.requests.tools_dialog import tools_of
from anyclaude_tui.session import request_material
from anyclaude_tui.session.request_material import Material
from anyclaude_tui.session.session import Session
from anyclaude_tui.session.tool_sizes import tool_sizes
from anyclaude_tui.telemetry.metrics import RequestView
from tests.support.assets import TINY_MODEL
from tests.support.proxy import ask_body

FIVE = ("Edit", "Glob", "NotebookEdit", "WebFetch", "Write")
NAMES = ("Bash", *FIVE, "Read", "mcp__git__log")


def tool(name: str) -> dict[str, Any]:
    words = f"{name} does what its name says. " * (3 + len(name))
    properties = {word: {"type": "string", "description": words[:90]} for word in name.split("__")}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": name, "description": words, "input_schema": schema}


TOOLS = [tool(name) for name in NAMES]
BODY = ask_body("hello", tools=TOOLS, system="You are an agent. " * 200)


def sent(leave_out: tuple[str, ...], *, native: bool = False) -> dict[str, Any]:
    make = native_request if native else translate
    endpoint = Endpoint("http://h", "m", native=native)
    wanted = RequestSettings(leave_out=leave_out)
    return make(BODY, endpoint.asked_for(wanted), CallMemory()).body


def test_the_tokens_of_tools_are_those_that_the_prompt_shrinks_by() -> None:
    """By the model's own template and tokenizer, to the token."""
    before, after = sent(()), sent(FIVE)
    sizes = tool_sizes(before, BODY, (), str(TINY_MODEL))
    assert [size.name for size in sizes] == list(NAMES)
    assert {size.tokens.source for size in sizes} == {Source.MEASURED}
    told = sum(size.tokens.value or 0 for size in sizes if size.name in FIVE)
    whole = count_locally(str(TINY_MODEL), before)
    rest = count_locally(str(TINY_MODEL), after)
    assert whole is not None
    assert rest is not None
    assert told == whole.tokens - rest.tokens
    assert told > 500


def test_those_left_out_weigh_what_they_did() -> None:
    for native in (False, True):
        before = tool_sizes(sent((), native=native), BODY, ())
        after = tool_sizes(sent(FIVE, native=native), BODY, FIVE)
        assert {s.name: s.size_bytes for s in before} == {s.name: s.size_bytes for s in after}
        assert [size.name for size in after if size.left_out] == list(FIVE)


async def test_five_tools_left_out_in_a_session(tmp_path: Path) -> None:
    session = Session(
        Settings(), home=tmp_path, backend="simulator:fast,prefill_tokens_per_s=100000,load_s=0"
    )
    await session.start()
    try:
        await session.ready()
        first, kept = await ask(session, "one")
        assert len(kept.tools) == len(NAMES)
        await session.apply(Settings(tools=ToolSettings(leave_out=FIVE)))
        second, after = await ask(session, "two")
    finally:
        await session.stop()
    names = [one["function"]["name"] for one in after.trace["request"]["upstream"]["tools"]]
    assert names == [name for name in NAMES if name not in FIVE]
    assert (second.tool_count, second.left_out) == (len(NAMES), FIVE)
    saved = (first.prompt_tokens.value or 0) - (second.prompt_tokens.value or 0)
    shown = tools_of(second, after, session.settings, _Seen(session))  # type: ignore[arg-type]
    told = shown.total(one for one in shown.tools if one.left_out)
    assert told.source is Source.ESTIMATED
    assert told.value is not None
    assert abs(told.value - saved) < 0.15 * saved  # by its share of the bytes
    seconds = shown.seconds(told)
    assert shown.speed.value
    assert seconds.value == told.value / shown.speed.value


class _Seen:
    """A client that sees the session as it is."""

    def __init__(self, session: Session) -> None:
        self.snapshot = session.snapshot()


async def ask(session: Session, words: str) -> tuple[RequestView, Material]:
    """A conversation's first request; what is known of it."""
    headers = {"Authorization": f"Bearer {session.token}"}
    body = {**BODY, "messages": [{"role": "user", "content": words}]}
    async with (
        aiohttp.ClientSession(session.url, headers=headers) as http,
        http.post("/v1/messages", json=body) as response,
    ):
        assert response.status == 200, await response.text()
        await response.read()
    (view, *_) = session.snapshot().recent
    kept = await request_material.material(session, view.id)
    assert kept is not None
    return view, kept
