"""Claude Code's own settings files, where they would lead it past the proxy.

The `env` of a settings file wins over the environment of the process (measured, 2.1.329), so
a leftover ANTHROPIC_BASE_URL of another proxy keeps Claude Code away from this one. The user's
files are never touched: `--settings FILE` wins over user, project and local ones (measured).
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from anyclaude_tui import private

MANAGED = (
    Path("/etc/claude-code/managed-settings.json"),
    Path("/Library/Application Support/ClaudeCode/managed-settings.json"),
)
"""An administrator's: nothing wins over these."""


_MODE_OPTIONS = (
    "--permission-mode",
    "--dangerously-skip-permissions",
    "--allow-dangerously-skip-permissions",
)


def user_settings(env: Mapping[str, str]) -> Path:
    """The settings file of the user's own."""
    folder = env.get("CLAUDE_CONFIG_DIR") or str(Path(env.get("HOME") or Path.home()) / ".claude")
    return Path(folder) / "settings.json"


def _places(env: Mapping[str, str], directory: Path) -> Iterator[Path]:
    project = directory / ".claude"
    files = (project / "settings.json", project / "settings.local.json")
    yield from dict.fromkeys((user_settings(env), *files, *MANAGED))


def _read(text: str) -> dict[str, Any]:
    """The settings in a file's text; none where it holds no object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def mode_given(args: Sequence[str], env: Mapping[str, str], directory: Path) -> bool:
    """True if the user has said which permission mode it starts in: in its arguments, in a settings
    file, or in what they name with `--settings` (a file, or JSON)."""
    texts = []
    for option, value in zip_longest(args, args[1:], fillvalue=""):
        name, _, joined = option.partition("=")
        if name in _MODE_OPTIONS:
            return True
        if name == "--settings":
            texts.append(joined or value)
    found = [text if text.lstrip().startswith("{") else _text(Path(text)) for text in texts]
    found += [_text(path) for path in _places(env, directory)]
    modes = (_read(text).get("permissions") for text in found)
    return any(isinstance(mode, dict) and mode.get("defaultMode") for mode in modes)


def _text(path: Path) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def overriding(
    ours: Mapping[str, str], env: Mapping[str, str], directory: Path
) -> Iterator[tuple[Path, list[str]]]:
    """The settings files that set any of our variables, and which, sorted."""
    for path in _places(env, directory):
        given = _read(_text(path)).get("env")
        names = sorted(set(ours) & set(given)) if isinstance(given, dict) else []
        if names:
            yield path, names


def arguments(
    ours: Mapping[str, str],
    env: Mapping[str, str],
    directory: Path,
    folder: Path,
    more: Mapping[str, Any] | None = None,
) -> tuple[str, ...]:
    """`--settings FILE` with those of our variables that a file would override, and with
    `more`, the settings that there is no variable for; nothing where there are neither.

    The file is in `folder`, the user's alone, because the token is in it. It is locked while we
    live and goes when we end; `clear_left_over` removes what a kill has left.
    Nothing as well where it cannot be written: `doctor` says what is in the way.
    """
    names = {name for _, found in overriding(ours, env, directory) for name in found}
    if not names and not more:
        return ()
    try:
        private.folder(folder)
        number, draft = tempfile.mkstemp(dir=folder, prefix=".claude-settings-", suffix=".json")
        fcntl.flock(number, fcntl.LOCK_EX)  # the open file keeps the lock until we end
        made = {"env": {name: ours[name] for name in sorted(names)}} if names else {}
        os.write(number, json.dumps({**made, **(more or {})}).encode())
        path = str(folder / Path(draft).name.removeprefix("."))
        os.replace(draft, path)
    except OSError:
        return ()
    atexit.register(_remove, path)
    return ("--settings", path)


def clear_left_over(folder: Path) -> None:
    """Remove the settings files of sessions that have ended without doing so themselves."""
    for path in folder.glob("claude-settings-*.json"):
        with contextlib.suppress(OSError):
            descriptor = private.open_file(path, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            except BlockingIOError:
                pass  # its session lives
            finally:
                os.close(descriptor)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
