"""Chat templates of our own behind the real mlx_lm and the real llama.cpp: what the model reads of
the real Claude Code, and what stays cached of a tool loop when a new prompt follows it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import pytest_asyncio

from anyclaude_tui.backends.templates.jinja import renderer
from anyclaude_tui.claude_code.launch import session_env
from anyclaude_tui.config.settings import BackendSettings, Settings, WarmingSettings
from anyclaude_tui.figures import Source
from anyclaude_tui.prefix.divergence import Cause, Comparison
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.captures import Capture
from anyclaude_tui.telemetry.metrics import RequestView
from tests.e2e.claude import Claude
from tests.support import chat_templates
from tests.support.assets import LLAMA_ARGS, TINY_GGUF, TINY_MODEL
from tests.support.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

ROUNDS = 12
WHERE = "Primary working directory"
TEMPLATES = {
    "drops": chat_templates.DROPS_LATE_SYSTEM,
    "strips": chat_templates.STRIPS,
    **chat_templates.KEEPS,
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def session(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Session]:
    """One for all tests, with each template behind both servers."""
    home = tmp_path_factory.mktemp("templates")
    backends: dict[str, BackendSettings] = {}
    for name, text in TEMPLATES.items():
        file = home / f"{name}.jinja"
        file.write_text(text)
        backends[f"llama: {name}"] = BackendSettings(
            kind="llama_cpp",
            model=str(TINY_GGUF),
            args=(*LLAMA_ARGS, "--chat-template-file", str(file)),
        )
        backends[f"mlx: {name}"] = BackendSettings(
            kind="mlx_lm", model=str(TINY_MODEL), args=("--chat-template", text)
        )
    settings = Settings(
        backends=backends,
        backend="llama: drops",
        warming=WarmingSettings(enabled=False),  # it would read the last test's prompt
    )
    running = Session(settings, home=home / "anyclaude", port=0)
    await running.start()
    try:
        await running.ready()
        yield running
    finally:
        await running.stop()


async def asked_by_claude_code(session: Session, folder: Path) -> tuple[RequestView, Capture]:
    """What it says when it is greeted; with a name that is not Anthropic's it tells of its
    environment in a system message behind the user's words."""
    given = session_env(session.url, session.token, "tiny-model", None)
    claude = Claude(folder, session.url, session.token, **given)
    printed = await claude.ask("hello", "--tools", "Bash", timeout=240)
    assert printed.code == 0, printed
    last = session.hub.recent[0]
    capture = session.observers.captures.get(last.id)
    assert capture is not None
    late = [
        message for message in json.loads(capture.body)["messages"] if message["role"] == "system"
    ]
    assert WHERE in json.dumps(late), "else this test shows nothing"
    return last, capture


async def test_llama_cpp_renders_where_claude_code_works(session: Session, tmp_path: Path) -> None:
    await session.switch("llama: drops")
    _, capture = await asked_by_claude_code(session, tmp_path)
    body = json.loads(capture.upstream)
    backend: Any = session.switchboard.backend(session.switchboard.active)
    known = {"base_url": backend.base_url, "headers": backend.endpoint.headers}
    async with httpx.AsyncClient(trust_env=False, **known) as client:
        answer = await client.post("/apply-template", json=body)
        assert answer.status_code == 200, answer.text
        rendered = answer.json()["prompt"]
        standing = [
            {"role": "user", "content": "hello"},
            {"role": "system", "content": WHERE},
        ]
        dropped = (await client.post("/apply-template", json={"messages": standing})).json()
    assert WHERE in rendered
    assert WHERE not in dropped["prompt"]


async def test_mlx_lm_renders_where_claude_code_works(session: Session, tmp_path: Path) -> None:
    """It shows no prompt: ours has to have as many tokens as it has counted."""
    from tokenizers import Tokenizer

    await session.switch("mlx: drops")
    last, capture = await asked_by_claude_code(session, tmp_path)
    rendered = renderer(chat_templates.DROPS_LATE_SYSTEM, {})(json.loads(capture.upstream))
    assert WHERE in rendered
    tokenizer = Tokenizer.from_file(str(TINY_MODEL / "tokenizer.json"))
    assert last.prompt_tokens.source is Source.REPORTED
    assert last.prompt_tokens.value == len(tokenizer.encode(rendered, add_special_tokens=False))


