"""Figures three rows high, from half blocks: what is to be read from the corner of an eye."""

from __future__ import annotations

from anyclaude_tui.widgets.lines import Line, Tone

ROWS = 3
_PIXELS = {
    "0": ("###", "#.#", "#.#", "#.#", "###"),
    "1": (".#.", "##.", ".#.", ".#.", "###"),
    "2": ("###", "..#", "###", "#..", "###"),
    "3": ("###", "..#", "###", "..#", "###"),
    "4": ("#.#", "#.#", "###", "..#", "..#"),
    "5": ("###", "#..", "###", "..#", "###"),
    "6": ("###", "#..", "###", "#.#", "###"),
    "7": ("###", "..#", "..#", "..#", "..#"),
    "8": ("###", "#.#", "###", "#.#", "###"),
    "9": ("###", "#.#", "###", "..#", "###"),
    ".": (".", ".", ".", ".", "#"),
    ":": (".", "#", ".", "#", "."),
    "–": ("..", "..", "##", "..", ".."),
}
_BLOCKS = {"..": " ", "#.": "▀", ".#": "▄", "##": "█"}


def big(words: str, tone: Tone) -> list[Line]:
    """The figure over `ROWS` rows of one width; a character without a glyph is left out."""
    glyphs = [_PIXELS[character] for character in words if character in _PIXELS]
    rows = [" ".join(glyph[y] for glyph in glyphs).replace(" ", ".") for y in range(5)]
    rows.append("." * len(rows[0]))
    return [
        (("".join(_BLOCKS[a + b] for a, b in zip(top, below, strict=True)), tone),)
        for top, below in zip(rows[::2], rows[1::2], strict=True)
    ]
