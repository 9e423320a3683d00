"""What is shown commands nothing, and still says what it said."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("model not found", "model not found"),
        ("\x1b[31mred\x1b[0m words", "red words"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("\x9d0;title\x9ctext", "text"),
        ("a\x85b\u2028c", "a b c"),
        ("one\ntwo\tthree", "one two three"),
        ("abc\u202edef\u2066", "abcdef"),
        ("naïve 日本語 👩\u200d💻 x\u00a0y", "naïve 日本語 👩\u200d💻 x y"),
        ("\x1b", ""),
        ("\ud800x", "x"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_stay_where_they_are_wanted() -> None:
    assert printable("a\n\tb\rc\x1b[2J", lines=True) == "a\n\tb c"


@given(st.text(st.characters(), max_size=60), st.booleans())
def test_no_control_is_left_and_a_second_time_changes_nothing(text: str, lines: bool) -> None:
    made = printable(text, lines=lines)
    allowed = "\n\t" if lines else ""
    assert all(unicodedata.category(c) not in ("Cc", "Cs") or c in allowed for c in made)
    assert all(unicodedata.bidirectional(c) not in ("LRO", "RLO", "LRE", "RLI") for c in made)
    assert printable(made, lines=lines) == made


@given(st.text(st.sampled_from("abcé日 .!?"), max_size=40))
def test_plain_words_are_as_they_were(text: str) -> None:
    assert printable(text) == text
