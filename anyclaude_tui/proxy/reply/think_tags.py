"""Reasoning that comes inside the content, in tags at its very start.

Pure and incremental. Only tags before any visible text count: a model that writes about
`<think>` later on means the characters. A missing opening tag is not guessed: it is known
from the chat template where the prompt itself opens the block (`Dialect.thinks_until`).
"""

from __future__ import annotations

from anyclaude_tui.proxy.reply.harmony import STARTS, Bare, Harmony, bare_front
from anyclaude_tui.proxy.wire.text_pieces import overlap
from anyclaude_tui.proxy.wire.think_marks import THINK_MARKS

_MAX_BLANK_CHARS = 4096


class ThinkTags:
    """Content in; (is it thinking, text) pieces out."""

    def __init__(self, until: str = "") -> None:
        """`until`: the closing tag of the block that the reply begins in; "" for none."""
        self._held = ""
        self._closer = until
        self._until = until
        """As `_closer`, until it is known whether the model repeats the opening tag."""
        self._thought = bool(until)
        self._harmony: Harmony | Bare | None = None
        self._open = True
        """Nothing but white space and reasoning so far: a tag may still come."""

    @property
    def passes(self) -> bool:
        """Content is plain text from here on."""
        return not self._open

    @property
    def thinks(self) -> bool:
        """Inside the tags with nothing held back: what holds no "<" or "[" is thinking."""
        return bool(self._closer) and not self._held and not self._until

    @property
    def inside(self) -> bool:
        """In a block that has not been closed."""
        return bool(self._closer)

    def read_elsewhere(self) -> None:
        """Reasoning came under its own name: the server reads the block that the prompt opened."""
        if self._until:
            self._until = self._closer = ""
            self._thought = False

    def feed(self, text: str) -> list[tuple[bool, str]]:
        """Pieces in order; what could be part of a tag is held back."""
        if not self._open:
            return [(False, text)]
        if self._harmony is not None:
            return self._harmony.feed(text)
        out: list[tuple[bool, str]] = []
        text = self._held + text
        self._held = ""
        if self._until:
            text = self._without_opener(text)
        while text:
            if self._closer:
                before, found, after = text.partition(self._closer)
                keep = 0 if found else overlap(before, self._closer)
                if len(before) > keep:
                    out.append((True, before[: len(before) - keep]))
                if not found:
                    self._held = before[len(before) - keep :]
                    return out
                self._closer = ""
                text = after
                continue
            front = text.lstrip()
            for tag, closer in THINK_MARKS.items():
                if front.startswith(tag):
                    self._closer = closer
                    self._thought = True
                    text = front[len(tag) :]
                    break
            else:
                if front.startswith(STARTS) and not self._thought:
                    self._harmony = Harmony()
                    return out + self._harmony.feed(front)
                bare = None if self._thought else bare_front(front)
                if bare:
                    self._harmony = Bare()
                    return out + self._harmony.feed(front)
                could_be = (bare is None and not self._thought) or any(
                    tag.startswith(front) for tag in (*THINK_MARKS, *STARTS)
                )
                if could_be and len(text) < _MAX_BLANK_CHARS:
                    self._held = text
                    return out
                self._open = False
                # After reasoning the template puts line ends, which are no text.
                out.append((False, text.lstrip("\r\n") if self._thought else text))
                return out
        return out

    def _without_opener(self, text: str) -> str:
        """Drop an opening tag that the model repeats; hold back what may become one."""
        front = text.lstrip()
        opener = next((tag for tag, closer in THINK_MARKS.items() if closer == self._until), "")
        if opener and opener.startswith(front) and len(text) < _MAX_BLANK_CHARS:
            self._held = "" if front == opener else text
            self._until = "" if front == opener else self._until
            return ""
        self._until = ""
        return front.removeprefix(opener) if opener and front.startswith(opener) else text

    def end(self, *, cut: bool) -> list[tuple[bool, str]]:
        """The text that was held back; of a reply that was `cut` off, no half tag."""
        if self._harmony is not None:
            return self._harmony.end(cut=cut)
        held, self._held = self._held, ""
        return [(bool(self._closer), held)] if held and not cut else []
