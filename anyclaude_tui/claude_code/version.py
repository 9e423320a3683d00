"""The version of the installed Claude Code, and the range that we have been tried with.

What it does on the wire changes between versions, so a version that nobody has tried is
said to be one; it is never refused.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from anyclaude_tui.redaction import without_secrets

OLDEST_TESTED = "2.1.197"
"""The oldest that we promise: what npm takes on Node 20 where no version is named. It runs
tests/e2e/test_versions.py (tests/e2e/package.json names both)."""
NEWEST_TESTED = "2.1.332"
"""It runs all end-to-end tests."""
RESUMES_FROM = "2.1.246"
"""An older one tells model and user of a token limit where a reply was cut short
(`proxy/clients.py` has the table)."""
TIMEOUT_S = 10.0
_VERSION = re.compile(r"(?<!\d)\d{1,9}\.\d{1,9}\.\d{1,9}")
_OFF_PATH = (".local/bin/claude", ".claude/local/claude")
"""The places where its installers put it: the newer may leave PATH alone, the older aliases it."""


def installed(env: Mapping[str, str] = os.environ) -> str | None:
    """The path of `claude`: on PATH, else where an installer puts it; None where it is not."""
    found = shutil.which("claude", path=env.get("PATH"))
    if found is None and (home := env.get("HOME")):
        usual = (shutil.which(str(Path(home, place))) for place in _OFF_PATH)
        found = next((path for path in usual if path), None)
    return found


def ask(command: str, timeout_s: float = TIMEOUT_S) -> str | None:
    """The version that `command --version` prints; None when it prints none. Blocks."""
    try:
        done = subprocess.run(
            [command, "--version"],
            stdin=subprocess.DEVNULL,
            env=without_secrets(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(done.stdout.decode(errors="replace"))
    return found.group() if found else None


def read(command: str) -> str | None:
    """The version as the files of an installation tell it, without running it: the native
    installer names the file after it, npm has a package.json. None where neither does."""
    real = Path(command).resolve()
    if _VERSION.fullmatch(real.name):
        return real.name
    for folder in list(real.parents)[:2]:
        try:
            found = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and found.get("name") == "@anthropic-ai/claude-code":
            return str(found.get("version") or "") or None
    return None


def concern(version: str) -> str:
    """The warning about a version, in words; empty for one that was tried and is not old."""
    tried = f"tried with {OLDEST_TESTED} to {NEWEST_TESTED}"
    if parts(version) < parts(OLDEST_TESTED):
        return f"older than any that was tried ({tried})"
    if parts(version) < parts(RESUMES_FROM):
        trap = ""
        if version == OLDEST_TESTED:
            trap = "; npm on Node 20 takes it in silence where no version is named"
        return f"old: the newest tried is {NEWEST_TESTED}{trap}"
    if parts(version)[:2] > parts(NEWEST_TESTED)[:2]:
        return f"newer than any that was tried ({tried})"
    return ""


def is_old(version: str) -> bool:
    """True if a newer one should be installed."""
    return parts(version) < parts(RESUMES_FROM)


def parts(version: str) -> tuple[int, ...]:
    """A version as numbers, for comparison."""
    return tuple(int(part) for part in version.split("."))
