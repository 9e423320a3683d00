"""The checks of `doctor` on the machine: Python, files, disk, memory, ports, Claude Code.

Each check returns what was found as lines of a report; none starts, changes or repairs
anything, and none raises for what it finds.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from anyclaude_tui import config
from anyclaude_tui.backends import machine
from anyclaude_tui.claude_code import launch, settings_files
from anyclaude_tui.claude_code import version as claude_version
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.settings import ClaudeSettings, Settings
from anyclaude_tui.doctor import stable_front, versions
from anyclaude_tui.doctor.check import Check, Level
from anyclaude_tui.figures import size

GIB = 2**30
LOW_DISK_BYTES = GIB
"""Logs are bounded (256 MB a kind by default); below this a session may fill the disk."""
LOW_MEMORY_BYTES = 2 * GIB


def python() -> Iterator[Check]:
    """Python, the system, and the versions of what matters."""
    words = f"{platform.python_version()} at {sys.executable}"
    yield Check("Machine", "Python", Level.OK, words)
    system = f"macOS {platform.mac_ver()[0]}" if machine.MACOS else platform.system()
    yield Check("Machine", "system", Level.OK, f"{system} {platform.machine()}")
    yield Check("Machine", "packages", Level.OK, ", ".join(versions.packages()))


def memory() -> Check:
    """The memory that is free for a model."""
    seen = machine.memory()
    words = f"{size(seen.available_bytes)} of {size(seen.total_bytes)} free"
    if seen.available_bytes < LOW_MEMORY_BYTES:
        remedy = "end programs that you do not need before a model is loaded"
        return Check("Machine", "memory", Level.WARNING, words, remedy)
    return Check("Machine", "memory", Level.OK, words)


def disk(home: Path) -> Check:
    """Room for logs and traces."""
    place = next((path for path in (home, *home.parents) if path.is_dir()), Path("/"))
    free = shutil.disk_usage(place).free
    words = f"{size(free)} free at {place}"
    if free < LOW_DISK_BYTES:
        remedy = "make room, or lower max_mb in [logs]"
        return Check("Machine", "disk", Level.WARNING, words, remedy)
    return Check("Machine", "disk", Level.OK, words)


def files(home: Path) -> Check:
    """Check that our folder can be written, and is its owner's only."""
    there = next(path for path in (home, *home.parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        return Check(
            "Files",
            "folder",
            Level.BROKEN,
            f"{home} cannot be written",
            f"make {there} writable, or set ANYCLAUDE_HOME to a folder that you can write",
        )
    if not home.is_dir():
        return Check("Files", "folder", Level.OK, f"{home} (made at the first start)")
    if home.stat().st_mode & 0o077:
        remedy = f"chmod 700 {home}: traces hold your prompts"
        return Check("Files", "folder", Level.WARNING, f"others can read {home}", remedy)
    return Check("Files", "folder", Level.OK, str(home))


def settings(home: Path, env: Mapping[str, str] = os.environ) -> tuple[Settings, list[Check]]:
    """The settings, whether they are right, and every file that they come from; the defaults
    where they are not."""
    path = home / "config.toml"
    try:
        loaded = config.read(env)
    except ConfigError as error:
        remedy = "correct that line; docs/configuration.md explains every key"
        return Settings(), [Check("Files", "settings", Level.BROKEN, str(error), remedy)]
    old = config.legacy_file(env)
    found = []
    for source in loaded.sources:
        if old is not None and source == str(old):
            remedy = "anyclaude-tui config import makes a config.toml of it"
            words = f"{old}, the predecessor's file"
            found.append(Check("Files", "settings", Level.OK, words, remedy))
        else:
            found.append(Check("Files", "settings", Level.OK, source))
    if not found:
        words = str(path) if path.exists() else f"no {path}: the defaults are used"
        found.append(Check("Files", "settings", Level.OK, words))
    for left in loaded.left_out:
        if left.file.mistake:
            remedy = "correct it, or remove it"
        else:
            remedy = "anyclaude-tui config trust shows what it would set and asks"
        words = str(left).partition(". `anyclaude-tui")[0]
        found.append(Check("Files", "settings", Level.NOTE, words, remedy))
    return loaded.settings, found


def proxy_port(port: int) -> Check:
    """Check that the proxy can listen on its port."""
    if port == 0:
        return Check("Files", "proxy port", Level.OK, "a free one at each start")
    if not machine.port_in_use(port):
        return Check("Files", "proxy port", Level.OK, f"{port} is free")
    owner = machine.port_owner(port)
    words = f"{port} is taken" + (f" by {owner}" if owner else "")
    remedy = "end that program if it is not another session of yours, or set port = 0 in [proxy]"
    return Check("Files", "proxy port", Level.BROKEN, words, remedy)


def claude_code(
    wanted: ClaudeSettings,
    env: Mapping[str, str] = os.environ,
    directory: Path | None = None,
    home: Path | None = None,
) -> Iterator[Check]:
    """Claude Code: found, its version, whether its prompt is known, and settings of its own that
    would win over ours. `home`: where our journal is."""
    group = "Claude Code"
    try:
        command = launch.find(wanted, env)
    except launch.ClaudeMissing as error:
        yield Check(group, "program", Level.BROKEN, str(error), launch.INSTALL_HINT)
        return
    if command is None:
        yield Check(
            group,
            "program",
            Level.WARNING,
            "not found: a small chat client runs in its place",
            launch.INSTALL_HINT,
        )
        return
    yield Check(group, "program", Level.OK, command)
    version = claude_version.ask(command)
    yield _version(command, version)
    if home is not None:
        yield stable_front.check(home, version)
    yield from overriding(env, directory or Path.cwd())


def _version(command: str, version: str | None) -> Check:
    if version is None:
        words = f"`{command} --version` tells none"
        return Check(
            "Claude Code", "version", Level.WARNING, words, "run it by hand: what happens?"
        )
    concern = claude_version.concern(version)
    if concern:
        remedy = launch.INSTALL_HINT
        if not claude_version.is_old(version):
            tested = f"{launch.PACKAGE}@{claude_version.NEWEST_TESTED}"
            remedy = f"if something behaves oddly: npm install -g {tested}"
        return Check("Claude Code", "version", Level.WARNING, f"{version}, {concern}", remedy)
    words = (
        f"{version}, tried from {claude_version.OLDEST_TESTED} on; the newest tried is "
        f"{claude_version.NEWEST_TESTED}"
    )
    return Check("Claude Code", "version", Level.OK, words)


def overriding(env: Mapping[str, str], directory: Path) -> Iterator[Check]:
    """Claude Code's settings files that would send it past the proxy."""
    ours = launch.session_env("http://x", "x", "x", 1)
    for path, names in settings_files.overriding(ours, env, directory):
        words = f"{path} sets {', '.join(names)} in env"
        if path in settings_files.MANAGED:
            yield Check(
                "Claude Code",
                "its settings",
                Level.BROKEN,
                f"{words}, which nothing can win over: Claude Code will not reach the proxy",
                "ask who administers this machine",
            )
        else:
            words += ": for our sessions they are overruled with --settings, the file stays"
            yield Check("Claude Code", "its settings", Level.NOTE, words)
