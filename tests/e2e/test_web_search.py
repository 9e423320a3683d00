"""Claude Code's WebSearch and WebFetch behind the proxy, with a fake SearXNG that says it is one.

The model is scripted: it calls the tool, then answers. No search may reach it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from anyclaude_tui.claude_code.launch import NO_CHECK, session_env
from tests.e2e.claude import Claude, allow
from tests.e2e.conftest import CONFIG, WINDOW_TOKENS
from tests.e2e.servers import Serve, serve
from tests.e2e.terminal import PtyTerminal
from tests.support.searxng import FakeSearXng
from tests.support.upstream import Seen, Upstream, say, use

pytestmark = [pytest.mark.e2e]

SEARCH = '\n[search]\nprovider = "searxng"\nurl = "{url}"\n'


@pytest.fixture
async def fake() -> AsyncIterator[FakeSearXng]:
    async with FakeSearXng() as server:
        yield server


def client(root: Path, running: Serve) -> Claude:
    """Claude Code with the environment that the dashboard gives it."""
    session = session_env(running.url, running.token, running.model, WINDOW_TOKENS)
    return Claude(root, running.url, running.token, **session)


def config(upstream: Upstream, search: str = "") -> str:
    return CONFIG.format(url=upstream.url, window=WINDOW_TOKENS) + search


def result_of(seen: Seen) -> str:
    """The tool result that the model reads."""
    (message,) = [message for message in seen.messages if message["role"] == "tool"]
    return str(message["content"])


def journal(home: Path) -> list[dict[str, Any]]:
    files = sorted((home / ".anyclaude" / "request-logs").glob("*.jsonl"))
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    return [json.loads(line) for line in lines]


async def test_a_search_with_its_sources(
    upstream: Upstream, fake: FakeSearXng, tmp_path: Path
) -> None:
    home = tmp_path / "serve"
    settings = config(upstream, SEARCH.format(url=fake.url))
    async with serve("scripted", home=home, config=settings) as running:
        claude = client(tmp_path, running)
        upstream.script(
            use("WebSearch", {"query": "terminal emulators"}),
            say("See [the page](https://docs.example.org/terminal/emulators)."),
        )
        printed = await claude.ask(
            "search", *allow("WebSearch"), "--output-format", "stream-json", "--verbose"
        )
        assert printed.code == 0, printed.err
    lines = [json.loads(line) for line in printed.out.splitlines()]
    (told,) = [line["tool_use_result"] for line in lines if line.get("tool_use_result")]
    assert told["searchCount"] == 1
    assert fake.queries == ["terminal emulators"]
    assert len(upstream.requests) == 2  # the call and the answer: no search was asked of it
    read = result_of(upstream.requests[1])
    assert "https://docs.example.org/terminal/emulators" in read
    assert "found by a fake search server of a test" in read
    assert [line["role"] for line in journal(home) if line["searches"]] == ["background"]


async def test_the_terminal_shows_the_search_and_the_sources(
    upstream: Upstream, fake: FakeSearXng, tmp_path: Path
) -> None:
    settings = config(upstream, SEARCH.format(url=fake.url))
    async with serve("scripted", home=tmp_path / "serve", config=settings) as running:
        claude = client(tmp_path, running)
        upstream.script(
            use("WebSearch", {"query": "terminal emulators"}),
            say("Source: https://docs.example.org/terminal/emulators"),
        )
        command = claude.command(*allow("WebSearch"))
        async with PtyTerminal(command, cwd=claude.cwd, env=claude.env, rows=60) as terminal:
            await terminal.wait_for("❯")
            await terminal.enter("search")
            await terminal.wait_for("Did 1 search")
            await terminal.wait_for("Source: https://docs.example.org/terminal/emulators")


async def test_off_is_an_error_that_the_model_reads(upstream: Upstream, tmp_path: Path) -> None:
    home = tmp_path / "serve"
    async with serve("scripted", home=home, config=config(upstream)) as running:
        claude = client(tmp_path, running)
        upstream.script(use("WebSearch", {"query": "x y"}), say("It is off."))
        assert (await claude.ask("search", *allow("WebSearch"))).out == "It is off.\n"
    read = result_of(upstream.requests[1])
    assert "Web search error: unavailable" in read
    assert "nothing was searched" in read
    assert "http" not in read
    assert len(upstream.requests) == 2
    (line,) = [line for line in journal(home) if line["searches"]]
    assert (line["webSearches"], line["searches"][0]["sent"]) == (0, False)


@pytest.mark.parametrize("told", [True, False], ids=["told not to ask", "as it is"])
async def test_webfetch_asks_its_maker_unless_told_otherwise(
    upstream: Upstream, tmp_path: Path, told: bool
) -> None:
    """Without the setting it fails before it fetches; with it, at the host that does not exist."""
    async with serve("scripted", home=tmp_path / "serve", config=config(upstream)) as running:
        claude = client(tmp_path, running)
        page = {"url": "https://nowhere.invalid/page", "prompt": "Summarise"}
        upstream.script(use("WebFetch", page), say("No."))
        settings = ("--settings", json.dumps(NO_CHECK)) if told else ()
        # The proxy of nobody: whoever is asked, it is not reached.
        claude.env |= {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
        printed = await claude.ask("fetch", *allow("WebFetch"), *settings)
        assert printed.out == "No.\n", printed.err
    read = result_of(upstream.requests[1])
    assert ("is safe to fetch" in read) != told
