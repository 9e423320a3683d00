"""Whose request it is, from requests as Claude Code 2.1.332 sends them, shortened."""

from __future__ import annotations

from typing import Any

import pytest

from anyclaude_tui.proxy.request.openai import sizes_of
from anyclaude_tui.proxy.roles import role_of
from anyclaude_tui.telemetry.events import Role

SESSION = {"X-Claude-Code-Session-Id": "s"}
IDENTITY = [
    {"type": "text", "text": "You are Claude Code, Anthropic's official CLI for Claude."},
    {"type": "text", "text": "\nYou are an agent working with the user"},
]
BASH = {"name": "Bash", "description": "Run it", "input_schema": {"type": "object"}}
PLACEHOLDER = {"name": "DeferredToolPlaceholder", "input_schema": {}, "defer_loading": True}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}


def user(words: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": words}]}


def main(**more: Any) -> dict[str, Any]:
    """A request of the main conversation."""
    return {
        "system": IDENTITY,
        "tools": [BASH, PLACEHOLDER],
        "messages": [user("hello"), {"role": "system", "content": "# Environment"}],
        "thinking": {"type": "adaptive"},
        "context_management": {"edits": []},
        "output_config": {"effort": "high"},
        "max_tokens": 32000,
        **more,
    }


TITLE = {"effort": "high", "format": {"type": "json_schema", "schema": {}}}
BACKGROUND = {
    "title": {**main(), "tools": [], "thinking": None, "output_config": TITLE},
    "web search": main(tools=[SEARCH], messages=[user("Perform a web search for the query: x")]),
    "recap": main(
        messages=[user("hello"), user("The user stepped away and is coming back. Recap in …")]
    ),
    "auto mode's check": main(
        system="You are a security monitor for autonomous AI coding agents.\n…", tools=[BASH]
    ),
    "quota": {"max_tokens": 1, "messages": [{"role": "user", "content": "quota"}]},
    "a fetched page": {"messages": [user("Web page content: …")], "system": [], "tools": []},
}


@pytest.mark.parametrize("name", BACKGROUND)
def test_what_claude_code_asks_for_by_itself(name: str) -> None:
    assert role_of(SESSION, BACKGROUND[name]) is Role.BACKGROUND
    assert role_of({}, BACKGROUND[name]) is Role.MAIN  # another client's


@pytest.mark.parametrize(
    "body",
    [
        main(),
        main(tools=[]),  # --tools ""
        main(tools=[BASH, {"name": "StructuredOutput", "input_schema": {}}]),  # --json-schema
        main(tools=[BASH, SEARCH]),
        main(messages=[user("What does “The user stepped away” mean?")]),
        main(messages=[]),
    ],
)
def test_the_conversation(body: dict[str, Any]) -> None:
    assert role_of(SESSION, body) is Role.MAIN
    assert role_of({**SESSION, "x-claude-code-agent-id": "a"}, body) is Role.SUBAGENT
    assert role_of({**SESSION, "x-anyclaude-role": "compare"}, body) is Role.COMPARE


def test_the_placeholder_is_no_tool() -> None:
    assert sizes_of(main()).tool_count == 1
