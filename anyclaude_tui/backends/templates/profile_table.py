"""A profile in words: the rows of its table, for `template` and `doctor --try`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anyclaude_tui.backends.templates.profile import Profile

_SOURCES = {"rendered": "its text, rendered here", "asked": "rendered by the server"}
_KNOWN = {True: "yes", False: "no", None: "unknown"}


def rows(found: Profile) -> Iterator[tuple[str, str]]:
    """(what, how it is) of all that was found out, with what follows and what is left."""
    yield "source", _SOURCES.get(found.source, "counted by the server")
    yield "late system message, left standing", found.late_system or "unknown"
    yield from found.shapes.items()
    yield "tools shown to the model", _KNOWN[found.tools_shown]
    opened = zip(("not asked", "on", "off"), found.opens, strict=True)
    words = ", ".join(f"{name}: {'opens' if tag else 'no'}" for name, tag in opened)
    yield "prompt opens a thinking block", words
    yield "thinking switches", ", ".join(found.switches) or "none"
    reuse = "unknown" if found.reuse is None else f"{found.reuse:.0%} kept by a new prompt"
    yield "prefix of a tool loop", reuse
    yield "date in front", _KNOWN[found.date_in_front]
    form = ", ".join(f"{name} {_said(value)}" for name, value in found.dialect.items())
    yield "requests go", form.replace("_", " ") or "as they are, late system text folded in"
    for shape, words in found.left.items():
        yield f"still wrong {shape}", words


def _said(value: Any) -> str:
    """A field's value: a word, a switch, or a name with its levels."""
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_said(one)}" for name, one in value.items()) or "nothing"
    if isinstance(value, list | tuple):
        return " ".join(map(_said, value))
    return _KNOWN[value] if isinstance(value, bool) else str(value)
