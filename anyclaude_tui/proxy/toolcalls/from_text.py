"""Tool calls that come as text, rescued.

Pure and incremental. Text goes through at once; what might be the start of a call is held
back only until it is known to be none, and then comes out byte for byte. What begins and
ends calls is the table in `forms.py`, how they are read `grammars.py`. Marks in a code block
or quoted in prose are text; what is not surely a call (a code block, a bare object) counts
only if it is valid and the last thing in the reply.

Calls that came before a closing mark of reasoning whose opening mark was in the prompt were
only thought about: until reasoning has been seen, a call waits for what follows it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyclaude_tui.proxy.toolcalls.forms import CLOSERS, FENCE, SECTION
from anyclaude_tui.proxy.toolcalls.front import front_form
from anyclaude_tui.proxy.toolcalls.grammars import Form, calls
from anyclaude_tui.proxy.toolcalls.held import BrokenCall, Found, Held, NoCall, Open, Steps
from anyclaude_tui.proxy.toolcalls.marks import (
    ANY,
    BY_OPENER,
    ENDS,
    OPENERS,
    STARTS,
    THINK_ENDS,
    WRAPS,
    only_ends,
    partial_mark,
)
from anyclaude_tui.proxy.toolcalls.validation import Call, Toolbox
from anyclaude_tui.proxy.toolcalls.waiting import Lost, Piece, Waiting
from anyclaude_tui.proxy.wire.think_marks import THINK_MARKS

MAX_HELD_CHARS = 4 * 1024 * 1024
MAX_BLANK_CHARS = 4096

_QUOTES = ("`", '"', "'")


class TextCalls:
    """Visible text in; ("text", str), ("thinking", str), ("call", Call), ("lost", Lost) out."""

    def __init__(self, toolbox: Toolbox) -> None:
        self.last = "\n"
        """The text that was let through last; the fast lane sets it too."""
        self.dropped_calls = 0
        self.reasoned = False
        """The reply's reasoning was told from its text: what comes now is meant."""
        self._toolbox = toolbox
        self._names = toolbox.names
        self._out: list[Piece] = []
        self._rest = ""
        """The end of the text that may be the beginning of a mark."""
        self._held: Held | None = None
        self._form = FENCE
        self._steps: Steps[None] | None = None
        self._done = 0
        """So much of what is held has been given as calls."""
        self._at_start = True
        self._after_call = False
        self._in_fence = False
        self._quote = ""
        """The quote before a mark that was let through: up to its like, no mark counts."""
        self._fenced: list[tuple[str, list[Call]]] = []
        """The code blocks that are calls if nothing follows: their text and the calls."""
        self._thinks = ""
        """Inside of reasoning: the mark that ends it."""
        self._after_thought = False
        self._wrap = ""
        """The mark that closes the answer that was opened behind reasoning."""
        self._sections = False
        """The reply is in Functionary's sections."""
        self._open_marks = 0
        """Opening marks of reasoning that were let through as text."""
        self._waiting = Waiting()
        """Calls, and what follows them, while no reasoning was seen."""
        self._stranger = ""
        """The name of a call that cannot be used, if it was the last thing."""
        self._counted = False
        """It is among the dropped calls already."""
        self._over = self._cut = False

    @property
    def passes(self) -> bool:
        """Nothing is held, and the next text would not change how marks are read: text
        without `<`, brackets and a backtick may go past."""
        if self._held is not None or self._waiting.on or self._at_start:
            return False
        held = self._rest or self._fenced or self._thinks or self._stranger
        later = self._after_call or self._after_thought or self._quote or self._sections
        return not (held or later)

    @property
    def in_call(self) -> bool:
        """A call is being received."""
        return self._held is not None and self._held.sure

    @property
    def in_thought(self) -> bool:
        """Inside of reasoning in the middle of the reply."""
        return bool(self._thinks)

    def feed(self, text: str) -> list[Piece]:
        """The pieces that `text` completes."""
        self._take(text)
        return self._taken()

    def end(self, *, cut: bool) -> list[Piece]:
        """The pieces that are held. Of a reply that was `cut` off only whole calls, and no half
        ones."""
        self._over, self._cut = True, cut
        if self._held is not None:
            self._held.over, self._held.cut = True, cut
            self._held.join()
            self._take(self._run())
        while self._rest:
            rest, self._rest = self._rest, ""
            self._take(rest)
        for raw, found in self._fenced:
            # Whether it was the last thing in a cut reply nobody knows.
            if cut:
                self._put("text", raw, raw)
            else:
                self._give(found, raw)
        self._fenced = []
        if self._stranger and not cut:
            self.dropped_calls += not self._counted
            self._put("lost", Lost(self._stranger, ""), "")
        self._out += self._waiting.release()
        return self._taken()

    def _taken(self) -> list[Piece]:
        out, self._out = self._out, []
        return out

    def _take(self, text: str) -> None:
        while text or (self._over and self._held is not None):
            if self._held is not None:
                text = self._collect(text)
            elif self._thinks:
                text = self._think(text)
            else:
                text = self._scan(text)

    # --- text ------------------------------------------------------------------------------------

    def _scan(self, text: str) -> str:
        """Let text through up to a mark; returns what is still to be looked at."""
        text = self._rest + text
        self._rest = ""
        fresh = self._names and (self._at_start or self._after_call) and not self._in_fence
        if fresh and not text.isspace():
            form, certain = self._front(text)
            short = len(text) < MAX_BLANK_CHARS
            if not certain and short and not self._over:
                self._rest = text
                return ""
            if form is not None:
                blank = len(text) - len(text.lstrip())
                self._let_go(text[:blank])
                return self._hold(form, text[blank:])
        since = 0
        for match in ANY.finditer(text):
            mark, start = match[0], match.start()
            behind = text[match.end() :]
            if mark + behind in STARTS and not self._over:  # a longer mark may come
                self._let_go(text[:start])
                self._rest = text[start:]
                return ""
            if mark in ENDS or mark == self._wrap or mark in WRAPS:
                verdict = self._ends(mark, text[:start], behind)
                if verdict is None:
                    self._let_go(text[:start])
                    self._rest = text[start:]
                    return ""
                if verdict:
                    self._let_go(text[:start])
                    return behind
            if mark in THINK_ENDS and behind in ("", "<") and not self._over:
                self._let_go(text[:start])
                self._rest = text[start:]
                return ""
            self._unquote(text[since:start] + mark * (mark == FENCE.opener))
            since = match.end()
            if self._quote or not self._counts(mark, text[:start], behind):
                continue
            self._let_go(text[:start])
            return self._marked(mark, behind)
        keep = 0 if self._over else self._partial(text)
        self._unquote(text[since : len(text) - keep])
        self._let_go(text[: len(text) - keep])
        self._rest = text[len(text) - keep :]
        return ""

    def _ends(self, mark: str, before: str, behind: str) -> bool | None:
        """True if a mark that ends the turn, or wraps the answer, is no text; None: not known
        yet."""
        if self._in_fence or (before or self.last).endswith(_QUOTES):
            return False
        if mark in WRAPS and self._at_start and not before.strip():
            if mark[0] != "<" or mark.startswith("<|") or self.reasoned:
                self._wrap, self._after_thought = WRAPS[mark], True
                self._sections = self._sections or mark.startswith(SECTION.opener)
                return True
            return False
        if mark not in ENDS and mark != self._wrap:
            return False
        if only_ends(behind, self._wrap) or (behind in STARTS and not self._over):
            only = mark != "</s>" or self._after_call
            return only if self._over else (None if only else False)
        return self._after_call and not before.strip()

    def _partial(self, text: str) -> int:
        return partial_mark(text, in_fence=self._in_fence, in_sections=self._sections)

    def _unquote(self, text: str) -> None:
        """End a quotation at the same quote, or with the paragraph."""
        if self._quote and (self._quote in text or "\n\n" in text):
            self._quote = ""

    def _front(self, text: str) -> tuple[Form | None, bool]:
        """The form that begins the reply without an opener; False: more must tell."""
        front = text.lstrip()
        if ANY.match(front):
            return None, True
        if front in STARTS:
            return None, False
        return front_form(front, self._names, at_start=self._at_start)

    def _marked(self, mark: str, rest: str) -> str:
        """A mark that counts has come; returns the text behind it that is to be looked at."""
        if mark in THINK_ENDS:
            self._thought()
            return rest
        if mark in THINK_MARKS:
            self._thinks = THINK_MARKS[mark]
            return rest
        if mark in CLOSERS and (mark not in BY_OPENER or not self._names):
            return rest
        if mark == FENCE.opener and (self._in_fence or not self._names):
            self._in_fence = not self._in_fence
            self._let_go(mark)
            return rest
        return self._hold(BY_OPENER[mark], mark + rest)

    def _counts(self, mark: str, before: str, behind: str) -> bool:
        """True if a mark counts as one where it stands."""
        if mark == FENCE.opener:
            return True
        if self._in_fence:
            return False
        front = before or self.last
        quoted = front.endswith(_QUOTES)
        if mark in THINK_ENDS:
            if self._open_marks:
                self._open_marks -= 1
                return False
            if self._at_start and not before.strip():
                return True
            if quoted or front[-1:] in " \t" or behind.startswith("</"):
                return False
            return front[-1:] in "\n.!?:" or behind[:1] not in (" ", "\t", ",", ".", ";")
        if mark in THINK_MARKS:
            inline = front.rstrip()[-1:] in ("", ">")
            if self.reasoned and not quoted and not (inline and not self._after_call):
                return True
            self._open_marks += 1
            return False
        if mark in BY_OPENER:
            if self._after_call and mark in CLOSERS and not before.strip():
                return bool(self._names)
            self._quote = front[-1] if quoted else ""
            if mark == SECTION.opener and not (self._sections or self._at_start):
                return False
            if not BY_OPENER[mark].sure and not (before or self.last).endswith("\n"):
                # On a line of its own, or it is only written about.
                return mark == SECTION.opener and self._sections and bool(self._names)
            return bool(self._names) and not quoted
        return self._after_call and not before.strip()

    def _let_go(self, text: str) -> None:
        """This is text."""
        if self._after_thought:
            text = text.lstrip("\r\n")  # what templates put behind reasoning
            self._after_thought = not text
        if not text:
            return
        blank = text.isspace()
        if self._fenced:
            raw, found = self._fenced[-1]
            if blank and len(raw) < MAX_HELD_CHARS:
                self._fenced[-1] = (raw + text, found)
                return
            for raw, _ in self._fenced:
                self._put("text", raw, raw)
            self._fenced = []
        self._put("text", text, text)
        self.last = text
        if not blank:
            self._at_start = self._after_call = False
            self._stranger = ""

    # --- reasoning -------------------------------------------------------------------------------

    def _think(self, text: str) -> str:
        """Reasoning between its marks, in the middle of a reply."""
        text = self._rest + text
        self._rest = ""
        before, found, after = text.partition(self._thinks)
        if not found and not self._over:
            for size in range(min(len(self._thinks) - 1, len(text)), 0, -1):
                if text.endswith(self._thinks[:size]):
                    self._rest = text[len(text) - size :]
                    before = text[: len(text) - size]
                    break
        if before:
            self._put("thinking", before, before)
        if found:
            self._thinks = ""
            self._after_thought = True
            return after
        return ""

    def _thought(self) -> None:
        """A closing mark without its opener: what came before was reasoning, calls included."""
        self.reasoned = self._after_thought = True
        thoughts = self._waiting.as_written()
        if thoughts.strip():
            self._put("thinking", thoughts, thoughts)
        self._fenced = []
        self._stranger = ""
        self._at_start, self._after_call = True, False
        self.last = "\n"

    def _put(self, kind: str, piece: Any, raw: str) -> None:
        if not self._waiting.add(raw, (kind, piece)):
            self._out.append((kind, piece))
        elif self._waiting.chars > MAX_HELD_CHARS:
            self._out += self._waiting.release()
            self.reasoned = True

    # --- what may be a call -----------------------------------------------------------------------

    def _hold(self, form: Form, text: str) -> str:
        """Begin to hold `text`, which begins with the opener."""
        self._form = form
        self._held = held = Held(
            text, self._names, closers=form.closers, again=OPENERS, keys_of=self._toolbox.keys_of
        )
        held.over, held.cut = self._over, self._cut
        self._steps = calls(held, form)
        self._done = 0
        return self._run()

    def _collect(self, text: str) -> str:
        """Hold more text; returns what is left when it has been decided."""
        held = self._held
        assert held is not None
        if text and not held.add(text) and held.size <= MAX_HELD_CHARS:
            return ""
        if held.size > MAX_HELD_CHARS:
            held.join()
            self._names = frozenset()  # no more calls are looked for
            return self._release(len(held.text))
        return self._run()

    def _run(self) -> str:
        """Read what is held as far as it goes; returns the text behind it once it is decided."""
        held, steps = self._held, self._steps
        assert held is not None
        assert steps is not None
        try:
            for found in steps:
                if found is None:
                    return ""
                self._found(held, found)
        except NoCall:
            return self._release(max(self._done, len(self._form.opener)))
        except BrokenCall as broken:
            return self._broken(held, broken.end)
        except Open:
            return self._unfinished(held)
        closers = held.text[self._done : held.end]
        if self._fenced and not self._form.sure:
            raw, found_there = self._fenced[-1]
            self._fenced[-1] = (raw + closers, found_there)
        elif self._stranger and closers:
            self._put("text", closers, closers)
        return self._behind(held, held.end)

    def _behind(self, held: Held, end: int) -> str:
        self._held = self._steps = None
        return held.text[end:]

    def _release(self, end: int) -> str:
        """No call (any more): text up to `end`, what follows is looked at again."""
        held = self._held
        assert held is not None
        text = held.text[self._done : end]
        if self._form is FENCE and not self._done:
            self._in_fence = True
        if not end and held.text:
            # A form without an opener: its first letter is text, so that it ends here.
            text, end = held.text[:1], 1
        self._held = self._steps = None
        self._let_go(text)
        return held.text[end:]

    def _broken(self, held: Held, end: int) -> str:
        self.dropped_calls += 1
        raw = held.text[self._done : end]
        for closer in self._form.closers:
            if held.text.startswith(closer, end):
                raw += closer
                end += len(closer)
        rest = self._behind(held, end)
        self._let_go(raw)
        self._stranger, self._counted = "unreadable", True
        return rest

    def _unfinished(self, held: Held) -> str:
        """The reply ended inside of the call. Nothing in it is looked at again: it may be a
        value, and what stands in a value is no call."""
        raw = held.text[self._done :]
        self._held = self._steps = None
        if not held.sure or not self._form.sure:
            self._let_go(raw)
            return ""
        self.dropped_calls += 1
        if not self._cut:
            self._put("lost", Lost("", raw), raw)
        return ""

    def _found(self, held: Held, found: Found) -> None:
        """Whole calls: give them, or what was written of them as text. Raises NoCall."""
        raw = held.text[self._done : found.end]
        good: list[Call] = []
        for name, arguments in found.calls:
            call = self._toolbox.check(name, arguments, repair=self._form.sure and not self._cut)
            if held.unclosed and call is not None and call.known and not call.valid:
                raise Open  # what is missing may not have been written yet
            usable = call is not None and (call.valid or (call.known and self._form.sure))
            if call is None or not usable:
                if not self._form.sure:
                    raise NoCall
                self._strange(name, raw, found.end, call)
                return
            good.append(replace(call, repaired=True) if found.repaired else call)
        self._done = found.end
        if self._form.sure:
            self._give([*(one for _, many in self._fenced for one in many), *good], raw)
            self._fenced = []
        else:
            self._fenced.append((raw, good))

    def _strange(self, name: str, raw: str, end: int, call: Call | None) -> None:
        """A whole call of a tool that was not offered, or with arguments nobody can read."""
        self._done = end
        self._let_go(raw)
        self.dropped_calls += call is None
        self._stranger, self._counted = name, call is None

    def _give(self, found: list[Call], raw: str) -> None:
        self._waiting.on = self._waiting.on or not self.reasoned
        for call in found:
            self._put("call", call, raw)
            raw = ""
        self._after_call = True
        self._at_start = False
        self._stranger = ""
        self.last = "\n"
