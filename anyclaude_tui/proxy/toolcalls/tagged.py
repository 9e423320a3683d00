"""Calls whose values stand between tags, written as they are: no quotes, nothing escaped.

Pure. A value ends at its closing tag only where what follows continues the call: another
value, the call's end, the reply's end. Tags of the same kind inside of a value are counted,
so that a file about tool calls is written whole. Where text follows the call's end, a later
end of the same kind would say that the first one was part of the value: that is waited for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from anyclaude_tui.proxy.toolcalls.held import (
    BrokenCall,
    Held,
    NoCall,
    Open,
    Steps,
    bracketed,
    find,
    literal,
    space,
)

MAX_TAG_CHARS = 200
MAX_DOUBT_CHARS = 64 * 1024
"""The characters behind a call's end in which a later one is looked for."""

_SPACE = r"(?:[\w.-]+:|[｜|]\w+[｜|])?"
"""The prefix that some models put before a tag's name: `antml:`, `｜DSML｜`."""
_CALL = re.compile(
    rf"<(?P<tag>{_SPACE}(?:function|invoke|tool_call|call))(?:\s*=\s*|\s*name\s*=\s*)"
    r"[\"']?(?P<name>[^\"'<>\n=]{1,128}?)[\"']?(?:\s[^<>\n]*)?>"
)
_VALUE = re.compile(
    rf"<(?P<tag>{_SPACE}(?:parameter|param|argument|arg))(?:\s*=\s*|\s*name\s*=\s*)"
    r"[\"']?(?P<key>[^\"'<>\n=]{1,128}?)[\"']?(?P<more>\s[^<>\n]*)?>"
)
_CDATA = re.compile(r"\s*<!\[CDATA\[([\s\S]*)\]\]>\s*")
CALL_TAGS = tuple(
    f"<{word}{after}" for word in ("function", "invoke") for after in ("=", " name=", "name=")
)
"""The beginnings of a call without anything around it."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Keys and values that each have tags of their own, behind the tool's name (GLM)."""

    key_open: str
    key_close: str
    value_open: str
    value_close: str


@dataclass(slots=True)
class _Values:
    """The values of one call while they are read."""

    opens: str
    """A regex of the opening tag, with or without a key."""
    close: str
    call_end: str
    """The closing tag of the whole call, if it has one of its own."""
    ends: Callable[[Held, int], Steps[bool]]
    """True if the text behind a value's closing tag continues or ends the call."""
    keys: Collection[str] = ()
    """The arguments that the tool has."""
    found: dict[str, str] = field(default_factory=dict)
    last: tuple[str, int] | None = None
    """The newest value's key, and where it begins."""
    raw: set[str] = field(default_factory=set)
    """Keys whose values are JSON by the model's own word."""

    def arguments(self, padded: bool) -> str:
        out: dict[str, object] = {}
        for key, text in self.found.items():
            value = _trimmed(text, padded, self.close)
            if key in self.raw:
                try:
                    out[key] = json.loads(value)
                    continue
                except (ValueError, RecursionError):
                    pass
            out[key] = value
        return json.dumps(out, ensure_ascii=False)


def _trimmed(text: str, padded: bool, close: str) -> str:
    """The value without the line ends that a template puts around it (`padded`: each by
    itself, else only both, or the last behind the value's own kind of tag in a line)."""
    cdata = _CDATA.fullmatch(text)
    if cdata:
        return cdata[1]
    both = text.startswith("\n") and text.endswith("\n") and len(text) > 1
    if padded or both or text.endswith(f"{close}\n"):
        return text.removeprefix("\n").removesuffix("\n")
    return text


