"""The shortest way to the same screen: what Textual writes, less what the terminal shows already.

Textual writes whole spans, each with all of its looks and a reset. Here the text of a frame is
read as a terminal reads it, laid over what was written before, and only the cells that differ are
written, with the shortest moves and changes of looks. Nothing of Textual is touched: text in, text
out.

What is not understood is written as it is, and all that was known is forgotten: then everything is
written again when it comes. Characters on whose width terminals do not agree are one cell with all
that stands behind them in their run: it is written whole, or not at all.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from rich.cells import cell_len

from anyclaude_tui.terminal.safe_text import DOUBTFUL_WIDTH
from anyclaude_tui.widgets.outer.pen import PLAIN, Pen, change, linked, pen

GAP = 4
"""Unchanged cells that are written again rather than stepped over: a step takes as many bytes."""
ERASED = 9
"""From so many blanks on they are erased: it takes a sequence, and another to go on."""
FOREVER = 100_000

_TOKENS = re.compile(
    r"\x1b\[(?P<sgr>[\d;:]*)m(?:(?P<styled>[^\x00-\x1f\x7f-\x9f]+)\x1b\[0m)?"
    r"|\x1b\[(?P<row>\d+);(?P<column>\d+)H"
    r"|(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|\x1b\[(?P<across>\d+)G"
    r"|\x1b\]8;(?P<link>[^\x00-\x1f\x7f]*)\x1b\\"
    r"|(?P<down>\n)"
    r"|(?P<begins>\x1b\[\?2026h)|(?P<ends>\x1b\[\?2026l)"
    # Modes of the keyboard and the mouse, queries, titles, the clipboard, a bell: no cell changes.
    r"|(?P<aside>\x1b\[\?(?:25|100[0-6]|1015|1016|2004|2031|2048)[hl]|\x1b\[\?\d+\$p|\x1b\[\?\d*u"
    r"|\x1b\[[<>=]\d*(?:;\d+)?u|\x1b\](?!8;)\d+;[^\x00-\x06\x08-\x1a\x1c-\x1f]*?(?:\x07|\x1b\\)"
    r"|\x07)"
    # Whole, whatever it is: nothing may be written within it.
    r"|(?P<other>\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P_X^][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?|[\x00-\xff])",
    re.DOTALL,
)


class _Row:
    """One row: what each cell shows (None: unknown; "": it belongs to the one before), and its
    pen."""

    __slots__ = ("pens", "texts")

    def __init__(self, texts: list[str | None], pens: list[Pen | None]) -> None:
        self.texts, self.pens = texts, pens

    def copy(self) -> _Row:
        return _Row(self.texts.copy(), self.pens.copy())

    def widen(self, columns: int) -> None:
        """Make it at least so wide."""
        missing = columns - len(self.texts)
        if missing > 0:
            self.texts += [None] * missing
            self.pens += [None] * missing

    def put(self, x: int, texts: list[str], pens: list[Pen]) -> None:
        """Lay cells over it; what is left of a character that they cut in two is blank."""
        stop = x + len(texts)
        self.widen(stop)
        at = x
        while at and self.texts[at] == "":
            at -= 1
            self._clear(at)
        at = stop
        while at < len(self.texts) and self.texts[at] == "":
            self._clear(at)
            at += 1
        self.texts[x:stop] = texts
        self.pens[x:stop] = pens

    def _clear(self, x: int) -> None:
        self.texts[x], self.pens[x] = " ", (self.pens[x] or PLAIN).blank


class ScreenDiff:
    """The screen as the terminal shows it, by all that was written since `forget`."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._pen: Pen = PLAIN
        """The pen as the frames have it; between frames the terminal has the same."""
        self.forget()

    def forget(self) -> None:
        """Take nothing for shown: the size has changed, or somebody else has written."""
        self._shown: dict[int, _Row] = {}
        self._wanted: dict[int, _Row] = {}
        self._columns = 0
        """The columns that are known to be there."""
        self._at: tuple[int, int] | None = None
        """Row and column of the next character, as the frames have it."""
        self._really: tuple[int | None, int | None] = (None, None)
        self._real_pen: Pen | None = None
        self._begun = False
        """A synchronized frame is to begin, as soon as there is something in it."""
        self._open = True
        """One has begun, or may have: its end is written."""

    def write(self, text: str) -> str:
        """Text to write to the terminal in place of `text`; may be empty."""
        moved = False
        for token in _TOKENS.finditer(text):
            kind = token.lastgroup
            if kind in ("styled", "sgr"):
                self._pen = pen(self._pen, token["sgr"])
                if kind == "styled":
                    self._take(token["styled"])
                    self._pen = pen(self._pen, "0")
            elif kind == "text":
                self._take(token["text"])
            elif kind == "column":
                self._at = (max(int(token["row"]), 1) - 1, max(int(token["column"]), 1) - 1)
            elif kind == "link":
                self._pen = linked(self._pen, token["link"])
            elif kind == "across":
                if self._at is not None:
                    self._at = (self._at[0], max(int(token["across"]), 1) - 1)
                else:
                    self._raw(token[0])
            elif kind == "down":
                # Where the cursor is then depends on the terminal line; a move follows.
                self._at = None
            elif kind == "begins":
                self._settle()
                self._begun = True
            elif kind == "ends":
                self._settle()
                self._end()
            elif kind == "aside":
                self._settle()
                self._out.append(token[0])
            else:
                self._raw(token[0])
            moved = kind == "column"
        self._settle()
        if moved and self._at is not None and self._really != self._at:
            self._go(*self._at)
        written = "".join(self._out)
        self._out.clear()
        return written

    # --- what is read ---

    def _take(self, text: str) -> None:
        """Lay a run over the rows."""
        if self._at is None:
            self._raw(text)
            return
        y, x = self._at
        row = self._wanted.get(y)
        if row is None:
            shown = self._shown.get(y)
            row = self._wanted[y] = shown.copy() if shown is not None else _Row([], [])
        texts = cells_of(text)
        self._at = (y, x + len(texts))
        if x + len(texts) > FOREVER or y > FOREVER:
            self._raw(text)
            return
        now = self._pen
        if now.blank is now or " " not in text:
            pens = [now] * len(texts)
        else:
            blank = now.blank
            pens = [blank if one == " " else now for one in texts]
        row.put(x, texts, pens)

    def _raw(self, text: str) -> None:
        """Write what is not understood as it is; it may have changed everything."""
        self._settle()
        if self._at is not None and self._really != self._at:
            self._go(*self._at)
        self._begin()
        self._out.append(text)
        self.forget()

    # --- what is written ---

    def _settle(self) -> None:
        """Write what differs; then the terminal's pen is that of the frames."""
        for y in sorted(self._wanted):
            self._write_row(y, self._wanted[y])
        self._wanted.clear()
        if self._real_pen is not self._pen and (self._real_pen or self._pen is not PLAIN):
            self._use(self._pen)

    def _write_row(self, y: int, new: _Row) -> None:
        old = self._shown.get(y)
        self._shown[y] = new
        texts, pens = new.texts, new.pens
        if old is None:
            differ = [x for x, text in enumerate(texts) if text is not None]
        else:
            if old.texts == texts and old.pens == pens:
                return
            old.widen(len(texts))
            differ = [
                x
                for x, (a, b, c, d) in enumerate(
                    zip(old.texts, texts, old.pens, pens, strict=False)
                )
                if (a != b or c is not d) and b is not None
            ]
        self._columns = max(self._columns, len(texts))
        for start, stop in _spans(differ, texts, pens):
            self._write_span(y, start, stop, new)

    def _write_span(self, y: int, start: int, stop: int, row: _Row) -> None:
        texts, pens = row.texts, row.pens
        edges = [start, *(x for x in range(start + 1, stop) if pens[x] is not pens[x - 1]), stop]
        for a, b in pairwise(edges):
            one = pens[a]
            assert one is not None
            self._write_run(y, a, texts[a:b], one)

    def _write_run(self, y: int, x: int, cells: list[str | None], one: Pen) -> None:
        """Cells of one pen; long gaps in plain text are erased."""
        text = "".join(cells)  # type: ignore[arg-type]
        flat = text if text.isascii() else "".join((cell or "\0")[0] for cell in cells)
        if not (one.erases and _GAP in flat):
            self._write_cells(y, x, cells, text, one)
            return
        for piece in _GAPS.finditer(flat):
            a, b = piece.span()
            if b - a >= ERASED and piece[0].isspace():
                self._use(PLAIN)
                self._go(y, x + a)
                self._out.append(f"\x1b[{b - a}X")
            else:
                part = cells[a:b]
                self._write_cells(y, x + a, part, "".join(part), one)  # type: ignore[arg-type]

    def _write_cells(self, y: int, x: int, cells: list[str | None], text: str, one: Pen) -> None:
        """Cells of one pen; what is of doubtful width is put on blanks, and what follows in its
        own place."""
        if text.isascii() or not any(map(is_doubtful, cells)):
            self._write_text(y, x, text, len(cells), one)
            return
        edges = [at for at, cell in enumerate(cells) if at == 0 or cell != ""]
        for a, b in pairwise([*edges, len(cells)]):
            cell = cells[a] or ""
            if is_doubtful(cell):
                self._write_text(y, x + a, " " * (b - a), b - a, one)
                self._write_text(y, x + a, cell, b - a, one)
                self._really = (y, None)
            else:
                self._write_text(y, x + a, cell, b - a, one)

    def _write_text(self, y: int, x: int, text: str, columns: int, one: Pen) -> None:
        real = self._real_pen
        if real is not one and not (
            real is not None and not real.link and real.blank is one and text.isspace()
        ):
            self._use(one)
        self._go(y, x)
        self._out.append(text)
        end = x + columns
        # In the last column the cursor stays, or does not: it is not known which is the last.
        self._really = (y, end if end < self._columns else None)

    def _use(self, one: Pen) -> None:
        self._begin()
        self._out.append(change(self._real_pen, one))
        self._real_pen = one

    def _go(self, y: int, x: int) -> None:
        self._begin()
        if self._really != (y, x):
            self._out.append(shortest_move(self._really, y, x))
            self._really = (y, x)

    def _begin(self) -> None:
        if self._begun:
            self._out.append("\x1b[?2026h")
            self._begun, self._open = False, True

    def _end(self) -> None:
        if self._open:
            self._out.append("\x1b[?2026l")
        self._begun = self._open = False


