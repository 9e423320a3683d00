"""The rows and words of the settings screen: pure functions of the settings and their sources."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from anyclaude_tui import redaction
from anyclaude_tui.config.editing import Key
from anyclaude_tui.config.kinds import KINDS
from anyclaude_tui.config.reference import Field, sections
from anyclaude_tui.config.request_settings import RequestSettings
from anyclaude_tui.config.secrets import is_hidden
from anyclaude_tui.config.settings import (
    NOTIFIED,
    PLACES,
    SEARCH_PROVIDERS,
    STABLE_FRONTS,
    BackendSettings,
    Settings,
    ToolSettings,
)
from anyclaude_tui.redaction import HIDDEN
from anyclaude_tui.widgets.lines import Line, Tone, clean, fit, joined, pad, plain, text, wrapped

FACT = 14
NAME = 22
"""Columns of the keys' names."""
VALUE_END = 52
EXPLAINED = 90
"""From this width on each row has its explanation at the right."""
OTHER = "another…"
"""The choice that asks for words."""
_TITLES = {
    "": "General",
    "roles": "Roles",
    "discovery": "Discovery",
    "proxy": "Proxy",
    "limits": "Limits",
    "tools": "Tools",
    "cache": "Prompt cache",
    "warming": "Warming",
    "claude": "Claude Code",
    "search": "Web search",
    "logs": "Logs",
    "dashboard": "Dashboard",
}
_EFFECT = {
    "backend": "at the next start; to switch now: the backends screen",
    "keep_backends": "from the next switch on",
    "keys": "at once",
    "backends": "when this backend is started the next time",
    "roles": "from the next request on",
    "discovery": "at the next search",
    "proxy": "at the next start",
    "limits": "from the next request on",
    "tools": "from the next conversation on",
    "cache": "when a backend is started the next time",
    "warming": "when a backend becomes ready the next time",
    "claude": "when Claude Code is started the next time",
    "search": "from the next search on",
    "logs": "from the next request on",
    "dashboard": "at once",
}
_LATER: dict[Key, str] = {
    ("limits", "max_body_bytes"): "at the next start",
    ("proxy", "stable_front"): "from the next request on",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One setting."""

    key: Key
    field: Field
    group: str
    value: Any
    """In force; None where it is not set."""
    origin: str = ""
    """The source that sets it; empty for the default."""
    own: bool = False
    """It is set in the user's config.toml."""

    @property
    def id(self) -> str:
        """For the list."""
        return "\0".join(self.key)

    @property
    def effect(self) -> str:
        """The time from which a change of it is felt, in words."""
        if self.key[0] == "backends" and self.field.key in RequestSettings.__struct_fields__:
            return _EFFECT[
                "tools" if self.field.key in ToolSettings.__struct_fields__ else "limits"
            ]
        return _LATER.get(self.key) or _EFFECT[self.key[0]]


def rows(
    settings: Settings, layers: Sequence[tuple[str, Mapping[str, Any]]], user: str
) -> list[Row]:
    """All settings that mean something. `layers` come from `config.layers`; `user` is the name
    of the user's own."""
    made: list[Row] = []
    for section in sections():
        if section.name == "backends.NAME":
            for name, backend in settings.backends.items():
                found = [
                    Row(("backends", name, f.key), f, f"Backend {name}", getattr(backend, f.key))
                    for f in section.fields
                ]
                takes = KINDS[backend.kind].takes
                made += [
                    row for row in found if takes(row.field.key) or row.value != row.field.default
                ]
            continue
        holder: Any = getattr(settings, section.name) if section.name else settings
        table = (section.name,) if section.name else ()
        made += [
            Row((*table, f.key), f, _TITLES[section.name], getattr(holder, f.key))
            for f in section.fields
            if f.kind != "tables"
        ]
    return [_with_origin(row, layers, user) for row in made]


def _with_origin(row: Row, layers: Sequence[tuple[str, Mapping[str, Any]]], user: str) -> Row:
    origin, own = "", False
    for name, raw in layers:
        found: Any = raw
        for part in row.key:
            found = found.get(part) if isinstance(found, Mapping) else None
        if found is not None:
            origin = name
            own = own or name == user
    return replace(row, origin=origin, own=own)


def shown(row: Row, secret: bool = True) -> str:
    """A value in words; empty where there is none. Secrets are hidden unless asked for."""
    value = row.value
    if value is None or value in ((), {}):
        return ""
    if secret and is_hidden(row.key, value):
        return HIDDEN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if row.field.kind == "object":
        return json.dumps(_object(value, row.key) if secret else value, ensure_ascii=False)
    if isinstance(value, Mapping):
        pairs = (
            (name, HIDDEN if secret and is_hidden((*row.key, name), v) else v)
            for name, v in value.items()
        )
        return shlex.join(f"{name}={words}" for name, words in pairs)
    if isinstance(value, tuple | list):
        return shlex.join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}"
    return redaction.shown(str(value)) if secret else str(value)