def tag_call(held: Held, at: int, closers: tuple[str, ...]) -> Steps[tuple[str, str, int]]:
    """`<function=NAME><parameter=KEY>value</parameter></function>` and its kin: the name, the
    arguments as JSON text, and where it ends. Raises NoCall, BrokenCall, Open."""
    opening = yield from _tag(held, at, _CALL)
    if opening is None:
        raise NoCall
    name = opening["name"].strip()
    call_end = f"</{opening['tag']}>"
    ends = (call_end, *closers)
    at = opening.end()
    values: _Values | None = None
    padded = False
    while True:
        at = yield from space(held, at)
        if at == len(held.text):  # the reply is over
            if held.cut or values is None:
                raise Open
            held.unclosed = True
            break
        if held.text[at] == "{" and values is None:
            held.sure = True
            end, _ = yield from bracketed(held, at, ends)
            arguments = held.text[at:end]
            return name, arguments, (yield from _behind(held, end, ends))
        if (yield from literal(held, at, ends)):
            held.sure = True
            break
        opening = yield from _tag(held, at, _VALUE)
        if opening is None:
            if values is None:
                raise NoCall
            raise BrokenCall(at)
        held.sure = True
        tag, key = opening["tag"], opening["key"].strip()
        if values is None:
            values = _rules(tag, call_end, ends)
            values.keys = held.keys_of(name)
        padded = (
            padded
            or (
                "</seed:tool_call>" not in closers  # its template puts none
                and "=" in held.text[at : opening.start("key")]
                and not re.search(r"name\s*=", held.text[at : opening.start("key")])
            )
        )
        if 'string="false"' in (opening["more"] or ""):
            values.raw.add(key)
        at = yield from _value(held, opening.end(), key, values)
    end = yield from _behind(held, at, ends)
    if values is not None:
        end = yield from _settled(held, end, values, ends)
    return name, values.arguments(padded) if values else "{}", end


def pair_call(
    held: Held, at: int, pairs: Pairs, closers: tuple[str, ...]
) -> Steps[tuple[str, int]]:
    """The keys and values behind a name, as JSON text, and where the call ends."""
    opening = re.escape(pairs.value_open) if pairs.value_open else r"(?!)"
    ends = _PairEnds(pairs.value_close, pairs.key_open, closers)
    values = _Values(opening, pairs.value_close, "", ends)
    while True:
        at = yield from space(held, at)
        if at == len(held.text):
            if held.cut or not values.found:
                raise Open
            held.unclosed = True
            break
        if (yield from literal(held, at, closers)):
            break
        opener = yield from literal(held, at, (pairs.key_open,))
        if not opener:
            raise BrokenCall(at) if values.found else NoCall
        held.sure = True
        while opener:  # some write it twice
            at += len(opener)
            opener = yield from literal(held, at, (pairs.key_open,))
        key_end = yield from find(held, at, re.compile(re.escape(pairs.key_close)), 40)
        if key_end < 0:
            raise Open
        key = held.text[at:key_end].strip()
        at = key_end
        while closer := (yield from literal(held, at, (pairs.key_close,))):
            at += len(closer)
        if pairs.value_open:
            after = yield from space(held, at)
            opener = yield from literal(held, after, (pairs.value_open,))
            at = after + len(opener) if opener else at
        at = yield from _value(held, at, key, values)
    end = yield from _behind(held, at, closers)
    end = yield from _settled(held, end, values, closers)
    return values.arguments(padded=False), end


# --- one value -------------------------------------------------------------------------------


def _value(held: Held, at: int, key: str, values: _Values) -> Steps[int]:
    """Read one value; where the text behind its closing tag begins."""
    values.last = (key, at)
    end = yield from _value_end(held, at, values, nesting=True)
    if end is None and not held.cut:  # its own closing tag may be missing; or have yet to come
        end = yield from _value_end(held, at, values, nesting=False)
    if end is None:
        text = held.text[at:]
        if held.cut or not (
            text.startswith("\n") and text.endswith("\n") and text.count("\n") == 2
        ):
            raise Open
        end = (len(held.text), len(held.text))  # a line in the template's own line ends
    text = held.text[at : end[0]]
    if text.lstrip().startswith("<![CDATA[") and "]]>" not in text:
        raise Open
    values.found[key] = text
    return (yield from _behind(held, end[1], (values.close,)))  # some write it twice


def _value_end(
    held: Held, at: int, values: _Values, *, nesting: bool, least: int = 0
) -> Steps[tuple[int, int] | None]:
    """The end of the value, and the start of the text behind it; not before `least`.

    None: the reply ended, and no closing tag was followed by anything that fits.
    """
    call_end = re.escape(values.call_end) or "(?!)"
    closing = re.escape(values.close)
    either = re.compile(f"(?P<close>{closing})|(?P<end>{call_end})|{values.opens}")
    depth = 0
    while True:
        start = yield from find(held, at, either, MAX_TAG_CHARS)
        if start < 0:
            return None
        if least and start > least + MAX_DOUBT_CHARS:
            return None
        match = either.match(held.text, start)
        assert match is not None
        at = match.end()
        if match["end"] is not None:
            # The value's own closing tag is missing: only if nothing better was found.
            if not nesting and (yield from _call_ends(held, at, values)):
                return start, start
        elif match["close"] is None:
            sibling = _VALUE.match(held.text, start)
            if depth == 0 and sibling and nesting and _is_next(held, sibling, values):
                return start, start
            depth += 1
        elif depth and nesting:
            depth -= 1
        elif start >= least and (yield from values.ends(held, at)):
            return start, at


