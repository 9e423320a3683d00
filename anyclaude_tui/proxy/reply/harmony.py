"""gpt-oss's own format, where a server passes it on unread.

Pure and incremental. `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final
<|message|>…<|return|>`: the analysis is thinking, the rest text, the markers are neither.
A message to a tool (`to=functions.NAME`) is left as it is, for `from_text.py` to rescue.
"""

from __future__ import annotations

import re

from anyclaude_tui.proxy.wire.text_pieces import overlap

STARTS = ("<|channel|>", "<|start|>assistant")
MAX_HEADER_CHARS = 300

_MESSAGE = "<|message|>"
_ENDS = ("<|end|>", "<|return|>", "<|call|>", "<|start|>", "<|channel|>")
_END = re.compile("|".join(map(re.escape, _ENDS)))
_HEADER = re.compile(
    r"\s*(<\|start\|>assistant[^<]*)?<\|channel\|>(analysis|commentary|final)\b.*", re.DOTALL
)
_BARE_STARTERS = (
    *("We", "The", "User", "I", "It", "Need", "Let", "So", "Now", "They", "There", "This", "That"),
    *("Okay", "First", "Just", "Must", "Should", "Probably", "Simple", "Possibly", "Looking"),
)
_BARE_FRONT = "analysis"
_BARE = re.compile(rf"{_BARE_FRONT}(?=(?:{'|'.join(_BARE_STARTERS)})\b)")
"""The front of an analysis whose marks were stripped; `analysisResult` is a name in a program."""
_BARE_LONGEST = len(_BARE_FRONT) + max(map(len, _BARE_STARTERS))
_BARE_NEXT = re.compile(r"assistant(analysis|commentary|final)")
_BARE_MARKS = ("assistantanalysis", "assistantcommentary to=", "assistantfinal")


def bare_front(text: str) -> bool | None:
    """True if a reply's front is an analysis whose marks a server has stripped; None: more must
    tell."""
    if _BARE.match(text) and len(text) > _BARE_LONGEST:
        return True
    short = len(text) <= _BARE_LONGEST
    rest = text.removeprefix(_BARE_FRONT)
    word = rest if len(rest) < len(text) else ""
    could = _BARE_FRONT.startswith(text) or any(
        one.startswith(word) or word.startswith(one) for one in _BARE_STARTERS if word
    )
    return None if short and could else False


class Bare:
    """The same without any marks, as servers leave it that strip special tokens: `analysis…`
    `assistantcommentary to=functions.NAME json{…}` `assistantfinal…`. A message to a tool is left
    for `from_text.py`, with its first mark put back."""

    def __init__(self) -> None:
        self._held = ""
        self._thinks = True
        self._front = True
        self._raw = False

    def feed(self, text: str) -> list[tuple[bool, str]]:
        """Pieces in order; what could be the next channel's name is held back."""
        if self._raw:
            return [(False, text)]
        text = self._held + text
        self._held = ""
        out: list[tuple[bool, str]] = []
        if self._front:
            self._front = False
            text = text[len(_BARE_FRONT) :]
        while found := _BARE_NEXT.search(text):
            behind = text[found.end() :]
            if found[1] == "commentary" and len(behind) < len(" to="):
                break
            if text[: found.start()]:
                out.append((self._thinks, text[: found.start()]))
            self._thinks = found[1] == "analysis"
            text = behind
            if found[1] == "commentary" and behind.startswith(" to="):
                self._raw = True
                return [*out, (False, f"<|channel|>commentary{behind}")]
        keep = found.end() - found.start() + len(behind) if found else 0
        keep = keep or max(overlap(text, mark) for mark in _BARE_MARKS)
        self._held = text[len(text) - keep :]
        if text[: len(text) - keep]:
            out.append((self._thinks, text[: len(text) - keep]))
        return out

    def end(self, *, cut: bool) -> list[tuple[bool, str]]:
        """The text that was held back."""
        held, self._held = self._held, ""
        return [(self._thinks, held)] if held.strip() and not cut else []


class Harmony:
    """Content in; (is it thinking, text) pieces out."""

    def __init__(self) -> None:
        self._held = ""
        self._in_body = False
        self._thinks = False
        self._raw = False
        """A message to a tool: its markers are kept."""
        self._lost = False
        """It is something else: everything is text from here on."""

    def feed(self, text: str) -> list[tuple[bool, str]]:
        """Pieces in order; what could be part of a marker is held back."""
        text = self._held + text
        self._held = ""
        out: list[tuple[bool, str]] = []
        while text:
            if self._lost:
                out.append((False, text))
                return out
            text = self._body(text, out) if self._in_body else self._header(text, out)
        return out

    def end(self, *, cut: bool) -> list[tuple[bool, str]]:
        """The text that was held back; of a reply that was `cut` off, no half token."""
        held, self._held = self._held, ""
        return [(self._in_body and self._thinks, held)] if held.strip() and not cut else []

    def _header(self, text: str, out: list[tuple[bool, str]]) -> str:
        """Between two messages: hold until the next one's body begins."""
        header, found, body = text.partition(_MESSAGE)
        if not found:
            front = header.lstrip()
            possible = any(one.startswith(front[: len(one)]) for one in STARTS)
            if possible and len(header) < MAX_HEADER_CHARS:
                self._held = text
                return ""
            self._lost = True
            return text
        match = _HEADER.fullmatch(header)
        if match is None:
            self._lost = True
            return text
        self._in_body = True
        self._raw = " to=" in header
        self._thinks = match[2] == "analysis" and not self._raw
        if self._raw:
            out.append((False, header.lstrip() + found))
        return body

    def _body(self, text: str, out: list[tuple[bool, str]]) -> str:
        match = _END.search(text)
        if match is None:
            keep = max(overlap(text, marker) for marker in _ENDS)
            self._held = text[len(text) - keep :]
            text = text[: len(text) - keep]
            if text:
                out.append((self._thinks, text))
            return ""
        before, marker = text[: match.start()], match[0]
        if before:
            out.append((self._thinks, before))
        self._in_body = False
        if marker in STARTS or marker == "<|start|>":
            return text[match.start() :]
        if self._raw:
            out.append((False, marker))
        return text[match.end() :]
