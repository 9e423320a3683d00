"""The banner of llama-swap while it loads a model, taken out: it is no word of the model.

Pure and incremental. With `sendLoadingState` it streams, as reasoning and before the model's
own, a rule, "llama-swap loading model: NAME", remarks and dots, "Done! (3.10s)", and a rule
(mostlygeek/llama-swap, `proxy/process.go`). Clients that keep it send it back as thinking.
"""

from __future__ import annotations

import re

MAX_BANNER_CHARS = 16 * 1024

_WORDS = "llama-swap loading model:"
_RULE = re.compile(r"\s*(?:[━─]+\s*)?")
_END = re.compile(r"Done!\s*\([^)\n]*\)\s*(?:[━─]+[ \t]*(?:\r?\n|$))?")


class LoadingBanner:
    """The text of one field in; out comes what the model wrote."""

    def __init__(self) -> None:
        self.passes = False
        """All that comes is the model's own."""
        self._held = ""
        self._seen = False
        self._done = False

    def feed(self, text: str) -> str:
        """The part of `text` that is not the banner's, or not any more."""
        if self.passes or not text:
            return text
        if self._done:
            return self._behind(text)
        self._held += text
        if not self._seen:
            rule = _RULE.match(self._held)
            rest = self._held[rule.end() :] if rule else self._held
            self._seen = rest.startswith(_WORDS)
            if not self._seen and not _WORDS.startswith(rest):
                return self.end()
            if not self._seen and not rest and "━" not in self._held and "─" not in self._held:
                return self.end() if self._held.strip() else self._blank()
        if len(self._held) > MAX_BANNER_CHARS:
            return self.end()
        match = _END.search(self._held)
        if match is None or "\n" not in match[0].rstrip(" \t")[-2:]:
            return ""
        rest = self._held[match.end() :]
        self._held = ""
        self._done = True
        return self._behind(rest)

    def end(self) -> str:
        """The text that was held back: it is no banner, or the reply is over."""
        held, self._held = self._held, ""
        self.passes = True
        return "" if self._seen else held

    def _behind(self, text: str) -> str:
        text = text.lstrip("━─ \r\n")
        self.passes = bool(text)
        return text

    def _blank(self) -> str:
        """White space before anything else goes on at once."""
        held, self._held = self._held, ""
        return held
