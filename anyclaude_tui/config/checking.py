"""Every mistake of a settings file at once, each with its line, its key and what was meant.

`convert` is asked at every load: what is of a wrong type, unknown or out of its bounds.
`across` is for `config check`: what is right by itself and wrong beside the rest.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from anyclaude_tui.config import mistakes
from anyclaude_tui.config.backend_faults import faults
from anyclaude_tui.config.kinds import KINDS
from anyclaude_tui.config.mistakes import ConfigError, nearest
from anyclaude_tui.config.naming import lack, resolve
from anyclaude_tui.config.settings import (
    SEARCH_PROVIDERS,
    SECTIONS,
    STABLE_FRONTS,
    BackendSettings,
    Settings,
)

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_TAKEN = ("ctrl+c", "ctrl+d", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+left_square_bracket")
"""Chords that Claude Code or every shell lives from, or that a terminal sends for Tab, Enter
and Escape too."""
Found = tuple[str, str]
"""(dotted key, words)."""


def convert(raw: dict[str, Any], text: str, source: str) -> Settings:
    """The settings of a decoded file. `text` is what it was decoded from, for the lines.

    Raises ConfigError with a line for each mistake.
    """
    rest = copy.deepcopy(raw)
    found: list[Found] = []
    backends = rest.get("backends")
    if isinstance(backends, dict):
        for name in list(backends):  # one by one: of a table of names msgspec does not say which
            table = backends[name]
            found += _taken_out(table, BackendSettings, f"backends.{name}")
            try:
                made = msgspec.convert(table, BackendSettings)
            except msgspec.ValidationError:
                del backends[name]
                continue
            if made.kind in KINDS:
                found += [(f"backends.{name}.{key}", words) for key, words in faults(made)]
            else:
                near = nearest(made.kind, tuple(KINDS))
                words = f"{made.kind!r} is not a kind of backend{near}. "
                found.append((f"backends.{name}.kind", f"{words}Use one of {', '.join(KINDS)}."))
    found += _taken_out(rest, Settings)
    settings = msgspec.convert(rest, Settings)
    found += _values(settings)
    if found:
        raise ConfigError(listed(found, text, source))
    return settings


def across(settings: Settings) -> Iterator[Found]:
    """The mistakes in settings that `convert` took."""
    yield from _backends(settings)
    yield from _across(settings)


def _taken_out(raw: Any, struct: type[msgspec.Struct], within: str = "") -> Iterator[Found]:
    """The mistakes of a table; each is taken out of it, so that the next one is seen. What is
    left is right, but for a mistake of the table as a whole."""
    told: set[str] = set()
    while True:
        try:
            msgspec.convert(raw, struct)
            return
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$")
        path = [part for part in re.split(r"\.|\[\d*\.*\]", where.rstrip("`")) if part]
        if unknown := re.search(r"unknown field `(.*)`", what):
            path.append(unknown[1])
            dotted = ".".join(filter(None, (within, *path)))
            yield dotted, f"no such setting{_near(path, struct)}. docs/configuration.md lists them."
        elif not (missing := re.search(r"required field `(.*)`", what)) or missing[1] not in told:
            yield ".".join(filter(None, (within, *path))), mistakes.plain(what)
        told.update(path[-1:])
        if not _remove(raw, path):
            return


def _remove(raw: Any, path: list[str]) -> bool:
    """Take a key out of its tables; False where it is not in them."""
    for name in path[:-1]:
        raw = raw.get(name) if isinstance(raw, dict) else None
    if not path or not isinstance(raw, dict) or path[-1] not in raw:
        return False
    del raw[path[-1]]
    return True


def _near(path: list[str], struct: type[msgspec.Struct]) -> str:
    """The nearest setting of that table, else of all."""
    within = SECTIONS.get(".".join(path[:-1]), struct)
    return nearest(path[-1], within.__struct_fields__) or nearest(path[-1], _all_keys())


def _all_keys() -> list[str]:
    structs: list[type[msgspec.Struct]] = [Settings, BackendSettings, *SECTIONS.values()]
    return sorted({name for struct in structs for name in struct.__struct_fields__})


def _values(settings: Settings) -> Iterator[Found]:
    if settings.proxy.host not in LOOPBACK:
        yield (
            "proxy.host",
            "the proxy listens on loopback only: use 127.0.0.1, and an ssh tunnel from elsewhere",
        )
    for key, given, known in (
        ("search.provider", settings.search.provider, SEARCH_PROVIDERS),
        ("proxy.stable_front", settings.proxy.stable_front, STABLE_FRONTS),
    ):
        if given not in known:
            near = nearest(given, known)
            yield key, f"{given!r} is not one of them{near}. Use one of {', '.join(known)}."
    leader = settings.dashboard.leader
    if ("+" not in leader and not re.fullmatch(r"f\d{1,2}", leader)) or leader in _TAKEN:
        yield (
            "dashboard.leader",
            f"{leader!r} would take a key from Claude Code: use a chord, for example ctrl+o, or a "
            "function key, f12",
        )


def _backends(settings: Settings) -> Iterator[Found]:
    for name, its in settings.backends.items():
        if words := lack(name, its):
            key = str(KINDS[its.kind].rest)
            yield f"backends.{name}.{key}", words.partition(": ")[2]
    chosen = {"backend": settings.backend} | {
        f"roles.{role}": name for role, name in msgspec.structs.asdict(settings.roles).items()
    }
    for key, name in chosen.items():
        if name and name not in settings.backends:
            try:
                resolve(name, settings)
            except ConfigError as error:
                yield key, str(error)


def _across(settings: Settings) -> Iterator[Found]:
    ports = {settings.proxy.port: "proxy.port"} if settings.proxy.port else {}
    for name, its in settings.backends.items():
        if (
            its.port
            and (other := ports.setdefault(its.port, f"backends.{name}.port"))
            and (other != f"backends.{name}.port")
        ):
            yield f"backends.{name}.port", f"{its.port} is {other} too: only one can listen there"
    search = settings.search
    if search.provider == "searxng" and not search.url:
        yield "search.url", "searxng needs the address of your server"
    if search.provider in ("brave", "tavily") and not search.api_key:
        yield "search.api_key", f"{search.provider} needs a key; env:NAME reads it from a variable"


def listed(found: list[Found], text: str, source: str) -> str:
    """`SOURCE:LINE: KEY: WORDS` of each (key, words), in the order of the file `text`."""
    lines = [(mistakes.line_of(text, key), key, words) for key, words in found]
    lines.sort(key=lambda line: int(line[0][1:] or 0))
    return "\n".join(f"{source}{at}: {key or 'the file'}: {words}" for at, key, words in lines)