# --- a tool loop, then a new prompt ---------------------------------------------------------------


def _loop(*, then: bool) -> dict[str, Any]:
    messages: list[Any] = [{"role": "user", "content": "Look at all."}]
    for number in range(ROUNDS):
        thought = f"Round {number}: " + "on and on " * 20
        call_id = f"toolu_{number:024d}"
        messages += [
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": thought, "signature": "s"},
                    {
                        "type": "tool_use",
                        "id": call_id,
                        "name": "Bash",
                        "input": {"command": f"cat {number}.txt"},
                    },
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": call_id, "content": "line " * 60}
                ],
            },
        ]
    if then:
        messages += [
            {"role": "assistant", "content": "All is seen."},
            {"role": "user", "content": "And now?"},
        ]
    schema = {"type": "object", "properties": {"command": {"type": "string"}}}
    return {
        "model": "tiny-model",
        "max_tokens": 2,
        "stream": True,
        "system": "You are a test.",
        "thinking": {"type": "adaptive"},
        "tools": [{"name": "Bash", "description": "Runs it.", "input_schema": schema}],
        "messages": messages,
    }


async def ask(session: Session, body: dict[str, Any]) -> RequestView:
    headers = {
        "Authorization": f"Bearer {session.token}",
        "X-Claude-Code-Session-Id": "one",
    }
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.post(f"{session.url}/v1/messages", json=body) as response,
    ):
        assert response.status == 200, await response.text()
        await response.read()
    return session.hub.recent[0]


@pytest.mark.parametrize(
    "name", [*(f"llama: {name}" for name in chat_templates.KEEPS), "mlx: like Qwen3.6"]
)
async def test_a_new_prompt_finds_the_tool_loop_in_the_cache(session: Session, name: str) -> None:
    await session.switch(name)
    loop = await ask(session, _loop(then=False))
    new = await ask(session, _loop(then=True))
    assert new.cached_tokens.source is Source.REPORTED
    assert (new.cached_tokens.value or 0) >= 0.95 * (loop.prompt_tokens.value or 0)
    assert (new.cached_tokens.value or 0) >= 0.95 * (new.prompt_tokens.value or 0)


@pytest.mark.parametrize("name", ["llama: strips", "mlx: strips"])
async def test_what_a_template_renders_anew_is_said(session: Session, name: str) -> None:
    await session.switch(name)
    status = session.switchboard.backend(session.switchboard.active).status()
    assert any("of the last tool loop again" in words for words in status.warnings)
    await ask(session, _loop(then=False))
    new = await ask(session, _loop(then=True))
    explainer = session.observers.explainer

    def found() -> Comparison:
        comparison = explainer.comparison(new.id)
        assert comparison is not None
        return comparison

    await until(lambda: found().cause is Cause.RENDERED)  # the tiny model is the faster one
    assert found().place == "message 2"
    assert found().cost_bytes > 0.8 * found().size_bytes
    assert (new.cached_tokens.value or 0) < 0.2 * (new.prompt_tokens.value or 0)


REFUSED = {"type": "object", "properties": {"words": {"type": "string", "pattern": "^(a$"}}}
BROKEN = {"type": "object", "properties": {"other": {"type": "strin"}}}


@pytest.mark.parametrize("broken", [False, True], ids=["mended", "told"])
async def test_a_schema_of_which_llama_cpp_makes_no_grammar(session: Session, broken: bool) -> None:
    """Tried once without the pattern, and told with the tool's name; what that does not mend is
    an error with the name."""
    await session.switch("llama: drops")
    grep = {"name": "Grep", "input_schema": BROKEN if broken else REFUSED}
    said = [{"role": "user", "content": "hello"}]
    body = _loop(then=False) | {"messages": said, "tool_choice": {"type": "any"}}
    body["tools"] = [*body["tools"], grep]
    if broken:
        with pytest.raises(AssertionError, match=r"unrecognized type.*the schema of Grep"):
            await ask(session, body)
        return
    await ask(session, body)
    assert any("refuses the schema of Grep" in notice.text for notice in session.hub.notices)
