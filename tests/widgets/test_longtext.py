"""Long text and JSON as lines: readable, bounded, safe to print."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.widgets.lines import plain, width_of
from anyclaude_tui.widgets.longtext import chopped, json_lines, printable, text_lines

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def shown(value: Any, width: int = 40) -> list[str]:
    return [plain(line) for line in json_lines(value, width)]


def test_json_is_shown_to_be_read() -> None:
    value = {"model": "m", "stream": True, "n": 3, "none": None, "tools": [], "meta": {}}
    assert shown(value) == [
        "{",
        '  model: "m",',
        "  stream: true,",
        "  n: 3,",
        "  none: null,",
        "  tools: [],",
        "  meta: {}",
        "}",
    ]


def test_text_with_line_ends_stands_over_several_lines() -> None:
    assert shown({"text": "one\ntwo"}) == ["{", "  text: “", "    one", "    two", "  ”", "}"]


def test_a_long_line_is_broken_at_spaces() -> None:
    words = "the quick brown fox jumps over the lazy dog " * 3
    lines = chopped(words, 20)
    assert "".join(lines) == words
    assert all(len(line) <= 20 for line in lines)
    assert all(line.endswith(" ") for line in lines[:-1])


def test_a_line_of_any_script_is_broken_at_spaces() -> None:
    for words in (
        "naïve façades über größere Straßenbahnhaltestellenschilder hinweg, déjà vu encore",
        "see /a/path/that/is/longer/than/others and what comes after it in the line",
    ):
        lines = chopped(words, 44)
        assert "".join(lines) == words
        assert all(line.endswith(" ") for line in lines[:-1]), lines


def test_only_a_word_longer_than_a_line_is_broken() -> None:
    assert chopped("    " + "x" * 12, 10) == ["    " + "x" * 6, "x" * 6]
    assert chopped("日本語日本語", 6) == ["日本語", "日本語"]


def test_base64_is_cut_short() -> None:
    lines = shown({"data": "iVBORw0KGgo" * 90_000})
    assert len(lines) == 3
    assert "990 kB" in lines[1]


def test_what_is_too_long_says_so() -> None:
    lines = json_lines(list(range(100)), 40, most=10)
    assert len(lines) == 11
    assert "w saves all of it" in plain(lines[-1])


def test_nesting_is_bounded() -> None:
    value: Any = "core"
    for _ in range(200):
        value = [value]
    assert any("…" in line for line in shown(value))


def test_control_characters_and_tabs_become_spaces() -> None:
    assert printable("a\x1b[31mb\u202ec\td") == "a [31mb c   d"


@given(VALUES, st.integers(10, 90))
def test_any_json_fits_and_is_safe(value: Any, width: int) -> None:
    value = json.loads(json.dumps(value))
    for line in json_lines(value, width):
        assert plain(line).isprintable()
        assert width_of(line) <= width


@given(st.text(), st.integers(8, 60))
def test_any_text_fits(words: str, width: int) -> None:
    for line in text_lines(words, width):
        assert width_of(line) <= width
        assert plain(line).isprintable()