def _is_next(held: Held, opening: re.Match[str], values: _Values) -> bool:
    """True if a value's opening tag inside of another value begins the next one: on a line of its
    own, with a key of this tool that has not been. (Some models forget the closing tag.)"""
    key = opening["key"].strip()
    taken = values.found.keys() | {values.last[0] if values.last else ""}
    line = held.text[: opening.start()].endswith("\n")
    return line and key not in taken and key in values.keys


def _settled(held: Held, end: int, values: _Values, closers: tuple[str, ...]) -> Steps[int]:
    """The call's end, once it is known that what follows does not show a later one."""
    if values.last is None:
        return end
    key, start = values.last
    while True:
        after = yield from space(held, end)
        if after == len(held.text) or held.text[after] == "<":
            rest = yield from _another(held, after)
            if rest:
                return end
        later = yield from _value_end(held, start, values, nesting=True, least=end)
        if later is None:
            return end
        values.found[key] = held.text[start : later[0]]
        end = yield from _behind(held, later[1], (values.close, *closers))


def _call_ends(held: Held, at: int, values: _Values) -> Steps[bool]:
    """True if behind the call's closing tag there is nothing more, or another call."""
    at = yield from _behind(held, at, held.closers)
    at = yield from space(held, at)
    return (yield from _another(held, at))


def _another(held: Held, at: int) -> Steps[bool]:
    """True if another call, or nothing, follows."""
    if at == len(held.text):
        return True
    for _ in range(MAX_TAG_CHARS):
        rest = held.text[at : at + MAX_TAG_CHARS]
        if rest.startswith(held.again):
            return True
        if held.over or not any(one.startswith(rest) for one in held.again):
            return False
        yield None
    return False


# --- tags ------------------------------------------------------------------------------------


def _tag(held: Held, at: int, pattern: re.Pattern[str]) -> Steps[re.Match[str] | None]:
    """The tag that stands at `at`, if it is one of these."""
    while True:
        rest = held.text[at : at + MAX_TAG_CHARS]
        if ">" in rest or held.over or len(rest) == MAX_TAG_CHARS or rest[:1] not in ("", "<"):
            return pattern.match(held.text, at)
        yield None


def _rules(tag: str, call_end: str, ends: tuple[str, ...]) -> _Values:
    opens = rf"<{re.escape(tag)}(?:\s*=[^<>\n]*|\s+[^<>\n]*)?>"
    return _Values(opens, f"</{tag}>", call_end, _Ends(f"</{tag}>", f"<{tag}", ends))


class _Ends:
    """The text that may follow a value's closing tag: the tag again, the next value, the end."""

    def __init__(self, value_end: str, value: str, closers: tuple[str, ...]) -> None:
        self.closers = closers
        self._again = value_end
        self._value = value

    def __call__(self, held: Held, at: int) -> Steps[bool]:
        while True:
            at = yield from space(held, at)
            if at == len(held.text):
                return True
            options = (self._again, self._value, *self.closers)
            found = yield from literal(held, at, options)
            if found == self._value:
                opening = yield from _tag(held, at, _VALUE)
                return opening is not None
            if found != self._again:
                return bool(found)
            at += len(found)


class _PairEnds(_Ends):
    def __call__(self, held: Held, at: int) -> Steps[bool]:
        while True:
            at = yield from space(held, at)
            if at == len(held.text):
                return True
            found = yield from literal(held, at, (self._again, self._value, *self.closers))
            if found != self._again:
                return bool(found)
            at += len(found)


def _behind(held: Held, at: int, closers: tuple[str, ...]) -> Steps[int]:
    """Behind all closing tags that follow (and the white space between them)."""
    while True:
        after = yield from space(held, at)
        found = yield from literal(held, after, closers)
        if not found:
            return at
        at = after + len(found)
