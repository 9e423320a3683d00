"""The real Claude Code in front of the real llama.cpp with a tiny model, on this machine's CPU.

One session for all tests: a server is started in half a second, so each test switches to the one it
needs. The model looks only at the end of the prompt, and answers a word that it knows.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from anyclaude_tui.claude_code.launch import session_env
from anyclaude_tui.config.settings import BackendSettings, Limits, Settings
from anyclaude_tui.figures import Source
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.metrics import RequestView
from tests.e2e.claude import Claude
from tests.support.assets import LLAMA_ARGS, TINY_GGUF, TINY_MODEL
from tests.support.proxy import ask_body
from tests.support.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

STRICT = """\
{%- for m in messages -%}
{%- if m.role == 'system' and not loop.first -%}
{{ raise_exception('System message must be at the beginning.') }}
{%- endif -%}
<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor -%}
<|im_start|>assistant
"""
SHORT = ("--system-prompt", "You are a test.", "--tools", "")
"""Little to read: a few hundred tokens instead of Claude Code's 45,000."""
GREETING = 'print("Hello, world!")'


MANY = "many words " * 1500


class Rig:
    """A session with several servers of the real llama.cpp to switch between."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.root = Path()

    @property
    def backend(self) -> Any:
        """The one that is used now."""
        return self.session.switchboard.backend(self.session.switchboard.active)

    @property
    def last(self) -> RequestView:
        """The request that ended last."""
        return self.session.hub.recent[0]

    def claude(self, **env: str) -> Claude:
        """Claude Code; with a name of Anthropic's it says nothing behind the user's words."""
        given = session_env(self.session.url, self.session.token, "tiny-model", None)
        given["ANTHROPIC_MODEL"] = "claude-sonnet-4-5"
        return Claude(self.root, self.session.url, self.session.token, **(given | env))

    @asynccontextmanager
    async def asked(self, text: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """A streamed request of a client that is not Claude Code."""
        headers = {"Authorization": f"Bearer {self.session.token}"}
        body = ask_body(text, max_tokens=30_000)
        async with (
            aiohttp.ClientSession(headers=headers) as client,
            client.post(f"{self.session.url}/v1/messages", json=body) as response,
        ):
            yield response

    async def reaches(self, wanted: Callable[[RequestView], bool]) -> None:
        """Returns when a running request is as wanted."""
        await until(lambda: any(map(wanted, self.session.snapshot().in_flight)))

    async def busy_slots(self) -> int:
        """How many requests the server works on, as it says."""
        async with self.backend.client() as client:
            slots = (await client.get("/slots")).json()
        return sum(slot["is_processing"] for slot in slots)

    async def until_free(self) -> None:
        """Returns when the server works on nothing any more."""
        async with asyncio.timeout(20):
            while await self.busy_slots():  # noqa: ASYNC110
                await asyncio.sleep(0.01)


def llama(**more: Any) -> BackendSettings:
    args = (*LLAMA_ARGS, *more.pop("args", ()))
    return BackendSettings(kind="llama_cpp", **{"model": str(TINY_GGUF), "args": args, **more})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """One session for all tests; use `rig`."""
    home = tmp_path_factory.mktemp("llama")
    (home / "strict.jinja").write_text(STRICT)
    backends = {
        "tiny": llama(),
        "endless": llama(args=("--ignore-eos",)),
        "small": llama(context_window=16_384),
        "strict": llama(args=("--chat-template-file", str(home / "strict.jinja"))),
        "slow": llama(model=str(home / "slow.gguf")),
        "mlx": BackendSettings(kind="mlx_lm", model=str(TINY_MODEL)),
    }
    settings = Settings(backends=backends, backend="tiny", limits=Limits(commit_s=0.5))
    session = Session(settings, home=home / "anyclaude", port=0)
    await session.start()
    try:
        await session.ready()
        yield Rig(session)
    finally:
        await session.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def rig(shared: Rig, tmp_path: Path) -> Rig:
    """The shared one, for a test of its own."""
    shared.root = tmp_path
    return shared


async def test_all_of_its_tools_and_a_bash_call(rig: Rig) -> None:
    await rig.session.switch("tiny")
    claude = rig.claude()
    printed = await claude.ask("shell", "--allowedTools", "Bash", timeout=240)
    assert printed.code == 0, printed
    assert (claude.cwd / "tiny.txt").read_text() == "tiny\n"
    first, second = list(rig.session.hub.recent)[1::-1]
    assert first.tool_count > 10
    assert first.stop_reason == "tool_use"
    # Counts are the server's own, and nearly all of the second prompt was in its cache.
    assert {first.prompt_tokens.source, second.cached_tokens.source} == {Source.REPORTED}
    assert (second.cached_tokens.value or 0) > 0.9 * (first.prompt_tokens.value or 0) > 20_000


async def test_a_cut_at_the_limit_is_carried_on(rig: Rig) -> None:
    await rig.session.switch("endless")
    printed = await rig.claude(CLAUDE_CODE_MAX_OUTPUT_TOKENS="40").ask("count", *SHORT)
    assert printed.out
    assert rig.last.truncation == "max_tokens"
    assert rig.last.output_tokens.value == 40


async def test_killed_in_mid_text_the_reply_is_carried_on(rig: Rig) -> None:
    await rig.session.switch("endless")
    backend = rig.backend
    asking = asyncio.create_task(rig.claude().ask("count", *SHORT))
    await rig.reaches(lambda request: request.deltas > 5)
    backend.settings = llama()  # once restarted it ends
    pid = backend.status().pid
    os.kill(pid, signal.SIGKILL)
    printed = await asking
    assert printed.code == 0, printed
    assert backend.status().pid != pid
    cut, last = list(rig.session.hub.recent)[1::-1]
    assert cut.truncation == "cut"
    assert last.outcome == "complete"
    await rig.session.switch("tiny")


async def test_a_client_that_leaves_frees_the_slot(rig: Rig) -> None:
    await rig.session.switch("endless")
    async with rig.asked("count"):
        await rig.reaches(lambda request: request.deltas > 5)
        assert await rig.busy_slots() == 1
    await rig.until_free()
    assert rig.last.outcome == "cancelled"
    async with rig.asked(MANY * 9):
        await rig.reaches(lambda request: bool(request.prefill_done_tokens))
        assert await rig.busy_slots() == 1
    await rig.until_free()
    assert rig.last.outcome == "cancelled"
    assert rig.last.deltas == 0


async def test_an_overflow_makes_claude_code_compact_and_go_on(rig: Rig) -> None:
    await rig.session.switch("small")
    claude = rig.claude()
    for more in ((), ("--continue",), ("--continue",)):
        printed = await claude.ask(f"{MANY} hello", *SHORT, *more)
        assert (printed.code, printed.out.strip()) == (0, GREETING), printed
    recent = list(rig.session.hub.recent)
    refused = next(one for one in recent if one.outcome == "error")
    assert "prompt is too long" in refused.reason
    assert refused.prompt_tokens.source is Source.REPORTED  # counted by the server, to the token
    assert (recent[0].prompt_tokens.value or 0) < (refused.prompt_tokens.value or 0)


async def test_a_template_that_refuses_late_system_messages_is_no_hindrance(rig: Rig) -> None:
    await rig.session.switch("strict")
    late = [
        {"role": "system", "content": "One."},
        {"role": "user", "content": "hello"},
        {"role": "system", "content": "Two."},
    ]
    async with rig.backend.client() as client:
        body = {"model": "tiny-model", "messages": late, "max_tokens": 1}
        refused = await client.post(rig.backend.endpoint.url, body)
    assert refused.status_code in (400, 500)
    assert "must be at the beginning" in refused.text
    printed = await rig.claude(ANTHROPIC_MODEL="tiny-model").ask("hello", *SHORT)
    assert printed.code == 0, printed
    assert rig.last.outcome == "complete"


async def test_a_request_waits_for_a_model_that_is_loaded(rig: Rig) -> None:
    """All routes of the server say 503 for as long as it takes."""
    from tools import tiny_gguf  # which `make quick` has no packages for

    tiny_gguf.make(rig.session.home.parent / "slow.gguf", pad_vocab=60_000)
    await rig.session.switch("tiny")
    switching = asyncio.create_task(rig.session.switch("slow"))
    await until(lambda: bool(rig.session.snapshot().switching))
    printed = await rig.claude().ask("hello", *SHORT)
    await switching
    assert printed.out.strip() == GREETING
    assert rig.last.backend == "slow"


async def test_a_larger_window_is_known_after_a_restart(rig: Rig) -> None:
    await rig.session.switch("small")
    rig.backend.settings = llama(context_window=65_536)
    assert rig.backend.endpoint.window_tokens == 16_384
    await rig.session.restart_backend()
    assert rig.backend.endpoint.window_tokens == 65_536


async def test_a_conversation_goes_on_between_mlx_lm_and_llama_cpp(rig: Rig) -> None:
    claude = rig.claude()
    bash = ("--system-prompt", "You are a test.", "--tools", "Bash", "--allowedTools", "Bash")
    for name, prompt, args in (
        ("mlx", "hello", SHORT),
        ("tiny", "shell", (*bash, "--continue")),
        ("mlx", "hello", (*SHORT, "--continue")),
    ):
        await rig.session.switch(name)
        printed = await claude.ask(prompt, *args, timeout=120)
        assert printed.code == 0, printed
        assert rig.last.backend == name
    assert printed.out.strip() == GREETING
    assert rig.last.message_count > 4
    assert (claude.cwd / "tiny.txt").read_text() == "tiny\n"
