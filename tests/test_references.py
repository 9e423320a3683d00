"""What a comment may refer to (`tests/test_docs.py` goes through all of them)."""

from __future__ import annotations

import pytest

from tests.support.references import wrong


@pytest.mark.parametrize(
    "text",
    [
        "Source: `wire/mlx-lm.md`.",
        "see (design.md, A)",
        "as in issue 7",
        "fixed (#2204)",
        'of `docs/protocol/mlx-lm.md`, "No such part".',
    ],
)
def test_what_leads_nowhere_is_refused(text: str) -> None:
    assert len(wrong(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        '`docs/protocol/mlx-lm.md`,\n    "The stream", 2.',
        "read from CLAUDE.md",
        "https://example.org/docs/page.md",
        'the text "#1"',
        '`docs/protocol/claude-code.md`, "What matters most", 5',
        "README.md",
    ],
)
def test_what_leads_somewhere_is_let_through(text: str) -> None:
    assert wrong(text) == []
