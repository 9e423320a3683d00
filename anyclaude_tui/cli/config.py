"""`anyclaude-tui config`: where settings are, what they are, whether they are right; changes."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import tomlkit

from anyclaude_tui import config as configuration
from anyclaude_tui import private
from anyclaude_tui.cli import settings
from anyclaude_tui.cli.failure import Failed
from anyclaude_tui.config import Loaded, checking, editing, legacy, project, sample, trust, typed
from anyclaude_tui.config.mistakes import ConfigError, key_of
from anyclaude_tui.config.secrets import is_hidden
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.redaction import HIDDEN, is_secret, shown

ACTIONS = {
    "path": "where config.toml is",
    "show": "the settings in force (what is done without ACTION)",
    "check": "every mistake, with its line, its key and what was probably meant",
    "set": "change one setting in config.toml; the rest of the file stays as it is",
    "unset": "take one setting out of config.toml",
    "edit": "open config.toml in $VISUAL or $EDITOR, and check it afterwards",
    "init": "write a config.toml with every setting in it, explained and commented out",
    "import": "turn an .anyclauderc.json into config.toml",
    "trust": "show what this folder's own settings would set, and trust them",
    "untrust": "trust them no more",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    made = {name: actions.add_parser(name, help=words) for name, words in ACTIONS.items()}
    for name in ("set", "unset"):
        made[name].add_argument(
            "key", metavar="KEY", help="with its table: limits.retries, backends.coder.model"
        )
    made["set"].add_argument(
        "value",
        metavar="VALUE",
        help="a list with blanks between its parts, a table as NAME=value",
    )
    made["import"].add_argument("file", nargs="?", metavar="FILE", help="the .anyclauderc.json")
    made["trust"].add_argument("--yes", action="store_true", help="do not ask")


def config(options: argparse.Namespace) -> int:
    """Do the action. Returns the exit code; raises Failed or ConfigError."""
    path = configuration.home() / "config.toml"
    match options.action:
        case "path":
            print(path)
        case "import":
            return _import(Path(options.file) if options.file else None, path)
        case "trust":
            return _trust(options.yes)
        case "untrust":
            return _untrust()
        case "set":
            return _set(options.key, options.value)
        case "unset":
            return _set(options.key, None)
        case "edit":
            return _edit(path)
        case "init":
            return _init(path)
        case "check":
            return _check(settings.load(), path)
        case _:
            loaded = settings.load()
            print(tomlkit.dumps(_shown(msgspec.to_builtins(loaded.settings))), end="")
    return 0


def _set(dotted: str, words: str | None) -> int:
    """Write one setting, or take it out (None). Raises Failed, ConfigError or OSError."""
    key = key_of(dotted)
    try:
        field = typed.field_of(key)
        member = key[-1] if field.kind in ("pairs", "object") and field.key != key[-1] else ""
    except ValueError as error:
        raise Failed(str(error), 2) from None
    try:
        value = words if words is None or member else typed.parsed(field, words)
    except ValueError as error:
        raise Failed(f"{dotted}: {error}", 2) from None
    path, _ = editing.save(configuration.home(), {key: value}, accept=_must_look(dotted))
    print(f"{path}: {dotted} {'is taken out' if words is None else 'is set'}")
    return 0


def _must_look(dotted: str) -> Callable[[Settings], None]:
    """A check that refuses settings whose `dotted` only Textual finds wrong. Raises Failed."""

    def accept(made: Settings) -> None:
        from anyclaude_tui.screens.settings import look

        for key, words in look.faults(made.dashboard):
            if key == dotted:
                raise Failed(f"{key}: {words}", 2)

    return accept


def _edit(path: Path) -> int:
    """The editor on the file, then what is wrong with it. Raises Failed."""
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    if not path.exists():
        _init(path)
    try:
        code = subprocess.run([*editor, str(path)], check=False).returncode
    except OSError as error:
        words = f"{editor[0]}: {error.strerror}: set EDITOR to an editor that is installed"
        raise Failed(words) from None
    if code:
        raise Failed(f"{editor[0]} ended with exit code {code}")
    return _check(settings.load(), path)


def _init(path: Path) -> int:
    """Write the sample. Raises Failed or OSError."""
    if path.exists():
        raise Failed(f"{path} exists already: `anyclaude-tui config edit` opens it")
    private.write(path, sample.sample().encode())
    print(f"Wrote {path}: every setting, explained and commented out")
    return 0


def _check(loaded: Loaded, path: Path) -> int:
    """Say what is in force, and every mistake; 1 where a file of this folder is wrong.

    Raises ConfigError.
    """
    from anyclaude_tui.screens.settings import look

    wrong: dict[str, list[checking.Found]] = {}
    for found in (*checking.across(loaded.settings), *look.faults(loaded.settings.dashboard)):
        wrong.setdefault(_origin(found[0], loaded) or str(path), []).append(found)
    old = configuration.legacy_file(os.environ)
    for source in loaded.sources:
        if source in wrong:
            print(f"{source} has mistakes")
        elif old is not None and source == str(old):
            print(f"{old} is understood; `anyclaude-tui config import` makes {path} of it")
        else:
            print(f"{source} is right")
    if not loaded.sources:
        state = "sets nothing" if path.exists() else "does not exist"
        print(f"{path} {state}; the defaults are used")
    if wrong:
        raise ConfigError("\n".join(_listed(found, source) for source, found in wrong.items()))
    return 1 if any(left.file.mistake for left in loaded.left_out) else 0


def _origin(key: str, loaded: Loaded) -> str:
    """The strongest layer that sets a key, or the table that it is missing in; "" for none."""
    path = key_of(key)
    for length in range(len(path), 0, -1):
        for name, raw in reversed(loaded.layers):
            table: Any = raw
            for part in path[:length]:
                table = table.get(part) if isinstance(table, dict) else None
            if table is not None:
                return str(name)
    return ""


def _listed(found: list[checking.Found], source: str) -> str:
    file = Path(source)
    return checking.listed(found, file.read_text("utf-8") if file.exists() else "", source)


def _trust(sure: bool) -> int:
    """Show what the folder's own settings would set, ask, and trust them. Raises Failed."""
    loaded = configuration.read()
    asking = [left.file for left in loaded.left_out if not left.file.mistake]
    for left in loaded.left_out:
        if left.file.mistake:
            print(left)
    if not asking:
        known = [file for file in loaded.project if file.trusted]
        print(f"{known[-1].path} is trusted" if known else "Nothing here asks to be trusted.")
        return 0
    for file in asking:
        print(f"{file.path} would set:")
        for key, value in file.wishes():
            print(f"  {'.'.join(key)} = {value}")
    if not sure:
        if not sys.stdin.isatty():
            raise Failed("nobody can be asked here: `anyclaude-tui config trust --yes` trusts it")
        print("Programs named there are started, and what you type is sent to hosts named there.")
        if input("Trust it until it changes? [y/N] ").strip().lower() not in ("y", "yes"):
            print("Not trusted.")
            return 1
    for file in asking:
        trust.trust(configuration.home(), file.path, file.content)
        print(f"{file.path} is trusted until it changes")
    return 0


