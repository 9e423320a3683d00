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
