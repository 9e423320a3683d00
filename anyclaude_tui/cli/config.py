"""`anyclaude-tui config`: where settings are, what they are, and whether they are right."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import msgspec
import tomlkit

from anyclaude_tui import config as configuration
from anyclaude_tui.cli.failure import Failed
from anyclaude_tui.config import legacy
from anyclaude_tui.redaction import HIDDEN, is_secret, shown
from anyclaude_tui.telemetry import files


def config(options: argparse.Namespace) -> int:
    """`config path | show | check | import FILE`."""
    path = configuration.home() / "config.toml"
    if options.action == "import":
        return _import(Path(options.file) if options.file else None, path)
    if options.file:
        raise Failed(f"config {options.action} takes no file: did you mean `config import`?", 2)
    if options.action == "path":
        print(path)
        return 0
    settings = configuration.load()
    if options.action == "check":
        configuration.resolve(None, settings)
        old = configuration.legacy_file(os.environ, Path.cwd())
        if path.exists():
            print(f"{path} is right")
        elif old is not None:
            print(f"{old} is understood; `anyclaude-tui config import` makes {path} of it")
        else:
            print(f"{path} does not exist; the defaults are used")
        return 0
    print(tomlkit.dumps(_shown(msgspec.to_builtins(settings))), end="")
    return 0


def _import(source: Path | None, path: Path) -> int:
    """Write `config.toml` from an `.anyclauderc.json`. Raises Failed or ConfigError."""
    source = source or legacy.find(Path.cwd(), Path.home())
    if source is None:
        raise Failed(
            f"there is no {legacy.FILE_NAME} here or in your home: name it, "
            f"`anyclaude-tui config import /path/to/{legacy.FILE_NAME}`",
            2,
        )
    if path.exists():
        raise Failed(f"{path} exists already: rename it first if the import shall replace it")
    made, notes = configuration.from_legacy(source)
    files.private_dir(path.parent)
    path.touch(mode=0o600)
    path.write_text(tomlkit.dumps(made), encoding="utf-8")
    print(f"Wrote {path} from {source}")
    for note in notes:
        print(f"  {note}")
    print("Next: `anyclaude-tui doctor` says whether its backends can be used.")
    return 0


def _shown(value: Any) -> Any:
    """Settings for the screen: no secrets, and no None, which TOML does not have."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        return {
            key: HIDDEN if is_secret(key) and item else _shown(item)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    return value