def _untrust() -> int:
    found = [Path.cwd() / name for name in (project.FILE_NAME, legacy.FILE_NAME)]
    gone = [path for path in found if trust.forget(configuration.home(), path)]
    for path in gone:
        print(f"{path} is not trusted any more")
    if not gone:
        print("Nothing here was trusted.")
    return 0


def _import(source: Path | None, path: Path) -> int:
    """Write `config.toml` from an `.anyclauderc.json`. Raises Failed or ConfigError."""
    source = source or legacy.find(Path.home())
    if source is None:
        raise Failed(
            f"there is no {legacy.FILE_NAME} in your home: name it, "
            f"`anyclaude-tui config import /path/to/{legacy.FILE_NAME}`",
            2,
        )
    if path.exists():
        raise Failed(f"{path} exists already: rename it first if the import is to replace it")
    made, notes = configuration.from_legacy(source)
    private.write(path, tomlkit.dumps(made).encode())
    print(f"Wrote {path} from {source}")
    for note in notes:
        print(f"  {note}")
    print("Next: `anyclaude-tui doctor` says whether its backends can be used.")
    return 0


def _shown(value: Any, key: tuple[str, ...] = ("",)) -> Any:
    """Settings for the screen: no secrets, and no None, which TOML does not have."""
    if isinstance(value, dict):
        return {
            name: _shown(item, (*key, name)) for name, item in value.items() if item is not None
        }
    if value and (is_secret(key[-1]) or is_hidden(key, value)):
        return HIDDEN
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    return value
