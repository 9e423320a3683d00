"""Settings: typed, each with its explanation, read from TOML; nothing else decides anything.

Order, the stronger first: command-line flags, environment, the project's
`.anyclaude.toml` as far as it is trusted (`project.py`), the user's `config.toml`, the defaults.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyclaude_tui import private
from anyclaude_tui.config import legacy, project
from anyclaude_tui.config.checking import convert
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.project import Key, LeftOut, ProjectFile
from anyclaude_tui.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force, and where they come from."""

    settings: Settings
    layers: tuple[tuple[str, dict[str, Any]], ...]
    """The weakest first: a name for people, and what of it counts."""
    project: tuple[ProjectFile, ...] = ()
    """The files of the folder that we were started in."""
    left_out: tuple[LeftOut, ...] = ()
    """The parts of those that do not count."""

    @property
    def sources(self) -> list[str]:
        """The names of the layers that set anything."""
        return [name for name, raw in self.layers if raw]


def home(env: Mapping[str, str] = os.environ) -> Path:
    """The folder of our files: `$ANYCLAUDE_HOME`, else `~/.anyclaude`."""
    given = env.get("ANYCLAUDE_HOME")
    return Path(given).expanduser() if given else Path.home() / ".anyclaude"


def parse(text: str, source: str) -> Settings:
    """Settings from TOML text. Raises ConfigError that names `source`, line and key."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: not valid TOML: {error}") from None
    return convert(raw, text, source)


def load(env: Mapping[str, str] = os.environ, directory: Path | None = None) -> Settings:
    """The settings of `read`. Raises ConfigError."""
    return read(env, directory).settings


def read(env: Mapping[str, str] = os.environ, directory: Path | None = None) -> Loaded:
    """The settings from the user's and the project's file and the environment.

    `directory` is where the project's files are looked for (default: here). Where there is no
    `config.toml`, the predecessor's `.anyclauderc.json` is read. Raises ConfigError that names
    the file, the line and the key of a mistake; a project's mistake is left out instead.
    """
    directory = directory or Path.cwd()
    layers = _users_own(env)
    named = _environment(env)
    merged = _merged(layers)
    own = convert(merged, "", "the settings")
    names = {*own.backends, *named.get("backends", {})}
    found = project.find(directory, home(env), _users_home(env), _check)
    left_out = []
    for file in found:
        if file.mistake:
            left_out.append(LeftOut(file))
            continue
        counts: dict[str, Any] = file.raw
        left: list[Key] = []
        if not file.trusted:
            counts, left = project.harmless(file.raw, names, own.limits)
        if left:
            left_out.append(LeftOut(file, tuple(left)))
        layers.append((str(file.path), counts))
    layers.append(("the environment", named))
    settings = convert(_merged(layers), "", "the settings")
    return Loaded(settings, tuple(layers), tuple(found), tuple(left_out))


def layers(env: Mapping[str, str], directory: Path) -> list[tuple[str, dict[str, Any]]]:
    """The sources of the settings, the weakest first: a name for people, and the settings in it.

    Raises ConfigError that names the file, the line and the key of a mistake.
    """
    return list(read(env, directory).layers)


def _merged(layers: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for _, raw in layers:
        merged = _over(merged, raw)
    return merged


def _users_own(env: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """The user's own files: the predecessor's, else `config.toml`. Raises ConfigError."""
    old = legacy_file(env)
    if old is not None:
        only_ours(home(env))
        only_ours(old)
        return [(str(old), from_legacy(old)[0])]
    path = home(env) / "config.toml"
    only_ours(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    parse(text, str(path))  # a mistake is reported against the file that has it
    return [(str(path), tomllib.loads(text))]


def only_ours(path: Path) -> None:
    """Raises ConfigError where others may change what a file of the user's says."""
    try:
        private.check(path)
    except OSError as error:
        raise ConfigError(error.strerror or str(error)) from None


def _environment(env: Mapping[str, str]) -> dict[str, Any]:
    """The settings made by the environment's variables. Raises ConfigError."""
    try:
        made = legacy.environment(env)
    except legacy.LegacyError as error:
        raise ConfigError(str(error)) from None
    if env.get("ANYCLAUDE_MODE"):
        made["backend"] = env["ANYCLAUDE_MODE"]
    if env.get("ANYCLAUDE_TOKEN"):
        made.setdefault("proxy", {})["token"] = env["ANYCLAUDE_TOKEN"]
    debug = env.get("ANYCLAUDE_DEBUG")
    if debug:
        if debug not in ("0", "1", "2", "3"):
            raise ConfigError(f"ANYCLAUDE_DEBUG={debug}: use 0, 1, 2 or 3")
        made["logs"] = {"debug": int(debug)}
    return made


def legacy_file(env: Mapping[str, str]) -> Path | None:
    """The user's `.anyclauderc.json`, where it is read: there is no `config.toml` beside it."""
    if (home(env) / "config.toml").exists():
        return None
    return legacy.find(_users_home(env))


def _users_home(env: Mapping[str, str]) -> Path:
    return Path(env.get("HOME") or Path.home())


def from_legacy(path: Path) -> tuple[dict[str, Any], list[str]]:
    """A `.anyclauderc.json` as `config.toml` has it, and what was left out. Raises ConfigError."""
    try:
        made, notes = legacy.read(path)
    except legacy.LegacyError as error:
        raise ConfigError(str(error)) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    convert(made, "", str(path))
    return made, notes


def _over(settings: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    """A stronger layer over a weaker one. A backend of another kind takes the other's place, and
    a key is only sent to the URL that its own layer names."""
    there = settings.get("backends", {})
    stronger = added.get("backends", {})
    kept = {
        name: _without_key(value, stronger.get(name, {}))
        for name, value in there.items()
        if stronger.get(name, value).get("kind", value.get("kind")) == value.get("kind")
    }
    return _merge({**settings, "backends": kept} if there else settings, added)


def _without_key(backend: dict[str, Any], stronger: dict[str, Any]) -> dict[str, Any]:
    """A backend without its key and headers, where a stronger layer has another URL for it."""
    if stronger.get("url", backend.get("url")) == backend.get("url"):
        return backend
    return {key: value for key, value in backend.items() if key not in ("api_key", "headers")}


def _check(raw: dict[str, Any], text: str, source: str) -> None:
    """Raises ValueError with the words of the ConfigError."""
    try:
        convert(raw, text, source)
    except ConfigError as error:
        raise ValueError(str(error)) from None


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            value = _merge(old, value)
        merged[key] = value
    return merged
