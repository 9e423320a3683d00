"""Words in pieces: broken between words, nothing lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from anyclaude_tui.cli.word_wrap import WordWrap


def wrapped(pieces: list[str], width: int) -> str:
    wrap = WordWrap()
    return "".join(wrap.feed(piece, width) for piece in pieces) + wrap.end(width)


def test_a_word_that_comes_in_pieces_is_not_broken() -> None:
    pieces = ["The quick br", "own fo", "x jumps ov", "er the lazy dog"]
    assert wrapped(pieces, 12).splitlines() == [
        "The quick ",
        "brown fox ",
        "jumps over ",
        "the lazy dog",
    ]


def test_code_keeps_its_lines() -> None:
    code = "```\nx = a_function(with_one, another)\n```\nand then on with it"
    assert wrapped(list(code), 10).splitlines()[1] == "x = a_function(with_one, another)"
    assert wrapped(list(code), 10).splitlines()[3] == "and then "


def test_words_come_as_soon_as_they_end() -> None:
    wrap = WordWrap()
    assert wrap.feed("one tw", 20) == "one "
    assert wrap.feed("o ", 20) == "two "
    assert wrap.feed("x" * 20, 20) == "\n" + "x" * 20


@given(st.text(st.sampled_from("ab cd\nü日"), max_size=80), st.integers(4, 30), st.integers(1, 7))
def test_nothing_is_lost_and_no_word_is_broken(text: str, width: int, size: int) -> None:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    made = wrapped(pieces, width)
    assert made.split() == text.split()
    for line in made.split("\n"):
        assert cell_len(line.rstrip()) <= width or " " not in line.strip()
