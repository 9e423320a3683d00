"""The reader of the calls behind an opener: one for all forms, steered by the rows of `forms.py`.

Pure. Each body is a generator over `Held` (see there). JSON is known by its brackets, tags
by theirs, so that a form's row only says which bodies may stand in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

from anyclaude_tui.proxy.toolcalls.call_objects import json_head, object_calls
from anyclaude_tui.proxy.toolcalls.held import (
    BrokenCall,
    Found,
    Held,
    NoCall,
    Open,
    Steps,
    bracketed,
    literal,
    more,
    space,
)
from anyclaude_tui.proxy.toolcalls.lenient_json import Unreadable, read_value
from anyclaude_tui.proxy.toolcalls.spaced_tags import spaced_call
from anyclaude_tui.proxy.toolcalls.tagged import Pairs, pair_call, tag_call
from anyclaude_tui.proxy.toolcalls.validation import mended_name
from anyclaude_tui.proxy.toolcalls.values import marked_object, python_calls

HEAD_CHARS = 400
LANGUAGES = ("json", "tool_call", "tool_calls", "tool_code", "tool", "function", "")
"""The languages of the code blocks in which models write calls."""
MAX_HEADER_CHARS = 300
ELEMENTS = ("<name>", "<tool_name>", "<function_name>")
"""The front of a call whose parts are named by tags."""

_NAME = re.compile(r"(?:functions\.)?[A-Za-z_][\w.:/-]{0,127}")
_PROSE = re.compile(r"\s*[\w.:/-]+[ \t]+[A-Za-z]")
_SINGLE = re.compile(r"\s*\{\s*'")
"""A dictionary of Python's."""
_NAMED = re.compile(r'"(?:name|tool_name|tool|function)"\s*:\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write calls: a row of the table in `forms.py`."""

    opener: str
    closers: tuple[str, ...] = ()
    """The marks that end a call or the calls; any of them may be missing, or come twice."""
    bodies: tuple[str, ...] = ("json",)
    """"json", "tags", "pairs", "python", "named", "ns": what may stand inside."""
    header: re.Pattern[str] | None = None
    """For "named": what stands before the arguments' brace, `name` a group of it."""
    pairs: Pairs | None = None
    mark: str = ""
    """For "named": what quotes a string, where the arguments are no JSON (Gemma)."""
    inner: str = ""
    """The mark that may stand before each call inside of the opener."""
    kind: str = ""
    """The kind of call that may stand behind that."""
    must: tuple[str, str] | None = None
    """For "named": (what ends a header, what must stand before it in one)."""
    sure: bool = True
    """Nothing but a call is ever written so. Otherwise it must be valid and the last thing."""
    keeps_opener: bool = False
    """The opener is the beginning of the body."""
    models: str = ""


def calls(held: Held, form: Form) -> Steps[None]:
    """All calls behind the opener, as `Found`; at the end `held.end` is set.

    Raises NoCall, BrokenCall (an unreadable call), Open (the reply ended inside of one); what
    was found before that stands.
    """
    at = 0 if form.keeps_opener else len(form.opener)
    if form.opener == "```":
        at = yield from _language(held, at)
    first = True
    while True:
        start = at
        at = yield from space(held, at)
        if not first:
            stray = (
                (",", ";", "}", *(("```",) if "json" in form.bodies else ()))
                if form.sure
                else (",", ";")
            )
            while closer := (yield from literal(held, at, (*form.closers, *stray))):
                start = at + len(closer)
                if closer == form.opener == "```":
                    held.end = start  # what looks like a second one opens another block
                    return
                at = yield from space(held, start)
        if at == len(held.text):
            if first:
                raise Open
            held.end = start
            return
        try:
            found = yield from _one(held, at, form)
        except NoCall:
            if first:
                raise
            held.end = start
            return
        except Open:
            if first or held.sure:
                raise
            held.end = start
            return
        yield found
        at, first, held.sure = found.end, False, False


def _one(held: Held, at: int, form: Form) -> Steps[Found]:
    """The call, or the list of calls, that begins at `at`."""
    letter = held.text[at]
    openers = tuple(
        one for one in (form.opener, form.inner, form.kind) if one and not form.keeps_opener
    )
    while letter in {one[0] for one in openers}:
        again = yield from literal(held, at, openers)
        if not again:
            break
        at = yield from space(held, at + len(again))
        if at == len(held.text):
            raise Open
        letter = held.text[at]
    parts = letter == "<" and form.header is not None and "named" not in form.bodies
    if parts and (yield from literal(held, at, ELEMENTS)):
        return (yield from _named(held, at, form))
    if letter == "`" and form.sure and "json" in form.bodies:
        at = yield from _fenced(held, at)
        letter = held.text[at]
    if letter == "<" and "tags" in form.bodies:
        return (yield from _tags(held, at, form))
    if "ns" in form.bodies and letter == "]":
        name, arguments, end = yield from spaced_call(held, at, form.closers)
        return Found(((name, arguments),), end)
    if "named" in form.bodies and form.header is not None:
        return (yield from _named(held, at, form))
    if letter == "[" and "python" in form.bodies and (yield from _is_python_list(held, at)):
        return (yield from _python(held, at, form))
    if letter in "{[" and "json" in form.bodies:
        return (yield from _json(held, at, form))
    if "pairs" in form.bodies and form.pairs is not None:
        return (yield from _pairs(held, at, form, form.pairs))
    if "python" in form.bodies:
        return (yield from _python(held, at, form))
    raise NoCall


def _fenced(held: Held, at: int) -> Steps[int]:
    """Behind the line that opens a code block around a call."""
    fence = yield from literal(held, at, ("```",))
    if not fence:
        raise NoCall
    at = yield from _language(held, at + len(fence))
    at = yield from space(held, at)
    if at == len(held.text):
        raise Open
    return at


def _language(held: Held, at: int) -> Steps[int]:
    """Behind the line that opens a code block; raises NoCall if it tells another language."""
    while True:
        line, ended, _ = held.text[at:].partition("\n")
        word = line.strip()
        if ended and word in LANGUAGES:
            return at + len(line) + 1
        if ended or not any(one.startswith(word) for one in LANGUAGES):
            raise NoCall
        yield from more(held)


# --- JSON ------------------------------------------------------------------------------------


def _json(held: Held, at: int, form: Form) -> Steps[Found]:
    listed = held.text[at] == "["
    while True:
        text = held.text[at : at + HEAD_CHARS]
        if listed:
            text = text[1:].lstrip()
        verdict = json_head(text, held.names, sure=form.sure)
        if verdict is False:
            raise NoCall
        if verdict or held.over or len(held.text) - at >= HEAD_CHARS:
            break
        yield from more(held)
    held.sure = held.sure or (form.sure and bool(verdict) and _may_be_known(text, held.names))
    quotes = "\"'" if form.sure and _SINGLE.match(text) else '"'
    try:
        end, _ = yield from bracketed(held, at, form.closers, quotes)
    except Open:
        return _short_of_its_end(held, at, form)
    return _json_found(held, at, end, form)


def _may_be_known(text: str, names: Collection[str]) -> bool:
    """True if the call is, or may still turn out to be, one of an offered tool."""
    named = _NAMED.search(text)
    return named is None or mended_name(named[1], names) in names


def _json_found(held: Held, at: int, end: int, form: Form) -> Found:
    text = held.text[at:end]
    if form.sure and text.startswith("{{") and text.endswith("}}"):
        text = text[1:-1]
    repaired = False
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if not form.sure or held.cut:
            raise NoCall from None
        try:
            value = read_value(text)
        except Unreadable:
            raise (BrokenCall(end) if held.sure else NoCall()) from None
        repaired = True
    out = object_calls(value, held.names)
    if out is None:
        raise BrokenCall(end) if held.sure else NoCall
    return Found(tuple(out), end, repaired)


def _short_of_its_end(held: Held, at: int, form: Form) -> Found:
    """The reply ended in the value. It may be finished up to its braces; or a quote in it was
    not escaped, so that the closer behind it seemed to stand in a string."""
    if held.cut or not form.sure:
        raise Open
    held.unclosed = True
    spots = [held.text.find(closer, at) for closer in form.closers]
    for end in (*sorted(spot for spot in spots if spot >= 0), len(held.text)):
        try:
            return _json_found(held, at, end, form)
        except (NoCall, BrokenCall):
            continue
    raise Open


# --- the others ------------------------------------------------------------------------------


def _tags(held: Held, at: int, form: Form) -> Steps[Found]:
    while held.text[at : at + 2] == "<" and not held.over:
        yield None
    closers = tuple(one for one in form.closers if one != "</function>")
    name, arguments, end = yield from tag_call(held, at, closers)
    return Found(((name, arguments),), end)


def _pairs(held: Held, at: int, form: Form, pairs: Pairs) -> Steps[Found]:
    """A name, then pairs (GLM), or one JSON object."""
    name, at = yield from _name(held, at, (pairs.key_open, *form.closers))
    after = yield from space(held, at)
    if after < len(held.text) and held.text[after] == "{":
        end, _ = yield from bracketed(held, after, form.closers)
        return Found(((name, held.text[after:end]),), end)
    at = after
    separator = yield from literal(held, at, ("<tool_sep>", "<tool_sep:opensource>"))
    arguments, end = yield from pair_call(held, at + len(separator), pairs, form.closers)
    return Found(((name, arguments),), end)


def _name(held: Held, at: int, behind: Collection[str]) -> Steps[tuple[str, int]]:
    """The tool's name that stands alone before what is `behind` it, and where it ends."""
    while True:
        match = _NAME.match(held.text, at)
        if match is None:
            raise NoCall
        if match.end() < len(held.text):
            break
        if held.text[at - 1 : at] in " \t" and not _can_be_name(match[0], held.names):
            raise NoCall  # prose: no template puts a space there
        yield from more(held)
    name, end = match[0], match.end()
    known = mended_name(name, held.names) in held.names
    after = yield from space(held, end)
    if after < len(held.text) and held.text[after] == "{":
        if not known:
            raise NoCall
        held.sure = True
        return name, end
    found = yield from literal(held, after, (*behind, "<tool_sep>", "<tool_sep:opensource>"))
    if not found or (not known and found in held.closers):
        raise NoCall
    held.sure = held.sure or known
    return name, end


def _can_be_name(partial: str, names: Collection[str]) -> bool:
    bare = partial.removeprefix("functions.")
    return any(name.startswith(bare) or bare.startswith(name) for name in names) or (
        "functions.".startswith(partial)
    )


def _python(held: Held, at: int, form: Form) -> Steps[Found]:
    inner = at
    if held.text[at] == "[":
        inner = yield from space(held, at + 1)
    while True:
        match = _NAME.match(held.text, inner)
        if match is None and inner < len(held.text):
            raise NoCall
        if match is not None and match.end() < len(held.text):
            break
        if match is not None and not form.sure and not _can_be_name(match[0], held.names):
            raise NoCall
        yield from more(held)
    name = match[0].removesuffix(".call")
    known = mended_name(name, held.names) in held.names
    if held.text[match.end()] != "(" or not (known or form.sure):
        raise NoCall
    held.sure = held.sure or (form.sure and known)
    start = at if held.text[at] == "[" else match.end()
    end, _ = yield from bracketed(held, start, form.closers, quotes="\"'")
    out = python_calls(held.text[at:end])
    if out is None:
        raise BrokenCall(end) if held.sure else NoCall
    return Found(tuple(out), end)


def _is_python_list(held: Held, at: int) -> Steps[bool]:
    at = yield from space(held, at + 1)
    return at < len(held.text) and bool(_NAME.match(held.text, at))


def _named(held: Held, at: int, form: Form) -> Steps[Found]:
    """A header with the name in it, then the arguments in braces."""
    while (brace := held.text.find("{", at)) < 0 and len(held.text) - at < MAX_HEADER_CHARS:
        if not _header_fits(held.text[at:], form, held.names) or _is_prose(held, at, form):
            raise NoCall
        yield from more(held)
    assert form.header is not None
    short = brace - at <= MAX_HEADER_CHARS  # a longer one is none, in one piece or in many
    match = form.header.fullmatch(held.text, at, max(brace, at)) if short else None
    if match is None:
        if "json" in form.bodies and held.text[at] in "{[":
            return (yield from _json(held, at, form))
        raise NoCall
    name = match["name"]
    if _is_prose(held, at, form):
        raise NoCall
    if not form.sure and mended_name(name, held.names) not in held.names:
        raise NoCall
    held.sure = held.sure or form.sure
    quotes, mark = '"', form.mark
    end, _ = yield from bracketed(held, brace, form.closers, quotes, mark)
    text = held.text[brace:end]
    if mark:
        value = marked_object(text, mark)
        if value is None:
            raise BrokenCall(end)
        text = json.dumps(value, ensure_ascii=False)
    return Found(((name, text),), end)


def _is_prose(held: Held, at: int, form: Form) -> bool:
    """Behind Mistral's mark and a space stands a tool's name, or it was only written about."""
    if form.opener != "[TOOL_CALLS]" or held.text[at - 1 : at] not in (" ", "\t"):
        return False
    match = _NAME.match(held.text, at)
    if match is None:
        return False
    if match.end() == len(held.text) and not held.over:
        return not _can_be_name(match[0], held.names)
    return mended_name(match[0], held.names) not in held.names


def _header_fits(text: str, form: Form, names: Collection[str]) -> bool:
    """True if this can still become a header: its name must be one, where the row says so."""
    if "json" in form.bodies and text[:1] in ("{", "["):
        return True
    if any(closer in text for closer in form.closers if closer != "```"):
        return False
    if form.must and form.must[0] in text and form.must[1] not in text:
        return False
    if form.mark:
        text = text.lstrip()
        if not text.startswith("call:"):
            return "call:".startswith(text)
        return True
    if not form.sure and form.opener:
        match = _NAME.match(text)
        if match is None or not _can_be_name(match[0], names):
            return False
    if form.must is None and _PROSE.match(text):
        return False
    if form.opener == "[TOOL_CALLS]":
        match = _NAME.match(text.lstrip())
        if match is None:
            return not text.strip()
        rest = text.lstrip()[match.end() :].lstrip()
        return not rest or rest[0] in "[{"
    return True
