"""What is said about a version of Claude Code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anyclaude_tui.claude_code import version
from anyclaude_tui.claude_code.launch import INSTALL_HINT
from anyclaude_tui.proxy.clients import SINCE, Ability


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ("2.1.150", "older than any"),
        ("2.1.197", "npm on Node 20"),
        ("2.1.240", f"the newest tried is {version.NEWEST_TESTED}"),
        ("2.1.246", ""),
        (version.NEWEST_TESTED, ""),
        ("2.1.400", ""),
        ("2.2.0", "newer than any"),
    ],
)
def test_what_there_is_to_know(found: str, words: str) -> None:
    concern = version.concern(found)
    assert words in concern
    assert bool(words) == bool(concern)
    assert version.is_old(found) == (version.parts(found) < version.parts("2.1.246"))


def test_the_install_command_names_the_version() -> None:
    """Else npm takes an old one on Node 20, in silence."""
    assert INSTALL_HINT.endswith("@latest")


def test_old_is_what_the_proxy_must_treat_otherwise() -> None:
    assert version.parts(version.RESUMES_FROM) == SINCE[Ability.RESUMES]


def test_the_end_to_end_tests_have_the_oldest_and_the_newest() -> None:
    package = Path(__file__).parents[1] / "e2e" / "package.json"
    wanted = json.loads(package.read_text())["devDependencies"]
    assert wanted["@anthropic-ai/claude-code"] == version.NEWEST_TESTED
    oldest = f"npm:@anthropic-ai/claude-code@{version.OLDEST_TESTED}"
    assert wanted["claude-code-oldest"] == oldest