_GAP = " " * ERASED
_GAPS = re.compile(f" {{{ERASED},}}|(?:(?! {{{ERASED}}}).)+")


def is_doubtful(text: str | None) -> bool:
    """True if a cell's text is one that terminals may give another width."""
    return text is not None and (
        len(text) > 1 or (not text.isascii() and DOUBTFUL_WIDTH.search(text) is not None)
    )


@lru_cache(maxsize=4096)
def _cells_of(text: str) -> tuple[str, ...]:
    doubtful = DOUBTFUL_WIDTH.search(text)
    sure, rest = (text, "") if doubtful is None else _parted(text, doubtful.start())
    cells: list[str] = []
    for number, character in enumerate(sure):
        width = cell_len(character)
        if width == 0:  # a mark that nobody listed
            rest = sure[max(0, number - 1) :] + rest
            if number:
                while cells.pop() == "":
                    pass
            break
        cells += [character, *[""] * (width - 1)]
    if rest:
        cells += [rest, *[""] * (max(1, cell_len(rest)) - 1)]
    return tuple(cells)


def _parted(text: str, at: int) -> tuple[str, str]:
    """The text in two; a mark goes with what it is put on."""
    at = max(0, at - 1)
    return text[:at], text[at:]


def cells_of(text: str) -> list[str]:
    """Text as cells, by Textual's measure of it. From the first character of doubtful width on all
    is one."""
    return list(text) if text.isascii() else list(_cells_of(text))


