"""JSON as models write it, read forgivingly; but what is not finished is never finished here.

Pure. Mended is what is wrong *inside* a closed object: raw line ends and unescaped quotes in
strings, trailing commas, single quotes, bare keys, Python's True and None, doubled closers
behind it, and closing braces that are missing behind a finished value. An open string, number,
key or array is a cut: half a command or half a file must not run. (`json_repair` closes those,
trims white space in strings, and of two objects in a row keeps the last.)
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 64

_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?")
_WORD = re.compile(r"[A-Za-z_$][\w$-]*")
_WORDS: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "True": True,
    "False": False,
    "None": None,
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\"}
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_KEY = r"""(?:"[^"\\\n]*"|'[^'\\\n]*'|[A-Za-z_$][\w$-]*)\s*:"""
_CUT_KEY = r"""(?:"[^"\\\n]*+"?|'[^'\\\n]*+'?|[A-Za-z_$][\w$-]*+)\s*+\Z"""
"""The next key as far as it came: a reply that was cut there has finished the value before."""
_AFTER_KEY = re.compile(r"\s*:")
_AFTER_VALUE = re.compile(
    rf"\s*+(?:\Z|[}}\]]|,\s*+(?:\Z|\}}|{_KEY}|{_CUT_KEY}))|[^\S\n]*+\n\s*+(?:{_KEY}|{_CUT_KEY})"
)
_AFTER_ITEM = re.compile(r"\s*(?:\Z|[}\]]|,)")
_FENCE = re.compile(r"\s*```[a-z_]*\s*")
_TAIL = re.compile(r"(?:[\s}\];,`]|<[|｜][^<>|｜\n]{0,60}[|｜]>|</[\w:-]{1,40}>)*")
"""The marks that may stand behind an object and say nothing: doubled closers, leaked tokens."""


class Unreadable(ValueError):
    """The text is no JSON, not even with a good will."""


class Cut(Unreadable):
    """The text ends inside of a value."""


def read_objects(text: str) -> list[dict[str, Any]]:
    """The objects that stand in `text` one after the other. Raises Unreadable or Cut."""
    reader = _Reader(text)
    fence = _FENCE.match(text)
    at = fence.end() if fence else 0
    found: list[dict[str, Any]] = []
    while True:
        at = reader.space(at)
        value, at = reader.value(at, 0, _AFTER_VALUE)
        if not isinstance(value, dict):
            raise Unreadable("no object")
        found.append(value)
        at = _tail(text, at)
        if at == len(text):
            return found


def read_value(text: str) -> Any:
    """The one value that `text` is. Raises Unreadable or Cut."""
    reader = _Reader(text)
    value, at = reader.value(reader.space(0), 0, _AFTER_VALUE)
    if _tail(text, at) != len(text):
        raise Unreadable("something follows")
    return value


def _tail(text: str, at: int) -> int:
    match = _TAIL.match(text, at)
    return match.end() if match else at


