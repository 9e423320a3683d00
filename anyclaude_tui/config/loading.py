"""Settings: typed, each with its explanation, read from TOML; nothing else decides anything.

Order, the stronger first: command-line flags, environment, the project's
`.anyclaude.toml` as far as it is trusted (`project.py`), the user's `config.toml`, the defaults.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from anyclaude_tui import private
from anyclaude_tui.config import legacy, project
from anyclaude_tui.config.backend_faults import faults
from anyclaude_tui.config.kinds import DEFAULT, KINDS, Kind, Rest
from anyclaude_tui.config.mistakes import line_of, nearest, plain
from anyclaude_tui.config.project import Key, LeftOut, ProjectFile
from anyclaude_tui.config.settings import (
    SEARCH_PROVIDERS,
    SECTIONS,
    STABLE_FRONTS,
    BackendSettings,
    Settings,
)
from anyclaude_tui.redaction import HIDDEN, shown


class ConfigError(Exception):
    """A setting is wrong; the text names file, line and key and says what to do."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force, and where they come from."""

    settings: Settings
    layers: tuple[tuple[str, dict[str, Any]], ...]
    """The weakest first: a name for people, and what of it counts."""
    project: tuple[ProjectFile, ...] = ()
    """The files of the folder that we were started in."""
    left_out: tuple[LeftOut, ...] = ()
    """What of those does not count."""

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
    return _convert(raw, text, source)


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
    own = _convert(merged, "", "the settings")
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
    settings = _convert(_merged(layers), "", "the settings")
    return Loaded(settings, tuple(layers), tuple(found), tuple(left_out))


def layers(env: Mapping[str, str], directory: Path) -> list[tuple[str, dict[str, Any]]]:
    """Where settings come from, the weakest first: a name for people, and what it sets.

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
    """What the variables set. Raises ConfigError."""
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
    _convert(made, "", str(path))
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


def resolve(name: str | None, settings: Settings) -> tuple[str, BackendSettings]:
    """A backend's name and settings from `--backend NAME`.

    `name` is a name from the configuration or `KIND[:REST]`; None takes the configured
    one, else the simulator. REST is what its kind's row says. The name that comes back may be
    shown: of a URL's secrets only the settings know. Raises ConfigError.
    """
    name = name or settings.backend or DEFAULT
    if name in settings.backends:
        its = settings.backends[name]
        if lack := KINDS[its.kind].lack(its):
            how = how_to_set(KINDS[its.kind])
            raise ConfigError(f"backends.{name}: {lack}: {how}")
        return name, its
    if name in legacy.DEFAULTS:  # what --mode took without any file
        return name, BackendSettings(**legacy.DEFAULTS[name])
    kind, _, rest = name.partition(":")
    kind = kind.replace("-", "_")
    row = KINDS.get(kind)
    if row is None:
        known = [*settings.backends, *KINDS]
        raise ConfigError(
            f"no backend called {shown(name)!r}{nearest(name, known)}. Known: {', '.join(known)}. "
            "Write KIND:REST, for example openai:http://127.0.0.1:1234/v1 or "
            "mlx_lm:/path/to/model, or add [backends.NAME] to config.toml."
        )
    if row.rest is Rest.URL and HIDDEN in rest:
        raise ConfigError(f"{name}: its secret is left out where it is shown: write the whole URL")
    given = {str(row.rest): rest} if rest else {}
    its = BackendSettings(kind=kind, **given)  # type: ignore[arg-type]  # the rest is a text
    if lack := row.lack(its):
        raise ConfigError(f"{lack}: --backend {kind}:{row.example}")
    return (shown(name) if row.rest is Rest.URL else name), its


def how_to_set(row: Kind) -> str:
    """The line of a backend's table that it cannot do without, in words."""
    return f'set {row.rest}, for example {row.rest} = "{row.example}"'


