"""What a client can do, by its `User-Agent`: a test for each row of the table."""

from __future__ import annotations

import pytest

from anyclaude_tui.proxy.clients import SINCE, Ability, can, version_of


@pytest.mark.parametrize(
    ("user_agent", "version"),
    [
        ("claude-cli/2.1.332 (external, sdk-cli)", (2, 1, 332)),
        ("claude-cli/2.1.197 (external, cli)", (2, 1, 197)),
        ("claude-cli/3.0.0", (3, 0, 0)),
        ("Anthropic/Python 2.11", None),
        ("claude-cli/next", None),
        ("", None),
    ],
)
def test_the_version_is_in_the_user_agent(
    user_agent: str, version: tuple[int, int, int] | None
) -> None:
    assert version_of(user_agent) == version


@pytest.mark.parametrize("ability", Ability)
def test_an_ability_begins_with_its_version(ability: Ability) -> None:
    major, minor, patch = SINCE[ability]
    assert not can(f"claude-cli/{major}.{minor}.{patch - 1} (external, sdk-cli)", ability)
    assert can(f"claude-cli/{major}.{minor}.{patch} (external, sdk-cli)", ability)
    assert can(f"claude-cli/{major}.{minor + 1}.0 (external, sdk-ts)", ability)
    assert not can("curl/8.0", ability)


def test_the_versions_between_which_resuming_began() -> None:
    """Measured: docs/protocol/claude-code.md, "Versions"."""
    assert not can("claude-cli/2.1.245 (external, sdk-cli)", Ability.RESUMES)
    assert can("claude-cli/2.1.246 (external, sdk-cli)", Ability.RESUMES)


def test_the_agent_sdk_resumes() -> None:
    """As @anthropic-ai/claude-agent-sdk 0.3.332 names itself."""
    assert can("claude-cli/2.1.332 (external, sdk-ts, agent-sdk/0.3.332)", Ability.RESUMES)
    assert not can("claude-cli/2.1.332 (external, cli, agent-sdk/0.3.332)", Ability.RESUMES)


def test_in_the_terminal_it_does_not_resume() -> None:
    """2.1.332 shows "Server error mid-response" there, and ends."""
    assert not can("claude-cli/2.1.332 (external, cli)", Ability.RESUMES)
    assert not can("claude-cli/2.1.332", Ability.RESUMES)


def test_compaction_from_an_overflow_in_the_stream_needs_no_version_without_a_terminal() -> None:
    """Measured with 2.1.332 in both; 2.1.197 and 2.1.246 show the words and end."""
    assert can("claude-cli/2.1.332 (external, cli)", Ability.COMPACTS)
    assert not can("claude-cli/2.1.246 (external, sdk-cli)", Ability.COMPACTS)