class _Reader:
    """Recursive descent over one text; each step gives a value and where it ends."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.guessed = False
        """A quote was taken for a letter of its string: where that ends is a guess, which only
        a closed object confirms."""

    def space(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def value(self, at: int, depth: int, after: re.Pattern[str]) -> tuple[Any, int]:
        """The value that begins at `at`; `after` tells a closing quote from one inside."""
        if depth > MAX_DEPTH:
            raise Unreadable("nested too deep")
        if at >= len(self.text):
            raise Cut("a value is missing")
        letter = self.text[at]
        if letter == "{":
            return self._object(at + 1, depth)
        if letter == "[":
            return self._array(at + 1, depth)
        if letter in "\"'":
            return self._string(at + 1, letter, after)
        number = _NUMBER.match(self.text, at)
        if number:
            if number.end() == len(self.text):
                raise Cut("a number is open")
            if self.text[number.end()] not in " \t\r\n,}]":
                raise Unreadable("no number")
            return self._number(number[0]), number.end()
        return self._word(at)

    def _number(self, digits: str) -> int | float:
        try:
            return int(digits)
        except ValueError:
            return float(digits)

    def _word(self, at: int) -> tuple[Any, int]:
        word = _WORD.match(self.text, at)
        if word and word[0] in _WORDS:
            return _WORDS[word[0]], word.end()
        if word and word.end() == len(self.text):
            raise Cut("a word is open")
        raise Unreadable("no value")

    def _object(self, at: int, depth: int) -> tuple[dict[str, Any], int]:
        out: dict[str, Any] = {}
        text = self.text
        at = self.space(at)
        while True:
            if at >= len(text):
                raise Cut("an object is open")
            if text[at] == "}":
                return out, at + 1
            key, at = self._key(at)
            at = self.space(at)
            if at >= len(text):
                raise Cut("a value is missing")
            if text[at] != ":":
                raise Unreadable("no colon")
            out[key], at = self.value(self.space(at + 1), depth + 1, _AFTER_VALUE)
            line_end = "\n" in text[at : self.space(at)]
            at = self.space(at)
            if at >= len(text) and self.guessed:
                raise Cut("a string may be open")
            if at >= len(text) or text[at] == "]":
                return out, at  # the brace is missing, the value is finished
            if text[at] == ",":
                at = self.space(at + 1)
            elif text[at] != "}" and not line_end:
                raise Unreadable("no comma")

    def _key(self, at: int) -> tuple[str, int]:
        letter = self.text[at]
        if letter in "\"'":
            return self._string(at + 1, letter, _AFTER_KEY)
        word = _WORD.match(self.text, at)
        if word is None:
            raise Unreadable("no key")
        if word.end() == len(self.text):
            raise Cut("a key is open")
        return word[0], word.end()

    def _array(self, at: int, depth: int) -> tuple[list[Any], int]:
        out: list[Any] = []
        text = self.text
        at = self.space(at)
        while True:
            if at >= len(text):
                raise Cut("an array is open")
            if text[at] == "]":
                return out, at + 1
            value, at = self.value(at, depth + 1, _AFTER_ITEM)
            out.append(value)
            at = self.space(at)
            if at < len(text) and text[at] == ",":
                at = self.space(at + 1)
            elif at < len(text) and text[at] != "]":
                raise Unreadable("no comma")

    def _string(self, at: int, quote: str, after: re.Pattern[str]) -> tuple[str, int]:
        text = self.text
        parts: list[str] = []
        plain = re.compile(rf"[^\\{quote}]*")
        while True:
            match = plain.match(text, at)
            assert match is not None
            parts.append(match[0])
            at = match.end()
            if at >= len(text):
                raise Cut("a string is open")
            if text[at] == "\\":
                piece, at = self._escape(at + 1)
                parts.append(piece)
            elif after.match(text, at + 1):
                return "".join(parts), at + 1
            else:
                self.guessed = True
                parts.append(quote)
                at += 1

    def _escape(self, at: int) -> tuple[str, int]:
        if at >= len(self.text):
            raise Cut("a string is open")
        letter = self.text[at]
        if letter in "\"'":
            return letter, at + 1
        if letter in _ESCAPES:
            return _ESCAPES[letter], at + 1
        digits = _HEX.match(self.text, at + 1) if letter == "u" else None
        if digits:
            return chr(int(digits[0], 16)), digits.end()
        return "\\" + letter, at + 1


def whole_objects(text: str) -> tuple[list[str], str]:
    """The strict JSON objects that stand in a row in `text`, and what is behind them."""
    decoder = json.JSONDecoder()
    found: list[str] = []
    at = 0
    while True:
        match = _SPACE.match(text, at)
        at = match.end() if match else at
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return found, text[at:]
        if not isinstance(value, dict):
            return found, text[at:]
        found.append(text[at:end])
        at = end
