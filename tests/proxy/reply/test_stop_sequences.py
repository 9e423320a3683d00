"""Stop sequences: the same wherever the text is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.proxy.reply.stop_sequences import StopFinder


def find(sequences: list[str], *pieces: str) -> tuple[str, str | None]:
    finder = StopFinder(sequences)
    text = "".join(finder.feed(piece) for piece in pieces)
    return text + finder.end(), finder.matched


@pytest.mark.parametrize(
    ("sequences", "text", "shown", "matched"),
    [
        (["STOP"], "a STOP b", "a ", "STOP"),
        (["STOP"], "a STO", "a STO", None),
        (["b", "ab"], "xab", "x", "ab"),
        (["abc", "b"], "xabc", "xa", "b"),
        (["aab"], "aaab", "a", "aab"),
        (["", "z"], "xz", "x", "z"),
        ([], "x", "x", None),
        (["\n\n"], "a\nb\n\nc", "a\nb", "\n\n"),
    ],
)
def test_what_is_shown(sequences: list[str], text: str, shown: str, matched: str | None) -> None:
    assert find(sequences, text) == (shown, matched)
    assert find(sequences, *text) == (shown, matched)


def test_nothing_after_the_match() -> None:
    finder = StopFinder(["x"])
    assert [finder.feed("ax"), finder.feed("more"), finder.end()] == ["a", "", ""]


@given(
    sequences=st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3),
    text=st.text("abc", max_size=20),
    cuts=st.lists(st.integers(0, 20)),
)
def test_any_cut(sequences: list[str], text: str, cuts: list[int]) -> None:
    edges = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    got = find(sequences, *(text[start:end] for start, end in pairwise(edges)))
    assert got == find(sequences, text)
    shown, matched = got
    if matched is None:
        assert shown == text
        assert not any(one in text for one in sequences)
    else:
        assert text.startswith(shown + matched)
