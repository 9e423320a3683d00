"""Tool calls that come as text, rescued.

Pure and incremental. Text goes through at once; what might be the start of a call is held
back only until it is known to be none, and then comes out byte for byte. A call counts
only if its name is an offered tool's and its arguments are valid under the schema. Tags in
a code block or quoted in prose are text; a code block or a bare JSON object counts only as
the last thing in the reply.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from anyclaude_tui.proxy.toolcalls.text_formats import (
    BARE,
    FENCE,
    FORMS,
    HEAD_CHARS,
    Form,
    closing,
    first_closer,
    looks_whole,
    object_call,
)
from anyclaude_tui.proxy.toolcalls.validation import Call, Toolbox, repaired_object
from anyclaude_tui.proxy.wire.text_pieces import overlap

MAX_HELD_CHARS = 4 * 1024 * 1024
MAX_CLOSERS = 64
"""So many closers are looked at as they come; past that, only at the end of the reply."""

Piece = tuple[str, Any]

_STRAY = "</tool_call>"
_OPENERS = (*(one for one in FORMS if one != "{"), _STRAY)
_ANY = re.compile("|".join([*map(re.escape, _OPENERS), r"\{"]))
_FIRST = re.compile(r"[<\[`]")
_LONGEST = max(map(len, _OPENERS))
_TAIL_CHARS = max(len(closer) for form in FORMS.values() for closer in ("", *form.closers))
_QUOTES = ("`", '"', "'")


class TextCalls:
    """Visible text in; ("text", str) and ("call", Call) out, in order."""

    def __init__(self, toolbox: Toolbox) -> None:
        self.last = "\n"
        """The text that was let through last; the fast lane sets it too."""
        self.dropped_calls = 0
        self._toolbox = toolbox
        self._names = toolbox.names
        self._out: list[Piece] = []
        self._rest = ""
        """The end of the text that may be the beginning of an opener."""
        self._form: Form | None = None
        self._body: list[str] = []
        self._size = 0
        self._closers_seen = 0
        self._head = ""
        self._verdict: bool | None = None
        self._tail = ""
        self._at_start = True
        self._after_call = False
        self._in_fence = False
        self._fenced: list[tuple[str, list[Call]]] = []
        """Code blocks that are calls if nothing follows: their text and the calls."""
        self._off = not self._names

    @property
    def passes(self) -> bool:
        """Nothing is held, and the next text would not change how tags are read: text
        without `<`, `[` and a backtick may go past."""
        held = self._form is not None or self._rest or self._fenced
        return self._off or not (held or self._at_start or self._after_call)

    @property
    def in_call(self) -> bool:
        """A call is being received."""
        return self._form is not None and bool(self._verdict)

    def feed(self, text: str) -> list[Piece]:
        """What `text` completes."""
        if self._off:
            return [("text", text)]
        while text:
            text = self._scan(text) if self._form is None else self._collect(text)
        out, self._out = self._out, []
        return out

    def end(self, *, cut: bool) -> list[Piece]:
        """What is held. Of a reply that was `cut` off only whole calls, and no half ones."""
        if self._form is not None:
            self._finish_held(cut)
        rest, self._rest = self._rest, ""
        if rest:
            self._let_go(rest)
        for raw, calls in self._fenced:
            # Whether it was the last thing in a cut reply nobody knows.
            if cut:
                self._out.append(("text", raw))
            else:
                self._give(calls)
        self._fenced = []
        out, self._out = self._out, []
        return out

    # --- text ------------------------------------------------------------------------------------

    def _scan(self, text: str) -> str:
        """Let text through up to an opener; returns what is still to be looked at."""
        text = self._rest + text
        self._rest = ""
        at = 0
        for match in _ANY.finditer(text):
            opener, start = match[0], match.start()
            if not self._opens(opener, text, start):
                continue
            self._let_go(text[at:start])
            at = match.end()
            if opener == _STRAY:
                continue
            if opener == FENCE.opener and self._in_fence:
                self._in_fence = False
                self._let_go(opener)
                continue
            self._form = FORMS[opener]
            return text[at:] or self._collect("")
        keep = 0
        if _FIRST.search(text, max(at, len(text) - _LONGEST)):
            markers = (FENCE.opener,) if self._in_fence else _OPENERS
            keep = max(overlap(text[at:], marker) for marker in markers)
        self._let_go(text[at : len(text) - keep])
        self._rest = text[len(text) - keep :]
        return ""

    def _opens(self, opener: str, text: str, start: int) -> bool:
        """Whether an opener is one where it stands."""
        if opener == FENCE.opener:
            return True
        if self._in_fence:
            return False
        before = text[:start]
        if opener == BARE.opener:
            return self._at_start and not before.strip()
        if opener == _STRAY:
            return self._after_call and not before.strip()
        return not (before or self.last).endswith(_QUOTES)

    def _let_go(self, text: str) -> None:
        """This is text."""
        if not text:
            return
        blank = text.isspace()
        if self._fenced:
            raw, calls = self._fenced[-1]
            if blank and len(raw) < MAX_HELD_CHARS:
                self._fenced.pop()
                self._fenced.append((raw + text, calls))
                return
            self._out += [("text", raw) for raw, _ in self._fenced]
            self._fenced = []
        self._out.append(("text", text))
        self.last = text
        if not blank:
            self._at_start = self._after_call = False

    # --- what may be a call -----------------------------------------------------------------------

    def _collect(self, text: str) -> str:
        """Hold text after an opener; returns what is left when that has been decided."""
        form = self._form
        assert form is not None
        window = self._tail + text
        self._body.append(text)
        self._size += len(text)
        self._tail = window[-_TAIL_CHARS:]
        if self._verdict is None:
            self._head = (self._head + text)[:HEAD_CHARS]
            self._verdict = form.head(self._head, self._names)
            if self._verdict is False:
                return self._release()
        if self._size > MAX_HELD_CHARS:
            self._off = True
            self._let_go(form.opener + self._take())
            return ""
        if any(closer in window for closer in form.closers):
            self._closers_seen += 1
            if self._closers_seen <= MAX_CLOSERS:
                return self._close(form)
        return ""

    def _release(self) -> str:
        """It was no opener after all: it is text, and what follows is looked at again."""
        form = self._form
        assert form is not None
        body = self._take()
        if form is FENCE:
            self._in_fence = True
        self._let_go(form.opener)
        return body

    def _close(self, form: Form) -> str:
        """A closer has come: decide, unless it only stands inside a string."""
        body = "".join(self._body)
        end = closing(form, body)
        if end is None:
            self._body = [body]
            return ""
        verdict = self._verdict
        self._take()
        self._decide(form, body[: end[0]], form.opener + body[: end[1]], verdict, repair=True)
        return body[end[1] :]

    def _finish_held(self, cut: bool) -> None:
        """The reply is over and no closer came: models leave it out, servers swallow it."""
        while self._form is not None:
            form, verdict = self._form, self._verdict
            body = self._take()
            raw = form.opener + body
            if form is FENCE and cut:
                self._let_go(raw)
                continue
            calls = self._calls(form, body, repair=False)
            if calls is not None and (not cut or looks_whole(raw)):
                self._decide(form, body, raw, verdict, repair=False)
                continue
            end = first_closer(form, body)
            if end is not None:
                # It stood inside a string that never ended. No repair: the string may be
                # longer than it looks, and what follows may hold a good call.
                self._decide(form, body[: end[0]], form.opener + body[: end[1]], verdict)
                rest = body[end[1] :]
                while rest:
                    rest = self._scan(rest) if self._form is None else self._collect(rest)
            elif cut and verdict:
                self.dropped_calls += 1
            else:
                self._decide(form, body, raw, verdict, repair=not cut)

    def _decide(
        self, form: Form, body: str, raw: str, verdict: bool | None, *, repair: bool = False
    ) -> None:
        """The call or calls in `body`, or `raw` as text."""
        calls = self._calls(form, body, repair=repair and form.sure)
        if calls is None:
            if form.sure and verdict:
                self.dropped_calls += 1
            self._let_go(raw)
        elif form is FENCE:
            self._fenced.append((raw, calls))
        else:
            self._give([*(one for _, many in self._fenced for one in many), *calls])
            self._fenced = []

    def _give(self, calls: list[Call]) -> None:
        self._out += [("call", one) for one in calls]
        self._after_call = True
        self._at_start = False
        self.last = "\n"

    def _calls(self, form: Form, body: str, *, repair: bool) -> list[Call] | None:
        """The calls in `body` if all of them are good."""
        raw_calls = form.parse(body)
        repaired = raw_calls is None and repair
        if repaired:
            one = object_call(repaired_object(body))
            raw_calls = None if one is None else [one]
        if raw_calls is None:
            return None
        out: list[Call] = []
        for name, arguments in raw_calls:
            call = self._toolbox.check(name, arguments, repair=repair)
            if call is None or not call.valid:
                return None
            out.append(replace(call, repaired=True) if repaired else call)
        return out

    def _take(self) -> str:
        """The text held, which is no longer."""
        body = "".join(self._body)
        self._body = []
        self._form = None
        self._verdict = None
        self._head = self._tail = ""
        self._size = self._closers_seen = 0
        return body
