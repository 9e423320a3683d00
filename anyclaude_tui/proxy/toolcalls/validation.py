"""The tools that were offered, and what a model's call of one of them is worth.

Pure. A call's arguments are checked against the tool's schema; values of the wrong type
are coerced, broken JSON is repaired (`lenient_json.py`), but either only if the result is
valid. `jsonschema` takes long to import: `preload()` does it ahead of time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Container, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from anyclaude_tui.proxy.toolcalls.coercion import coerced
from anyclaude_tui.proxy.toolcalls.lenient_json import Unreadable, read_objects
from anyclaude_tui.proxy.wire.text_pieces import mend

MAX_REPAIR_CHARS = 256 * 1024
"""Larger broken JSON is not repaired: this much takes 0.1 s, in which all streams wait."""

_SANE_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
_LEAK = re.compile(r"[<\[(\s|｜].*", re.DOTALL)
"""The rest that a server left behind a name: a token, an argument list, the next word."""
_PREFIXES = ("functions.", "function.", "tools.", "tool.", "default_api.", "namespace.")
_NUMBER = re.compile(r":\d{1,4}")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that may be given to the client."""

    name: str
    value: dict[str, Any]
    arguments: str
    """`value` as JSON text."""
    raw: str
    """Well-formed JSON, as the model wrote it: what the history must say."""
    known: bool
    """The tool was offered."""
    valid: bool
    """Known, and the arguments are valid under its schema."""
    repaired: bool = False


class Toolbox:
    """Names and input schemas of the tools of one request."""

    def __init__(
        self,
        tools: Mapping[str, Mapping[str, Any]],
        unlisted: Callable[[str], bool] = lambda name: False,
    ) -> None:
        """`unlisted`: whether a name that is not among `tools` is the client's to judge."""
        self._tools = tools
        self._unlisted = unlisted
        self._validators: dict[str, Any] = {}

    @property
    def names(self) -> frozenset[str]:
        """The names of all tools offered."""
        return frozenset(self._tools)

    def gives(self, call: Call) -> bool:
        """True if the client gets this call: of a tool that was offered, or that it may know."""
        return call.known or (bool(self._tools) and self._unlisted(call.name))

    def keys_of(self, name: str) -> Collection[str]:
        """The names of a tool's arguments, as far as its schema tells."""
        members = self._tools.get(self._name(name), {}).get("properties")
        return members.keys() if isinstance(members, Mapping) else ()

    def check(self, name: str, text: str, *, repair: bool = True) -> Call | None:
        """Read the model's text as one call; None if it cannot be saved.

        A call in good JSON with invalid arguments is still a call: Claude Code answers it
        with an error from which the model corrects itself.
        """
        name, text = self._name(name), mend(text)
        known = name in self._tools
        if not known and not _SANE_NAME.fullmatch(name):
            return None
        value = read_object(text)
        if value is not None:
            return self._settle(name, known, value, text.strip())
        if not repair or not known:
            return None
        value = repaired_object(text)
        if value is None:
            return None
        call = self._settle(name, known, value, "")
        if call is None or not call.valid:
            return None
        return Call(name, call.value, call.arguments, call.arguments, True, True, repaired=True)

    def valid(self, name: str, value: dict[str, Any]) -> bool:
        """True if the arguments fit the tool's schema. A schema that is no schema fits all."""
        if name not in self._tools:
            return False
        try:
            validator = self._validators.get(name)
            if validator is None:
                validator = self._validators[name] = _validator(self._tools[name])
            return bool(validator.is_valid(value))
        except Exception:  # a broken schema raises anything: bad regex, bad reference, recursion
            return True

    def _settle(self, name: str, known: bool, value: dict[str, Any], text: str) -> Call | None:
        valid = self.valid(name, value)
        written = text
        if not _is_plain(text) or not _is_clean(text, value):
            written = _dump(value) or ""
            value = _load(written)
            if not isinstance(value, dict):
                return None
        if known and not valid:
            better = coerced(self._tools[name], value)
            if isinstance(better, dict) and self.valid(name, better):
                arguments = _dump(better)
                if arguments is not None:
                    return Call(name, better, arguments, written, True, True)
        return Call(name, value, written, written, known, valid)

    def _name(self, name: str) -> str:
        """The tool that is meant: see `mended_name`."""
        return mended_name(name, self._tools)


def mended_name(name: str, names: Container[str]) -> str:
    """The tool of `names` that a name with something at it means; else the name, stripped.

    Harmony writes `functions.NAME`, Kimi K2 `functions.NAME:0`, Gemini `default_api.NAME`;
    servers leave tokens behind it (`NAME<|channel|>commentary`).
    """
    name = name.strip()
    if name in names:
        return name
    bare = _LEAK.sub("", name).strip("\"'`")
    for prefix in ("", *_PREFIXES):
        if bare.startswith(prefix):
            core = bare.removeprefix(prefix)
            for one in (core, _NUMBER.sub("", core)):
                if one in names:
                    return one
    return name


def preload() -> None:
    """Import what a first tool call needs (0.2 s), so that it does not hold up a stream."""
    import jsonschema
    import referencing

    del jsonschema, referencing


def read_object(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is, in the forms servers write it; None if it is none.

    Nothing or null is an empty object; a JSON text inside a JSON string is opened; a `{}`
    that was sent ahead of the real arguments is skipped.
    """
    text = text.strip().lstrip("\ufeff")
    if not text:
        return {}
    value = _load(text)
    if isinstance(value, str):
        value = _load(value.strip()) if value.strip() else {}
    if value is None and text == "null":
        return {}
    if value is None and text.startswith("{}"):
        value = _load(text[2:].strip())
    return value if isinstance(value, dict) else None


def _load(text: str) -> Any:
    """Strict JSON; None if it is not."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _is_plain(text: str) -> bool:
    """True if `text` is itself one JSON object that every parser takes as it is."""
    return (text.startswith("{") and not text.startswith("{}")) or text == "{}"


def _is_clean(text: str, value: dict[str, Any]) -> bool:
    """False if an escape left half a surrogate pair in the value: no reply can hold that."""
    if "\\u" not in text:
        return True
    try:
        msgspec.json.encode(value)
    except ValueError:
        return False
    return True


def _dump(value: dict[str, Any]) -> str | None:
    """The object as JSON text, fit for every parser; None if there is no such text."""
    try:
        return mend(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except (ValueError, RecursionError):
        return None


def repaired_object(text: str) -> dict[str, Any] | None:
    """Broken JSON repaired to an object, or None: what was cut is beyond repair."""
    if len(text) > MAX_REPAIR_CHARS or "{" not in text:
        return None
    try:
        found = read_objects(text)
    except Unreadable:
        return None
    return found[0] if len(found) == 1 and found[0] else None


def _validator(schema: Mapping[str, Any]) -> Any:
    import jsonschema
    import referencing

    cls = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    # An empty registry of our own: the default one would fetch remote references.
    return cls(schema, registry=referencing.Registry())
