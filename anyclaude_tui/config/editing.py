"""Changes to `config.toml` that leave the rest of it as it is: comments, order, blank lines.

Where the file's form does not allow it the whole file is written anew, which loses its comments
but never a setting.
"""

from __future__ import annotations

import copy
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Comment, Item, Table

from anyclaude_tui import private
from anyclaude_tui.config import loading
from anyclaude_tui.config.settings import Settings

Key = tuple[str, ...]
"""A key with its tables: ("backends", "coder", "model")."""


def save(
    home: Path,
    changes: Mapping[Key, Any],
    env: Mapping[str, str] = os.environ,
    accept: Callable[[Settings], None] = lambda _: None,
) -> tuple[Path, Settings]:
    """Write the changes (None removes a key or a table); the file, and its settings alone.

    Where the predecessor's file at home is in force its settings are taken along, because it is
    not read any more beside a `config.toml`; a project's files never are. Nothing is
    written when the result would be wrong.
    `accept` is shown the result first, and raises where it is wrong for a reason not known here.
    Raises ConfigError when it is, or was before; what `accept` raises; OSError when it cannot be
    written.
    """
    path = home / "config.toml"
    loading.only_ours(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        old = loading.legacy_file(env)
        text = tomlkit.dumps(loading.from_legacy(old)[0]) if old is not None else ""
    loading.parse(text, str(path))
    for key, value in changes.items():
        text = with_value(text, key, value)
    settings = loading.parse(text, str(path))
    accept(settings)
    private.write(path, text.encode())
    return path, settings


def with_value(text: str, key: Key, value: Any) -> str:
    """The TOML text with a key set, or with a key or table removed (None)."""
    wanted = _set(tomllib.loads(text), key, value)
    for way in (_appended, _edited):
        try:
            made = way(text, key, value)
            if tomllib.loads(made) == wanted:
                return made
        except (TOMLKitError, tomllib.TOMLDecodeError):
            continue
    return tomlkit.dumps(wanted)


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


def _appended(text: str, key: Key, value: Any) -> str:
    """The text with a new table for the key at its end; wrong where there is such a table."""
    heading = key if isinstance(value, dict) else key[:-1]
    if value is None or not heading:
        return text
    if text:
        text = text.rstrip("\n") + "\n\n"
    content = value if isinstance(value, dict) else {key[-1]: value}
    dotted = ".".join(tomlkit.key(name).as_string() for name in heading)
    return f"{text}[{dotted}]\n{tomlkit.dumps(content)}"


def _edited(text: str, key: Key, value: Any) -> str:
    """The text with the key changed in its place; it may be wrong, which the caller sees."""
    document = tomlkit.parse(text)
    table: Any = document
    for name in key[:-1]:
        if name not in table:
            if value is None:
                return text
            table[name] = tomlkit.table()
        table = table[name]
    if value is None:
        if key[-1] in table:
            del table[key[-1]]
        return document.as_string()
    if table is document and key[-1] not in document and not isinstance(value, dict):
        _put_first(document, key[-1], value)
        edited: str = document.as_string()
        return edited
    table[key[-1]] = value
    item = table[key[-1]]
    if isinstance(item, Item):  # what stood beside the old value spoke of that
        item.trivia.comment_ws = item.trivia.comment = ""
    return document.as_string()


def _put_first(document: tomlkit.TOMLDocument, name: str, value: Any) -> None:
    """Add a key that is in no table: behind the last such key, else behind the comments that
    head the file; so that a comment above a table stays there."""
    body = document.body
    keys = [
        place
        for place, (key, item) in enumerate(body)
        if key is not None and not isinstance(item, Table | AoT)
    ]
    heading = next((n for n, (_, item) in enumerate(body) if not isinstance(item, Comment)), None)
    place = keys[-1] + 1 if keys else len(body) if heading is None else heading
    if place:
        before = body[place - 1][1].trivia
        before.trail = before.trail or "\n"
    body.insert(place, (tomlkit.key(name), tomlkit.item(value)))
