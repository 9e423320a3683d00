"""The edges of a full screen: the line of keys or of a message, and the row of tabs."""

from __future__ import annotations

from collections.abc import Sequence

from anyclaude_tui.widgets import format
from anyclaude_tui.widgets.lines import Line, Tone, fit, text, width_of, wrapped
from anyclaude_tui.widgets.scroller import Scroller
from anyclaude_tui.widgets.textual_internals import key_name


def keys_line(keys: Sequence[tuple[str, str]], width: int) -> Line:
    """`Enter open  / filter …`; where there is no room `?` and the last one (the way out) stay.
    Where Esc leads back q does too."""
    named = [("q Esc" if pair == ("Esc", "back") else pair[0], pair[1]) for pair in keys]
    *others, out = [((key, Tone.KEY), (f" {words}", Tone.LABEL)) for key, words in named]
    last: Line = (("?", Tone.KEY), (" keys", Tone.LABEL), ("  ", Tone.TEXT), *out)
    if others and width_of(others[0]) + width_of(last) + 4 > width:
        last = out  # the first key is worth more than the way to all of them
    room = width - 2 - width_of(last) - 2
    line: Line = ()
    for entry in others:
        wider = (*line, ("  ", Tone.TEXT), *entry) if line else entry
        if width_of(wider) > room:
            break
        line = wider
    gap: Line = text("  ") if line else ()
    return fit((*text(" "), *line, *gap, *last), width)


_KEYS = {"Esc": "escape", "Enter": "enter", "Tab": "tab", "Space": "space"}


def key_at(line: Line, x: int) -> str:
    """The key whose words stand at cell `x` of a line of keys, as it is written there; empty where
    none does."""
    found, at = "", 0
    for words, tone in line:
        if tone is Tone.KEY:
            found = words.strip()
        at += len(words)
        if x < at:
            return found
    return ""


def pressed(written: str) -> str:
    """The key of a line of keys as Textual calls it: `q Esc` is `escape`, `/` is `slash`."""
    last = written.split()[-1] if written.split() else ""
    return _KEYS.get(last) or (key_name(last) if len(last) == 1 else last.lower())


def message_line(words: str, tone: Tone, width: int) -> Line:
    """The message in place of the keys, on one line."""
    rows = wrapped(words, max(20, width - 2), 1, tone)
    return (*text(" "), *(rows[0] if rows else ()))


def match_words(body: Scroller) -> Line:
    """The state of the search, `match 3 of 17`; nothing when there is none."""
    if not body.searching:
        return ()
    which, many = body.found
    if not many:
        return text("no match", Tone.WARN)
    return text(f"match {format.exact(which)} of {format.exact(many)}", Tone.LIVE)


def tabs_lines(tabs: Sequence[str], chosen: int, width: int) -> list[Line]:
    """`1 Overview  2 Sizes …` over a rule that is strong under the chosen one."""
    line = _tabs(tabs, chosen)
    if width_of(line) > width:
        line = _tabs([name[:4].rstrip() for name in tabs], chosen, "  ")
    return [fit(line, width), _under(line, chosen, width)]


def tab_at(tabs: Sequence[str], chosen: int, width: int, x: int) -> int | None:
    """The tab that stands at cell `x`."""
    start, place = 0, -1
    for words, tone in tabs_lines(tabs, chosen, width)[0]:
        start += len(words)
        place += 1 if tone is Tone.KEY else 0
        if x < start:
            return place if place >= 0 else None
    return None


def _under(line: Line, chosen: int, width: int) -> Line:
    """The rule under the tabs."""
    at, place, start, size = 0, -1, 0, 0
    for words, tone in line:
        place += 1 if tone is Tone.KEY else 0
        if tone is Tone.KEY and place == chosen:
            start = at
        at += len(words)
        if place == chosen and tone is not Tone.TEXT:
            size = at - start
    size = max(0, min(size, width - start))
    return (
        ("─" * start, Tone.RULE),
        ("━" * size, Tone.LIVE),
        ("─" * (width - start - size), Tone.RULE),
    )


def _tabs(tabs: Sequence[str], chosen: int, gap: str = "   ") -> Line:
    line: Line = text(" ")
    for place, name in enumerate(tabs):
        line += text(gap) if place else ()
        tone = Tone.STRONG if place == chosen else Tone.LABEL
        line += ((f"{place + 1}", Tone.KEY), (f" {name}", tone))
    return line