def _object(value: Any, key: Key) -> Any:
    """A value of JSON without its secrets."""
    if isinstance(value, Mapping):
        return {name: _object(item, (*key, name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_object(item, key) for item in value]
    return HIDDEN if is_hidden(key, value) else value


def choices(row: Row, settings: Settings, themes: Sequence[str]) -> tuple[str, ...]:
    """The values that can be chosen from a list; empty where words are typed."""
    key = row.key
    if row.field.choices:
        return row.field.choices
    if key[-1] == "kind":
        return tuple(KINDS)
    if key[-1] == "profile":
        return ("fast", "slow")
    if key == ("backend",) or key[0] == "roles":
        return (*settings.backends, OTHER)
    if key == ("dashboard", "theme"):
        return tuple(themes)
    if key == ("dashboard", "notify"):
        return NOTIFIED
    if key == ("dashboard", "panels_at"):
        return PLACES
    if key == ("search", "provider"):
        return SEARCH_PROVIDERS
    if key == ("proxy", "stable_front"):
        return STABLE_FRONTS
    if key == ("logs", "debug"):
        return ("0", "1", "2", "3")
    return ()


def line(row: Row, width: int) -> Line:
    """The row in the list."""
    mark = ("● ", Tone.LIVE) if row.own else ("  ", Tone.TEXT)
    value = shown(row)
    tone = Tone.STRONG if row.origin else Tone.LABEL
    words = text(clean(value), tone) if value else text("–", Tone.FAINT)
    made: Line = (mark, *pad(text(row.field.key), NAME), *words)
    if width < EXPLAINED:
        return pad(made, width)
    made = (*pad(made, VALUE_END), *text("  "), *text(row.field.words, Tone.FAINT))
    return pad(made, width)


def details(row: Row, width: int, height: int) -> list[Line]:
    """All about a setting."""
    field = row.field
    lines = wrapped(field.words, width, max(2, height - 5))
    value = shown(row)
    default = "" if field.required else shown(replace(row, value=field.default), secret=False)
    facts = [
        ("value", text(clean(value)) if value else text("not set", Tone.FAINT)),
        ("default", text(clean(default), Tone.LABEL) if default else text("none", Tone.FAINT)),
        ("set by", text(clean(row.origin) or "default", Tone.LABEL)),
        ("takes effect", text(row.effect, Tone.LABEL)),
    ]
    for name, words in facts:
        first, *rest = wrapped(plain(words), width - FACT, 3, words[0][1])
        lines.append((*pad(text(name, Tone.LABEL), FACT), *first))
        lines += [(*text(" " * FACT), *one) for one in rest]
    lines += _stronger(row, width)
    if len(lines) > height > 0:
        lines[height - 1 :] = [fit((*lines[height - 1], (" …", Tone.LABEL)), width)]
    return lines


def _stronger(row: Row, width: int) -> list[Line]:
    """A source over the user's file has the last word."""
    if row.own and row.origin and not row.origin.endswith("config.toml"):
        words = f"{row.origin} is stronger than your config.toml: a change here shows without it"
        return wrapped(words, width, 2, Tone.WARN)
    return []


def keys(row: Row | None) -> list[tuple[str, str]]:
    """The keys that can do something for this row."""
    found = [("Enter", "change")]
    if row is not None and row.own and not row.field.required:
        found.append(("d", "default"))
    found.append(("a", "add a backend"))
    if row is not None and row.key[0] == "backends":
        found.append(("x", "remove it"))
    return [*found, ("Esc", "back")]


def heading(group: str) -> Line:
    """The line over a group."""
    return text(f"  {group}", Tone.LABEL)


def summary(found: Sequence[Row], path: str) -> Line:
    """The words in the title."""
    own = sum(row.own for row in found)
    return joined([text(f"{own} of your own", Tone.LABEL), text(path, Tone.LABEL)])


def added(name: str, backend: BackendSettings) -> dict[Key, Any]:
    """The changes that make a backend one of the configuration."""
    raw: dict[str, Any] = msgspec.to_builtins(backend)
    unset: dict[str, Any] = msgspec.to_builtins(BackendSettings(kind=""))
    return {("backends", name, key): value for key, value in raw.items() if value != unset.get(key)}