def _convert(raw: dict[str, Any], text: str, source: str) -> Settings:
    for name, backend in _table(raw, "backends").items():
        try:  # one by one: for a table of names msgspec does not say which
            made = msgspec.convert(backend, BackendSettings)
        except msgspec.ValidationError as error:
            words = _explain(str(error), text, source, f"backends.{name}", BackendSettings)
            raise ConfigError(words) from None
        if made.kind not in KINDS:
            raise ConfigError(
                f"{source}{line_of(text, f'backends.{name}.kind')}: backends.{name}.kind: "
                f"{made.kind!r} is no kind of backend{nearest(made.kind, tuple(KINDS))}. "
                f"Use one of {', '.join(KINDS)}."
            )
        for key, words in faults(made):
            dotted = f"backends.{name}.{key}"
            raise ConfigError(f"{source}{line_of(text, dotted)}: {dotted}: {words}")
    try:
        settings = msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), text, source)) from None
    if settings.proxy.host not in ("127.0.0.1", "::1", "localhost"):
        raise ConfigError(
            f"{source}{line_of(text, 'proxy.host')}: proxy.host: the proxy listens on loopback "
            "only: use 127.0.0.1, and an ssh tunnel from elsewhere"
        )
    provider = settings.search.provider
    if provider not in SEARCH_PROVIDERS:
        raise ConfigError(
            f"{source}{line_of(text, 'search.provider')}: search.provider: {provider!r} is none"
            f"{nearest(provider, SEARCH_PROVIDERS)}. Use one of {', '.join(SEARCH_PROVIDERS)}."
        )
    front = settings.proxy.stable_front
    if front not in STABLE_FRONTS:
        raise ConfigError(
            f"{source}{line_of(text, 'proxy.stable_front')}: proxy.stable_front: {front!r} is none"
            f"{nearest(front, STABLE_FRONTS)}. Use one of {', '.join(STABLE_FRONTS)}."
        )
    leader = settings.dashboard.leader
    if "+" not in leader and not re.fullmatch(r"f\d{1,2}", leader):
        raise ConfigError(
            f"{source}{line_of(text, 'dashboard.leader')}: dashboard.leader: {leader!r} would take "
            "a key from Claude Code: use a chord, for example ctrl+o, or a function key, f12"
        )
    return settings


def _check(raw: dict[str, Any], text: str, source: str) -> None:
    """Raises ValueError with the words of the ConfigError."""
    try:
        _convert(raw, text, source)
    except ConfigError as error:
        raise ValueError(str(error)) from None


def _table(raw: dict[str, Any], name: str) -> dict[str, Any]:
    found = raw.get(name)
    return found if isinstance(found, dict) else {}


def _explain(
    message: str,
    text: str,
    source: str,
    within: str = "",
    struct: type[msgspec.Struct] = Settings,
) -> str:
    """msgspec's words, with line, key and the nearest right key."""
    what, _, where = message.partition(" - at `$")
    where = where.rstrip("`").lstrip(".").replace("[...]", "")
    where = ".".join(filter(None, (within, where)))
    if "unknown field" in what:
        key = what.split("`")[1]
        dotted = f"{where}.{key}" if where else key
        near = nearest(key, _keys_of(where, struct)) or nearest(key, _all_keys())
        return (
            f"{source}{line_of(text, dotted)}: {dotted}: no such setting"
            f"{near}. docs/configuration.md lists them."
        )
    return f"{source}{line_of(text, where)}: {where or 'the file'}: {plain(what)}"


def _keys_of(where: str, struct: type[msgspec.Struct]) -> tuple[str, ...]:
    """The keys of a section; of `struct` where it is none."""
    return SECTIONS.get(where, struct).__struct_fields__


def _all_keys() -> list[str]:
    structs: list[type[msgspec.Struct]] = [Settings, BackendSettings, *SECTIONS.values()]
    return sorted({name for struct in structs for name in struct.__struct_fields__})


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            value = _merge(old, value)
        merged[key] = value
    return merged
