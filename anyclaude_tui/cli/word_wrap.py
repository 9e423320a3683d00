"""Words that come in pieces, broken between words: for the chat client. Sans-IO."""

from __future__ import annotations

from rich.cells import cell_len

FENCE = "```"


class WordWrap:
    """`feed` gives what can be printed by now; `end` the rest.

    Code between fences keeps its lines: a terminal breaks them where it must.
    """

    def __init__(self) -> None:
        self._word = ""
        self._column = 0
        self._in_code = False
        self._line = ""

    def feed(self, text: str, width: int) -> str:
        """The next piece of text; `width`: cells of a line. Words are held until they end."""
        out = ""
        for character in text:
            if character == "\n":
                out += self._flush(width) + "\n"
                self._end_line()
            elif character == " ":
                out += self._flush(width)
                if self._in_code or self._column < width:
                    out += " "
                    self._column += 1
                self._line += " "
            else:
                self._word += character
        if self._in_code or cell_len(self._word) >= width:
            out += self._flush(width)
        return out

    def end(self, width: int) -> str:
        """The text that was held back, at the end."""
        return self._flush(width)

    def _flush(self, width: int) -> str:
        word, self._word = self._word, ""
        self._line += word
        size = cell_len(word)
        breaks = not self._in_code and self._column and self._column + size > width
        self._column = size if breaks else self._column + size
        return ("\n" if breaks else "") + word

    def _end_line(self) -> None:
        if self._line.lstrip().startswith(FENCE):
            self._in_code = not self._in_code
        self._line, self._column = "", 0