def _spans(
    differ: list[int], texts: list[str | None], pens: list[Pen | None]
) -> list[tuple[int, int]]:
    """The columns to write as (start, stop): small gaps are closed, and nothing is cut in two."""
    spans: list[tuple[int, int]] = []
    start = stop = -1
    count = len(texts)
    for x in differ:
        if x == stop and texts[x] != "":  # by far the most are neighbours
            stop += 1
            while stop < count and texts[stop] == "":
                stop += 1
            continue
        if x < stop:
            continue
        first = x
        while first and texts[first] == "":
            first -= 1
        end = x + 1
        while end < count and texts[end] == "":
            end += 1
        if start >= 0 and first - stop <= GAP and _closes(texts, pens, stop, first):
            stop = end
            continue
        if start >= 0:
            spans.append((start, stop))
        start, stop = first, end
    if start >= 0:
        spans.append((start, stop))
    return spans


def _closes(texts: list[str | None], pens: list[Pen | None], stop: int, first: int) -> bool:
    """True if the cells between two spans can be written with the pen of the first."""
    before = pens[stop - 1]
    return before is not None and all(
        (pens[at] is before and (texts[at] or "\x80").isascii())
        or (texts[at] == " " and before.blank is pens[at] and not before.link)
        for at in range(stop, first)
    )


def shortest_move(here: tuple[int | None, int | None], y: int, x: int) -> str:
    """The shortest sequence that puts the cursor on row `y`, column `x`, from 0; of `here` what is
    None is not known."""
    ways = [f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H" if y else "\x1b[H"]
    row, column = here
    if row == y:
        if x == 0:
            ways.append("\r")
        ways.append(f"\x1b[{x + 1}G")
        if column is not None and x > column:
            ways.append(f"\x1b[{x - column}C" if x > column + 1 else "\x1b[C")
        elif column is not None and column - x <= GAP:
            ways.append("\b" * (column - x))
    elif row is not None and column is not None and (x in (0, column)):
        back = "" if column == x else "\r"
        count, way = (y - row, "B") if y > row else (row - y, "A")
        ways.append(f"{back}\x1b[{count if count > 1 else ''}{way}")
    return min(ways, key=len)
