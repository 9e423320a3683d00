"""The settings files of the folder that we are started in, which came with somebody's code.

A file of a project may name programs, hosts and variables. Without a question it may only
choose among the user's own backends, set the dashboard's looks and lower limits; the rest of
it counts once the user has trusted this path and this content (`config trust`), and is left
out until then, with words that say so.
"""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyclaude_tui.config import legacy, trust
from anyclaude_tui.config.mistakes import line_of
from anyclaude_tui.config.secrets import is_hidden
from anyclaude_tui.config.settings import Limits
from anyclaude_tui.redaction import HIDDEN, shown

FILE_NAME = ".anyclaude.toml"
BYTES_MOST = 256 * 1024
"""A larger file is not one that a person wrote."""
KEYS_SHOWN = 8
"""Keys that the line about a file names; `config trust` lists them all."""
LOOKS = ("theme", "colours", "motion")
"""Keys of [dashboard] that are looks; its leader takes a key from Claude Code."""
Key = tuple[str, ...]
Check = Callable[[dict[str, Any], str, str], object]
"""Raises ValueError for settings that are wrong: their tables, their text, the file's name."""


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """A settings file of the project's folder."""

    path: Path
    raw: dict[str, Any] = field(default_factory=dict)
    """The settings in it, as `config.toml` has them; empty where it is wrong."""
    text: str = field(default="", repr=False)
    content: str = ""
    """The digest of its bytes, to trust it by."""
    trusted: bool = False
    mistake: str = ""
    """The reason why it cannot be used at all, in words."""

    def line_of(self, key: Key) -> str:
        """`:LINE` of a key."""
        if self.path.suffix == ".toml":
            return line_of(self.text, ".".join(key))
        return _json_line(self.text, key)

    def wishes(self) -> Iterator[tuple[Key, str]]:
        """Every key that it sets with its value in words, without secrets and controls."""
        for key, value in leaves(self.raw):
            words = (
                HIDDEN if is_hidden(key, value) else shown(json.dumps(value, ensure_ascii=False))
            )
            yield key, _printable(words)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The part of a project's file that does not count, because nobody has trusted it."""

    file: ProjectFile
    keys: tuple[Key, ...] = ()

    def __str__(self) -> str:
        """One line: file, lines and keys, and what to do."""
        path = _printable(str(self.file.path))
        if self.file.mistake:
            return f"{_printable(self.file.mistake)}. The file is left out"
        named = [
            f"{_printable('.'.join(key))} (line {self.file.line_of(key).removeprefix(':') or '?'})"
            for key in self.keys[:KEYS_SHOWN]
        ]
        more = f" and {len(self.keys) - KEYS_SHOWN} more" if len(self.keys) > KEYS_SHOWN else ""
        return (
            f"{path} is not trusted, so this in it is left out: {', '.join(named)}{more}. "
            "`anyclaude-tui config trust` shows what it would set and asks"
        )


def unanswered(left_out: Iterable[LeftOut], home: Path) -> list[ProjectFile]:
    """The files that the user is to be asked about: those that could be trusted, and to which
    nobody has said no as they are."""
    files = (left.file for left in left_out if not left.file.mistake)
    return [file for file in files if not trust.is_refused(home, file.path, file.content)]


def find(directory: Path, home: Path, users_home: Path, check: Check) -> list[ProjectFile]:
    """The settings files of a folder, the weakest first. `home` is our folder, `users_home` the
    user's: a predecessor's file there is no project's. Raises nothing."""
    found = []
    if not (home / "config.toml").exists() and not _same(directory, users_home):
        found.append(_read(directory / legacy.FILE_NAME, home, check))
    found.append(_read(directory / FILE_NAME, home, check))
    return [file for file in found if file is not None]


def harmless(
    raw: Mapping[str, Any], backends: Collection[str], limits: Limits
) -> tuple[dict[str, Any], list[Key]]:
    """The settings that a file may make without a question, and the keys that it may not.

    `backends` are the names of the user's own, `limits` the user's.
    """
    kept: dict[str, Any] = {}
    left: list[Key] = []
    for key, value in leaves(raw):
        if not _is_harmless(key, value, backends, limits):
            left.append(key)
            continue
        table = kept
        for name in key[:-1]:
            table = table.setdefault(name, {})
        table[key[-1]] = value
    return kept, left


def _is_harmless(key: Key, value: Any, backends: Collection[str], limits: Limits) -> bool:
    match key:
        case ("backend",) | ("roles", "background" | "subagent"):
            return isinstance(value, str) and value in backends
        case ("dashboard", name):
            return name in LOOKS
        case ("limits", name):
            now = getattr(limits, name, None)
            return isinstance(value, int | float) and now is not None and bool(value <= now)
    return False


def leaves(raw: Mapping[str, Any], within: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every value with its key; an empty table is one too."""
    for name, value in raw.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*within, name))
        else:
            yield (*within, name), value


def read_bounded(path: Path, most: int = BYTES_MOST) -> bytes:
    """The bytes of a file that came with somebody's code: a link may lead to a device, a pipe
    or a log. Raises OSError, and ValueError for what is none or is too large."""
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise ValueError("it is not a plain file")
        with os.fdopen(number, "rb", closefd=False) as file:
            data = file.read(most + 1)
    finally:
        os.close(number)
    if len(data) > most:
        raise ValueError(f"it is larger than {most // 1024} KiB")
    return data


def _read(path: Path, home: Path, check: Check) -> ProjectFile | None:
    """The file; None where there is none."""
    try:
        data = read_bounded(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return ProjectFile(path, mistake=f"{path} cannot be read: {error.strerror or error}")
    except ValueError as error:
        return ProjectFile(path, mistake=f"{path}: {error}")
    try:
        text = data.decode()
        is_toml = path.suffix == ".toml"
        raw = tomllib.loads(text) if is_toml else legacy.parse(text, path)[0]
        check(raw, text if is_toml else "", str(path))
    except UnicodeDecodeError:
        return ProjectFile(path, mistake=f"{path}: it is not UTF-8")
    except RecursionError:
        return ProjectFile(path, mistake=f"{path}: it is nested too deeply")
    except tomllib.TOMLDecodeError as error:
        return ProjectFile(path, mistake=f"{path}: not valid TOML: {error}")
    except ValueError as error:
        words = str(error)
        words = words if words.startswith(str(path)) else f"{path}: {words}"
        return ProjectFile(path, mistake=words)
    return ProjectFile(path, raw, text, trust.digest(data), trust.is_trusted(home, path, data))


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _json_line(text: str, key: Key) -> str:
    """`:LINE` of what a key was made of: the line of the innermost of its names that is there."""
    at = -1
    for name in key:
        found = text.find(json.dumps(name), at + 1)
        at = found if found >= 0 else at
    return f":{text.count(chr(10), 0, at) + 1}" if at >= 0 else ""


def _printable(words: str) -> str:
    """Text of a stranger's for the terminal: controls and what turns writing around as codes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)
