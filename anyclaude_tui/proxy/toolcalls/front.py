"""Calls that begin a reply without an opener: a bare object, a name, stripped marks.

Pure. Servers that strip special tokens leave `Bash[ARGS]{…}` of Mistral's form, or
`commentary to=functions.Bash json{…}` of harmony's. Only at the front of a reply, or behind
a call, are such words anything but text.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from anyclaude_tui.proxy.toolcalls.forms import (
    BARE,
    FRONT_HARMONY,
    FRONT_SURE,
    FRONT_UNSURE,
    FRONT_WORDS,
    LIST,
)
from anyclaude_tui.proxy.toolcalls.grammars import Form

MAX_FRONT_CHARS = 200

_CHANNEL = "commentary"
_PARTIAL = re.compile(r"(?::\d*)?\s*(?:<[|｜\w▁]*|\[\w*)?")
"""The characters that may stand behind a name while its separator is not whole."""


def front_form(text: str, names: Collection[str], *, at_start: bool) -> tuple[Form | None, bool]:
    """The form that begins `text`, and whether that is certain now.

    (None, False): more text must tell. `at_start`: nothing came before; else behind a call.
    """
    text = text.lstrip()
    if not text:
        return None, False
    if text[0] in "{[" and at_start:
        return (BARE if text[0] == "{" else LIST), True
    long = len(text) > MAX_FRONT_CHARS
    text = text[:MAX_FRONT_CHARS]  # a long piece tells what many short ones would have told
    for word, found in FRONT_WORDS:
        if text.startswith(word):
            return found, True
    open_ = any(word.startswith(text) for word, _ in FRONT_WORDS)
    rest = text
    open_ = open_ or _CHANNEL.startswith(rest)
    rest = rest.removeprefix(_CHANNEL).lstrip()
    if rest.startswith("to="):
        return FRONT_HARMONY, True
    open_ = open_ or "to=".startswith(rest)
    form, certain = _named(text, names)
    return form, long or (certain and (form is not None or not open_))


def _named(text: str, names: Collection[str]) -> tuple[Form | None, bool]:
    bare = text.removeprefix("functions.")
    if "functions.".startswith(text) or any(name.startswith(bare) for name in names):
        return None, False
    for name in names:
        if not bare.startswith(name):
            continue
        rest = bare[len(name) :]
        for pattern, form in (*FRONT_SURE, *FRONT_UNSURE):
            if re.match(pattern, rest):
                return form, True
        if _PARTIAL.fullmatch(rest) and len(rest) < 60:
            return None, False
    return None, True
