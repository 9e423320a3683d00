"""Text that may be a call, held while it is received, and the steps that read it.

Pure. A grammar is a generator over `Held`: it yields None where it needs more text, so that
it reads the same whatever pieces the text comes in, and is taken up again only by a piece
that can matter to it. Positions are indexes into `Held.text`, which only grows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass
from typing import TypeVar

RawCall = tuple[str, str]
"""(name, arguments as JSON text)."""


@dataclass(frozen=True, slots=True)
class Found:
    """Calls that are whole, and where the text behind them begins."""

    calls: tuple[RawCall, ...]
    end: int
    repaired: bool = False


class NoCall(Exception):
    """The text is no call."""


class BrokenCall(Exception):
    """The text is a call that nobody can read; it reaches to `end`."""

    def __init__(self, end: int) -> None:
        super().__init__(end)
        self.end = end


class Open(Exception):
    """The reply ended inside of the call."""


T = TypeVar("T")
Steps = Generator[Found | None, None, T]

_SPACE = re.compile(r"\s*")
_TAG_END = re.compile(">")


class Held:
    """The text behind (and with) an opener."""

    __slots__ = (
        *("_pieces", "again", "closers", "cut", "end", "keys_of", "names", "over", "size"),
        *("sure", "text", "unclosed", "wanted"),
    )

    def __init__(
        self,
        text: str,
        names: Collection[str],
        *,
        closers: tuple[str, ...] = (),
        again: tuple[str, ...] = (),
        keys_of: Callable[[str], Collection[str]] = lambda name: (),
    ) -> None:
        """`names`: the tools offered; `closers`: what ends the calls; `again`: what begins
        others; `keys_of`: the arguments that a tool has."""
        self.text = text
        self.names = names
        self.closers = closers
        self.again = again
        self.keys_of = keys_of
        self.end = 0
        """The start of the text behind all calls, once that is known."""
        self.cut = False
        """The reply was cut off: only what is whole counts."""
        self.over = False
        """The reply has ended: no more text comes."""
        self.sure = False
        """Certainly a call, whatever comes: it must not be shown as text when it is cut."""
        self.unclosed = False
        """The reply ended between two values of a call, without the call's closing mark."""
        self.wanted: re.Pattern[str] | None = None
        """Only a piece with this in it is worth looking at."""
        self.size = len(text)
        self._pieces: list[str] = []

    def add(self, piece: str) -> bool:
        """Take a piece; True if the reading can go on with it."""
        self._pieces.append(piece)
        self.size += len(piece)
        if self.wanted is not None and not self.wanted.search(piece):
            return False
        self.join()
        return True

    def join(self) -> None:
        """All pieces are in `text`."""
        if self._pieces:
            self.text += "".join(self._pieces)
            self._pieces.clear()
        self.wanted = None


def more(held: Held) -> Steps[None]:
    """Wait for more text. Raises Open if there is none."""
    if held.over:
        raise Open
    yield None


def space(held: Held, at: int) -> Steps[int]:
    """The position of the next character that is no white space; the end, if the reply is over."""
    while True:
        match = _SPACE.match(held.text, at)
        at = match.end() if match else at
        if at < len(held.text) or held.over:
            return at
        yield None


def literal(held: Held, at: int, options: Collection[str]) -> Steps[str]:
    """The longest of `options` that stands at `at`; "" if none does."""
    while True:
        rest = held.text[at : at + 80]
        if not held.over and any(len(rest) < len(one) and one.startswith(rest) for one in options):
            yield None
            continue
        return max((one for one in options if rest.startswith(one)), key=len, default="")


def find(held: Held, at: int, pattern: re.Pattern[str], longest: int) -> Steps[int]:
    """The position of the next match of `pattern`; -1 if there is none. Its matches end with ">"
    and are at most `longest` characters.

    A match that reaches the end of the text is waited for, it might become longer.
    """
    while True:
        match = pattern.search(held.text, at)
        if match is not None and (match.end() < len(held.text) or held.over):
            return match.start()
        if held.over:
            return -1
        at = max(at, len(held.text) - longest) if match is None else match.start()
        if match is None:
            held.wanted = _TAG_END
        yield None


def bracketed(
    held: Held, at: int, stops: Collection[str], quotes: str = '"', quote_mark: str = ""
) -> Steps[tuple[int, bool]]:
    """The end of the bracketed value that begins at `at`, and whether it closed itself.

    False: one of `stops` stands where structure is expected (there it ends), a bracket
    is missing. Nothing counts inside of a string. Raises Open inside of the value.
    """
    firsts = "".join(sorted({re.escape(one[0]) for one in (*stops, quote_mark or '"')}))
    outside = re.compile(rf"[{quotes}{{}}()\[\]{firsts}]")
    depth = 0
    while True:
        match = outside.search(held.text, at)
        if match is None:
            at = len(held.text)
            if held.over:
                raise Open
            held.wanted = outside
            yield None
            continue
        at = match.start()
        letter = match[0]
        if quote_mark[:1] == letter and (yield from literal(held, at, [quote_mark])):
            at = yield from _marked_end(held, at + len(quote_mark), quote_mark)
            continue
        if stops and depth and (yield from literal(held, at, stops)):
            return at, False
        at += 1
        if letter in quotes:
            at = yield from _string_end(held, at, letter)
        elif letter in "{[(":
            depth += 1
        elif letter in "}])":
            depth -= 1
            if depth <= 0:
                return at, True


def _string_end(held: Held, at: int, quote: str) -> Steps[int]:
    """Behind the quote that ends the string."""
    inside = re.compile(rf"[\\{quote}]")
    while True:
        match = inside.search(held.text, at)
        if match is None or (match[0] == "\\" and match.end() == len(held.text)):
            if held.over:
                raise Open
            at = len(held.text) if match is None else match.start()
            held.wanted = inside if match is None else None
            yield None
            continue
        if match[0] == quote:
            return match.end()
        at = match.end() + 1


def _marked_end(held: Held, at: int, mark: str) -> Steps[int]:
    """Behind the mark that ends a string: one that stands before structure, or the end."""
    pattern = re.compile(re.escape(mark))
    while True:
        at = yield from find(held, at, pattern, len(mark))
        if at < 0:
            raise Open
        at += len(mark)
        after = yield from space(held, at)
        if after < len(held.text) and held.text[after] in ",}])":
            return at
