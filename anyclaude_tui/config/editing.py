"""Changes to `config.toml` that leave the rest of it as it is: comments, order, blank lines.

Only the lines of the changed key are written. Where lines cannot do it (an inline table, say)
the whole file is written anew, which loses its comments but never a setting.
"""

from __future__ import annotations

import copy
import os
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from anyclaude_tui.config import loading
from anyclaude_tui.config.mistakes import heading_of, key_of
from anyclaude_tui.config.settings import Settings

Key = tuple[str, ...]
"""A key with its tables: ("backends", "coder", "model")."""
LONGEST_VALUE = 200
"""Lines that a value may go over."""


def save(
    home: Path,
    changes: Mapping[Key, Any],
    env: Mapping[str, str] = os.environ,
    directory: Path | None = None,
) -> tuple[Path, Settings]:
    """Write the changes (None removes a key or a table); the file, and its settings alone.

    Where the predecessor's file is in force its settings are taken along, because it is not
    read any more beside a `config.toml`. Nothing is written when the result would be wrong.
    Raises ConfigError when it is, or was before; OSError when it cannot be written.
    """
    path = home / "config.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        old = loading.legacy_file(env, directory or Path.cwd())
        text = tomli_w.dumps(loading.from_legacy(old)[0]) if old is not None else ""
    loading.parse(text, str(path))
    for key, value in changes.items():
        text = with_value(text, key, value)
    settings = loading.parse(text, str(path))
    write(path, text)
    return path, settings


def with_value(text: str, key: Key, value: Any) -> str:
    """The TOML text with a key set, or with a key or table removed (None)."""
    wanted = _set(tomllib.loads(text), key, value)
    made = _edited(text, key, value)
    try:
        if tomllib.loads(made) == wanted:
            return made
    except tomllib.TOMLDecodeError:
        pass
    return tomli_w.dumps(wanted)


def write(path: Path, text: str) -> None:
    """All of it or nothing, for the user's eyes only; a link stays a link. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    real = path.resolve()
    number, name = tempfile.mkstemp(dir=real.parent, prefix=".config-", suffix=".toml")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(real)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _set(raw: dict[str, Any], key: Key, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(raw)
    table = made
    for name in key[:-1]:
        if value is None and name not in table:
            return made
        table = table.setdefault(name, {})
    if value is None:
        table.pop(key[-1], None)
    else:
        table[key[-1]] = value
    return made


# --- lines ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Span:
    """Lines `start` to `end` (not included) that set `key`, or head the table `key`."""

    key: Key
    start: int
    end: int
    table: bool = False


@dataclass(slots=True)
class _Map:
    """What stands where."""

    lines: list[str]
    spans: list[_Span] = field(default_factory=list)

    def table_end(self, table: Key) -> int | None:
        """The line after the last key of a table; None where there is no such table."""
        end = None
        inside = not table
        for span in self.spans:
            if span.table:
                inside = span.key == table
            if inside and (span.table or span.key[:-1] == table):
                end = span.end
        return end


def _read(text: str) -> _Map:
    found = _Map(text.splitlines(keepends=True))
    table: Key = ()
    number = 0
    while number < len(found.lines):
        line = found.lines[number]
        heading = heading_of(line)
        if heading is not None:
            table = heading
            found.spans.append(_Span(table, number, number + 1, table=True))
        elif line.strip() and not line.lstrip().startswith("#") and "=" in line:
            end = _end_of_value(found.lines, number)
            found.spans.append(_Span((*table, *key_of(line)), number, end))
            number = end - 1
        number += 1
    return found


def _end_of_value(lines: Sequence[str], start: int) -> int:
    """The line after a value, which may go over many."""
    for end in range(start + 1, min(len(lines), start + LONGEST_VALUE) + 1):
        try:
            tomllib.loads("".join(lines[start:end]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    return start + 1


def _edited(text: str, key: Key, value: Any) -> str:
    """The text with the lines of the key changed; it may be wrong, which the caller sees."""
    there = _read(text)
    lines = there.lines
    span = next((one for one in there.spans if one.key == key and not one.table), None)
    if value is None:
        return _without(there, key)
    made = tomli_w.dumps({key[-1]: value})
    if span is not None:
        lines[span.start : span.end] = [made]
        return "".join(lines)
    end = there.table_end(key[:-1])
    if end is None and key[:-1]:
        return _appended(text, f"[{'.'.join(map(_quoted, key[:-1]))}]\n{made}")
    if end is None:  # before all tables, after the comments that head the file
        end = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if end and not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    lines.insert(end, made)
    return "".join(lines)


def _without(there: _Map, key: Key) -> str:
    """Without a key, or without a table and those in it."""
    gone: set[int] = set()
    inside = False
    for place, span in enumerate(there.spans):
        if span.table:
            inside = span.key[: len(key)] == key
        following = there.spans[place + 1].start if place + 1 < len(there.spans) else None
        if span.key[: len(key)] == key and not span.table:
            gone.update(range(span.start, span.end))
        elif inside and span.table:
            gone.update(range(span.start, following if following is not None else span.end))
    return "".join(line for number, line in enumerate(there.lines) if number not in gone)


def _appended(text: str, more: str) -> str:
    if text and not text.endswith("\n"):
        text += "\n"
    return f"{text}\n{more}" if text else more


def _quoted(name: str) -> str:
    """A part of a key, quoted where TOML wants it."""
    return tomli_w.dumps({name: 0}).rpartition(" = ")[0]
