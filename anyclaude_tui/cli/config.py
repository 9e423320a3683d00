"""`anyclaude-tui config`: where settings are, what they are, and whether they are right."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import tomlkit

from anyclaude_tui import config as configuration
from anyclaude_tui import private
from anyclaude_tui.cli import settings
from anyclaude_tui.cli.failure import Failed
from anyclaude_tui.config import Loaded, legacy, project, trust
from anyclaude_tui.config.secrets import is_hidden
from anyclaude_tui.redaction import HIDDEN, is_secret, shown


def config(options: argparse.Namespace) -> int:
    """`config path | show | check | import FILE | trust | untrust`."""
    path = configuration.home() / "config.toml"
    if options.action == "import":
        return _import(Path(options.file) if options.file else None, path)
    if options.file:
        raise Failed(f"config {options.action} takes no file: did you mean `config import`?", 2)
    if options.action == "path":
        print(path)
        return 0
    if options.action == "trust":
        return _trust(options.yes)
    if options.action == "untrust":
        return _untrust()
    loaded = settings.load()
    if options.action == "check":
        return _check(loaded, path)
    print(tomlkit.dumps(_shown(msgspec.to_builtins(loaded.settings))), end="")
    return 0


def _check(loaded: Loaded, path: Path) -> int:
    """Say what is in force; 1 where a file of this folder is wrong. Raises ConfigError."""
    configuration.resolve(None, loaded.settings)
    for name in loaded.settings.backends:
        configuration.resolve(name, loaded.settings)
    old = configuration.legacy_file(os.environ)
    for source in loaded.sources:
        if old is not None and source == str(old):
            print(f"{old} is understood; `anyclaude-tui config import` makes {path} of it")
        else:
            print(f"{source} is right")
    if not loaded.sources:
        print(f"{path} does not exist; the defaults are used")
    return 1 if any(left.file.mistake for left in loaded.left_out) else 0


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
        raise Failed(f"{path} exists already: rename it first if the import shall replace it")
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
